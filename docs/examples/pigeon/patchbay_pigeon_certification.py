"""What the pigeon is certified with: its webhooks, and Pigeon Post as a function."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, ClassVar

import msgspec
from patchbay_pigeon import SEAL, STATES, TEXT_LIMIT, PigeonChannel, PigeonSettings
from pydantic import SecretStr

from patchbay.channel import ApiRequest, ApiResponse
from patchbay.model.content import Text
from patchbay.model.message import DeliveryState
from patchbay.testing.channel_samples import ChannelSamples, ContentSample, Fault
from patchbay.testing.outbound import account

KEY = "certification"  # seals the samples, and nothing else
STATUSES = {state: status for status, state in STATES.items()}
FAULTS: Mapping[str, ApiResponse] = {
    "rate_limited": ApiResponse(429, {"error": "The loft is full."}, {"retry-after": "30"}),
    "token_expired": ApiResponse(401, {"error": "The token has expired."}),
    "server_error": ApiResponse(500, {"error": "There is a storm."}),
    "unreachable": ApiResponse(404, {"error": "No pigeon has this ring."}),
}


class PigeonSamples(ChannelSamples):
    """Mara, whose pigeon has the ring 7, and the loft tower-1 write to each other."""

    channel = PigeonChannel(PigeonSettings(seal=SecretStr(KEY)))
    account = account("pigeon", "tower-1")
    retry_after_s = 30.0
    lacks: ClassVar[Mapping[str, str]] = {
        "watermark": "every letter has flights of its own",
        "echo": "nobody else writes for the loft",
        "echo_reference": "there are no echoes",
        "edit": "what is written is written",
        "delete": "what is written is written",
        "reaction": "pigeons carry letters only",
        "file_gone": "pigeons carry letters only",
        "window_closed": "pigeons fly at any time",
    }

    def sign(self, body: bytes) -> Mapping[str, str]:
        return {SEAL: hmac.digest(KEY.encode(), body, "sha256").hex()}

    def message(self, id: str, text: str, at: datetime) -> bytes:
        return webhook(letters=[{"id": id, "ring": "ring-7", "name": "Mara Voss", "text": text, "at": at}])

    def unknown(self) -> bytes:
        return webhook(parcels=[{"id": "p-1", "weight": 3}])

    def broken(self) -> bytes:
        return webhook(letters=[{"id": "l-broken"}])

    def batch(self, bodies: Sequence[bytes]) -> bytes:
        together: dict[str, list[Any]] = {}
        for body in bodies:
            for name, raws in msgspec.json.decode(body).items():
                if name != "loft":
                    together.setdefault(name, []).extend(raws)
        return webhook(**together)

    def receipt(self, id: str, state: DeliveryState, at: datetime, reference: str | None) -> bytes:
        return webhook(flights=[{"letter": id, "status": STATUSES[state], "at": at, "ref": reference}])

    def contents(self) -> Sequence[ContentSample]:
        return (ContentSample(Text(text="Three are left.")),)

    def refused(self) -> Sequence[ContentSample]:
        return (ContentSample(Text(text="x" * (TEXT_LIMIT + 1))),)

    def provider(self, request: ApiRequest, fault: Fault | None) -> ApiResponse:
        if fault is not None:
            return FAULTS[fault]
        letter = request.json or {}
        match request.method, request.path:
            case "GET", "/lofts/tower-1":
                return ApiResponse(200, {"name": "Tower"})
            case "POST", "/lofts/tower-1/letters" if letter.get("to") and 0 < len(letter.get("text", "")) <= TEXT_LIMIT:
                return ApiResponse(201, {"id": sha256(msgspec.json.encode(letter)).hexdigest()[:16]})
            case "POST", "/lofts/tower-1/letters":
                return ApiResponse(422, {"error": "It cannot be carried."})
            case _:
                return ApiResponse(404, {"error": "There is no such loft."})

    def shows(self, request: ApiRequest) -> bool:
        return request.path.endswith("/letters")


def webhook(**told: Any) -> bytes:
    return msgspec.json.encode({"loft": "tower-1", **told})
