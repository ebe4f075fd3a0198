"""What the hooks of the plugin share: the recorder, and the service that anchors and keeps the trail."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

import structlog

from patchbay.errors import StoreUnavailable
from patchbay.model.cause import Cause
from patchbay.model.message import SYSTEM
from patchbay.ports import Host, Query, Store, Where
from patchbay.settings import Settings
from patchbay_audit import retention
from patchbay_audit.anchors import PURPOSE, AnchorFile, anchor
from patchbay_audit.entry import AUDIT_ANCHORS, AuditAnchor
from patchbay_audit.floods import LeftOut, RefusalLimit
from patchbay_audit.reading import verify
from patchbay_audit.recorder import TrailRecorder, read_tip
from patchbay_audit.settings import TABLE, AuditSettings
from patchbay_audit.verify import Verdict

if TYPE_CHECKING:
    from patchbay.inbox.unit import UnitOfWork

log = structlog.get_logger(__name__)
T = TypeVar("T")
TICK_S: Final = 15.0
RETENTION_EVERY_S: Final = 86_400.0


class Runner(Protocol):
    """Runs a command with a cause: ``Call.run`` or the host's."""

    def __call__(self, command: Callable[[UnitOfWork], T], /) -> Awaitable[T]: ...


class Trail:
    """The service. It tells the recorder where the trail is, and then looks every 15 s whether something is due."""

    name = "audit"
    required = True

    def __init__(self, settings: Settings) -> None:
        self.settings = settings.plugin(TABLE, AuditSettings)
        self.recorder = TrailRecorder(RefusalLimit(self.settings.refusals_per_minute))
        self.file = AnchorFile(settings.data_dir)
        self._host: Host | None = None
        self._whole = asyncio.Lock()  # nothing is cut off while the trail is judged
        self._anchoring = asyncio.Lock()
        self._looking = asyncio.Lock()
        self._live_task: asyncio.Task[None] | None = None
        self.file_error: str | None = None  # why the last anchor is not in the file
        self._anchored_at = 0.0
        self._anchored_added = 0
        self._kept_at: float | None = None

    @property
    def host(self) -> Host:
        """Raises ``StoreUnavailable`` before the start."""
        if self._host is None:
            raise StoreUnavailable("The audit trail is not open yet; try again.")
        return self._host

    @property
    def store(self) -> Store:
        return self.host.store

    async def start(self, host: Host) -> None:
        self._host = host
        self.recorder.open(host.store, host.clock)
        await self.recorder.load()
        self._anchored_at = host.clock.monotonic()
        host.spawn(self._live(), "audit trail")

    async def stop(self) -> None:
        """Leave nothing unsaid, as far as the store lets us."""
        async with self._looking:
            if self._live_task is not None:
                self._live_task.cancel()
        for work in (self.tell_left_out, self.anchor):
            try:
                await work()
            except Exception:
                log.exception("audit.stop_failed", work=work.__name__)

    async def _live(self) -> None:
        self._live_task = asyncio.current_task()
        while True:
            await self.host.clock.sleep(TICK_S)
            async with self._looking:
                try:
                    await self.look()
                except Exception:
                    log.exception("audit.work_failed")

    async def look(self) -> None:
        """Do what is due."""
        await self.tell_left_out()
        now = self.host.clock.monotonic()
        due = self.since_anchor_s() >= self.settings.anchor_every_s
        if due or self.unanchored >= self.settings.anchor_after_entries:
            await self.anchor()
        if self.settings.retention_days and (self._kept_at is None or now - self._kept_at >= RETENTION_EVERY_S):
            self._kept_at = now
            await self.keep()

    # anchors

    @property
    def unanchored(self) -> int:
        """How many entries of this process no anchor vouches for yet."""
        return self.recorder.added - self._anchored_added

    def since_anchor_s(self) -> float:
        """Seconds since the end was last looked at to be anchored."""
        return self.host.clock.monotonic() - self._anchored_at

    async def anchor(self) -> AuditAnchor | None:
        """Anchor the newest entry, unless it is. Raises ``StoreUnavailable``."""
        async with self._anchoring:
            added, now = self.recorder.added, self.host.clock.monotonic()
            tip = await read_tip(self.store)
            made = await self.host.run(partial(self._stage_anchor, seq=tip.seq, hash=tip.hash)) if tip.seq else None
            self._anchored_at, self._anchored_added = now, added
            await self._write(made)
            return made

    def _stage_anchor(self, uow: UnitOfWork, *, seq: int, hash: str) -> AuditAnchor | None:
        newest = retention.newest_anchor(uow)
        if newest is not None and newest.seq >= seq:
            return None
        number = 1 if newest is None else newest.number + 1
        made = anchor(number, "anchor", seq=seq, hash=hash, at=uow.now, key=self.host.key(PURPOSE))
        return uow.add(AUDIT_ANCHORS, made)

    async def _write(self, made: AuditAnchor | None) -> None:
        """Put it into the file as well. A disk that fails costs the second copy, and no act."""
        if made is None:
            return
        try:
            await asyncio.to_thread(self.file.append, [made])
            self.file_error = None
        except OSError as error:
            self.file_error = error.strerror or type(error).__name__
            log.error("audit.anchor_file_failed", path=str(self.file.path), error=self.file_error)

    # refusals that were not written singly

    async def tell_left_out(self) -> None:
        """One entry for each address of which refusals were left out. Raises ``StoreUnavailable``."""
        waiting = self.recorder.limit.ended(self.host.clock.monotonic())
        while waiting:
            try:
                await self._tell(waiting[-1])
            except BaseException:
                for left_out in waiting:
                    self.recorder.limit.again(left_out)
                raise
            waiting.pop()

    async def _tell(self, left_out: LeftOut) -> None:
        about = {
            "address": left_out.address,
            "left_out": left_out.count,
            "outcomes": dict(left_out.outcomes),
            "since": left_out.since,
            "until": left_out.until,
        }
        cause = Cause(operation="refusals.left_out", address=left_out.address)
        await self.host.run(_nothing, actor=SYSTEM, cause=cause, about=about)

    # the whole trail

    async def verify(self) -> Verdict:
        """Judge it from its beginning to its end. Raises ``StoreUnavailable``."""
        async with self._whole:
            return await verify(self.store, self.file, self.host.keys(PURPOSE))

    async def plan(self) -> retention.Plan:
        """What the retention would remove now."""
        return await retention.plan(self.store, self._before())

    def _before(self) -> datetime | None:
        days = self.settings.retention_days
        return self.host.clock.now() - timedelta(days=days) if days else None

    async def keep(self, planned: retention.Plan | None = None, run: Runner | None = None) -> retention.Plan:
        """Cut off what is too old, and whatever an earlier cut left standing; ``run`` runs the command of the cut."""
        async with self._whole:
            planned = planned or await self.plan()
            if planned.last is not None:
                command = partial(retention.cut, last=planned.last, key=self.host.key(PURPOSE))
                await self._write(await (run(command) if run is not None else self._cut(command, planned)))
            await self._finish_cut()
            return planned

    async def _cut(self, command: Callable[[UnitOfWork], AuditAnchor], planned: retention.Plan) -> AuditAnchor:
        about = about_cut(planned)
        return await self.host.run(command, cause=Cause(operation="audit.retention"), about=about)

    async def _finish_cut(self) -> None:
        cuts = Query(AUDIT_ANCHORS, where=(Where("kind", "eq", "cut"),), sort="-id", limit=1)
        for cut in (await self.store.find(cuts)).items:
            removed = retention.ROWS
            while removed == retention.ROWS:
                removed = await self.host.run(partial(retention.remove_some, upto=cut.seq))


def about_cut(planned: retention.Plan) -> dict[str, int | None]:
    """What the trail says of a cut."""
    return {
        "entries": planned.entries,
        "from_seq": planned.from_seq,
        "to_seq": None if planned.last is None else planned.last.seq,
    }


def _nothing(uow: UnitOfWork) -> None:
    """Change nothing: what is recorded stands beside it."""
