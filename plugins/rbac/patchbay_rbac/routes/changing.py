"""What the operations on people, roles and departments share: who asks, and taking turns."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from patchbay.web.call import Call
from patchbay.web.operations import Answer
from patchbay_rbac.changing import LANE
from patchbay_rbac.changing.bounds import Bounds, bounds_of
from patchbay_rbac.rbac import Rbac

if TYPE_CHECKING:
    from patchbay.inbox.unit import UnitOfWork

T = TypeVar("T")
Command = Callable[["UnitOfWork", Bounds], T]


class Changing:
    """Runs commands one after the other. Who asks is judged anew in each try, inside the unit of work: a right that was
    withdrawn while the request waited is missed (E17)."""

    def __init__(self, rbac: Rbac) -> None:
        self._rbac = rbac

    async def _do(self, call: Call, command: Command[T]) -> T:
        return await call.run(self._bounded(call, command), lane=LANE)

    async def _perform(
        self, call: Call, command: Command[T], respond: Callable[[T], Answer], *, fingerprint: str | None = None
    ) -> Answer:
        """As ``_do``, for what creates."""
        return await call.perform(self._bounded(call, command), respond, lane=LANE, fingerprint=fingerprint)

    def _bounded(self, call: Call, command: Command[T]) -> Callable[[UnitOfWork], T]:
        return lambda uow: command(uow, bounds_of(self._rbac.people, call.principal))
