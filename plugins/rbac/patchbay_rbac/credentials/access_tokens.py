"""Access tokens: JWTs that live for ten minutes and say who, by which session. Nothing else: rights are looked up.

Only we issue them and only we read them, so there is one algorithm and one header per key, and a token whose header is
not ours byte for byte is refused before any of it is decoded: no ``alg``, ``kid``, ``jwk``, ``crit`` or ``typ`` of a
stranger is ever interpreted. PyJWT checks signature, audience, issuer and which claims are there; times are checked
here, against the moment that is given, for PyJWT asks the machine's clock (``tests/security/test_e20_tokens.py``).
Sources: RFC 8725 (best current practices), RFC 9068 (``at+jwt``).
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import jwt
import msgspec

from patchbay.errors import ConfigError
from patchbay.secrets import Entropy

from .wrong import WrongToken

ALGORITHM: Final = "HS256"
TYPE: Final = "at+jwt"  # RFC 9068, 2.1
LIFETIME: Final = timedelta(minutes=10)  # section 7, "JWT access"
LEEWAY: Final = timedelta(seconds=30)
KEY_MIN_BYTES: Final = 32
MAX_LENGTH: Final = 2048  # characters; ours have fewer than 600
REQUIRED: Final = ("exp", "iat", "sub", "aud", "iss", "jti", "sid")
_FORM: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{43}", re.ASCII)


@dataclass(frozen=True)
class SigningKey:
    """``id`` becomes the header's ``kid`` and says nothing about the secret."""

    id: str
    secret: bytes = field(repr=False)


@dataclass(frozen=True)
class Claims:
    """What a token says, once it is believed. Whether session and user still stand is for the caller to look up."""

    subject: str
    session: str
    token_id: str
    issued_at: datetime
    expires_at: datetime


class _Times(msgspec.Struct, frozen=True):
    exp: int
    iat: int
    sub: str
    jti: str
    sid: str
    nbf: int | None = None


class AccessTokens:
    """Issues and reads them. The first key signs, each verifies: put a new one in front, drop the old one later."""

    def __init__(
        self, keys: Sequence[SigningKey], *, issuer: str, audience: str, entropy: Entropy = os.urandom
    ) -> None:
        _check(keys, issuer, audience)
        self._issuer = issuer
        self._audience = audience
        self._entropy = entropy
        self._jwt = jwt.PyJWT(
            {
                "require": list(REQUIRED),
                "strict_aud": True,
                "enforce_minimum_key_length": True,
                "verify_exp": False,  # the three below: see _check_times
                "verify_iat": False,
                "verify_nbf": False,
            }
        )
        self._signing = keys[0]
        self._by_header = {self._signed({}, key).partition(".")[0]: key for key in keys}

    def issue(self, subject: str, session: str, now: datetime) -> tuple[str, Claims]:
        """A token, and what it says."""
        issued = int(now.timestamp())
        expires = issued + int(LIFETIME.total_seconds())
        token_id = self._entropy(16).hex()
        payload = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": subject,
            "sid": session,
            "jti": token_id,
            "iat": issued,
            "exp": expires,
        }
        return self._signed(payload, self._signing), _claims(subject, session, token_id, issued, expires)

    def read(self, token: str, now: datetime) -> Claims:
        """What the token says, at this moment. Raises ``WrongToken``, the same for whatever is wrong."""
        payload = self._verified(token)
        try:
            said = msgspec.convert(payload, _Times)
        except (msgspec.ValidationError, OverflowError):
            raise WrongToken("a claim has the wrong type") from None
        if not (said.sub and said.sid and said.jti):
            raise WrongToken("a claim is empty")
        _check_times(said, now)
        return _claims(said.sub, said.sid, said.jti, said.iat, said.exp)

    def _verified(self, token: str) -> dict[str, Any]:
        if len(token) > MAX_LENGTH:
            raise WrongToken("too long")
        if _FORM.fullmatch(token) is None:
            raise WrongToken("not the form of a token")
        key = self._by_header.get(token.partition(".")[0])
        if key is None:
            raise WrongToken("not a header of ours")
        try:
            payload: dict[str, Any] = self._jwt.decode(
                token, key.secret, algorithms=[ALGORITHM], audience=self._audience, issuer=self._issuer
            )
        except (jwt.PyJWTError, ValueError, RecursionError) as error:
            raise WrongToken(type(error).__name__) from None  # its message may quote the token
        return payload

    def _signed(self, payload: dict[str, Any], key: SigningKey) -> str:
        return self._jwt.encode(payload, key.secret, algorithm=ALGORITHM, headers={"typ": TYPE, "kid": key.id})


def _claims(subject: str, session: str, token_id: str, issued: int, expires: int) -> Claims:
    return Claims(subject, session, token_id, datetime.fromtimestamp(issued, UTC), datetime.fromtimestamp(expires, UTC))


def _check_times(said: _Times, now: datetime) -> None:
    moment, leeway = now.timestamp(), LEEWAY.total_seconds()
    if moment >= said.exp + leeway:
        raise WrongToken("expired")
    if said.iat > moment + leeway or (said.nbf is not None and said.nbf > moment + leeway):
        raise WrongToken("not yet valid")
    if not 0 < said.exp - said.iat <= LIFETIME.total_seconds():
        raise WrongToken("lives longer than a token may")


def _check(keys: Sequence[SigningKey], issuer: str, audience: str) -> None:
    if not keys:
        raise ConfigError("Access tokens need a key to be signed with; give at least one.")
    for key in keys:
        if len(key.secret) < KEY_MIN_BYTES:
            raise ConfigError(
                f"The signing key {key.id} has {len(key.secret)} bytes; {ALGORITHM} needs {KEY_MIN_BYTES} or more."
            )
    if len({key.id for key in keys}) < len(keys):
        raise ConfigError("Two signing keys have one id; give each its own.")
    if not issuer or not audience:
        raise ConfigError("Access tokens need an issuer and an audience; neither may be empty.")
