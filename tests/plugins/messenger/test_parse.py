"""Webhooks of Messenger as items: for which page they are, what is signed, and what is the same event twice."""

from __future__ import annotations

import json

import pytest

from patchbay.channel import AccountRef
from patchbay.errors import BadSignature
from patchbay_meta.signature import verify
from tests.plugins.webhooks import MESSENGER

SECRET = "fixture_app_secret"
# The bytes that Meta puts on the wire for three payloads, with SECRET; computed apart from this code.
VECTORS = {
    "message_text": "sha256=e293071f1c2b1b3c6a56b0a1589ca5541f4c0baa94db47fe57bde75aa6a5c646",
    "message_text_unicode": "sha256=d0f05c895983ac89578ec4ddc423395bab1fe9809f03ae8cb76ff598cf2f3014",
    "batch_mixed_entries": "sha256=2dd9ccbfbd5b5ae8fbf589f3c590fff10d61e62378706fb037c12d6a1ba4f7fd",
}


@pytest.mark.parametrize("name", MESSENGER.names)
def test_every_item_is_for_the_page_that_its_entry_names(name: str) -> None:
    named = {str(entry["id"]) for entry in MESSENGER.body(name)["entry"]}
    for item in MESSENGER.items(MESSENGER.payload(name)):
        assert item.account == AccountRef(external_id=item.account.external_id)
        assert item.account.external_id in named or (item.account == AccountRef() and named == {"0"})


@pytest.mark.parametrize("name", sorted(VECTORS))
def test_the_signature_is_of_the_bytes_on_the_wire(name: str) -> None:
    verify(MESSENGER.wire(name), VECTORS[name], [SECRET])
    with pytest.raises(BadSignature):
        verify(MESSENGER.payload(name), VECTORS[name], [SECRET])
    with pytest.raises(BadSignature):
        verify(MESSENGER.wire(name), VECTORS[name], ["another_app_secret"])


def test_the_same_event_without_an_id_twice_in_one_body_has_one_key() -> None:
    for name in ("postback_no_mid", "reaction_react", "referral_ads", "send_cart", "read_watermark", "unknown_event"):
        body = MESSENGER.body(name)
        (entry,) = body["entry"]
        body["entry"].append({**entry, "time": entry["time"] + 4000})
        first, second = MESSENGER.items(json.dumps(body).encode())
        assert first.key == second.key, name
