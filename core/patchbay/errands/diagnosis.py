"""A look at one account: what keeps it from working, or soon will, and one thing to do about each."""

from __future__ import annotations

from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

import structlog

from patchbay.channel import ApiRequest, Channel, Finding
from patchbay.delivery.providers import Providers
from patchbay.errands.tokens import SOON
from patchbay.errors import AccountBroken, SendError
from patchbay.model.account import ChannelAccount
from patchbay.ports import Clock
from patchbay.settings import Settings
from patchbay.views.accounts import callback_path

log = structlog.get_logger(__name__)

SKEW = timedelta(seconds=60)  # what a clock may be off before windows open and close at the wrong time
QUIET = timedelta(days=7)  # without anything coming in
CALLBACK_MARK = {"X-Patchbay": "callback"}  # a header of every answer to a verification of the callback
AGAIN = "POST /api/v1/channels/{id}/reauthorize with new credentials."


class Diagnosis:
    """Asks the provider and looks around; changes nothing."""

    def __init__(self, clock: Clock, providers: Providers, settings: Settings) -> None:
        self._clock = clock
        self._providers = providers
        self._settings = settings

    async def look(self, account: ChannelAccount) -> list[Finding]:
        """Every check once, in the order in which a person would go about it."""
        findings = [_status(account)]
        channel = self._providers.channel(account)
        if channel is None:
            told = f"The channel plugin {account.channel!r} is not loaded."
            return [*findings, Finding("plugin", "problem", told, "Put it on the list PATCHBAY_PLUGINS and restart.")]
        return [
            *findings,
            *await self._asked(channel, account),
            _expiry(account, self._clock.now()),
            *_secrets(channel, account),
            await self._callback(channel, account),
            await self._clocks(channel, account),
            _inbound(account, self._clock.now()),
        ]

    async def _asked(self, channel: Channel, account: ChannelAccount) -> list[Finding]:
        try:
            found = await self._providers.play(channel, account, channel.diagnose(account))
        except AccountBroken as error:
            return [Finding("provider", "problem", error.reason, error.hint)]
        except SendError as error:
            return [Finding("provider", "unknown", error.reason, error.hint or "Try again in a while.")]
        except Exception as error:  # a channel's bug
            log.exception("diagnosis.channel_failed", channel=channel.name, account=account.id)
            return [Finding("provider", "unknown", f"The channel failed: {type(error).__name__}.")]
        return list(found)

    async def _callback(self, channel: Channel, account: ChannelAccount) -> Finding:
        """Whether the callback answers where the provider calls it: a verification without a token is refused with 403,
        and the answer carries our mark. A 200 verifies whoever asks, and a 403 without the mark is somebody else's."""
        public = self._settings.http.public_url
        if not public:
            told = "How the outside calls this gateway is not known."
            return Finding("callback", "unknown", told, "Set PATCHBAY_HTTP__PUBLIC_URL, and look again.")
        url = public.rstrip("/") + callback_path(channel.name, account.external_id, channel.capabilities)
        try:
            answer = await self._providers.runner.request(
                ApiRequest("GET", url, authorise=False), base_url=url, token=None
            )
        except SendError as error:
            fix = "Check the name, the certificate and the reverse proxy."
            return Finding("callback", "problem", f"{url} cannot be reached from here: {error.reason}", fix)
        fix = "Let the reverse proxy hand /webhooks/ over as it is, and the answers back with all their headers."
        if any(answer.headers.get(name.lower()) != value for name, value in CALLBACK_MARK.items()):
            return Finding("callback", "problem", f"{url} answers {answer.status}, which is not Patchbay.", fix)
        if answer.status == 403:
            return Finding("callback", "ok", f"{url} answers.")
        told = f"{url} answers {answer.status} to a verification without a token, where Patchbay refuses."
        return Finding("callback", "problem", told, fix)

    async def _clocks(self, channel: Channel, account: ChannelAccount) -> Finding:
        try:
            base = channel.base_url(account)
            answer = await self._providers.runner.request(
                ApiRequest("GET", "/", authorise=False), base_url=base, token=None
            )
            theirs = parsedate_to_datetime(answer.headers["date"])
            ahead = self._clock.now() - theirs
        except (SendError, KeyError, TypeError, ValueError):
            return Finding("clock", "unknown", "The provider did not say what time it is.")
        if abs(ahead) <= SKEW:
            return Finding("clock", "ok", "The clock agrees with the provider's.")
        which = "ahead of" if ahead > timedelta(0) else "behind"
        told = f"The clock is {abs(ahead).total_seconds():.0f} s {which} the provider's."
        return Finding("clock", "problem", told, "Let the machine take its time from the network (NTP).")


def _status(account: ChannelAccount) -> Finding:
    why = f": {account.health.last_error}" if account.health.last_error else "."
    match account.status:
        case "active":
            return Finding("account", "ok", "The account is active.")
        case "disabled":
            fix = "POST /api/v1/channels/{id}/enable."
            return Finding("account", "warning", "The account is disabled: nothing is sent through it.", fix)
        case "reauth_required":
            return Finding("account", "problem", f"The account waits for a new token{why}", AGAIN)
        case status:
            return Finding("account", "warning", f"The account is {status.replace('_', ' ')}{why}")


def _expiry(account: ChannelAccount, now: datetime) -> Finding:
    ends = account.health.token_expires_at
    if ends is None:
        return Finding("token_expiry", "ok", "No end of the token is known.")
    if ends <= now:
        return Finding("token_expiry", "problem", f"The token ended on {ends:%Y-%m-%d}.", AGAIN)
    if ends - now <= SOON:
        return Finding("token_expiry", "warning", f"The token ends on {ends:%Y-%m-%d}.", AGAIN)
    return Finding("token_expiry", "ok", f"The token is good until {ends:%Y-%m-%d}.")


def _secrets(channel: Channel, account: ChannelAccount) -> list[Finding]:
    """What is missing for webhooks to be verified; an app secret of the account's own may make up for it."""
    own = "app_secret" in account.credentials
    gaps = [
        Finding("secret", "warning" if own else "problem", gap, "Set it and restart, or give the account its own.")
        for gap in channel.gaps()
    ]
    return gaps or [Finding("secret", "ok", "What verifies webhooks is set.")]


def _inbound(account: ChannelAccount, now: datetime) -> Finding:
    last = account.health.last_inbound_at
    fix = "Write to the account; if nothing comes, check the callback and the subscribed fields at the provider."
    if last is None:
        return Finding("inbound", "warning", "Nothing has come in yet.", fix)
    if now - last > QUIET:
        return Finding("inbound", "warning", f"Nothing has come in since {last:%Y-%m-%d}.", fix)
    return Finding("inbound", "ok", f"Something came in on {last:%Y-%m-%d}.")
