"""Channels that are wrong in what they ask beside sending, and in what they say of themselves, for the checks to find.

They are WhatsApp's, or Messenger's and Instagram's where WhatsApp has no such thing, but for one place.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import replace as changed
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace as changed_to
from pydantic import BaseModel, SecretStr

from patchbay.channel import (
    TOKEN_PLACE,
    ApiRequest,
    ApiResponse,
    Finding,
    HandshakeAnswer,
    IdentityKey,
    MediaSource,
    MessageReceived,
    Person,
    SendReceipt,
    TokenState,
)
from patchbay.errors import MediaRefused, OutcomeUnknown, Rejected, SendError, Unavailable, Unsupported
from patchbay.model.content import Location, Text, media_of, with_media
from patchbay.model.content import Unsupported as UnsupportedContent
from patchbay.testing.channel_bench import NOON
from patchbay.testing.channel_samples import ChannelSamples
from patchbay_instagram.certification import InstagramSamples
from patchbay_instagram.channel import InstagramChannel
from patchbay_instagram.settings import InstagramSettings
from patchbay_messenger.certification import MessengerSamples
from patchbay_messenger.channel import MessengerChannel
from patchbay_messenger.settings import MessengerSettings
from patchbay_meta.messaging.certification import SECRET
from patchbay_whatsapp.certification import WhatsAppSamples
from patchbay_whatsapp.channel import WhatsAppChannel
from tests.core.testing.broken_channels import broken, channel, instead, quiet, requests, samples
from tests.core.testing.broken_channels import refusing as refuses

Flow = Generator[ApiRequest, ApiResponse, Any]
Made = Callable[..., Any]
STRANGER = "https://nobody.example"


def messenger(declared: dict[str, Any] | None = None, /, **wrong: Any) -> ChannelSamples:
    """Messenger's samples for a channel that has other methods, or declares other capabilities."""
    made: type[MessengerChannel] = type("Broken", (MessengerChannel,), wrong)
    channel = made(MessengerSettings(app_secret=(SecretStr(SECRET),)))
    channel.capabilities = changed(channel.capabilities, **(declared or {}))
    return samples(MessengerSamples, channel=channel)


def instagram(**wrong: Any) -> ChannelSamples:
    made: type[InstagramChannel] = type("Broken", (InstagramChannel,), wrong)
    return samples(InstagramSamples, channel=made(InstagramSettings(app_secret=(SecretStr(SECRET),))))


def giving(result: Any, path: str = "/me") -> Made:
    """A flow that asks once and makes this of whatever is answered."""

    def flow(self: Any, account: Any, *arguments: Any) -> Flow:
        yield ApiRequest("GET", path.format(account=account.external_id))
        return result

    return flow


def told(result: Any) -> Made:
    """A flow that asks nothing."""

    def flow(self: Any, *arguments: Any) -> Flow:
        yield from ()
        return result

    return flow


def trips(self: Any, account: Any) -> Flow:
    response = yield ApiRequest("GET", f"/{account.external_id}")
    return {"name": response.body["verified_name"]}


def deaf(self: Any, account: Any, *arguments: Any) -> Flow:
    """Takes a refusal for an answer without templates."""
    response = yield ApiRequest("GET", f"/{account.parent_external_id}/message_templates")
    rows = response.body.get("data")
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def asks_a_stranger(self: Any, account: Any) -> Flow:
    yield ApiRequest("GET", f"{STRANGER}/check?token={TOKEN_PLACE}")
    return (Finding("token", "ok", "It is good."),)


def silent_on_trouble(base: type[Any], method: str, result: Any) -> Made:
    """Swallows what the provider refuses."""

    def flow(self: Any, *arguments: Any) -> Flow:
        try:
            return (yield from getattr(base, method)(self, *arguments))
        except SendError:
            return result

    return flow


def a_problem(fix: str | None) -> Made:
    return told((Finding("token", "ok", "It is good."), Finding("webhook", "problem", "Nothing comes in.", fix)))


# --- Files -----------------------------------------------------------------------------------------------------------


def fetching(change: Callable[[Any], Any]) -> Made:
    """``fetch_media`` with another source in the end."""

    def fetch_media(self: Any, account: Any, media: Any) -> Flow:
        return change((yield from WhatsAppChannel.fetch_media(self, account, media)))

    return fetch_media


def refusing(change: Callable[[SendError], SendError]) -> Made:
    """``fetch_media`` that refuses otherwise."""

    def fetch_media(self: Any, account: Any, media: Any) -> Flow:
        try:
            return (yield from WhatsAppChannel.fetch_media(self, account, media))
        except SendError as error:
            raise change(error) from error

    return fetch_media


