"""E1: a webhook's MAC is over its raw bytes, checked before anything is read or kept; a wrong one is 401 and empty."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.faults.process import SECRET, signature, text_webhook
from tests.security.edge_world import Edge, edge

OLD = "p7YtQx2LrWb9KsVn4MzD"
BODY = text_webhook(("wamid.E1", "15550000001", "Hello"))
GOOD = signature(BODY)
HEX = GOOD.removeprefix("sha256=")
NAME = "X-Hub-Signature-256"


def mac(body: bytes, secret: str, method: str = "sha256") -> str:
    return f"{method}=" + hmac.new(secret.encode(), body, method).hexdigest()


def forged() -> dict[str, tuple[bytes, Mapping[str, str]]]:
    """What nobody with the secret would send, by a word for it: 60 with those that follow."""
    flipped = {
        f"hex digit {at} flipped": f"sha256={HEX[:at]}{int(HEX[at], 16) ^ 1:x}{HEX[at + 1 :]}" for at in range(0, 64, 4)
    }
    headers = {
        **flipped,
        "empty": "",
        "no scheme": HEX,
        "scheme alone": "sha256=",
        "sha1 of it": mac(BODY, SECRET, "sha1"),
        "sha512 of it": mac(BODY, SECRET, "sha512"),
        "sha1 under the name of sha256": "sha256=" + mac(BODY, SECRET, "sha1")[5:],
        "sha256 without a key": "sha256=" + hashlib.sha256(BODY).hexdigest(),
        "key in front of the body": "sha256=" + hashlib.sha256(SECRET.encode() + BODY).hexdigest(),
        "empty key": mac(BODY, ""),
        "another key": mac(BODY, SECRET + "x"),
        "key in upper case": mac(BODY, SECRET.upper()),
        "key with a new line": mac(BODY, SECRET + "\n"),
        "the key itself": "sha256=" + SECRET,
        "upper case": "sha256=" + HEX.upper(),
        "upper case scheme": "SHA256=" + HEX,
        "one digit short": GOOD[:-1],
        "one digit more": GOOD + "0",
        "half of it": GOOD[:39],
        "twice": GOOD + "," + GOOD,
        "in quotes": f'"{GOOD}"',
        "space inside": f"sha256= {HEX}",
        "colon": f"sha256:{HEX}",
        "base64": "sha256=" + b64encode(bytes.fromhex(HEX)).decode(),
        "null": "null",
        "wildcard": "sha256=*",
        "zeros": "sha256=" + "0" * 64,
        "ten thousand digits": "sha256=" + "a" * 8000,
        "not ASCII": "sha256=" + "é" * 64,
        "full-width digits": "sha256=" + "".join(chr(0xFF10 + int(d)) if d.isdigit() else d for d in HEX),
        "percent-encoded": GOOD.replace("=", "%3D"),
    }
    cases: dict[str, tuple[bytes, Mapping[str, str]]] = {word: (BODY, {NAME: said}) for word, said in headers.items()}
    cases |= {
        "no header": (BODY, {}),
        "older header alone": (BODY, {"X-Hub-Signature": mac(BODY, SECRET, "sha1")}),
        "bearer": (BODY, {"Authorization": f"Bearer {SECRET}"}),
        "body with a space more": (BODY + b" ", {NAME: GOOD}),
        "body with a byte less": (BODY[:-1], {NAME: GOOD}),
        "body said again with spaces": (BODY.replace(b":", b": "), {NAME: GOOD}),
        "body with another text": (BODY.replace(b"Hello", b"Hullo"), {NAME: GOOD}),
        "no body": (b"", {NAME: GOOD}),
        "no JSON": (b"\xff\xfe{", {NAME: GOOD}),
        "mac of the empty body": (BODY, {NAME: signature(b"")}),
        "mac of another body": (BODY, {NAME: signature(b"{}")}),
        "deep body": (b"[" * 100_000, {NAME: GOOD}),
    }
    return cases


FORGED = forged()


def test_there_are_sixty_cases() -> None:
    assert len(FORGED) + 2 >= 60  # and the two keys that are good


async def test_no_forged_webhook_is_taken_and_none_is_an_error(tmp_path: Path) -> None:
    async with edge(tmp_path, PATCHBAY_WHATSAPP__APP_SECRET=f"{SECRET},{OLD}") as world:
        answers = {
            word: await world.ask("POST", "/webhooks/whatsapp", data=body, headers=headers, token=None)
            for word, (body, headers) in FORGED.items()
        }
        assert {word: heard.status for word, heard in answers.items() if heard.status != 401} == {}
        assert {word for word, heard in answers.items() if heard.body} == set()
        assert await kept(world) == 0
        for secret in (SECRET, OLD):
            heard = await world.ask(
                "POST", "/webhooks/whatsapp", data=BODY, headers={NAME: signature(BODY, secret)}, token=None
            )
            assert (heard.status, heard.body) == (200, b"")
        assert await kept(world) == 2


@pytest.mark.parametrize("channel", ["whatsapp", "messenger", "instagram"])
async def test_a_channel_without_a_secret_takes_nothing(tmp_path: Path, channel: str) -> None:
    async with edge(tmp_path, **{f"PATCHBAY_{channel.upper()}__APP_SECRET": ""}) as world:
        for secret in ("", "None", SECRET):
            said = {NAME: mac(BODY, secret)}
            heard = await world.ask("POST", f"/webhooks/{channel}", data=BODY, headers=said, token=None)
            assert (heard.status, heard.body) == (401, b"")
        assert await kept(world) == 0


async def kept(world: Edge) -> int:
    """How many webhooks are in the journal."""
    return len((await world.json("GET", "/api/v1/ingest/events"))["data"])
