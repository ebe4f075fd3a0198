"""Every outbound type against the JSON of the Messages reference."""

from __future__ import annotations

from typing import Any

import pytest

from patchbay.model.content import AnyContent
from patchbay.testing.outbound import stored_file
from patchbay_whatsapp.payloads import content_part
from tests.plugins.whatsapp.forms import CONTENTS
from tests.plugins.whatsapp.sending import ACCOUNT, CHANNEL, TO_PHONE, send


@pytest.mark.parametrize(("content", "kind", "part"), [row[1:] for row in CONTENTS], ids=[row[0] for row in CONTENTS])
def test_a_content_becomes_the_providers_own_form(content: AnyContent, kind: str, part: Any) -> None:
    body = send(content, provider_media_id="900").request.json
    assert body is not None
    assert body["type"] == kind
    assert body[kind] == part


@pytest.mark.parametrize("content", [row[1] for row in CONTENTS], ids=[row[0] for row in CONTENTS])
def test_what_the_reference_shows_passes_the_check(content: AnyContent) -> None:
    types = {
        "image": "image/jpeg",
        "video": "video/mp4",
        "audio": "audio/ogg",
        "document": "application/pdf",
        "sticker": "image/webp",
    }
    kind, _ = content_part(content, "900")
    CHANNEL.check(ACCOUNT, content, TO_PHONE, stored_file("document", types.get(kind, "application/pdf")))
