"""What is written down of what is done."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct

from patchbay.collections import Collection
from patchbay.model.cause import Cause
from patchbay.model.document import Document
from patchbay.model.message import Actor

if TYPE_CHECKING:
    from patchbay.inbox.unit import UnitOfWork


class Change(Struct, frozen=True, gc=False):
    """One document that a unit of work changes: ``before`` None where it was made, ``after`` where it was removed."""

    collection: Collection[Any]
    id: str
    before: Document | None
    after: Document | None


class Act(Struct, frozen=True, kw_only=True, gc=False):
    """What a principal did or was refused: what a trail is made of.

    ``outcome`` is ``done``, or the code of the refusal (``forbidden``). ``about`` holds what is known beside the
    changes: the name that somebody tried to sign in with, the filters of an export.
    """

    cause: Cause
    actor: Actor
    occurred_at: datetime
    outcome: str = "done"
    status: int | None = None
    changes: tuple[Change, ...] = ()
    about: dict[str, Any] = {}


class Recorder(Protocol):
    """Writes down what is done, in the same commit. ``patchbay_audit`` is one.

    For each act the core calls ``ready``, then ``record`` while nothing else can run, commits, and then calls
    ``settled`` with what ``record`` returned. When the commit loses a race, that is one round; the next begins again.
    Refusals are acts of their own, without changes.
    """

    name: str

    async def ready(self) -> None:
        """Load whatever ``record`` needs at hand. Raises ``StoreUnavailable``."""

    def record(self, uow: UnitOfWork, act: Act) -> object:
        """Stage documents into the unit that does the act. Raises what makes the act impossible."""

    def settled(self, ticket: object, *, committed: bool) -> None:
        """Say what became of the unit for which ``record`` returned this ticket."""
