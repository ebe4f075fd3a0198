"""The composition root: everything that runs in one process, built from settings and plugins, opened in order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TypeVar

import structlog

from patchbay.channel import Channel
from patchbay.collections import ACCOUNTS, IDENTITIES, JOBS, MEDIA, MESSAGES, OUTBOX, WITHHELD
from patchbay.delivery.context import DeliveryContext
from patchbay.delivery.providers import Providers
from patchbay.delivery.runner import Runner
from patchbay.delivery.worker import DeliveryWorker
from patchbay.errands.acknowledging import Acknowledging
from patchbay.errands.diagnosis import Diagnosis
from patchbay.errands.profiles import Profiles
from patchbay.errands.templates import Templates
from patchbay.errands.tokens import Tokens
from patchbay.errands.withheld import WithheldMessages
from patchbay.errors import ConfigError
from patchbay.hosting import PluginHost, Services
from patchbay.housekeeping import Housekeeping
from patchbay.hub.hub import Hub
from patchbay.inbox.configured import settle_configured
from patchbay.ingest.applier import Applier
from patchbay.ingest.directory import AccountDirectory
from patchbay.ingest.receive import Ingest
from patchbay.jobs.runner import JobKind, JobRunner
from patchbay.listening import Listening
from patchbay.media.disk import DiskMediaStore
from patchbay.media.fetcher import MediaFetcher
from patchbay.media.service import MediaService
from patchbay.metrics import Metrics
from patchbay.model.cause import Cause
from patchbay.model.event import Event
from patchbay.model.ids import account_id, derived_id
from patchbay.model.principal import Principal
from patchbay.outgoing import Policy
from patchbay.plugins import Loaded, PluginReport
from patchbay.plugins.conduct import Conduct
from patchbay.plugins.watched import watched
from patchbay.ports import Clock, Ids, Query, Service, Standing
from patchbay.privacy.erase import Eraser
from patchbay.privacy.export import Exporter
from patchbay.privacy.reseal import Resealer
from patchbay.privacy.retention import Retention
from patchbay.privacy.upkeep import Upkeep
from patchbay.registry import Registry
from patchbay.secrets import Vault, open_vault
from patchbay.service import Inbox
from patchbay.system import SystemClock, SystemIds
from patchbay.tasks import Tasks
from patchbay.web.auth import is_allowed
from patchbay.web.grants import Grants

log = structlog.get_logger(__name__)

T = TypeVar("T")
GRACE_S = 10.0  # for what is in flight at the end


class Gateway:
    """One process. Built without IO; ``open`` makes it ready to serve, ``close`` ends it in reverse."""

    def __init__(self, loaded: Loaded, *, clock: Clock | None = None, ids: Ids | None = None) -> None:
        self.settings = loaded.settings
        self.clock: Clock = clock or SystemClock()
        self.ids: Ids = ids or SystemIds()
        self.vault: Vault = open_vault(self.settings)
        self.metrics = Metrics()
        self.conduct = Conduct(self.clock, self.metrics)
        self.registry = watched(loaded.registry, self.conduct)
        self._reports = loaded.reports
        self.owner = self.ids.new("gw")
        self.store = self.registry.store(self.settings)
        self.bus = self.registry.bus(self.settings)
        channels = self.channels
        self.inbox = Inbox(self.store, self.bus, self.clock, self.ids, recorders=self.registry.recorders)
        self.directory = AccountDirectory(self.vault)
        self.media_store = DiskMediaStore(self.settings.data_dir / "media")
        policy = Policy.of(self.settings.outgoing.ports, self.settings.outgoing.networks)
        self.runner = Runner(self.settings.delivery, self.media_store, policy)
        self.providers = Providers(channels, self.directory, self.runner)
        self.applier = Applier(
            self.inbox,
            channels,
            self.directory,
            owner=self.owner,
            max_attempts=self.settings.ingest.max_attempts,
            reopen_after=timedelta(seconds=self.settings.conversations.reopen_after_s),
            max_pending=self.settings.ingest.max_pending,
        )
        self.ingest = Ingest(self.store, self.clock, channels, self.directory, self.applier, self.settings.ingest)
        self.delivery = DeliveryWorker(
            DeliveryContext(self.inbox, self.providers, self.settings.delivery, self.owner),
            alone=self.settings.store_url.startswith("sqlite:"),
        )
        self.media = MediaService(self.inbox, self.media_store, self.settings.http)
        self.fetcher = MediaFetcher(self.inbox, self.providers, self.media_store, self.settings.media)
        self.templates = Templates(self.inbox, self.providers)
        self.diagnosis = Diagnosis(self.clock, self.providers, self.settings)
        self.tokens = Tokens(self.inbox, self.providers, self.vault)
        self.profiles = Profiles(self.inbox, self.providers)
        self.acknowledging = Acknowledging(self.providers)
        self.withheld = WithheldMessages(
            self.inbox, self.providers, reopen_after=timedelta(seconds=self.settings.conversations.reopen_after_s)
        )
        self.tasks = Tasks()
        self.hub = Hub(
            self.store,
            self.bus,
            self.clock,
            settings=self.settings.socket,
            sees=self.sees,
            spawn=self.tasks.start,
            still_valid=self.still_valid,
        )
        self.grants = Grants(self.registry)
        self.services = Services(_recorders_first(self.registry), self.conduct, self._host)
        self.listenings = [Listening(listener, self.inbox) for listener in self.registry.listeners]
        self.jobs = JobRunner(
            self.inbox,
            {kind.name: kind for kind in self._job_kinds()},
            self.media_store,
            owner=self.owner,
            alone=self.settings.store_url.startswith("sqlite:"),
        )
        upkeep = Upkeep(self.inbox, self.jobs, self.settings.retention)
        self.housekeeping = Housekeeping(self.inbox, channels, self.settings, more=(upkeep,))
        self._endless: list[asyncio.Task[None]] = []  # what only a cancellation ends
        self._closers: list[Callable[[], Awaitable[None]]] = []
        self.all_ended = True  # after ``close``: whether no call of a plugin goes on for ever

    @property
    def channels(self) -> Mapping[str, Channel]:
        return self.registry.channels

    @property
    def reports(self) -> Sequence[PluginReport]:
        """What became of each plugin on the list, and how it has behaved since."""
        return self.conduct.judged(self._reports)

    def _job_kinds(self) -> Sequence[JobKind]:
        vault, registry = self.vault, self.registry
        return (
            Exporter(self.media_store),
            Eraser(
                self.media_store,
                lambda: (vault.keys[0].id, vault.derive("erased identities")[0]),
                self.hub.tail.forget,
            ),
            Retention(self.media_store, self.settings.retention),
            Resealer(vault, self.settings, registry.collections, registry.services),
        )

    def sees(self, principal: Principal, event: Event) -> bool:
        """Whether the authorizers show an event to a principal: one deny hides it, and so does silence.

        Asked for each event and connection, so nothing is built here.
        """
        allowed = False
        for authorizer in self.registry.authorizers:
            verdict = authorizer.sees(principal, event)
            if verdict == "deny":
                return False
            if verdict == "allow":
                allowed = True
        return allowed

    def blame(self, refused: Sequence[tuple[str, str]]) -> None:
        """Report what a plugin brought that cannot be served, and why: the rest of it goes on."""
        told = dict(refused)
        self._reports = tuple(
            replace(report, state="failed", error=told[report.name]) if report.name in told else report
            for report in self._reports
        )

    async def still_valid(self, principal: Principal) -> bool:
        """Whether a principal may go on following the log."""
        if not is_allowed(principal, "events.read", self.registry.authorizers):
            return False
        for authenticator in self.registry.authenticators:
            if isinstance(authenticator, Standing) and not await authenticator.still_valid(principal):
                return False
        return True

    def _host(self, service: Service) -> PluginHost:
        plugin = self.registry.origin("service", service.name)
        return PluginHost(
            plugin,
            self.settings.for_plugin(None),
            inbox=self.inbox,
            vault=self.vault,
            hub=self.hub,
            registry=self.registry,
            tasks=self.services.tasks,
            grants=self.grants,
        )

    async def open(self) -> None:
        """Open the parts in order; those that were opened are closed again when one fails."""
        try:
            for opening, closing in (
                (self._open_store, self.store.close),
                (self.bus.open, self.bus.close),
                (self.media_store.open, self.media_store.close),
                (self.runner.open, self.runner.close),
                (self.services.start, self.services.stop),
                (self._begin, self._end),
                (self.hub.open, self.hub.close),
            ):
                await opening()
                self._closers.append(closing)
        except BaseException:
            await self.close()
            raise
        self._count()

    async def close(self) -> None:
        """Close what was opened, the newest first."""
        while self._closers:
            closing = self._closers.pop()
            try:
                await closing()
            except Exception:
                log.exception("gateway.close_failed", part=getattr(closing, "__qualname__", str(closing)))
        self.all_ended = await self.conduct.close()

    async def _open_store(self) -> None:
        await self.store.open(self.registry.collections)
        await self.inbox.open()
        self.inbox.watch(ACCOUNTS, self.directory.account_committed)
        self.inbox.watch(ACCOUNTS, self.delivery.account_committed)
        self.inbox.watch(OUTBOX, self.delivery.entry_committed)
        self.inbox.watch(MEDIA, self.fetcher.media_committed)
        self.inbox.watch(JOBS, self.jobs.job_committed)
        self.inbox.watch(WITHHELD, self.withheld.withheld_committed)
        if any(channel.capabilities.acknowledges for channel in self.channels.values()):
            self.inbox.watch(MESSAGES, self.acknowledging.message_committed)
            self._endless.append(self.tasks.start(self.acknowledging.run(), "acknowledging"))
        if any(channel.capabilities.profiles for channel in self.channels.values()):
            self.inbox.watch(IDENTITIES, self.profiles.identity_committed)
            self._endless.append(self.tasks.start(self.profiles.run(), "profiles"))
        self.directory.learn(await self.inbox.find_all(Query(ACCOUNTS, limit=200)))

    async def _begin(self) -> None:
        await self._configure_accounts()
        await self.applier.clear_suspects()
        self.tasks.start(self.applier.run(), "applier")
        self.tasks.start(self.delivery.run(), "delivery")
        self.tasks.start(self.fetcher.run(), "media fetcher")
        self._endless.append(self.tasks.start(self.withheld.run(), "withheld messages"))
        self.tasks.start(self.jobs.run(), "jobs")
        self.tasks.start(self.housekeeping.run(), "housekeeping")
        if any(channel.capabilities.token_care for channel in self.channels.values()):
            self.tasks.start(self.tokens.run(), "tokens")
        for listening in self.listenings:
            self.tasks.start(listening.run(), "listener")
        if self.listenings:
            self._endless.append(self.tasks.start(self._ring_listeners(), "bell of listeners"))

    async def _end(self) -> None:
        self.applier.stop()
        self.housekeeping.stop()
        self.tokens.stop()
        for listening in self.listenings:
            listening.stop()
        for endless in self._endless:
            endless.cancel()
        await self.jobs.stop(GRACE_S)
        await self.delivery.stop(GRACE_S)
        await self.fetcher.stop(1.0)
        await self.tasks.close(GRACE_S)

    async def _ring_listeners(self) -> None:
        async for _ in self.bus.listen():
            for listening in self.listenings:
                listening.ring()

    async def _configure_accounts(self) -> None:
        """Make the accounts that the settings name, and let them follow the settings."""
        for name, channel in self.channels.items():
            for configured in told_by(channel.configured_accounts):
                id = account_id(name, configured.external_id)
                known = self.directory.get(id)
                digest = derived_id("cfg", *[part for pair in sorted(configured.credentials.items()) for part in pair])
                if known is None or known.configured_digest is None:
                    stale = known is None or dict(self.directory.credentials(known)) != dict(configured.credentials)
                else:
                    stale = known.configured_digest != digest
                sealed = self.vault.seal(configured.credentials, id)
                await self.inbox.run(
                    partial(
                        settle_configured,
                        channel=name,
                        configured=configured,
                        sealed=sealed,
                        digest=digest,
                        credentials_changed=stale,
                    ),
                    cause=Cause(operation="settings"),
                )
                if known is None:
                    await self.ingest.replay(await self.store.unroutable(name))

    def _count(self) -> None:
        """Let the parts' own counts be read."""
        metrics, applier, delivery = self.metrics, self.applier, self.delivery
        reads: dict[str, tuple[str, Callable[[], float]]] = {
            "patchbay_ingest_received_total": ("Webhooks that were acknowledged.", lambda: self.ingest.received),
            "patchbay_ingest_refused_total": ("Webhooks with a bad signature.", lambda: self.ingest.refused),
            "patchbay_outbox_sent_total": ("Sends that a provider took.", lambda: delivery.sent),
            "patchbay_outbox_retried_total": ("Sends that were put off.", lambda: delivery.retried),
            "patchbay_outbox_failed_total": ("Sends that failed for good.", lambda: delivery.failed),
            "patchbay_outbox_unknown_total": ("Sends whose outcome is unknown.", lambda: delivery.unknown),
        }
        for name, (help, read) in reads.items():
            metrics.reading(name, help, read)
        metrics.gauge(
            "patchbay_ingest_backlog", "Acknowledged webhooks that wait to be applied.", lambda: applier.backlog
        )
        for outcome in applier.outcomes:
            read = partial(applier.outcomes.__getitem__, outcome)
            help = "Items of applied webhooks by outcome."
            metrics.reading("patchbay_ingest_items_total", help, read, outcome=outcome)


def _recorders_first(registry: Registry) -> list[Service]:
    """The services in the order of the allow list, but those of plugins that record before all others: whatever is done
    while the rest starts is recorded."""
    recording = {registry.origin("recorder", each.name) for each in registry.recorders}
    return sorted(registry.services, key=lambda each: registry.origin("service", each.name) not in recording)


def told_by(ask: Callable[[], Sequence[T]]) -> Sequence[T]:
    """What a channel tells at the start, nothing where it fails: its record names it, and the others go on."""
    try:
        return ask()
    except ConfigError:
        raise
    except Exception:
        return ()
