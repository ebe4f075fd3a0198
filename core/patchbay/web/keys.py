"""Where things hang on the application and on a request, and what the edge asks of a gateway."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from aiohttp import web

from patchbay.model.principal import Principal
from patchbay.model.rows import Rows

if TYPE_CHECKING:
    from patchbay.channel import Finding
    from patchbay.collections import Collection
    from patchbay.hookspecs import Route
    from patchbay.inbox.unit import UnitOfWork
    from patchbay.jobs.runner import JobKind
    from patchbay.metrics import Metrics
    from patchbay.model.account import ChannelAccount
    from patchbay.model.cause import Cause
    from patchbay.model.conversation import Conversation
    from patchbay.model.document import Document
    from patchbay.model.media import Media
    from patchbay.model.message import Actor
    from patchbay.plugins.report import PluginReport
    from patchbay.ports import Act, Clock, Ids, Query, Store, StoredBlob
    from patchbay.registry import Registry
    from patchbay.secrets import Signer
    from patchbay.settings import Settings
    from patchbay.web.idempotency import IdempotencyKeys
    from patchbay.web.operations import Operation
    from patchbay.web.ratelimit import RateLimiter

D = TypeVar("D", bound="Document")
T = TypeVar("T")


class Runner(Protocol):
    """``patchbay.service.Inbox``, as handlers use it."""

    async def run(
        self,
        command: Callable[[UnitOfWork], T],
        *,
        actor: Actor = ...,
        lane: str | None = None,
        causation_id: str | None = None,
        depth: int = 0,
        rows: Rows = ...,
        cause: Cause | None = None,
        about: Mapping[str, Any] | None = None,
    ) -> T: ...

    async def record(self, act: Act) -> None: ...
    async def get(self, collection: Collection[D], id: str) -> D | None: ...
    async def get_many(self, collection: Collection[D], ids: Sequence[str]) -> dict[str, D]: ...
    async def find_all(self, query: Query[D]) -> list[D]: ...


class Ingest(Protocol):
    async def receive(self, channel: str, body: bytes, headers: Mapping[str, str], account: str | None = None) -> None:
        """Verify and journal a webhook. Raises ``BadSignature``, ``StoreUnavailable``."""

    async def replay(self, raw_ids: Sequence[str]) -> int:
        """Apply journalled webhooks again; how many were."""


class Vault(Protocol):
    def seal(self, credentials: Mapping[str, str], context: str) -> dict[str, str]:
        """Credentials as they may be stored; ``context`` is the account's id and is needed to open them again."""

    def signer(self, purpose: str) -> Signer:
        """Signs short texts for a while, with a key of its own for each purpose."""


class TemplateSync(Protocol):
    async def sync(self, account_id: str) -> Mapping[str, int]:
        """Read the account's templates from its provider and keep them; counts by what happened."""


class MediaFiles(Protocol):
    """``patchbay.media.service.MediaService``, as handlers use it."""

    async def keep(self, chunks: AsyncIterator[bytes]) -> StoredBlob: ...
    def stage(self, uow: UnitOfWork, *, blob: StoredBlob, filename: str | None, declared: str | None) -> Media: ...
    def open(self, media: Media, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]: ...


class Delivery(Protocol):
    def show_typing(self, conversation: Conversation) -> None:
        """Let the person see that somebody is typing, where the channel can; soon, and perhaps not at all."""

    async def wait_accepted(self, message_id: str, timeout_s: float) -> dict[str, Any] | None:
        """The provider's own answer to a send, None when there is none in time."""


class Jobs(Protocol):
    """``patchbay.jobs.runner.JobRunner``, as handlers use it."""

    @property
    def kinds(self) -> Mapping[str, JobKind]: ...


class Diagnosis(Protocol):
    async def look(self, account: ChannelAccount) -> list[Finding]:
        """What keeps an account from working, and what to do about it."""


class Gateway(Protocol):
    """What the edge asks of ``patchbay.gateway.Gateway``."""

    @property
    def settings(self) -> Settings: ...
    @property
    def registry(self) -> Registry: ...
    @property
    def reports(self) -> Sequence[PluginReport]: ...
    @property
    def store(self) -> Store: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def ids(self) -> Ids: ...
    @property
    def vault(self) -> Vault: ...
    @property
    def inbox(self) -> Runner: ...
    @property
    def hub(self) -> Any: ...
    @property
    def ingest(self) -> Ingest: ...
    @property
    def metrics(self) -> Metrics: ...
    @property
    def templates(self) -> TemplateSync: ...
    @property
    def media(self) -> MediaFiles: ...
    @property
    def delivery(self) -> Delivery: ...
    @property
    def diagnosis(self) -> Diagnosis: ...
    @property
    def jobs(self) -> Jobs: ...


GATEWAY: web.AppKey[Gateway] = web.AppKey("gateway")
OPERATIONS: web.AppKey[Sequence[Operation]] = web.AppKey("operations")
IDEMPOTENCY: web.AppKey[IdempotencyKeys] = web.AppKey("idempotency")
OPENAPI: web.AppKey[list[bytes]] = web.AppKey("openapi")  # the encoded document, once it was made
RATE_LIMITER: web.AppKey[RateLimiter] = web.AppKey("rate_limiter")
PLUGIN_ROUTES: web.AppKey[Sequence[Route]] = web.AppKey("plugin_routes")
REFUSED_ROUTES: web.AppKey[Sequence[tuple[str, str]]] = web.AppKey("refused_routes")  # a plugin, and why not
PERMISSIONS: web.AppKey[Mapping[str, str]] = web.AppKey("permissions")  # a sentence by name

REQUEST_ID: web.RequestKey[str] = web.RequestKey("request_id", str)
PRINCIPAL: web.RequestKey[Principal] = web.RequestKey("principal", Principal)
ROWS: web.RequestKey[Rows] = web.RequestKey("rows", Rows)  # that the principal reaches with the operation's permission
ADDRESS: web.RequestKey[str] = web.RequestKey("address", str)  # the client's, as far as proxies are trusted
REPLY_HEADERS: web.RequestKey[dict[str, str]] = web.RequestKey("reply_headers", dict[str, str])
JSON_BODY: web.RequestKey[dict[str, Any]] = web.RequestKey("json_body", dict[str, Any])  # as it was sent
MAX_BODY_BYTES: web.RequestKey[int] = web.RequestKey("max_body_bytes", int)  # where it is not ``http.api_max_bytes``
