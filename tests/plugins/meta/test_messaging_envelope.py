"""The envelope that Messenger and Instagram share: whose an event is, when it was, and that each stands alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchbay.channel import AccountRef, IdentityKey, Ignored, InboundEvent, Item, Malformed, Person, Unrecognised
from patchbay.errors import BadPayload
from patchbay_meta.messaging.envelope import Event, Platform, Update, read_webhook, single
from patchbay_meta.reading import Odd, text

PAGE, MARA = "104857600112233", "7300114455667788"
AT = 1_795_167_007_313
WHEN = datetime(2026, 11, 20, 9, 30, 7, 313_000, UTC)
SEEN: list[Event] = []


def _said(event: Event, raw: dict[str, Any]) -> Iterator[Update]:
    def read() -> InboundEvent:
        SEEN.append(event)
        if raw.get("odd"):
            raise Odd("it is odd")
        if raw.get("wrong"):
            raise KeyError("a fault of ours")
        return Ignored(occurred_at=event.moment(), reason=text(raw, "mid") or "no mid")

    if raw.get("broken"):
        raise Odd("it is broken")
    for part in range(int(raw.get("parts", 1))):
        yield Update(event.key(event.kind, text(raw, "mid"), str(part)), read)


def _seen(event: Event, raw: dict[str, Any], key: str) -> InboundEvent:
    SEEN.append(event)
    return Ignored(occurred_at=event.moment(), reason=event.kind)


PLATFORM = Platform(
    object="page",
    person="psid",
    kinds={"message": _said, "read": single(_seen), "pass_thread_control": single(_seen)},
    fields={"feed": single(_seen)},
)
LENIENT = Platform(object="instagram", person="igsid", kinds=PLATFORM.kinds, fields=PLATFORM.fields, or_parent=True)


@pytest.fixture(autouse=True)
def _nothing_seen() -> None:
    SEEN.clear()


def event(kind: str = "message", value: Any = None, **changed: Any) -> dict[str, Any]:
    """An event from the person to the page; what is None is left out."""
    said = {
        "sender": {"id": MARA},
        "recipient": {"id": PAGE},
        "timestamp": AT,
        kind: value or {"mid": "m_1"},
        **changed,
    }
    return {name: given for name, given in said.items() if given is not None}


def entry(*events: Any, under: str = "messaging", **changed: Any) -> dict[str, Any]:
    return {"id": PAGE, "time": AT + 400, under: list(events), **changed}


def read(*entries: Any, platform: Platform = PLATFORM) -> tuple[Item | Malformed, ...]:
    return read_webhook(json.dumps({"object": platform.object, "entry": entries}).encode(), platform)


def seen(*entries: Any, platform: Platform = PLATFORM) -> Event:
    """The one event that a reader was given."""
    assert all(isinstance(one, Item) for one in read(*entries, platform=platform))
    (only,) = SEEN
    return only


def only(*entries: Any, platform: Platform = PLATFORM) -> Item | Malformed:
    (one,) = read(*entries, platform=platform)
    return one


def person(id: str = MARA) -> Person:
    return Person(keys=(IdentityKey(kind="psid", value=id, scope="account"),))


def test_an_event_says_whose_it_is_and_when_it_was() -> None:
    told = seen(entry(event()))
    assert told.account == AccountRef(external_id=PAGE)
    assert (told.entry_id, told.kinds, told.kind, told.field) == (PAGE, ("message",), "message", None)
    assert (told.person, told.from_business, told.standby) == (person(), False, False)
    assert told.moment() == WHEN


def test_all_events_of_all_entries_are_read_in_order() -> None:
    parsed = read(
        entry(event(value={"mid": "m_1"}), event("read", {"watermark": AT})),
        entry(event(value={"mid": "m_2"}), under="standby"),
        entry(event(value={"mid": "m_3"}, recipient={"id": "2"}), id="2"),
    )
    assert [one.event.reason for one in parsed if isinstance(one, Item) and isinstance(one.event, Ignored)] == [
        "m_1",
        "read",
        "m_2",
        "m_3",
    ]
    assert [one.index for one in parsed] == [0, 1, 2, 3]
    assert [told.standby for told in SEEN] == [False, False, True, False]
    assert [told.account.external_id for told in SEEN] == [PAGE, PAGE, PAGE, "2"]


def test_an_event_with_two_kinds_is_read_as_both() -> None:
    parsed = read(entry({**event(), "read": {"watermark": AT}}))
    assert [told.kind for told in SEEN] == ["message", "read"]
    assert len({one.key for one in parsed}) == 2


def test_ids_as_numbers_are_texts() -> None:
    told = seen(entry(event(sender={"id": int(MARA)}, recipient={"id": int(PAGE)}), id=int(PAGE)))
    assert (told.account.external_id, told.person, told.from_business) == (PAGE, person(), False)


@pytest.mark.parametrize("timestamp", [AT, str(AT)], ids=["ms", "ms as text"])
def test_times_are_read_in_any_form(timestamp: Any) -> None:
    assert seen(entry(event(timestamp=timestamp))).moment() == WHEN


@pytest.mark.parametrize("timestamp", [AT // 1000, str(AT // 1000)], ids=["s", "s as text"])
def test_times_may_be_seconds(timestamp: Any) -> None:
    assert seen(entry(event(timestamp=timestamp))).moment() == WHEN.replace(microsecond=0)


def test_without_a_timestamp_it_is_the_entry_s_time() -> None:
    assert seen(entry(event(timestamp=None), time=AT)).moment() == WHEN


def test_without_any_time_the_event_cannot_be_read() -> None:
    one = only(entry(event(timestamp=None), time=None))
    assert isinstance(one, Malformed)
    assert one.error == "there is no usable timestamp"


def test_an_echo_goes_from_the_business_to_the_person() -> None:
    told = seen(entry(event(value={"mid": "m_1", "is_echo": True}, sender={"id": PAGE}, recipient={"id": MARA})))
    assert (told.from_business, told.person, told.to_itself) == (True, person(), False)


def test_the_ids_and_not_the_mark_say_who_wrote() -> None:
    """Older documentation has the sides of an echo the other way round."""
    told = seen(entry(event(value={"mid": "m_1", "is_echo": True})))
    assert (told.from_business, told.person) == (False, person())


def test_what_the_business_writes_to_itself_names_no_person() -> None:
    told = seen(entry(event(value={"mid": "m_1", "is_echo": True}, sender={"id": PAGE})))
    assert (told.from_business, told.person, told.to_itself) == (True, None, True)


def test_a_missing_sender_is_nobody() -> None:
    told = seen(entry(event(sender=None)))
    assert told.person is None
    with pytest.raises(Odd, match="nobody is named"):
        told.known_person()


def test_a_sender_may_be_known_by_a_reference_only_or_by_both() -> None:
    ref = IdentityKey(kind="external", value="user_ref:r-1", scope="account")
    assert seen(entry(event(sender={"user_ref": "r-1"}))).person == Person(keys=(ref,))
    SEEN.clear()
    both = seen(entry(event(sender={"id": MARA, "user_ref": "r-1"}))).person
    assert both == Person(keys=(*person().keys, ref))


@pytest.mark.parametrize(
    "sides",
    [
        {"recipient": {"id": "999"}},
        {"sender": {"id": "999"}, "recipient": {"id": MARA}, "message": {"mid": "m_1", "is_echo": True}},
    ],
    ids=["received", "echoed"],
)
def test_an_event_of_another_page_is_ignored(sides: dict[str, Any]) -> None:
    one = only(entry({**event(), **sides}))
    assert isinstance(one, Item)
    assert one.event == Ignored(occurred_at=WHEN, reason="it names neither side as the account of its entry")
    assert not SEEN


def test_where_the_entry_may_name_the_parent_the_event_says_which_account_it_is_for() -> None:
    told = seen(entry(event(recipient={"id": "17841400099887766"})), platform=LENIENT)
    assert told.account == AccountRef(external_id="17841400099887766", or_parent=True)
    assert told.person == Person(keys=(IdentityKey(kind="igsid", value=MARA, scope="account"),))
    SEEN.clear()
    echo = event(value={"mid": "m_1", "is_echo": True}, sender={"id": "17841400099887766"}, recipient={"id": MARA})
    told = seen(entry(echo), platform=LENIENT)
    assert told.from_business
    assert told.account == AccountRef(external_id="17841400099887766", or_parent=True)


def test_an_entry_without_an_id_is_for_the_account_that_its_event_names() -> None:
    assert seen(entry(event(), id=None)).account == AccountRef(external_id=PAGE)


def test_a_test_of_the_dashboard_is_ignored_on_the_account_that_the_path_names() -> None:
    value = event(sender={"id": "12334"}, recipient={"id": "23245"}, timestamp="1795167007")
    one = only({"id": "0", "time": AT // 1000, "changes": [{"field": "messages", "value": value}]})
    assert isinstance(one, Item)
    assert one.account == AccountRef()
    assert one.event == Ignored(occurred_at=WHEN.replace(microsecond=0), reason="a test event of the app's dashboard")
    for platform in (PLATFORM, LENIENT):
        real = only({"id": PAGE, "time": AT, "changes": [{"field": "messages", "value": value}]}, platform=platform)
        assert isinstance(real, Item)
        assert real.account == AccountRef(external_id=PAGE, or_parent=platform.or_parent)
        assert isinstance(real.event, Ignored)
        assert real.event.reason == "a test event of the app's dashboard"
    feed = only({"id": "0", "time": AT // 1000, "changes": [{"field": "feed", "value": {"item": "post"}}]})
    assert isinstance(feed, Item)
    assert (feed.account, type(feed.event)) == (AccountRef(), Ignored)
    assert not SEEN


def test_an_event_in_the_form_of_a_change_is_read_as_the_event() -> None:
    told = seen({"id": PAGE, "time": AT // 1000, "changes": [{"field": "messages", "value": event()}]})
    assert (told.kind, told.field, told.person, told.moment()) == ("message", None, person(), WHEN)


def test_an_event_in_the_form_of_a_change_may_name_neither_side() -> None:
    told = seen({"id": PAGE, "time": AT, "changes": [{"field": "messages", "value": {"message": {"mid": "m_1"}}}]})
    assert (told.kind, told.person, told.account) == ("message", None, AccountRef(external_id=PAGE))


@pytest.mark.parametrize("value", [{"message": "a text"}, {"message": None}, {"message": {}}])
def test_a_member_of_a_change_that_is_called_like_a_kind_is_no_event(value: dict[str, Any]) -> None:
    assert seen({"id": PAGE, "time": AT, "changes": [{"field": "feed", "value": value}]}).field == "feed"


def test_a_change_is_read_by_its_field() -> None:
    told = seen({"id": PAGE, "time": AT // 1000, "changes": [{"field": "feed", "value": {"item": "post"}}]})
    assert (told.kind, told.field, told.raw, told.person) == ("feed", "feed", {"item": "post"}, None)
    assert told.moment() == WHEN.replace(microsecond=0)


def test_a_change_may_stand_in_the_entry_itself() -> None:
    told = seen({"id": PAGE, "time": AT // 1000, "field": "feed", "value": {"item": "post"}})
    assert (told.field, told.raw) == ("feed", {"item": "post"})


@pytest.mark.parametrize(
    ("given", "what"),
    [
        (entry(event("brand_new", {"k": 1})), "brand_new"),
        (entry(event("brand_new", {"k": 1}, also={})), "brand_new, also"),
        (entry({"sender": {"id": MARA}, "recipient": {"id": PAGE}, "timestamp": AT}), "event"),
        (entry({"field": "name", "value": "Brightleaf"}, under="changes"), "name"),
        (entry(id=PAGE, changed_fields=["picture"]), "changed_fields"),
        (entry(event(value={"mid": "m_1", "parts": 0})), "message"),
    ],
    ids=["event", "two", "bare", "field", "entry", "no update"],
)
def test_what_nobody_knows_is_kept_by_its_name(given: dict[str, Any], what: str) -> None:
    one = only(given)
    assert isinstance(one, Item)
    assert isinstance(one.event, Unrecognised)
    assert one.event.what == what
    assert one.account == AccountRef(external_id=PAGE)


@pytest.mark.parametrize("odd", [None, 7, "x", [], True], ids=str)
def test_what_is_odd_costs_only_itself(odd: Any) -> None:
    good = only(entry(event()))
    for parsed in (
        read(entry(event()), odd),
        read(entry(event(), odd)),
        read(entry(event(), event(message=odd or 7))),
        read(entry(event()), entry(odd, under="standby")),
        read(entry(event()), entry(odd, under="changes")),
        read(entry(event()), entry({"field": "feed", "value": odd}, under="changes")),
    ):
        assert parsed[0] == good
        assert isinstance(parsed[1], Malformed)
        assert (parsed[1].index, len(parsed)) == (1, 2)


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ({"mid": "m_0", "odd": 1}, "it is odd"),
        ({"mid": "m_0", "broken": 1}, "it is broken"),
        ({"mid": "m_0", "wrong": 1}, "unexpected KeyError"),
        ({"mid": "m_0", "parts": "many"}, "unexpected ValueError"),
    ],
)
def test_a_reader_that_fails_costs_only_what_it_read(value: dict[str, Any], error: str) -> None:
    bad, good = read(entry(event(value=value), event()))
    assert good == Item(index=1, key="message:m_1:0", account=AccountRef(external_id=PAGE), event=_event(good))
    assert isinstance(bad, Malformed)
    assert bad.error == error


def _event(one: Item | Malformed) -> InboundEvent:
    assert isinstance(one, Item)
    return one.event


def test_a_single_event_in_place_of_a_list_is_not_lost() -> None:
    assert seen({"id": PAGE, "time": AT, "messaging": event()}).person == person()


def test_keys_hang_on_the_event_alone() -> None:
    """Not on the entry's time, on the place in the body, or on the order of members."""
    handover = event("pass_thread_control", {"new_owner_app_id": "1"})
    again = dict(reversed(handover.items()))
    first, second, third = read(entry(handover), entry(event(), again, time=AT + 9000))
    assert first.key == third.key
    assert first.key.startswith("pass_thread_control:")
    assert second.key == "message:m_1:0"


