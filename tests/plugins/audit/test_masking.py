"""What an entry shows of what changed, and what it never does."""

from __future__ import annotations

from typing import Any

import pytest

from patchbay.collections import (
    ACCOUNTS,
    CONTACTS,
    CURSORS,
    IDEMPOTENCY,
    IDENTITIES,
    NOTES,
    OUTBOX,
    TAGS,
    THREADS,
    Collection,
)
from patchbay.model.account import ChannelAccount
from patchbay.model.contact import Contact, Identity, Profile
from patchbay.model.message import Note
from patchbay.ports import Change
from patchbay_audit.changes import MOST_CHANGES, MOST_SUBJECTS, singular, told
from patchbay_audit.entry import AUDIT_ANCHORS, AUDIT_ENTRIES, AUDIT_HEAD
from patchbay_audit.masking import shown_about, shown_field, shown_text
from tests.plugins.audit.acts import MARA, START, tag, tag_change

SECRETS = (
    *("password", "password_hash", "passwd", "token", "refresh_token", "token_digest", "client_secret", "credentials"),
    *("totp_seed", "api_key", "apikey", "recovery_codes", "cookie", "signature", "private_key", "sealed", "otp_codes"),
    "Authorization",
)
SECRET = "correct-horse-battery-staple"
KEPT: dict[str, Any] = {"created_at": START, "updated_at": START}


def fields(before: Any, after: Any, collection: Collection[Any]) -> dict[str, Any]:
    known = after if before is None else before
    (shown,), _, _ = told([Change(collection, known.id, before, after)])
    found: dict[str, Any] = shown["fields"]
    return found


def test_only_the_fields_that_differ_are_told() -> None:
    before, after = tag("vip", color="red"), tag("vip", color="blue", version=2)
    assert fields(before, after, TAGS) == {"color": {"before": "red", "after": "blue"}}


def test_of_what_was_made_or_removed_the_fields_that_held_something_are_told() -> None:
    one = tag("vip", color="red")
    assert fields(None, one, TAGS) == {
        "name": {"before": None, "after": "Vip"},
        "color": {"before": None, "after": "red"},
    }
    assert fields(one, None, TAGS)["color"] == {"before": "red", "after": None}


def test_secrets_are_never_shown() -> None:
    account = ChannelAccount(
        id="acc_1", channel="whatsapp", name="Support", external_id="1", credentials={"access_token": SECRET}, **KEPT
    )
    changed = account.__class__(**{**as_dict(account), "settings": {"app_secret": SECRET, "page": 1}})
    assert fields(None, account, ACCOUNTS)["credentials"] == {"before": None, "after": "***"}
    assert fields(account, changed, ACCOUNTS) == {"settings": {"before": {}, "after": {"app_secret": "***", "page": 1}}}


@pytest.mark.parametrize("name", SECRETS)
def test_names_of_secrets(name: str) -> None:
    assert shown_field("rbac_users", name, SECRET) == "***"
    assert shown_about({"given": [{name: SECRET}]}) == {"given": [{name: "***"}]}
    assert shown_field("rbac_users", name, [SECRET]) == "***"
    assert shown_field("rbac_users", name, None) is None


@pytest.mark.parametrize("name", ["token_expires_at", "session_id", "password_changed_at", "key_prefix", "sha256"])
def test_names_that_only_sound_like_secrets(name: str) -> None:
    assert shown_field("rbac_users", name, "shown") == "shown"


def test_what_people_wrote_is_a_length() -> None:
    note = Note(id="note_1", author=MARA, text="He called again, and was angry.", **KEPT)
    shown = fields(None, note, NOTES)
    assert shown["text"] == {"before": None, "after": "<31 characters>"}
    assert shown["author"]["after"] == {"id": "usr_mara", "name": "Mara Voss", "type": "agent"}
    assert shown_field("messages", "content", {"type": "text", "text": "Hello"}) == "<9 characters>"
    assert shown_field("conversations", "last_message", {"id": "m", "preview": "Hello"}) == {
        "id": "m",
        "preview": "<5 characters>",
    }


def test_who_customers_are_is_a_length() -> None:
    contact = Contact(id="con_1", display_name="Ines Prado", attributes={"vat": "PT123"}, tags=("vip",), **KEPT)
    shown = fields(None, contact, CONTACTS)
    assert shown["display_name"]["after"] == "<10 characters>"
    assert shown["attributes"]["after"] == "<5 characters>"
    assert shown["tags"]["after"] == ["vip"]
    identity = Identity(
        id="idn_1",
        contact_id="con_1",
        line_id="idn_1",
        channel="whatsapp",
        kind="phone",
        scope="",
        value="+351911111111",
        profile=Profile(name="Ines"),
        first_seen_at=START,
        last_seen_at=START,
        **KEPT,
    )
    text = str(told([Change(IDENTITIES, "idn_1", None, identity)]))
    assert "351911111111" not in text
    assert "Ines" not in text


def test_bookkeeping_is_left_out() -> None:
    one = tag("x")
    changes = [Change(each, "x", None, one) for each in (OUTBOX, IDEMPOTENCY, CURSORS, THREADS)]
    changes += [Change(each, "x", None, one) for each in (AUDIT_ENTRIES, AUDIT_HEAD, AUDIT_ANCHORS)]
    assert told(changes) == ([], [], 0)


def test_an_entry_stays_small() -> None:
    shown, subjects, left_out = told([tag_change(None, tag(f"t{n}")) for n in range(MOST_CHANGES + 7)])
    assert (len(shown), len(subjects), left_out) == (MOST_CHANGES, MOST_SUBJECTS, 7)
    assert shown_text("x" * 501) == "<501 characters>"
    assert shown_about({"names": ["x" * 400] * 10}) == {"names": "<4031 characters of JSON>"}
    assert shown_field("tags", "color", "x" * 501) == "<501 characters>"


def test_a_secret_inside_a_text_is_masked_by_its_look() -> None:
    assert shown_text("curl -H 'Authorization: Bearer abcdef123456'") == "curl -H 'Authorization: Bearer ***'"


def test_what_one_document_of_a_collection_is_called() -> None:
    assert [singular(name) for name in ("conversations", "identities", "media", "rbac_users")] == [
        "conversation",
        "identity",
        "media",
        "rbac_user",
    ]


def as_dict(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__struct_fields__}
