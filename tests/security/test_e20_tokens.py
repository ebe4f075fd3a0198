"""E20: of all tokens only ours, whole, for us and in time are believed; every other is refused in the same words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from patchbay.errors import ConfigError, Unauthenticated
from patchbay.testing import FakeClock
from patchbay_rbac.credentials.access_tokens import AccessTokens, Claims, SigningKey
from patchbay_rbac.credentials.wrong import WrongToken
from tests.security.jwts import Part, base64url, compact, part

NOW = FakeClock().now()
AT = int(NOW.timestamp())
KEY, OLD, STRANGE = SigningKey("new", b"n" * 32), SigningKey("old", b"o" * 32), SigningKey("strange", b"s" * 32)
TOKENS = AccessTokens([KEY, OLD], issuer="https://inbox.example", audience="patchbay")
HEADER: dict[str, Any] = {"alg": "HS256", "kid": "new", "typ": "at+jwt"}
PAYLOAD: dict[str, Any] = {
    "iss": "https://inbox.example",
    "aud": "patchbay",
    "sub": "usr_1",
    "sid": "ses_1",
    "jti": "c0ffee",
    "iat": AT,
    "exp": AT + 600,
}
GONE = object()


def changed(original: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {name: value for name, value in {**original, **changes}.items() if value is not GONE}


def header(**changes: Any) -> str:
    return compact(changed(HEADER, **changes), PAYLOAD, KEY.secret)


def payload(**changes: Any) -> str:
    return compact(HEADER, changed(PAYLOAD, **changes), KEY.secret)


GOOD = payload()


def unsigned(alg: Any, signature: str = "") -> str:
    return f"{part(changed(HEADER, alg=alg))}.{part(PAYLOAD)}.{signature}"


def algorithms() -> Iterator[tuple[str, str]]:
    for alg in ("none", "None", "NONE", "nOnE", "", None, 0, ["HS256"], GONE):
        yield f"alg {alg!r} without a signature" if alg is not GONE else "no alg", unsigned(alg)
        yield f"alg {alg!r} with one" if alg is not GONE else "no alg, signed", header(alg=alg)
    yield "alg none with another's signature", unsigned("none", GOOD.rpartition(".")[2])
    for alg, digest in (("HS384", "sha384"), ("HS512", "sha512"), ("hs256", "sha256"), ("HS256 ", "sha256")):
        yield f"alg {alg!r}", compact(changed(HEADER, alg=alg), PAYLOAD, KEY.secret, digest=digest)
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    yield "RS256", jwt.encode(PAYLOAD, private, "RS256", headers={"kid": "new", "typ": "at+jwt"})
    yield "EdDSA", jwt.encode(PAYLOAD, ed25519.Ed25519PrivateKey.generate(), "EdDSA", headers={"typ": "at+jwt"})
    yield "a public key taken for a secret", compact(HEADER, PAYLOAD, pem)
    yield "signed with SHA-512, called HS256", compact(HEADER, PAYLOAD, KEY.secret, digest="sha512")


def keys() -> Iterator[tuple[str, str]]:
    yield "a stranger's key", compact(HEADER, PAYLOAD, STRANGE.secret)
    yield "a stranger's key under its name", compact(changed(HEADER, kid="strange"), PAYLOAD, STRANGE.secret)
    yield "the old key under the new one's name", compact(HEADER, PAYLOAD, OLD.secret)
    yield "an empty key", compact(HEADER, PAYLOAD, b"")
    yield "the key's name as the key", compact(HEADER, PAYLOAD, b"new")
    yield "half the key", compact(HEADER, PAYLOAD, KEY.secret[:16])
    for kid in (GONE, None, "", 0, True, ["new"], {"new": 1}, "NEW", "new ", "new\0", "../../dev/null", "' or 1=1 --"):
        yield f"kid {kid!r}" if kid is not GONE else "no kid", header(kid=kid)
    jwk = {"kty": "oct", "k": base64url(STRANGE.secret)}
    yield "a key in the header", compact(changed(HEADER, jwk=jwk), PAYLOAD, STRANGE.secret)
    yield "a key's address in the header", compact(changed(HEADER, jku="https://e.vil/k"), PAYLOAD, STRANGE.secret)
    yield "a certificate in the header", compact(changed(HEADER, x5c=["MIIB"]), PAYLOAD, STRANGE.secret)


def headers() -> Iterator[tuple[str, str]]:
    for typ in (GONE, None, "", "JWT", "jwt", "at+JWT", "application/at+jwt", "rt+jwt", ["at+jwt"]):
        yield f"typ {typ!r}" if typ is not GONE else "no typ", header(typ=typ)
    yield "an unknown critical header", header(crit=["exp"], exp=AT)
    yield "a payload said to be plain", header(b64=False, crit=["b64"])
    yield "a nested token", header(cty="JWT")
    yield "a compressed payload", header(zip="DEF")
    raw: dict[str, bytes] = {
        "a header in another order": b'{"typ":"at+jwt","kid":"new","alg":"HS256"}',
        "a header with spaces": b'{"alg": "HS256", "kid": "new", "typ": "at+jwt"}',
        "alg twice": b'{"alg":"none","alg":"HS256","kid":"new","typ":"at+jwt"}',
        "a header that is a list": b'["HS256"]',
        "a header that is no JSON": b"HS256",
        "an empty header": b"",
        "a header of half a character": b'{"alg":"HS256","kid":"\xff","typ":"at+jwt"}',
        "a deep header": b"[" * 1000,
    }
    for name, said in raw.items():
        yield name, compact(said, PAYLOAD, KEY.secret)


def claims() -> Iterator[tuple[str, str]]:
    for name in PAYLOAD:
        yield f"no {name}", payload(**{name: GONE})
        yield f"{name} null", payload(**{name: None})
        yield f"{name} of the wrong type", payload(**{name: {"a": 1}})
        yield f"{name} in a list", payload(**{name: [PAYLOAD[name]]})
    for name in ("iss", "aud", "sub", "sid", "jti"):
        yield f"{name} empty", payload(**{name: ""})
        yield f"{name} a number", payload(**{name: 1})
    for name in ("iat", "exp", "nbf"):
        for value in (str(AT), AT + 0.5, True, 1e400, float("nan"), 10**30, -(10**30)):
            if (name, value) != ("nbf", -(10**30)):  # odd, and true: it may be used since long ago
                yield f"{name} {value!r}", payload(**{name: value})
    yield "another's issuer", payload(iss="https://e.vil")
    yield "an issuer with a slash more", payload(iss="https://inbox.example/")
    yield "another's audience", payload(aud="elsewhere")
    yield "one that is endless, and signed", payload(sub="x" * 3000)
    yield "two audiences", payload(aud=["patchbay", "elsewhere"])
    raw: dict[str, bytes] = {
        "a payload that is a list": b"[]",
        "a payload that is a word": b'"patchbay"',
        "a payload that is no JSON": b"{",
        "an empty payload": b"",
        "a payload of half a character": json.dumps(PAYLOAD).encode().replace(b"usr_1", b"usr_\xff"),
        "a deep payload": b'{"sub":' + b"[" * 1000,
    }
    for name, said in raw.items():
        yield name, compact(HEADER, said, KEY.secret)


def times() -> Iterator[tuple[str, str]]:
    yield "expired", payload(iat=AT - 630, exp=AT - 30)
    yield "expired long ago", payload(iat=0, exp=600)
    yield "issued in the future", payload(iat=AT + 31, exp=AT + 600)
    yield "not to be used yet", payload(nbf=AT + 31)
    yield "for longer than ten minutes", payload(exp=AT + 601)
    yield "for ever", payload(exp=2**53)
    yield "ending before it begins", payload(iat=AT + 20, exp=AT + 10)
    yield "for no time", payload(iat=AT, exp=AT)


def forms() -> Iterator[tuple[str, str]]:
    head, body, signature = GOOD.split(".")
    texts = {
        "nothing": "",
        "dots": "..",
        "a word": "token",
        "two parts": f"{head}.{body}",
        "four parts": f"{GOOD}.{signature}",
        "five parts, as if encrypted": f"{head}.{body}.{body}.{body}.{signature}",
        "no header": f".{body}.{signature}",
        "no payload": f"{head}..{signature}",
        "no signature": f"{head}.{body}.",
        "half a signature": f"{head}.{body}.{signature[:22]}",
        "a longer signature": f"{GOOD}AA",
        "padding": f"{GOOD}=",
        "a space before": f" {GOOD}",
        "a line after": f"{GOOD}\n",
        "a scheme before": f"Bearer {GOOD}",
        "standard base64": f"{head}.{body}.{'+/' + signature[2:]}",
        "letters beyond ASCII": f"{head}.{body}.{'é' * 43}",
        "digits beyond ASCII": f"{head}.{body}.{'١' * 43}",
        "half a surrogate pair": f"{head}.{body}.\ud800",
        "a NUL": f"{head}.{body}\0.{signature}",
        "huge": f"{head}.{'A' * 1_000_000}.{signature}",
        "a million dots": "." * 1_000_000,
        "too long by one": "A" * 2049,
        "header and payload swapped": f"{body}.{head}.{signature}",
        "another's payload": f"{head}.{part(changed(PAYLOAD, sub='usr_2'))}.{signature}",
        "JSON instead of three parts": json.dumps({"protected": head, "payload": body, "signature": signature}),
    }
    yield from texts.items()


CASES = [
    *(
        (f"{group.__name__}: {name}", token)
        for group in (algorithms, keys, headers, claims, times, forms)
        for name, token in group()
    )
]


def test_e20_there_are_more_than_80_cases_all_different_and_none_of_them_is_the_good_one() -> None:
    assert TOKENS.read(GOOD, NOW).subject == "usr_1"
    assert len({token for _, token in CASES}) >= 80
    assert len({name for name, _ in CASES}) == len(CASES)
    assert GOOD not in {token for _, token in CASES}


@pytest.mark.parametrize("token", [token for _, token in CASES], ids=[name for name, _ in CASES])
def test_e20_a_wrong_token_is_refused_in_the_same_words(token: str) -> None:
    with pytest.raises(WrongToken) as refused:
        TOKENS.read(token, NOW)
    error = refused.value
    assert isinstance(error, Unauthenticated)
    assert (str(error), error.problem_code) == ("The token is not valid, or no longer.", "unauthenticated")
    assert 0 < len(error.reason) < 60, "the reason is for the audit trail, and holds nothing of the token"


@given(st.data())
def test_e20_one_character_changed_is_a_wrong_token(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(GOOD) - 1))
    character = data.draw(st.sampled_from("ABCabc019-_.=") | st.characters(codec="utf-8"))
    token = GOOD[:at] + character + GOOD[at + 1 :]
    if token == GOOD:
        return
    with pytest.raises(WrongToken):
        TOKENS.read(token, NOW)


@given(st.text(max_size=200), st.sampled_from(["{}", GOOD[:40] + "{}", "{}." + GOOD, "{}.{}.{}"]))
def test_e20_any_text_is_a_wrong_token(text: str, around: str) -> None:
    with pytest.raises(WrongToken):
        TOKENS.read(around.replace("{}", text), NOW)


@given(st.dictionaries(st.sampled_from(sorted(PAYLOAD)), st.none() | st.integers() | st.text() | st.lists(st.text())))
def test_e20_a_signed_payload_is_read_as_it_is_or_refused(changes: Part) -> None:
    """Signed with our own key: what a fault of ours, or a stolen key's clumsy user, could put in."""
    assert isinstance(changes, dict)
    said = {**PAYLOAD, **changes}
    try:
        read = TOKENS.read(compact(HEADER, said, KEY.secret), NOW)
    except WrongToken:
        return
    assert (read.subject, read.session, read.token_id) == (said["sub"], said["sid"], said["jti"])
    assert read.expires_at - read.issued_at <= timedelta(minutes=10)