def test_a_change_of_the_content_is_another_key() -> None:
    one, other = read(entry(event("read", {"watermark": AT}), event("read", {"watermark": AT + 1})))
    assert one.key != other.key


@pytest.mark.parametrize("body", [b"", b"[]", b'{"object":"instagram","entry":[]}', b'{"object":"page","entry":{}}'])
def test_what_is_no_webhook_of_the_platform_is_a_bad_payload(body: bytes) -> None:
    with pytest.raises(BadPayload):
        read_webhook(body, PLATFORM)


def test_no_entries_are_no_items() -> None:
    assert read() == ()


def test_what_is_nested_too_deeply_is_a_bad_payload() -> None:
    """Decoding it takes less of the stack than making its key."""
    for depth in (300, 900, 5000, 100_000):
        nested = b"[" * depth + b"]" * depth
        body = b'{"object":"page","entry":[{"id":"1","messaging":[{"new":' + nested + b"}]}]}"
        try:
            (one,) = read_webhook(body, PLATFORM)
        except BadPayload:
            assert depth >= 900
        else:
            assert isinstance(one, Item)


any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=20,
)


@given(any_json, st.sampled_from([PLATFORM, LENIENT]))
def test_any_member_of_an_entry_is_at_least_one_item(value: Any, platform: Platform) -> None:
    for under in ("messaging", "standby", "changes"):
        before, *parsed, after = read(
            entry(event()), {"id": PAGE, "time": AT, under: [value]}, entry(event()), platform=platform
        )
        assert parsed
        assert isinstance(before, Item)
        assert isinstance(after, Item)
        assert (before.key, before.event) == (after.key, after.event)


@given(st.dictionaries(st.sampled_from(["sender", "recipient", "timestamp", "message", "read", "new"]), any_json))
def test_any_sides_and_times_are_items(given_event: dict[str, Any]) -> None:
    for platform in (PLATFORM, LENIENT):
        assert read(entry(given_event), platform=platform) == read(entry(given_event), platform=platform)
