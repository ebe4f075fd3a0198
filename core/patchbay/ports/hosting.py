"""What lives as long as the gateway, and what the gateway does for it; and who is told of things."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, runtime_checkable

from patchbay.collections import Collection
from patchbay.model.cause import Cause
from patchbay.model.document import Document
from patchbay.model.event import Event
from patchbay.model.message import Actor
from patchbay.ports.store import Query, Store
from patchbay.ports.trail import Act
from patchbay.ports.world import Clock, Ids

if TYPE_CHECKING:
    from patchbay.inbox.unit import UnitOfWork
    from patchbay.settings import Settings

D = TypeVar("D", bound=Document)
T = TypeVar("T")


class Service(Protocol):
    """Something of a plugin that lives as long as the gateway, which cannot do without where it is ``required``."""

    name: str
    required: bool

    async def start(self, host: Host) -> None:
        """Called once the store is open, before anything is served; it has 10 s. One that is required and raises stops
        the start."""

    async def stop(self) -> None: ...


@runtime_checkable
class Resealing(Protocol):
    """The part of a service that keeps sealed values. What it does not seal again keeps the old keys in use."""

    name: str

    async def reseal(self) -> int:
        """Seal again what the first key did not seal; how many. Asked after the first key changed, and again after a
        kill."""


class Host(Protocol):
    """What a gateway does for a plugin's service. Secrets are sealed for the plugin alone."""

    @property
    def settings(self) -> Settings: ...
    @property
    def store(self) -> Store:
        """For reading. What is written goes through ``run``."""

    @property
    def clock(self) -> Clock: ...
    @property
    def ids(self) -> Ids: ...

    async def run(
        self,
        command: Callable[[UnitOfWork], T],
        *,
        actor: Actor = ...,
        cause: Cause | None = None,
        about: Mapping[str, Any] | None = None,
    ) -> T:
        """The command's result once it is durable; with a ``cause`` it is recorded, ``about`` beside it."""

    async def refused(self, act: Act) -> None:
        """Record a refusal that no operation raised."""

    async def get(self, collection: Collection[D], id: str) -> D | None: ...
    async def find_all(self, query: Query[D]) -> list[D]: ...

    def watch(self, collection: Collection[Any], watcher: Callable[[str, Document | None], None]) -> None:
        """Call back after each commit of this process that wrote the collection; quick, raising nothing."""

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Run beside everything else, until it ends or the gateway does."""

    def seal(self, text: str, context: str, field: str) -> str:
        """Encrypted, for this plugin, context and field."""

    def unseal(self, sealed: str, context: str, field: str) -> str:
        """The text again. Raises ``SecretError``."""

    def is_current(self, sealed: str) -> bool:
        """Whether the first key sealed it; what another sealed is to be sealed again (``Resealing``)."""

    def key(self, purpose: str) -> bytes:
        """32 bytes for signing, this plugin's own for the purpose. Follows the first secret key."""

    def keys(self, purpose: str) -> list[bytes]:
        """As ``key``, of each secret key that is held, the present one first: what was signed before a rotation."""

    def permissions(self) -> Mapping[str, str]:
        """Every permission that can be granted, with its sentence."""

    def is_scoped(self, permission: str) -> bool:
        """Whether a permission is about rows, so that it can be granted for some of them."""

    def retire_bootstrap(self) -> None:
        """The administrator's token means nothing from now on: there are people who may administrate."""

    async def notify(self, recipient: str, subject: str, text: str) -> bool:
        """Tell a person by the first notifier that can; False where none could."""

    def ask_again(self, principal_id: str) -> None:
        """The rights of this principal changed: open connections are judged anew at once."""


class Listener(Protocol):
    """Observes the log with a cursor of its own, off the request path. Events come in order, at least once."""

    name: str

    async def on_events(self, events: Sequence[Event]) -> None: ...


class Notifier(Protocol):
    """A way to tell a person something."""

    name: str

    async def notify(self, recipient: str, subject: str, text: str) -> None: ...


class HealthCheck(Protocol):
    """A named check of ``/health``; it has 2 s."""

    name: str

    async def check(self) -> Mapping[str, Any]:
        """Details to show. Raises when unhealthy."""
