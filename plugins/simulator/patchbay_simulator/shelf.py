"""Media at the fake Graph API: uploads, look-ups, downloads that need the token and expire."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from urllib.parse import urlencode

from patchbay_simulator.calls import Call, Reply, answer
from patchbay_simulator.errors import GraphError, unknown_object
from patchbay_simulator.files import File
from patchbay_simulator.platform import Platform
from patchbay_simulator.world import Number, Stored

DOWNLOAD_PATH = "/whatsapp_business/attachments/"
CDN_PATH = "/cdn/attachments/"
_MB = 2**20
# WhatsApp Cloud API, Media, supported types: the largest size of each kind, in bytes
LIMITS: Mapping[str, int] = {"image": 5 * _MB, "video": 16 * _MB, "audio": 16 * _MB, "sticker": 500 * 1024}
DOCUMENT_LIMIT = 100 * _MB
REFUSED = frozenset({"image/gif", "image/bmp", "image/tiff", "image/svg+xml", "audio/wav", "video/quicktime"})


class Shelf:
    """Files by id."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def upload(self, number: Number, call: Call) -> Reply:
        """Keep an uploaded file for 30 days. Raises ``GraphError``."""
        if call.need("messaging_product") != "whatsapp":
            raise GraphError(100, message="(#100) Param messaging_product must be one of {WHATSAPP}")
        if call.upload is None:
            raise GraphError(100, message="(#100) The parameter file is required.")
        mime_type = call.upload.mime_type.split(";")[0].strip()
        if mime_type in REFUSED:
            raise GraphError(
                100, message=f"(#100) Param file must be a file with one of the supported types: {mime_type}"
            )
        kind = "sticker" if mime_type == "image/webp" else mime_type.split("/")[0]
        if not call.upload.data or len(call.upload.data) > LIMITS.get(kind, DOCUMENT_LIMIT):
            raise GraphError(131053, f"A file of {len(call.upload.data)} bytes is empty or too large for {mime_type}.")
        file = File(call.upload.data, call.upload.mime_type, call.upload.filename)
        return answer({"id": self.keep(number.id, file, inbound=False).id})

    def keep(self, owner: str, file: File, *, inbound: bool) -> Stored:
        """Store a file of a number or an account under a new id; inbound ones live 7 days, uploads 30."""
        config = self._platform.config
        life_s = config.inbound_media_life_s if inbound else config.uploaded_media_life_s
        stored = Stored(
            id=self._platform.mint.number(15),
            data=file.data,
            mime_type=file.mime_type,
            filename=file.filename,
            expires_at=self._platform.clock.now() + life_s,
            number_id=owner,
            inbound=inbound,
        )
        self._platform.world.store_media(stored)
        return stored

    def url(self, stored: Stored) -> str:
        """A download URL of 5 minutes. It holds a signature of its own and still needs the bearer token."""
        expires = int(self._platform.clock.now() + self._platform.config.media_url_life_s)
        query = {"mid": stored.id, "ext": expires, "token": self._signature(stored.id, expires)}
        return f"{self._platform.base_url}{DOWNLOAD_PATH}?{urlencode(query)}"

    def cdn_url(self, stored: Stored) -> str:
        """A URL such as Messenger and Instagram put into their webhooks: whoever has it may fetch, until it ends."""
        expires = int(self._platform.clock.now() + self._platform.config.page_media_life_s)
        query = {"asset_id": stored.id, "ext": expires, "signature": self._signature(stored.id, expires)}
        return f"{self._platform.base_url}{CDN_PATH}?{urlencode(query)}"

    def _signature(self, media_id: str, expires: int) -> str:
        text = f"{self._platform.config.app_secret}:{media_id}:{expires}"
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    def _stored(self, media_id: str) -> Stored:
        stored = self._platform.world.media.get(media_id)
        if stored is None or stored.expires_at <= self._platform.clock.now():
            raise unknown_object(media_id)
        return stored

    def look_up(self, media_id: str, call: Call) -> Reply:
        stored = self._stored(media_id)
        if call.query.get("phone_number_id", stored.number_id) != stored.number_id:
            raise unknown_object(media_id)
        return answer(
            {
                "messaging_product": "whatsapp",
                "url": self.url(stored),
                "mime_type": stored.mime_type,
                "sha256": stored.digest.hex(),
                "file_size": len(stored.data),
                "id": stored.id,
            }
        )

    def remove(self, media_id: str) -> Reply:
        self._stored(media_id)
        self._platform.world.drop_media(media_id)
        return answer({"success": True})

    def download(self, query: Mapping[str, str], token_state: str) -> Reply:
        """The bytes behind a URL: 401 without a good token, 404 once the URL or the file has expired."""
        if token_state != "valid":
            return Reply(401, b"", content_type="text/plain", executed=False)
        return self._signed(query.get("mid", ""), query.get("token"), query)

    def fetch(self, query: Mapping[str, str]) -> Reply:
        """The bytes behind ``cdn_url``: 404 once the URL or the file has expired."""
        return self._signed(query.get("asset_id", ""), query.get("signature"), query)

    def _signed(self, media_id: str, signature: str | None, query: Mapping[str, str]) -> Reply:
        stored = self._platform.world.media.get(media_id)
        expires = int(query["ext"]) if query.get("ext", "").isdigit() else 0
        now = self._platform.clock.now()
        gone = stored is None or stored.expires_at <= now or expires <= now
        if stored is None or gone or signature != self._signature(stored.id, expires):
            return Reply(404, b"", content_type="text/plain", executed=False)
        return Reply(200, stored.data, content_type=stored.mime_type)
