"""Secrets: the key that seals what is stored, the administrator's token, and links that expire.

``PATCHBAY_SECRET_KEY`` holds one key, or several with commas between them: the first seals and signs, all of them open.
Without it a key is made in ``{data_dir}/secret-key``, readable by its owner only. No key, token or sealed value shows
in a repr or in an error; each that passes through here is masked in logs.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from patchbay.errors import ConfigError, SecretError
from patchbay.redaction import hide
from patchbay.secret_files import read_secret, read_text, replace_text, write_secret_once
from patchbay.settings import Settings

KEY_FILE: Final = "secret-key"
TOKEN_FILE: Final = "admin-token"
CANARY_FILE: Final = "secret-canary"
KEY_MIN_BYTES: Final = 32
TOKEN_MIN_BYTES: Final = 16
VERSION: Final = "v1"
NONCE_BYTES: Final = 12  # AES-GCM, NIST SP 800-38D: 96 bits, random, fewer than 2**32 values under one key
CANARY: Final = "the canary sings"
Entropy = Callable[[int], bytes]

# Parts of values that people copy from documentation; the chance to meet one in a random key is below one in 10**7.
EXAMPLES: Final = (
    "changeme",
    "changethis",
    "default",
    "dontuse",
    "donotuse",
    "example",
    "insecure",
    "keyboardcat",
    "letmein",
    "passw0rd",
    "password",
    "placeholder",
    "replace",
    "secretkey",
    "supersecret",
    "yoursecret",
    "yourtoken",
    "yourkey",
    "0123456789",
    "1234567890",
    "abcdefgh",
)
FEWEST_CHARACTERS: Final = 8  # different ones; of 10**7 keys of 32 random hex digits one has fewer


class SecretKey:
    """One key. ``id`` names it in sealed values and says nothing about it."""

    __slots__ = ("_raw", "id")

    def __init__(self, text: str) -> None:
        self._raw = text.encode("utf-8", "surrogatepass")
        self.id = self.derive("key id", 6).hex()

    def derive(self, purpose: str, length: int = 32) -> bytes:
        """A key of its own for each purpose, so that none can be used for another."""
        kdf = HKDF(algorithm=SHA256(), length=length, salt=b"patchbay", info=purpose.encode())
        return kdf.derive(self._raw)

    def __repr__(self) -> str:
        return f"SecretKey(id={self.id!r})"


class Vault:
    """Seals and opens credentials, and makes signers. The first key seals, every key opens."""

    def __init__(self, keys: Sequence[SecretKey], *, entropy: Entropy = os.urandom) -> None:
        if not keys:
            raise ConfigError("PATCHBAY_SECRET_KEY holds no key.")
        self._entropy = entropy
        self.renew(keys)

    def renew(self, keys: Sequence[SecretKey]) -> None:
        """Seal with the first of these from now on, and open with all of them."""
        self.keys = tuple(keys)
        self._ciphers = {key.id: AESGCM(key.derive("seal")) for key in keys}

    def seal(self, credentials: Mapping[str, str], context: str) -> dict[str, str]:
        """Credentials as they may be stored: each sealed for the context (its account's id) and its name, and for no
        other."""
        return {field: self.seal_text(value, context, field) for field, value in credentials.items()}

    def open(self, sealed: Mapping[str, str], context: str) -> dict[str, str]:
        """The credentials in the clear. Raises ``SecretError``."""
        opened = {field: self.open_text(value, context, field) for field, value in sealed.items()}
        hide(*opened.values())
        return opened

    def seal_text(self, text: str, context: str, field: str) -> str:
        """``v1:{key id}:{base64}``."""
        key_id = self.keys[0].id
        nonce = self._entropy(NONCE_BYTES)
        sealed = self._ciphers[key_id].encrypt(nonce, text.encode(), _bound_to(context, field, key_id))
        return f"{VERSION}:{key_id}:{_base64(nonce + sealed)}"

    def open_text(self, sealed: str, context: str, field: str) -> str:
        """The text that was sealed for this context and field. Raises ``SecretError``."""
        key_id, payload = _sealed_parts(sealed, f"{field} of {context}")
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise SecretError(
                f"{field} of {context} was sealed with the key {key_id}, which PATCHBAY_SECRET_KEY does not hold; "
                "add that key after the present one, with a comma between them."
            )
        try:
            opened = cipher.decrypt(payload[:NONCE_BYTES], payload[NONCE_BYTES:], _bound_to(context, field, key_id))
        except (InvalidTag, ValueError) as error:
            raise SecretError(
                f"{field} of {context} was altered, or belongs to another account or field; enter it again."
            ) from error
        return opened.decode()

    def is_current(self, sealed: str) -> bool:
        """Whether the first key sealed it; what another sealed should be sealed again before that key is retired."""
        return sealed.startswith(f"{VERSION}:{self.keys[0].id}:")

    def derive(self, purpose: str) -> list[bytes]:
        """32 bytes for one purpose of each key, the present one first."""
        return [key.derive(purpose) for key in self.keys]

    def signer(self, purpose: str) -> Signer:
        """Signs for one purpose ("media link"); what it signed means nothing for another."""
        return Signer([key.derive(f"sign {purpose}") for key in self.keys])

    def __repr__(self) -> str:
        return f"Vault(keys={[key.id for key in self.keys]})"


class Signer:
    """Signs short texts for a while: ``{text}.{seconds since the epoch}.{signature}``, all of it safe in a URL."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = tuple(keys)

    def sign(self, payload: str, expires_at: datetime) -> str:
        """The payload, readable by all, changeable by none, valid until ``expires_at`` (rounded up to seconds)."""
        seconds = -int(-expires_at.timestamp() // 1)
        signed = f"{_base64(payload.encode())}.{seconds}"
        return f"{signed}.{self._mac(self._keys[0], signed)}"

    def verify(self, token: str, now: datetime) -> str | None:
        """The payload, or None when we never signed this or it has expired."""
        signed, _, mac = token.rpartition(".")
        given = mac.encode("utf-8", "surrogatepass")
        if not any(hmac.compare_digest(given, self._mac(key, signed).encode()) for key in self._keys):
            return None
        encoded, _, seconds = signed.rpartition(".")
        if now.astimezone(UTC).timestamp() >= int(seconds):
            return None
        return _unbase64(encoded).decode()

    @staticmethod
    def _mac(key: bytes, signed: str) -> str:
        return _base64(hmac.digest(key, signed.encode("utf-8", "surrogatepass"), hashlib.sha256))


def open_vault(settings: Settings, *, entropy: Entropy = os.urandom) -> Vault:
    """The vault of this deployment, its key made on the first start.

    Raises: ``ConfigError`` for a weak, example or world-readable key, ``SecretError`` when data in the data folder was
    sealed with a key that is not among those given.
    """
    path = settings.data_dir / KEY_FILE
    if _given(settings.secret_key) is None:
        write_secret_once(path, lambda: _base64(entropy(KEY_MIN_BYTES)))
    keys = stated_keys(settings)
    vault = Vault(keys, entropy=entropy)
    _remember_canary(settings, vault, meet_canary(settings, keys))
    return vault


def stated_keys(settings: Settings) -> list[SecretKey]:
    """The keys from the setting or the key file, none when there is neither. Raises ``ConfigError``."""
    given, source = _given(settings.secret_key), "PATCHBAY_SECRET_KEY"
    if given is None:
        path = settings.data_dir / KEY_FILE
        given, source = read_secret(path), str(path)
    texts = [text.strip() for text in (given or "").replace("\n", ",").split(",") if text.strip()]
    for text in texts:
        refuse_weak(text, source, KEY_MIN_BYTES)
    if given is not None and not texts:
        raise ConfigError(f"{source} is empty; delete it to have a new key made, or put the key back.")
    hide(*texts)
    return [SecretKey(text) for text in texts]


def open_admin_token(settings: Settings, *, entropy: Entropy = os.urandom) -> str:
    """The token of the bootstrap principal, made on the first start. Raises ``ConfigError``."""
    _need_folder(settings)
    if _given(settings.admin_token) is None:
        write_secret_once(settings.data_dir / TOKEN_FILE, lambda: _base64(entropy(KEY_MIN_BYTES)))
    token = stated_admin_token(settings)
    if token is None:
        raise ConfigError(f"{settings.data_dir / TOKEN_FILE} is empty; delete it to have a new token made.")
    return token


def _need_folder(settings: Settings) -> None:
    """Make the data folder. Raises ``ConfigError`` that names the setting when it cannot be."""
    try:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror.lower() if error.strerror else str(error)
        raise ConfigError(f"PATCHBAY_DATA_DIR: {settings.data_dir} cannot be made: {reason}.") from error


def stated_admin_token(settings: Settings) -> str | None:
    """The token from the setting or its file, None when there is neither. Raises ``ConfigError``."""
    token, source = _given(settings.admin_token), "PATCHBAY_ADMIN_TOKEN"
    if token is None:
        path = settings.data_dir / TOKEN_FILE
        token, source = (read_secret(path) or "").strip() or None, str(path)
    if token is not None:
        refuse_weak(token, source, TOKEN_MIN_BYTES)
        hide(token)
    return token


def refuse_weak(text: str, source: str, at_least: int) -> None:
    """Raise ``ConfigError`` for a secret that can be guessed: short, of few characters, or copied from an example."""
    remedy = 'make one with: python -c "import secrets; print(secrets.token_urlsafe(32))"'
    size = len(text.encode("utf-8", "surrogatepass"))
    if size < at_least:
        raise ConfigError(f"{source} has {size} bytes and needs {at_least} or more; {remedy}.")
    folded = "".join(character for character in text.lower() if character.isalnum())
    if any(example in folded for example in EXAMPLES):
        raise ConfigError(f"{source} is an example value that everybody knows; {remedy}.")
    if len(set(text)) < FEWEST_CHARACTERS:
        raise ConfigError(f"{source} repeats a few characters and is easily guessed; {remedy}.")


def _given(setting: object) -> str | None:
    """A secret setting's text, None when it is unset or empty (as a compose file leaves an unset variable)."""
    reveal = getattr(setting, "get_secret_value", None)
    return (reveal().strip() or None) if reveal is not None else None


def meet_canary(settings: Settings, keys: Sequence[SecretKey]) -> list[str]:
    """Raise ``SecretError`` unless every key that sealed something here is among these; the canary file's lines.

    The file has a line for each key that ever sealed: a text that only this key opens.
    """
    path = settings.data_dir / CANARY_FILE
    lines = [line for line in (read_text(path) or "").splitlines() if line.strip()]
    held = {key.id for key in keys}
    for line in lines:
        key_id, _ = _sealed_parts(line, f"A line of {path}")
        if key_id not in held:
            raise SecretError(
                f"PATCHBAY_SECRET_KEY is not the key that sealed the credentials stored here (key {key_id}): put that "
                f"key back, or add it after the new one with a comma between them, or remove its line from {path} "
                "if nothing sealed with it is left."
            )
        Vault(keys).open_text(line, CANARY_FILE, "canary")
    return lines


def _remember_canary(settings: Settings, vault: Vault, lines: Sequence[str]) -> None:
    """Note that the first key seals from now on."""
    if not any(vault.is_current(line) for line in lines):
        sealed = vault.seal_text(CANARY, CANARY_FILE, "canary")
        replace_text(settings.data_dir / CANARY_FILE, "".join(f"{line}\n" for line in (*lines, sealed)))


def _bound_to(context: str, field: str, key_id: str) -> bytes:
    return msgspec.json.encode([VERSION, context, field, key_id])


def _sealed_parts(sealed: str, what: str) -> tuple[str, bytes]:
    version, _, rest = sealed.partition(":")
    key_id, _, encoded = rest.partition(":")
    try:
        if version == VERSION and key_id:
            return key_id, _unbase64(encoded)
    except (binascii.Error, ValueError):
        pass
    raise SecretError(f"{what} is not a sealed value of this version; enter it again.")


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _unbase64(text: str) -> bytes:
    raw = text.encode("ascii")
    return base64.b64decode(raw + b"=" * (-len(raw) % 4), altchars=b"-_", validate=True)
