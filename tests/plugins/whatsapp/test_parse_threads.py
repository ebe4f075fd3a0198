"""Calls, hand-overs, standby, groups, preferences, new user ids, the address book."""

from __future__ import annotations

import json
from typing import Any

import pytest

from patchbay.channel import (
    AccountNotice,
    IdentityKey,
    IdentityRekeyed,
    Malformed,
    MessageEchoed,
    MessageReceived,
    Person,
    PersonChanged,
    PreferenceChanged,
    ReactionChanged,
    ReceiptReceived,
    ThreadNotice,
)
from patchbay.model.content import (
    Button,
    DocumentFile,
    Interactive,
    Location,
    MediaRef,
    Row,
    Section,
    Template,
    Text,
    Unsupported,
)
from tests.plugins.whatsapp.updates import MARA, METADATA, NOON, NOON_S, PHONE, USER, of_number, one, parsed


def call(event: str, **fields: Any) -> Any:
    given = {"id": "wacid.1", "event": event, "timestamp": NOON_S, **fields}
    notice = of_number("calls", calls=[given])
    assert isinstance(notice, ThreadNotice)
    return notice


def test_only_a_call_from_the_person_opens_the_window() -> None:
    theirs = call("connect", direction="USER_INITIATED", **{"from": "15550001111", "to": "15550009999"})
    assert (theirs.opens_window, theirs.person) == (True, MARA)
    ended = call("terminate", direction="USER_INITIATED", **{"from": "15550001111", "to": "15550009999"})
    assert not ended.opens_window
    ours = call("connect", direction="BUSINESS_INITIATED", **{"from": "15550009999", "to": "15550001111"})
    assert (ours.opens_window, ours.person) == (False, MARA)


def test_without_a_direction_the_other_side_is_who_is_not_our_number() -> None:
    assert call("terminate", **{"from": "15550009999", "to": "15550001111"}).person == MARA
    assert call("terminate", **{"from": "15550001111", "to": "15550009999"}).person == MARA


def test_the_session_description_is_left_out_of_a_call_and_its_kind_is_kept() -> None:
    data = call("connect", session={"sdp_type": "offer", "sdp": "v=0"}).data
    assert data["sdp_type"] == "offer"
    assert "session" not in data
    assert "v=0" not in json.dumps(data)


def test_a_call_s_steps_have_keys_of_their_own() -> None:
    steps = [one("calls", {"metadata": METADATA, "calls": [{"id": "w", "event": event, "timestamp": NOON_S}]})
             for event in ("connect", "terminate", "call_recording_available")]  # fmt: skip
    ringing = {"id": "w", "status": "RINGING", "timestamp": NOON_S, "recipient_id": "15550001111"}
    steps.append(one("calls", {"metadata": METADATA, "statuses": [ringing]}))
    keys = ["call:w:connect", "call:w:terminate", "call:w:call_recording_available", "call:w:ringing"]
    assert [step.key for step in steps] == keys
    assert [step.event.external_id for step in steps] == keys  # type: ignore[union-attr]


def test_errors_of_calls_belong_to_the_calls_or_else_to_the_account() -> None:
    errors = [{"code": 138001, "message": "Receiver uncallable"}]
    given = {"id": "w", "event": "terminate", "timestamp": NOON_S}
    assert of_number("calls", calls=[given], errors=errors).data["errors"] == errors
    assert isinstance(of_number("calls", errors=errors), AccountNotice)


@pytest.mark.parametrize("kind", ["control_passed", "control_taken"])
def test_a_hand_over_is_on_the_thread_when_the_person_is_known(kind: str) -> None:
    value = {
        "recipient": METADATA,
        "sender": {"phone_number": "15550001111"},
        "type": kind,
        "timestamp": NOON_S,
        kind: {"new_owner_role": "ai_agent"},
    }
    item = one("messaging_handovers", value)
    assert isinstance(item.event, ThreadNotice)
    assert (item.event.notice, item.event.person, item.account.external_id) == (kind, MARA, "401")
    user = one("messaging_handovers", {**value, "sender": {"user_id": "US.1234"}}).event
    assert isinstance(user, ThreadNotice)
    assert user.person == Person(keys=(USER,))
    assert isinstance(one("messaging_handovers", {**value, "sender": {}}).event, AccountNotice)


