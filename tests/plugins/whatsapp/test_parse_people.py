"""Who a message is from, and what becomes of people whose number or user id changes."""

from __future__ import annotations

from typing import Any

import pytest

from patchbay.channel import (
    IdentityKey,
    IdentityRekeyed,
    Person,
    ThreadNotice,
)
from tests.plugins.whatsapp.updates import NOON_S, PARENT, PHONE, USER, error, event, message


@pytest.mark.parametrize(
    ("given", "keys"),
    [
        ({"from": "15550001111"}, (PHONE,)),
        ({"from": "+15550001111"}, (PHONE,)),
        ({"from": "+1 (555) 000-1111"}, (PHONE,)),
        ({"from": 15550001111}, (PHONE,)),
        ({"from": "15550001111", "from_user_id": "US.1234"}, (PHONE, USER)),
        ({"from": None, "from_user_id": "US.1234"}, (USER,)),
        ({"from": "", "from_user_id": "US.1234", "from_parent_user_id": ""}, (USER,)),
        ({"from": "US.1234", "from_user_id": "US.1234"}, (USER,)),
        ({"from": "US.1234"}, (USER,)),
        ({"from": "US.ENT.99", "from_user_id": "US.1234"}, (USER, PARENT)),
        ({"from": "", "from_user_id": "US.ENT.99"}, (PARENT,)),
        ({"from": "15550001111", "from_user_id": "US.1234", "from_parent_user_id": "US.ENT.99"}, (PHONE, USER, PARENT)),
        ({"from": "no number", "from_user_id": "US.1234"}, (USER,)),
    ],
    ids=str,
)
def test_a_sender_is_known_by_phone_first_then_user_id_then_parent(given: Any, keys: tuple[IdentityKey, ...]) -> None:
    assert event(message(**given)).sender == Person(keys=keys)


def test_a_user_id_of_an_unknown_form_is_kept_as_it_is() -> None:
    (key,) = event(message(**{"from": "", "from_user_id": "user.0a1b2c"})).sender.keys
    assert (key.kind, key.value) == ("wa_bsuid", "user.0a1b2c")


@pytest.mark.parametrize("sender", ["", None, "no number", "1234567890123456", "12"])
def test_a_message_from_nobody_is_malformed(sender: Any) -> None:
    assert "nobody" in error(message(**{"from": sender}), contacts=[{"wa_id": "15550001111"}])


def test_a_contact_completes_the_keys_and_gives_the_name() -> None:
    contact = {
        "profile": {"name": "Mara", "username": "@mara.voss"},
        "wa_id": "15550001111",
        "user_id": "US.1234",
        "parent_user_id": "US.ENT.99",
        "identity_key_hash": "h=",
    }
    person = Person(keys=(PHONE, USER, PARENT), name="Mara", username="mara.voss", key_hash="h=")
    assert event(message(), contacts=[contact]).sender == person
    assert event(message(**{"from": "", "from_user_id": "US.1234"}), contacts=[contact]).sender == person


@pytest.mark.parametrize("username", ["mara.voss", "@mara.voss", "@@mara.voss"])
def test_a_username_is_kept_without_its_at_sign(username: str) -> None:
    contacts = [{"wa_id": "15550001111", "profile": {"username": username}}]
    assert event(message(), contacts=contacts).sender.username == "mara.voss"


@pytest.mark.parametrize(
    "contacts",
    [
        [{"wa_id": "15550002222", "profile": {"name": "Somebody else"}}],
        [{"profile": {"name": "Somebody else"}}],
        [{"wa_id": "", "user_id": "", "profile": {"name": "Somebody else"}}],
        [None, 7, "x", {"wa_id": ["15550001111"], "profile": {"name": "Somebody else"}}],
        ["15550001111"],
        {"wa_id": "15550002222", "profile": {"name": "Somebody else"}},
        [{"wa_id": "15550001111", "profile": ["Somebody else"]}],
        None,
    ],
    ids=str,
)
def test_another_or_an_odd_contact_gives_no_name_and_costs_nothing(contacts: Any) -> None:
    assert event(message(), contacts=contacts).sender == Person(keys=(PHONE,))


def system(kind: str | None, sender: dict[str, Any] | None = None, **payload: Any) -> Any:
    given = {"id": "wamid.S", "timestamp": NOON_S, "type": "system", **(sender or {})}
    return event({**given, "system": {**({"type": kind} if kind else {}), **payload}})


NEW_PHONE = IdentityKey(kind="phone", value="+15550004444")
NEW_USER = IdentityKey(kind="wa_bsuid", value="US.5678", scope="portfolio")


@pytest.mark.parametrize(
    ("rekeyed", "previous", "current"),
    [
        (
            lambda: system("user_changed_number", {"from": "15550001111"}, wa_id="15550004444"),
            (PHONE,),
            (NEW_PHONE,),
        ),
        (
            lambda: system("customer_changed_number", customer="15550001111", new_wa_id="15550004444"),
            (PHONE,),
            (NEW_PHONE,),
        ),
        (
            lambda: system(None, {"from": "15550001111"}, new_wa_id="15550004444"),
            (PHONE,),
            (NEW_PHONE,),
        ),
        (
            lambda: system(
                "user_changed_number",
                {"from": "15550001111", "from_user_id": "US.1234"},
                wa_id="15550004444",
                user_id="US.5678",
            ),
            (PHONE, USER),
            (NEW_PHONE, NEW_USER),
        ),
        (
            lambda: system("user_changed_user_id", previous_user_id="US.1234", user_id="US.5678", wa_id=""),
            (USER,),
            (NEW_USER,),
        ),
        (
            lambda: system("user_changed_number", body="User Mara changed from 15550001111 to 15550004444"),
            (PHONE,),
            (NEW_PHONE,),
        ),
        (
            lambda: system("user_changed_user_id", {"from": "15550001111"}, wa_id="15550001111", user_id="US.5678",
                           previous_user_id="US.1234"),
            (USER,),
            (PHONE, NEW_USER),
        ),
    ],
    ids=["phone", "old spelling", "older still", "both", "user id", "only the text", "phone stays"],
)  # fmt: skip
def test_a_changed_number_or_user_id_supersedes_the_old_keys(rekeyed: Any, previous: Any, current: Any) -> None:
    rekey = rekeyed()
    assert isinstance(rekey, IdentityRekeyed)
    assert (rekey.previous, rekey.current) == (previous, current)


def test_any_other_system_message_is_a_notice_on_the_thread() -> None:
    notice = system("customer_joined_group", {"from": "15550001111"}, body="Mara joined")
    assert isinstance(notice, ThreadNotice)
    assert (notice.notice, notice.text) == ("customer_joined_group", "Mara joined")
    assert notice.person == Person(keys=(PHONE,))
