"""The key file: a new key goes in front of it, old keys leave it once nothing is sealed by them.

Keys that come from ``PATCHBAY_SECRET_KEY`` are the administrator's to change; what to write there is said.
"""

from __future__ import annotations

import base64
import os

from patchbay.errors import ConfigError
from patchbay.secret_files import read_secret, read_text, replace_text
from patchbay.secrets import CANARY_FILE, KEY_FILE, KEY_MIN_BYTES, Entropy, SecretKey, stated_keys
from patchbay.settings import Settings

HOW_TO_ROTATE = (
    "The key comes from PATCHBAY_SECRET_KEY: put a new one in front of the present one there, with a comma between "
    'them (python -c "import secrets; print(secrets.token_urlsafe(32))" makes one), restart, and seal again.'
)


def key_file_is_used(settings: Settings) -> bool:
    """Whether the keys are kept in the data folder."""
    given = settings.secret_key
    return given is None or not given.get_secret_value().strip()


def add_key(settings: Settings, *, entropy: Entropy = os.urandom) -> SecretKey:
    """Put a new key in front of the key file; it seals from the next reading on. Whole or not at all.

    Raises ``ConfigError`` where the keys come from the environment.
    """
    if not key_file_is_used(settings):
        raise ConfigError(HOW_TO_ROTATE)
    path = settings.data_dir / KEY_FILE
    new = base64.urlsafe_b64encode(entropy(KEY_MIN_BYTES)).rstrip(b"=").decode()
    known = (read_secret(path) or "").strip()
    replace_text(path, f"{new}\n{known}\n" if known else f"{new}\n")
    return SecretKey(new)


def retire_keys(settings: Settings) -> list[str]:
    """Forget every key but the first; the ids of those that are gone. What they sealed can never be opened again, so
    ask ``reseal.still_sealed`` first. Raises ``ConfigError``."""
    first, *old = stated_keys(settings)
    if not old:
        return []
    path = settings.data_dir / CANARY_FILE
    lines = [line for line in (read_text(path) or "").splitlines() if line.strip()]
    kept = [line for line in lines if line.split(":")[1:2] == [first.id]]
    replace_text(path, "".join(f"{line}\n" for line in kept))
    if key_file_is_used(settings):
        keys = settings.data_dir / KEY_FILE
        texts = [text for text in (read_secret(keys) or "").replace(",", "\n").split() if text]
        replace_text(keys, f"{texts[0]}\n")
    return [key.id for key in old]