def standby(**inside: Any) -> Any:
    return of_number("standby", standby=inside)


def test_standby_messages_and_receipts_are_like_others_and_say_so() -> None:
    given = {"from": "15550001111", "id": "wamid.A", "timestamp": NOON_S, "type": "text", "text": {"body": "hi"}}
    received = standby(messages=[given], contacts=[{"wa_id": "15550001111", "profile": {"name": "Mara"}}])
    assert isinstance(received, MessageReceived)
    assert (received.context, received.sender.name) == ({"standby": True}, "Mara")
    receipt = standby(statuses=[{"id": "wamid.B", "status": "read", "timestamp": NOON_S}])
    assert isinstance(receipt, ReceiptReceived)


def sent(kind: str, payload: Any, **request: Any) -> Any:
    message = {"to": "15550001111", "type": kind, kind: payload, **request}
    return standby(message_echoes=[{"id": "wamid.E", "timestamp": NOON_S, "message": message}])


@pytest.mark.parametrize(
    ("kind", "payload", "content"),
    [
        ("text", {"body": "hi", "preview_url": True}, Text(text="hi", preview_url=True)),
        (
            "document",
            {"link": "https://example.com/a.pdf", "filename": "a.pdf", "caption": "here"},
            DocumentFile(media=MediaRef(id="", filename="a.pdf"), caption="here"),
        ),
        (
            "template",
            {"name": "order", "language": {"code": "en_US"}, "components": [{"type": "body"}, 7]},
            Template(name="order", language="en_US", components=({"type": "body"},)),
        ),
        ("location", {"latitude": "1", "longitude": 2}, Location(latitude=1.0, longitude=2.0)),
        (
            "interactive",
            {
                "type": "button",
                "body": {"text": "Which?"},
                "action": {"buttons": [{"type": "reply", "reply": {"id": "y", "title": "Yes"}}, None]},
            },
            Interactive(kind="buttons", body="Which?", buttons=(Button(id="y", title="Yes"),)),
        ),
        (
            "interactive",
            {
                "type": "list",
                "body": {"text": "When?"},
                "action": {"button": "Times", "sections": [{"title": "Day", "rows": [{"id": "1", "title": "9"}]}]},
            },
            Interactive(
                kind="list",
                body="When?",
                button="Times",
                sections=(Section(title="Day", rows=(Row(id="1", title="9"),)),),
            ),
        ),
        (
            "interactive",
            {
                "type": "cta_url",
                "body": {"text": "See"},
                "action": {"parameters": {"display_text": "Open", "url": "https://example.com"}},
            },
            Interactive(kind="cta_url", body="See", button="Open", url="https://example.com"),
        ),
        (
            "interactive",
            {"type": "flow", "body": {"text": "Book"}},
            Unsupported(provider_type="interactive.flow", reason="Book"),
        ),
        (
            "pin",
            {"type": "pin"},
            Unsupported(provider_type="pin", reason="What was sent is of a kind that is not known here."),
        ),
    ],
    ids=range(9),
)
def test_a_standby_echo_is_read_from_the_body_of_the_send(kind: str, payload: Any, content: Any) -> None:
    echo = sent(kind, payload, context={"message_id": "wamid.Q"}, biz_opaque_callback_data="ref")
    assert isinstance(echo, MessageEchoed)
    assert echo.content == content
    assert (echo.recipient, echo.reply_to, echo.reference) == (MARA, "wamid.Q", "ref")
    assert echo.context == {"standby": True}


def test_a_standby_echo_s_file_lives_as_long_as_it_was_sent() -> None:
    uploaded = sent("image", {"id": "77"}).media
    assert (uploaded.provider_id, uploaded.lifetime_s) == ("77", 30 * 86_400)
    linked = sent("image", {"link": "https://example.com/a.png"}).media
    assert (linked.url, linked.lifetime_s, linked.error) == ("https://example.com/a.png", None, None)


