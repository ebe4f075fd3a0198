"""A forged webhook is refused, whatever its header looks like, and a true one is taken."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchbay.errors import BadSignature
from patchbay_meta.signature import Signer, signers, verify

PAYLOADS = Path(__file__).parents[2] / "payloads" / "whatsapp"
SECRET = "fixture_app_secret"
BODY = b'{"object":"whatsapp_business_account","entry":[]}'
GOOD = "sha256=" + hmac.new(SECRET.encode(), BODY, hashlib.sha256).hexdigest()
HEX = GOOD.removeprefix("sha256=")
# The exact bytes of three payloads, with SECRET; computed apart from this code.
VECTORS = {
    "text.json": "sha256=f9ed019e84184aa13721e3a4295934575b1021c0e0988630e5702ade4f4d296f",
    "text_unicode.json": "sha256=38711a1e31e4202267c95442cf08a8d394b758662bf4935e7679dfa7253009ab",
    "batch_two_entries_mixed.json": "sha256=ba619f8f48a499aaf00d5cd37a6362852b8ee04d73adbc2dcfcb5601749a05e4",
}


def _flipped(position: int) -> str:
    """The good header with one hex digit replaced by another."""
    digit = HEX[position]
    return "sha256=" + HEX[:position] + ("0" if digit != "0" else "1") + HEX[position + 1 :]


FORGED: dict[str, str | None] = {
    "missing": None,
    "empty": "",
    "space": " ",
    "prefix only": "sha256=",
    "no prefix": HEX,
    "upper-case hex": "sha256=" + HEX.upper(),
    "upper-case prefix": "SHA256=" + HEX,
    "title-case prefix": "Sha256=" + HEX,
    "one upper-case digit": "sha256=" + HEX.replace("a", "A", 1).replace("f", "F", 1),
    "sha1 prefix": "sha1=" + HEX,
    "sha512 prefix": "sha512=" + HEX,
    "colon": "sha256:" + HEX,
    "two equals": "sha256==" + HEX,
    "leading space": " " + GOOD,
    "trailing space": GOOD + " ",
    "space after equals": "sha256= " + HEX,
    "leading tab": "\t" + GOOD,
    "trailing newline": GOOD + "\n",
    "trailing carriage return": GOOD + "\r\n",
    "trailing NUL": GOOD + "\0",
    "leading NUL": "\0" + GOOD,
    "one digit short": GOOD[:-1],
    "one digit long": GOOD + "0",
    "half": GOOD[: len(GOOD) // 2],
    "twice": GOOD + GOOD,
    "twice with comma": GOOD + "," + GOOD,
    "twice with comma and space": GOOD + ", " + GOOD,
    "quoted": f'"{GOOD}"',
    "quoted digest": f'sha256="{HEX}"',
    "0x digest": "sha256=0x" + HEX,
    "zeros": "sha256=" + "0" * 64,
    "letters beyond f": "sha256=" + "g" * 64,
    "base64 digest": "sha256=" + "A" * 43 + "=",
    "first digit changed": _flipped(0),
    "second digit changed": _flipped(1),
    "middle digit changed": _flipped(31),
    "last digit but one changed": _flipped(62),
    "last digit changed": _flipped(63),
    "digits reversed": "sha256=" + HEX[::-1],
    "plain hash without a key": "sha256=" + hashlib.sha256(BODY).hexdigest(),
    "hash of secret and body": "sha256=" + hashlib.sha256(SECRET.encode() + BODY).hexdigest(),
    "hash of body and secret": "sha256=" + hashlib.sha256(BODY + SECRET.encode()).hexdigest(),
    "empty key": "sha256=" + hmac.new(b"", BODY, hashlib.sha256).hexdigest(),
    "other key": "sha256=" + hmac.new(b"other", BODY, hashlib.sha256).hexdigest(),
    "key with a newline": "sha256=" + hmac.new(SECRET.encode() + b"\n", BODY, hashlib.sha256).hexdigest(),
    "key in upper case": "sha256=" + hmac.new(SECRET.upper().encode(), BODY, hashlib.sha256).hexdigest(),
    "sha1 digest": "sha256=" + hmac.new(SECRET.encode(), BODY, hashlib.sha1).hexdigest(),
    "sha512 digest": "sha256=" + hmac.new(SECRET.encode(), BODY, hashlib.sha512).hexdigest(),
    "of the body and a newline": "sha256=" + hmac.new(SECRET.encode(), BODY + b"\n", hashlib.sha256).hexdigest(),
    "of an empty body": "sha256=" + hmac.new(SECRET.encode(), b"", hashlib.sha256).hexdigest(),
    "full-width digit": "sha256=" + "\uff10" + HEX[1:],
    "arabic digit": "sha256=" + "\u0660" + HEX[1:],
    "cyrillic letter": "sha256=" + "\u0430" + HEX[1:],
    "latin-1 letter": "sha256=" + "\xe9" + HEX[1:],
    "emoji": "sha256=\U0001f600",
    "lone surrogate": "sha256=\udcff" + HEX[1:],
    "byte order mark": "\ufeff" + GOOD,
    "zero-width space": GOOD + "\u200b",
    "very long": "sha256=" + "a" * 100_000,
    "SQL": "' OR '1'='1",
}


@pytest.mark.parametrize("header", FORGED.values(), ids=FORGED.keys())
def test_a_forged_header_is_a_bad_signature(header: str | None) -> None:
    with pytest.raises(BadSignature):
        verify(BODY, header, [SECRET])


def test_the_good_header_is_taken() -> None:
    verify(BODY, GOOD, [SECRET])


@pytest.mark.parametrize("name", VECTORS)
def test_the_vectors_of_the_payloads_hold(name: str) -> None:
    body = (PAYLOADS / name).read_bytes()
    verify(body, VECTORS[name], [SECRET])
    assert Signer(SECRET).header(body) == VECTORS[name]
    with pytest.raises(BadSignature):
        verify(body + b" ", VECTORS[name], [SECRET])


def test_a_body_that_is_serialised_again_is_refused() -> None:
    body = (PAYLOADS / "text_unicode.json").read_bytes()
    with pytest.raises(BadSignature):
        verify(body.rstrip(b"\n"), VECTORS["text_unicode.json"], [SECRET])


@pytest.mark.parametrize("secrets", [["old", SECRET], [SECRET, "new"], ["a", "b", SECRET], ["", SECRET]])
def test_any_of_the_secrets_may_have_signed(secrets: list[str]) -> None:
    verify(BODY, GOOD, secrets)


@pytest.mark.parametrize("secrets", [[], [""], ["", ""], ["old", "new"]])
def test_without_the_right_secret_everything_is_refused(secrets: list[str]) -> None:
    with pytest.raises(BadSignature):
        verify(BODY, GOOD, secrets)


def test_an_empty_secret_never_signs() -> None:
    with pytest.raises(BadSignature):
        verify(BODY, FORGED["empty key"], [""])
    assert signers(["", "a"]) == signers(["a"])
    with pytest.raises(ValueError, match="empty"):
        Signer("")


def test_no_secret_shows_in_a_repr_or_an_error() -> None:
    assert SECRET not in repr(Signer(SECRET))
    with pytest.raises(BadSignature) as caught:
        verify(BODY, "sha256=" + "0" * 64, [SECRET])
    assert SECRET not in str(caught.value)
    assert HEX not in str(caught.value)


@given(st.text(min_size=1).filter(lambda key: key.isprintable()), st.binary(max_size=300))
def test_it_is_the_hmac_of_the_standard_library(secret: str, body: bytes) -> None:
    expected = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    assert Signer(secret).header(body) == expected
    verify(body, expected, [secret])


@pytest.mark.parametrize("length", [63, 64, 65, 200])
def test_keys_around_the_block_size_are_prepared_right(length: int) -> None:
    secret = "k" * length
    assert Signer(secret).header(b"x") == "sha256=" + hmac.new(secret.encode(), b"x", hashlib.sha256).hexdigest()


@given(st.binary(max_size=200), st.none() | st.text(max_size=90))
def test_any_header_is_taken_or_a_bad_signature(body: bytes, header: str | None) -> None:
    if header == Signer(SECRET).header(body):
        return
    with pytest.raises(BadSignature):
        verify(body, header, [SECRET])
