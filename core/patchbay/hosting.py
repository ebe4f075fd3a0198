"""The gateway as a plugin's service sees it: one ``Host`` per plugin, and services started and stopped in order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import structlog

from patchbay.builtin import BootstrapAuthenticator
from patchbay.collections import Collection
from patchbay.errors import PatchbayError, PluginError
from patchbay.hub.hub import Hub
from patchbay.inbox.unit import UnitOfWork
from patchbay.model.cause import Cause
from patchbay.model.document import Document
from patchbay.model.message import SYSTEM, Actor
from patchbay.plugins.conduct import Conduct
from patchbay.plugins.contain import Hung, awaited
from patchbay.ports import Act, Clock, Ids, Query, Service, Store
from patchbay.registry import Registry
from patchbay.secrets import Vault
from patchbay.service import Inbox
from patchbay.settings import Settings
from patchbay.tasks import Tasks

log = structlog.get_logger(__name__)

D = TypeVar("D", bound=Document)
T = TypeVar("T")
START_S = 10.0  # for a service to start
STOP_S = 5.0
NOTIFY_S = 30.0  # for one notifier


class Grants(Protocol):
    """What can be granted here; the edge knows once it is built."""

    def permissions(self) -> Mapping[str, str]: ...
    def is_scoped(self, permission: str) -> bool: ...


class PluginHost:
    """``patchbay.ports.Host`` for one plugin: see there. What it seals is bound to the plugin's name."""

    def __init__(
        self,
        plugin: str,
        settings: Settings,
        *,
        inbox: Inbox,
        vault: Vault,
        hub: Hub,
        registry: Registry,
        tasks: Tasks,
        grants: Grants,
    ) -> None:
        self.settings = settings
        self.plugin = plugin
        self._inbox = inbox
        self._vault = vault
        self._hub = hub
        self._registry = registry
        self._tasks = tasks
        self._grants = grants

    @property
    def store(self) -> Store:
        return self._inbox.store

    @property
    def clock(self) -> Clock:
        return self._inbox.clock

    @property
    def ids(self) -> Ids:
        return self._inbox.ids

    async def run(
        self,
        command: Callable[[UnitOfWork], T],
        *,
        actor: Actor = SYSTEM,
        cause: Cause | None = None,
        about: Mapping[str, Any] | None = None,
    ) -> T:
        request_id = None if cause is None else cause.request_id
        return await self._inbox.run(command, actor=actor, causation_id=request_id, cause=cause, about=about)

    async def refused(self, act: Act) -> None:
        await self._inbox.record(act)

    async def get(self, collection: Collection[D], id: str) -> D | None:
        return await self._inbox.get(collection, id)

    async def find_all(self, query: Query[D]) -> list[D]:
        return await self._inbox.find_all(query)

    def watch(self, collection: Collection[Any], watcher: Callable[[str, Document | None], None]) -> None:
        self._inbox.watch(collection, watcher)

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        self._tasks.start(work, f"{self.plugin}: {name}")

    def seal(self, text: str, context: str, field: str) -> str:
        return self._vault.seal_text(text, self._own(context), field)

    def unseal(self, sealed: str, context: str, field: str) -> str:
        return self._vault.open_text(sealed, self._own(context), field)

    def is_current(self, sealed: str) -> bool:
        return self._vault.is_current(sealed)

    def key(self, purpose: str) -> bytes:
        return self.keys(purpose)[0]

    def keys(self, purpose: str) -> list[bytes]:
        return self._vault.derive(self._own(purpose))

    def _own(self, name: str) -> str:
        return f"plugin {self.plugin}: {name}"

    def permissions(self) -> Mapping[str, str]:
        return self._grants.permissions()

    def is_scoped(self, permission: str) -> bool:
        return self._grants.is_scoped(permission)

    def retire_bootstrap(self) -> None:
        for authenticator in self._registry.authenticators:
            if isinstance(authenticator, BootstrapAuthenticator):
                authenticator.retired = True

    async def notify(self, recipient: str, subject: str, text: str) -> bool:
        for notifier in self._registry.notifiers:
            try:
                async with asyncio.timeout(NOTIFY_S):
                    await notifier.notify(recipient, subject, text)
            except Exception as error:
                told = error.detail if isinstance(error, PatchbayError) else type(error).__name__
                log.warning("notifier.failed", notifier=notifier.name, told=told)
            else:
                return True
        return False

    def ask_again(self, principal_id: str) -> None:
        self._hub.ask_again(principal_id)


class Services:
    """The plugins' services, started in the order of the allow list and stopped in reverse."""

    def __init__(self, services: Sequence[Service], conduct: Conduct, host: Callable[[Service], PluginHost]) -> None:
        self._services = services
        self._conduct = conduct
        self._host = host
        self._started: list[Service] = []
        self.tasks = Tasks()  # what services spawned; they have ended, or are ended, once the services have stopped

    async def start(self) -> None:
        """Raises ``PluginError`` when a required one does not start; of another it is told, and the rest goes on."""
        try:
            await self._start_each()
        except BaseException:
            await self.stop()
            raise

    async def _start_each(self) -> None:
        for service in self._services:
            plugin = self._host(service)
            record = self._conduct.record(plugin.plugin, f"start of the service {service.name}")
            try:
                await awaited(
                    lambda service=service, plugin=plugin: service.start(plugin),  # type: ignore[misc]
                    START_S,
                    self._conduct.left,
                    name=f"{plugin.plugin}: start",
                )
            except PatchbayError as error:
                self._failed(service, plugin.plugin, record, error, error.detail)
            except Hung as error:
                self._failed(service, plugin.plugin, record, error, f"it did not start within {START_S:g} s")
            except Exception as error:
                self._failed(service, plugin.plugin, record, error, f"{type(error).__name__}: {error}")
            else:
                self._started.append(service)

    async def stop(self) -> None:
        while self._started:
            service = self._started.pop()
            try:
                async with asyncio.timeout(STOP_S):
                    await service.stop()
            except Exception:
                log.exception("service.stop_failed", service=service.name)
        await self.tasks.close(STOP_S)

    @staticmethod
    def _failed(service: Service, plugin: str, record: Any, error: Exception, told: str) -> None:
        record.failed(error)
        if service.required:
            raise PluginError(f"The service {service.name} of the plugin {plugin} did not start: {told}") from error
        log.error("service.not_started", service=service.name, plugin=plugin, told=told)
