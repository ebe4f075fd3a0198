"""What a simulator can be told, as values that come from Python, from JSON (the control API) or from a scenario. No IO.

Seconds are simulated seconds unless a field says otherwise: a wait takes ``seconds / speed`` of real time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

import msgspec
from msgspec import Struct

DAY_S = 86_400.0
Channel = Literal["whatsapp", "messenger", "instagram"]


class Delays(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When things happen after a send was accepted; each is varied by up to ``jitter`` of itself."""

    sent_s: float = 0.4
    delivered_s: float = 1.0
    read_s: float = 3.0
    played_s: float = 5.0
    failed_s: float = 0.6
    template_review_s: float = 2.0
    jitter: float = 0.3


class WebhookOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How updates travel to the callback.

    ``duplicates_max`` n posts each webhook 1 to n times, with ``duplicate_probability`` that it happens at all.
    ``reorder_probability`` holds an update back by up to ``reorder_delay_s``. ``batch_max`` updates share one POST when
    they wait for at most ``batch_wait_s``. A POST that is not answered 200 is retried after ``retry_delays_s``, the
    last one again and again, until ``give_up_after_s``. ``timeout_s`` is real time. More than ``pending_max`` waiting
    updates are dropped and counted. Source of the retries: WhatsApp Cloud API, Webhooks overview (ever rarer, 7 days).
    """

    duplicates_max: int = 1
    duplicate_probability: float = 1.0
    duplicate_delay_s: float = 1.0
    reorder_probability: float = 0.0
    reorder_delay_s: float = 2.0
    batch_max: int = 1
    batch_wait_s: float = 0.0
    connections: int = 16
    timeout_s: float = 20.0
    retry_delays_s: tuple[float, ...] = (0.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0)
    give_up_after_s: float = 7 * DAY_S
    pending_max: int = 200_000


class RateLimit(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """At most ``count`` sends per ``interval_s`` and scope: the number (130429), the pair of number and person
    (131056), the business account (80007, all its calls), the app (4, all calls), a Messenger page (80006) or an
    Instagram account (80002). ``code`` and ``http_status`` override what is answered."""

    scope: Literal["number", "pair", "waba", "app", "messenger", "instagram"]
    count: int
    interval_s: float
    code: int | None = None
    http_status: int | None = None
    retry_after_s: float | None = None


class SimulatorConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that can be set, and changed while it runs.

    ``callback_urls`` names the callback of a channel where it is not ``callback_url``.
    ``window``: how a free-form send after 24 h without a word of the person fails: accepted with a ``failed`` status
    later, refused at once, or not at all; Messenger and Instagram refuse at once or not at all.
    ``unknown_recipients``: numbers that are no customer fail later with 131026, or become customers who never write;
    ids that are nobody's on Messenger and Instagram are refused, or become visitors.
    ``template_review`` says what becomes of a created template.
    """

    callback_url: str | None = None
    callback_urls: dict[Channel, str] = {}
    app_secret: str = "simulated-app-secret"
    verify_token: str = "simulated-verify-token"
    access_tokens: tuple[str, ...] = ("simulated-access-token",)
    speed: float = 1.0
    seed: int = 1
    window: Literal["async", "sync", "off"] = "async"
    unknown_recipients: Literal["undeliverable", "accept"] = "undeliverable"
    template_review: Literal["approve", "reject", "hold"] = "approve"
    delays: Delays = Delays()
    webhooks: WebhookOptions = WebhookOptions()
    rate_limits: tuple[RateLimit, ...] = ()
    media_url_life_s: float = 300.0  # WhatsApp Cloud API, Media: a URL lives 5 minutes
    inbound_media_life_s: float = 7 * DAY_S
    uploaded_media_life_s: float = 30 * DAY_S
    page_media_life_s: float = DAY_S  # undocumented: URLs of Messenger's and Instagram's attachments are signed and end
    media_max_bytes: int = 256 * 2**20
    ledger_max: int = 200_000
    webhook_log_max: int = 20_000
    remembered_messages: int = 200_000

    def callback(self, channel: Channel) -> str | None:
        """Where a channel's webhooks go."""
        return self.callback_urls.get(channel, self.callback_url)


class NumberSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="channel", tag="whatsapp"):
    """A business number. ``coexistence`` ones are also driven from the phone app: echoes, history, edits, revokes."""

    phone_number_id: str = "401000000000001"
    display_phone_number: str = "15550009999"
    waba_id: str = "301000000000001"
    verified_name: str = "Blue Kettle Shop"
    coexistence: bool = False


class PageSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="channel", tag="messenger"):
    """A page on Messenger. ``access_token`` is good for this account alone; the configured tokens are good for all."""

    id: str = "104857600000001"
    name: str = "Blue Kettle Shop"
    access_token: str | None = None


class InstagramSpec(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="channel", tag="instagram"
):
    """A professional account on Instagram. ``page_id`` is the page that it is linked to, "" where it is connected by
    Instagram login. ``entries_by`` says which of the two its webhooks name. Without ``advanced_access`` messages come
    as edits number 0 that say nothing, as apps in development get them.
    """

    id: str = "17841400000000001"
    name: str = "Blue Kettle Shop"
    username: str = "bluekettle"
    page_id: str = ""
    entries_by: Literal["account", "page"] = "account"
    advanced_access: bool = True
    access_token: str | None = None


class CustomerSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="channel", tag="whatsapp"):
    """A person with a phone. ``id`` is how scenarios and the control API call them, the phone by default.

    ``bsuid`` None makes one from the phone, "" is a person as before April 2026, without one. A person with
    ``shares_phone`` False is known to the business by BSUID only; ``withheld`` is how the phone is left out of
    payloads. ``reads`` False never sends read receipts; ``online`` False is out of reach at first; ``installed`` False
    is not on WhatsApp.
    """

    phone: str
    name: str = ""
    id: str = ""
    bsuid: str | None = None
    parent_bsuid: str | None = None
    username: str | None = None
    shares_phone: bool = True
    withheld: Literal["absent", "empty", "repeated"] = "absent"
    reads: bool = True
    online: bool = True
    installed: bool = True


class MessengerVisitorSpec(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="channel", tag="messenger"
):
    """A person on Messenger; each page knows them by another id. The rest is as with ``CustomerSpec``."""

    id: str
    name: str = ""
    reads: bool = True
    online: bool = True


class InstagramVisitorSpec(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="channel", tag="instagram"
):
    """A person on Instagram; each account knows them by another id."""

    id: str
    name: str = ""
    username: str = ""
    follows: bool = False
    reads: bool = True
    online: bool = True


AccountSpec = PageSpec | InstagramSpec
VisitorSpec = MessengerVisitorSpec | InstagramVisitorSpec
AnyAccountSpec = NumberSpec | AccountSpec
AnyCustomerSpec = CustomerSpec | VisitorSpec


def sisters(callback_url: str) -> dict[Channel, str]:
    """The callbacks of all channels, by one of them: the last part of the path is the channel's name."""
    base, _, last = callback_url.rpartition("/")
    names: tuple[Channel, ...] = get_args(Channel)
    return {name: f"{base}/{name}" for name in names} if last in names else {}


def changed(config: SimulatorConfig, patch: Mapping[str, Any]) -> SimulatorConfig:
    """The configuration with these fields replaced; nested tables are merged.

    Raises: ``msgspec.ValidationError`` naming the field that is unknown or of another type.
    """
    return msgspec.convert(_merged(msgspec.to_builtins(config), patch), SimulatorConfig)


def _merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(old)
    for name, value in new.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(name), Mapping)
        merged[name] = _merged(merged[name], value) if both else value
    return merged