def test_e20_what_was_issued_is_read_to_the_second_for_ten_minutes_and_a_leeway() -> None:
    token, issued = TOKENS.issue("usr_1", "ses_1", NOW)
    assert TOKENS.read(token, NOW) == issued
    assert issued == Claims("usr_1", "ses_1", issued.token_id, NOW, NOW + timedelta(minutes=10))
    assert len(issued.token_id) == 32
    for seconds, works in ((-30.001, False), (-30, True), (0, True), (629.999, True), (630, False)):
        moment = NOW + timedelta(seconds=seconds)
        if works:
            assert TOKENS.read(token, moment) == issued
        else:
            with pytest.raises(WrongToken):
                TOKENS.read(token, moment)


@pytest.mark.parametrize("year", [1971, 2026, 2999])
def test_e20_the_given_moment_decides_and_not_the_machines_clock(year: int) -> None:
    then = datetime(year, 5, 17, 3, 4, 5, 678_000, tzinfo=UTC)
    token, issued = TOKENS.issue("usr_1", "ses_1", then)
    assert TOKENS.read(token, then) == issued
    with pytest.raises(WrongToken, match="not valid"):
        TOKENS.read(token, then + timedelta(minutes=11))


def test_e20_no_two_tokens_have_one_id() -> None:
    assert len({TOKENS.issue("usr_1", "ses_1", NOW)[1].token_id for _ in range(1000)}) == 1000


