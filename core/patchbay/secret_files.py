"""Small files that hold a secret: made once, by whoever comes first, and readable by their owner only."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

from patchbay.errors import ConfigError

PRIVATE = 0o600


def read_secret(path: Path) -> str | None:
    """The file's text, None when there is no file. Raises ``ConfigError`` when every user of the machine can read it.

    A group may: volumes of containers are often given to a group as a whole.
    """
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if os.name == "posix" and mode & stat.S_IRWXO:
                raise ConfigError(
                    f"{path} is open to every user of this machine (mode {mode:04o}); run: chmod 600 {path}, and "
                    "replace the secret in it if others may have seen it."
                )
            return file.read().decode()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {_reason(error)}.") from error


def read_text(path: Path) -> str | None:
    """The file's text, None when there is no file. Raises ``ConfigError``."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {_reason(error)}.") from error


def write_secret_once(path: Path, make: Callable[[], str]) -> None:
    """Write the file unless it exists: whole or not at all, and never over one that somebody else made meanwhile.

    Raises: ``ConfigError`` when it cannot be written.
    """
    if path.exists():
        return
    try:
        _make_folder(path.parent)
        draft = _draft(path, make() + "\n")
        try:
            with contextlib.suppress(FileExistsError):
                _name(draft, path)
        finally:
            draft.unlink(missing_ok=True)
        _flush_folder(path.parent)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {_reason(error)}.") from error


def replace_text(path: Path, text: str) -> None:
    """Write the file, whole or not at all, over the present one. Raises ``ConfigError``."""
    try:
        _make_folder(path.parent)
        _draft(path, text).replace(path)
        _flush_folder(path.parent)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {_reason(error)}.") from error


def _make_folder(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def _draft(path: Path, text: str) -> Path:
    """A flushed file beside ``path``, made with O_EXCL and mode 0600."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    with os.fdopen(descriptor, "wb") as file:
        file.write(text.encode())
        file.flush()
        os.fsync(file.fileno())
    return Path(name)


def _name(draft: Path, path: Path) -> None:
    """Give the draft its name. Raises ``FileExistsError`` when the name is taken."""
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links: here a crash may leave an empty file, which is told from a key
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE), "wb") as file:
            file.write(draft.read_bytes())
            file.flush()
            os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error)).rstrip(".")
