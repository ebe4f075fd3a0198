"""Who work can be given to: people and departments that a directory knows.

API keys and bots answer without having a conversation. Where no directory is used, nobody has signed in yet, and any id
is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from patchbay.errors import FieldError, Forbidden, Invalid
from patchbay.ports import Card, Directory
from patchbay.web.call import Call


def person_given(call: Call, id: str | None, pointer: str = "/assignee_id") -> str | None:
    """The person that a request names, ``me`` is whoever asks. Raises ``Invalid`` for one that nobody knows."""
    named = call.principal.id if id == "me" else id
    if named is not None and not _is_known(call, named, lambda directory: directory.person(named)):
        raise _unknown(pointer, f"There is no active person {id!r}; GET /api/v1/users lists people.")
    return named


def department_given(call: Call, id: str | None, pointer: str = "/department_id") -> str | None:
    """The department that a request names. Raises ``Invalid`` for one that nobody knows."""
    if id is not None and not _is_known(call, id, lambda directory: directory.department(id)):
        raise _unknown(pointer, f"There is no department {id!r}; GET /api/v1/departments lists them.")
    return id


def claimer(call: Call) -> str:
    """Whoever asks, as somebody who takes a conversation. Raises ``Forbidden`` where that is no person."""
    id = call.principal.id
    if not _is_known(call, id, lambda directory: directory.person(id)):
        raise Forbidden("People take conversations; assign it to one.")
    return id


def _is_known(call: Call, id: str, look: Callable[[Directory], Card | None]) -> bool:
    used: Sequence[Directory] = [each for each in call.gateway.registry.directories if each.is_used]
    return not used or any(look(directory) is not None for directory in used)


def _unknown(pointer: str, message: str) -> Invalid:
    return Invalid(f"{pointer}: {message}", errors=[FieldError(pointer, "invalid", message)])