def test_e20_a_new_key_signs_and_the_old_one_verifies_until_it_is_dropped() -> None:
    before = AccessTokens([OLD], issuer="https://inbox.example", audience="patchbay")
    after = AccessTokens([KEY], issuer="https://inbox.example", audience="patchbay")
    old, _ = before.issue("usr_1", "ses_1", NOW)
    new, _ = TOKENS.issue("usr_1", "ses_1", NOW)
    assert TOKENS.read(old, NOW).subject == "usr_1"
    assert after.read(new, NOW).subject == "usr_1"
    for reader, token in ((after, old), (before, new)):
        with pytest.raises(WrongToken):
            reader.read(token, NOW)


@pytest.mark.parametrize(
    ("keys", "issuer", "audience", "words"),
    [
        ([], "i", "a", "give at least one"),
        ([SigningKey("short", b"x" * 31)], "i", "a", "short has 31 bytes; HS256 needs 32 or more"),
        ([KEY, SigningKey("weak", b"")], "i", "a", "weak has 0 bytes"),
        ([KEY, SigningKey("new", b"m" * 32)], "i", "a", "one id"),
        ([KEY], "", "a", "issuer and an audience"),
        ([KEY], "i", "", "issuer and an audience"),
    ],
)
def test_e20_keys_that_cannot_protect_stop_the_start(
    keys: list[SigningKey], issuer: str, audience: str, words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        AccessTokens(keys, issuer=issuer, audience=audience)


def test_e20_no_key_shows_in_a_repr() -> None:
    assert "nnnn" not in repr(KEY)
    assert "nnnn" not in repr(vars(TOKENS))