def wherever(self: Any, account: Any, media: Any) -> Flow:
    """Believes any address, of a webhook and of an answer."""
    if media.provider.media_id is None:
        if media.provider.url is None:
            raise MediaRefused("It is gone.")
        return MediaSource(media.provider.url, authorise=False)
    response = yield ApiRequest("GET", f"/{media.provider.media_id}")
    return MediaSource(str(response.body.get("url")), authorise=False)


def asks_for_nothing(self: Any, account: Any, media: Any) -> Flow:
    response = yield ApiRequest("GET", f"/{media.provider.media_id}", effect=media.provider.media_id is not None)
    return MediaSource(str(response.body.get("url")), authorise=False)


# --- Options and references ------------------------------------------------------------------------------------------


def unsupported(pointer: str) -> Made:
    def closes_at(self: Any, draft: Any) -> datetime | None:
        if draft.options:
            raise Unsupported("Not like that.", pointer=pointer)
        closes: datetime | None = MessengerChannel.closes_at(self, draft)
        return closes

    return closes_at


def chokes(self: Any, draft: Any) -> None:
    for value in draft.options.values():
        value.upper()


def passing_on(self: Any, account: Any, message: Any) -> Flow:
    """Tells the provider of options that it does not know."""
    inner = MessengerChannel.send(self, account, changed(message, options={}))
    request = next(inner)
    body = {**(request.json or {}), **message.options}
    try:
        inner.send((yield changed(request, json=body)))
    except StopIteration as end:
        return end.value


def reacts_to_the_first(self: Any, account: Any, recipient: Any, target: str, emoji: str | None) -> Flow:
    first = changed(recipient, identities=(recipient.identities[0],))
    return WhatsAppChannel.react(self, account, first, target, emoji)


def at_the_first(self: Any, account: Any, recipient: Any, last_inbound: str | None) -> Flow:
    first = changed(recipient, identities=(recipient.identities[0],))
    return MessengerChannel.typing(self, account, first, last_inbound)


def by_another_address(self: Any, account: Any, message: Any) -> Flow:
    media = media_of(message.content)
    if media is None or media.url is None:
        return WhatsAppChannel.send(self, account, message)
    content = with_media(message.content, changed_to(media, url="https://mirror.example/file"))
    return WhatsAppChannel.send(self, account, changed(message, content=content))


def files_from_here_only(self: Any, account: Any, content: Any, recipient: Any, media: Any) -> None:
    named = media_of(content)
    if named is not None and named.url is not None:
        raise Unsupported("Upload it.")
    MessengerChannel.check(self, account, content, recipient, media)


def only_by_phone(self: Any, account: Any, message: Any) -> Flow:
    phones = tuple(one for one in message.recipient.identities if one.kind == "phone")
    return WhatsAppChannel.send(
        self, account, changed(message, recipient=changed(message.recipient, identities=phones))
    )


def without_reference(request: ApiRequest) -> ApiRequest:
    body = {name: value for name, value in (request.json or {}).items() if name != "biz_opaque_callback_data"}
    return changed(request, json=body) if request.effect else request


def half_a_reference(request: ApiRequest) -> ApiRequest:
    reference = (request.json or {}).get("biz_opaque_callback_data", "")
    return changed(request, json={**(request.json or {}), "biz_opaque_callback_data": reference[:-1]})


def only_texts_refer(self: Any, account: Any, message: Any) -> Flow:
    text = hasattr(message.content, "text")
    return WhatsAppChannel.send(self, account, message if text else changed(message, reference=""))


class NeedsMore(BaseModel):
    """Settings that the samples' account has none of."""

    shop: str


def reads_ascii(self: Any, query: Mapping[str, str]) -> HandshakeAnswer:
    query.get("hub.verify_token", "").encode("ascii")
    return HandshakeAnswer(text=None)


ELSE = Person(keys=(IdentityKey(kind="psid", value="1", scope="account"),), name="Somebody else")
UNKNOWN = UnsupportedContent(provider_type="message_edit", reason="It was withheld.")
WRITTEN = MessageReceived(occurred_at=NOON, external_id="aWdfAnother", sender=ELSE, content=Text(text="Hello"))
GOOD = (Finding("token", "ok", "It is good."),)

