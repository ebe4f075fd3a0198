"""What is signed are the bytes on the wire, with all beyond ASCII escaped; they read as the payloads do."""

from __future__ import annotations

import pytest

from patchbay.errors import BadSignature
from patchbay_instagram.parse import parse
from patchbay_meta.signature import verify
from tests.plugins.webhooks import INSTAGRAM

SECRET = "fixture_app_secret"
# Of the payloads as they go over the wire, with SECRET; computed with openssl, apart from this code.
VECTORS = {
    "message_text": "sha256=1841bd44685a82899c5c879469add85452d2c7004f34ea76b90dfaa94b4b4024",
    "message_text_unicode": "sha256=4f71580c30a80f1dd720deef9dac84e19bc8bfe8fb79233a9092a9a66da1b3fc",
    "batch_two_accounts": "sha256=ed3dc3a66fd5b8870b02288ed197b38fbb5f21b2eb7b2d6372fa68d7a227c0b8",
}


@pytest.mark.parametrize("name", sorted(VECTORS))
def test_a_delivery_is_verified_over_its_bytes_and_then_read(name: str) -> None:
    body = INSTAGRAM.wire(name)
    verify(body, VECTORS[name], ["another_secret", SECRET])
    assert parse(body) == parse(INSTAGRAM.payload(name))


@pytest.mark.parametrize("name", sorted(VECTORS))
def test_the_same_content_in_other_bytes_is_refused(name: str) -> None:
    with pytest.raises(BadSignature):
        verify(INSTAGRAM.payload(name), VECTORS[name], [SECRET])
    with pytest.raises(BadSignature):
        verify(INSTAGRAM.wire(name), VECTORS[name], ["another_secret"])