def test_a_standby_echo_may_go_to_a_user_id_or_a_group_or_be_a_reaction() -> None:
    assert sent("text", {"body": "x"}, to=None, recipient="US.1234").recipient == Person(keys=(USER,))
    grouped = sent("text", {"body": "x"}, to="grp", recipient_type="group")
    assert (grouped.recipient, grouped.group.value) == (None, "grp")
    reaction = sent("reaction", {"message_id": "wamid.T", "emoji": "x"})
    assert isinstance(reaction, ReactionChanged)
    assert reaction.by_business


@pytest.mark.parametrize(
    "message", [None, {}, {"to": "1", "type": "text"}, {"to": "15550001111", "text": "x"}], ids=str
)
def test_an_echo_that_cannot_be_read_is_malformed_under_its_key(message: Any) -> None:
    echoes = [{"id": "wamid.E", "timestamp": NOON_S, "message": message}]
    (only,) = parsed("standby", {"metadata": METADATA, "standby": {"message_echoes": echoes}})
    assert isinstance(only, Malformed)
    assert only.key == "echo:wamid.E"


@pytest.mark.parametrize(
    ("given", "notice"),
    [
        ("group_participants_add", "group_participants_add"),
        ("group_add_participants", "group_participants_add"),
        ("group_remove_participants", "group_participants_remove"),
        ("group_hologram", "group_hologram"),
    ],
)
def test_group_events_are_notices_of_the_group_in_either_spelling(given: str, notice: str) -> None:
    group = {"type": given, "group_id": "grp", "timestamp": NOON_S, "added_participants": [{"user_id": "US.1"}]}
    event = of_number("group_participants_update", groups=[group])
    assert isinstance(event, ThreadNotice)
    assert (event.notice, event.person, event.data) == (notice, None, {"added_participants": [{"user_id": "US.1"}]})
    assert event.group == IdentityKey(kind="wa_group", value="grp", scope="account")
    assert event.text


@pytest.mark.parametrize(("value", "granted"), [("stop", False), ("STOP", False), ("resume", True), ("signup", True)])
def test_a_preference_stops_or_grants_marketing(value: str, granted: bool) -> None:
    given = {"wa_id": "15550001111", "category": "marketing_messages", "value": value, "timestamp": NOON_S}
    event = of_number("user_preferences", user_preferences=[given])
    assert event == PreferenceChanged(occurred_at=NOON, person=MARA, purpose="marketing", granted=granted)


def test_a_preference_that_says_neither_is_malformed() -> None:
    given = {"wa_id": "15550001111", "category": "marketing_messages", "value": "maybe", "timestamp": NOON_S}
    (only,) = parsed("user_preferences", {"metadata": METADATA, "user_preferences": [given]})
    assert isinstance(only, Malformed)


def test_the_same_choice_at_another_time_is_another_item() -> None:
    def key(timestamp: int) -> str:
        given = {"wa_id": "15550001111", "category": "marketing_messages", "value": "stop", "timestamp": timestamp}
        return one("user_preferences", {"metadata": METADATA, "user_preferences": [given]}).key

    assert key(NOON_S) == key(NOON_S) != key(NOON_S + 1)


def test_a_withdrawn_user_id_update_is_a_rekey() -> None:
    given = {"user_id": {"previous": "US.1234", "current": "US.5678"}, "timestamp": NOON_S}
    event = of_number("user_id_update", user_id_update=[given])
    assert isinstance(event, IdentityRekeyed)
    assert event.previous == (USER,)
    assert [key.value for key in event.current] == ["US.5678"]


def test_the_address_book_adds_and_removes() -> None:
    def entry(action: str, **contact: Any) -> Any:
        given = {"type": "contact", "contact": contact, "action": action, "metadata": {"timestamp": NOON_S * 1000}}
        return of_number("smb_app_state_sync", state_sync=[given])

    added = entry("add", phone_number="+1 555 000 1111", first_name="Mara", username="@mara")
    expected = Person(keys=(PHONE,), name="Mara", username="mara")
    assert added == PersonChanged(occurred_at=NOON, person=expected)
    assert entry("remove", phone_number="15550001111") == PersonChanged(occurred_at=NOON, person=MARA, removed=True)