# By check: what it must find.
HOOK_BREAKS: dict[str, list[ChannelSamples]] = {
    "strangers_cannot_take_the_callback": [broken(handshake=reads_ascii)],
    "nobody_is_written_to_without_an_address": [
        broken(react=reacts_to_the_first),
        messenger(typing=at_the_first),
    ],
    "what_the_account_cannot_carry_is_refused": [
        samples(lacks={**WhatsAppSamples.lacks, "location": "the number may not"}),
        samples(
            channel=channel(check=refuses(Location)), lacks={**WhatsAppSamples.lacks, "location": "the number may not"}
        ),
    ],
    "an_answer_without_a_name_is_unknown": [
        broken(send=instead(OutcomeUnknown, Rejected)),
        samples(
            channel=channel(send=instead(OutcomeUnknown, Unavailable)),
            lacks={**WhatsAppSamples.lacks, "nameless": "it means that nothing was sent"},
        ),
    ],
    "a_conversation_starts_as_declared": [
        messenger({"starts_with": frozenset({"pigeon"})}),
        broken(send=only_by_phone),
    ],
    "what_an_account_needs_is_said": [
        broken(credential_names=("app_secret?", "access_token")),
        broken(credential_names=("access_token", "access_token?")),
        broken(credential_names=["access_token"]),
        broken(account_settings=NeedsMore),
        broken(token=lambda self, credentials: "made up"),
        broken(title=" "),
        broken(gaps=lambda self: ("",)),
    ],
    "options_are_as_declared": [
        messenger({"options": {"volume": None}}, send=passing_on),
        messenger({"options": {"persona_id": None}}, closes_at=chokes),
        messenger(closes_at=unsupported("/options/tag")),
        messenger(closes_at=unsupported("/content/text")),
    ],
    "profiles_are_as_declared": [
        messenger(fetch_profile=quiet),
        messenger(fetch_profile=giving(ELSE, "/{account}")),
        messenger(fetch_profile=giving(None, "/{account}")),
        messenger({"profiles": False}),
    ],
    "token_care_is_as_declared": [
        messenger(look_after_token=quiet),
        messenger(look_after_token=giving(TokenState(expires_at=datetime(2027, 1, 1)), "/{account}")),  # noqa: DTZ001
        messenger(look_after_token=giving(TokenState(expires_at=NOON - timedelta(days=1)), "/{account}")),
        messenger(look_after_token=giving(TokenState(credentials={"token": "new"}), "/{account}")),
        messenger({"token_care": False}),
    ],
    "what_was_withheld_is_asked_for": [
        instagram(fetch_message=told(())),
        instagram(fetch_message=told((WRITTEN,))),
        instagram(fetch_message=told((changed_to(WRITTEN, external_id="aWdfWithheld", content=UNKNOWN),))),
    ],
    "a_diagnosis_says_what_to_do": [
        broken(diagnose=quiet),
        broken(diagnose=told((Finding("token", "unknown", "Who knows?"),))),
        broken(diagnose=a_problem(None)),
        broken(diagnose=a_problem("Call somebody.")),
    ],
    "an_expired_token_is_found": [
        broken(diagnose=told(GOOD)),
        broken(diagnose=silent_on_trouble(WhatsAppChannel, "check_account", GOOD)),
        messenger(look_after_token=silent_on_trouble(MessengerChannel, "look_after_token", None)),
    ],
    "requests_go_to_the_provider": [
        broken(diagnose=asks_a_stranger),
        broken(
            check_account=requests(lambda request: changed(request, path="http://nobody.example/"), "check_account")
        ),
        broken(send=requests(lambda request: changed(request, path=f"https://a@nobody.example{request.path}"))),
    ],
    "any_answer_to_a_question_is_read_or_a_send_error": [
        broken(check_account=trips),
        broken(list_templates=deaf),
        broken(check_account=silent_on_trouble(WhatsAppChannel, "check_account", {})),
        broken(react=silent_on_trouble(WhatsAppChannel, "react", SendReceipt("wamid.x"))),
    ],
    "files_are_found": [
        broken(fetch_media=fetching(lambda source: source.url)),
        broken(fetch_media=fetching(lambda source: changed(source, url="http://lookaside.fbsbx.com/900"))),
        broken(fetch_media=fetching(lambda source: changed(source, url=f"{STRANGER}/{TOKEN_PLACE}"))),
        broken(fetch_media=asks_for_nothing),
        broken(fetch_media=told(None)),
    ],
    "files_are_sent_by_their_address_as_declared": [
        messenger(check=files_from_here_only),
        broken(send=by_another_address),
    ],
    "files_that_are_gone_are_given_up": [
        broken(fetch_media=asks_for_nothing),
        broken(fetch_media=wherever),
        broken(fetch_media=refusing(lambda error: Rejected(error.reason))),
        broken(fetch_media=refusing(lambda error: MediaRefused(""))),
    ],
    "files_that_cannot_be_had_now_are_not_given_up": [
        broken(fetch_media=refusing(lambda error: MediaRefused(error.reason))),
        broken(fetch_media=refusing(lambda error: Rejected(error.reason))),
        broken(fetch_media=wherever),
    ],
    "a_file_is_looked_for_nowhere_else": [
        broken(fetch_media=wherever),
        broken(fetch_media=fetching(lambda source: changed(source, authorise=True))),
        messenger(fetch_media=lambda self, account, media: told(MediaSource(media.provider.url or "", False))(self)),
    ],
    "a_send_carries_our_reference": [
        broken(send=requests(without_reference)),
        broken(send=requests(half_a_reference)),
        broken(send=only_texts_refer),
    ],
}
