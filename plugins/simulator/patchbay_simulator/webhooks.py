"""Webhooks out: signed, in lanes, at least once, with retries; and duplicates, disorder and batches where asked for.

A lane is a conversation: its updates leave in order, one POST at a time; lanes are worked on side by side. A POST that
fails goes to the end of the line after a delay, so later ones overtake it, as at Meta.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import zlib
from collections import deque
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import aiohttp
import msgspec
from msgspec import Struct

from patchbay_simulator.clock import SimClock
from patchbay_simulator.config import SimulatorConfig
from patchbay_simulator.errors import SimulationError
from patchbay_simulator.page_webhooks import PageUpdate, page_body
from patchbay_simulator.payloads import Update, envelope
from patchbay_simulator.world import World

ANSWER_LIMIT = 2_048  # bytes read of an answer


class Attempt(Struct, kw_only=True, frozen=True):
    """One try: ``status`` of the answer, or ``error`` where there was none; ``took_s`` in real seconds."""

    at: float
    took_s: float
    status: int | None = None
    error: str | None = None


class Post(Struct, kw_only=True):
    """One POST to the callback and its tries. ``copy`` counts duplicates from 0."""

    seq: int
    url: str
    body: bytes
    signature: str
    made_at: float
    copy: int = 0
    attempts: list[Attempt] = []
    acknowledged: bool = False
    given_up: bool = False

    def as_dict(self) -> dict[str, Any]:
        """The POST for the control API; a body that is no JSON is shown as text."""
        plain = msgspec.to_builtins(msgspec.structs.replace(self, body=b""))
        try:
            plain["body"] = msgspec.json.decode(self.body)
        except msgspec.DecodeError:
            plain["body"] = self.body.decode("utf-8", "replace")
        return dict(plain)


class _Lane:
    def __init__(self) -> None:
        self.updates: deque[Update | PageUpdate] = deque()
        self.posts: deque[Post] = deque()
        self.ready = asyncio.Event()


def sign(app_secret: str, body: bytes) -> str:
    """``X-Hub-Signature-256``: HMAC-SHA256 over the raw body, keyed with the app secret, in lower-case hex."""
    return "sha256=" + hmac.new(app_secret.encode(), body, hashlib.sha256).hexdigest()


class WebhookSender:
    """Posts updates to the callbacks. ``config`` is asked each time, so that changes take effect at once."""

    def __init__(self, world: World, clock: SimClock, rng: Random, config: Callable[[], SimulatorConfig]) -> None:
        self.world = world
        self._clock = clock
        self._rng = rng
        self._config = config
        self._lanes: list[_Lane] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._session: aiohttp.ClientSession | None = None
        self._open = 0
        self._epoch = 0
        self._seq = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self.log: deque[Post] = deque(maxlen=config().webhook_log_max)
        self.acknowledged = 0
        self.failed_attempts = 0
        self.dropped = 0
        self.undeliverable = 0

    async def start(self) -> None:
        """Open connections and begin to post. Updates that were emitted before wait until then."""
        connections = self._config().webhooks.connections
        connector = aiohttp.TCPConnector(limit=connections)
        self._session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        self._lanes = [_Lane() for _ in range(connections)]
        self._tasks = [asyncio.create_task(self._work(self._session, lane)) for lane in self._lanes]

    async def stop(self) -> None:
        """Let go of everything; what was not acknowledged is lost."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
            self._session = None

    @property
    def outstanding(self) -> int:
        """Updates and duplicates that are on their way: scheduled, queued, in flight or waiting for a retry."""
        return self._open

    async def idle(self) -> None:
        """Wait until nothing is outstanding."""
        await self._idle.wait()

    def reset(self) -> None:
        """Forget what is outstanding and what was logged."""
        for lane in self._lanes:
            lane.updates.clear()
            lane.posts.clear()
        self._epoch += 1
        self._open = 0
        self._idle.set()
        self.log.clear()
        self.acknowledged = self.failed_attempts = self.dropped = self.undeliverable = 0

    def emit(self, update: Update | PageUpdate, delay_s: float = 0.0) -> None:
        """Send an update after ``delay_s``. With no callback, or nobody subscribed, it is counted and gone."""
        options = self._config().webhooks
        if self._open >= options.pending_max:
            self.dropped += 1
            return
        if options.reorder_probability and self._rng.random() < options.reorder_probability:
            delay_s += self._rng.random() * options.reorder_delay_s
        self._begin()
        if delay_s > 0:
            self._clock.later(delay_s, self._queue, update, self._epoch)
        else:
            self._queue(update, self._epoch)

    def emit_raw(self, body: bytes, *, signature: str | None = None) -> None:
        """Post these bytes to the app's callback, signed unless a signature is given: for payloads of one's own."""
        config = self._config()
        if config.callback_url is None:
            raise SimulationError("There is no callback_url.")
        self._begin()
        self._push(self._post(config.callback_url, body, signature), self._lane("raw"), self._epoch)

    def _begin(self) -> None:
        self._open += 1
        self._idle.clear()

    def _done(self, count: int, epoch: int) -> None:
        if epoch != self._epoch:
            return
        self._open -= count
        if self._open == 0:
            self._idle.set()

    def _lane(self, key: str) -> _Lane:
        return self._lanes[zlib.crc32(key.encode()) % len(self._lanes)]

    def _queue(self, update: Update | PageUpdate, epoch: int) -> None:
        if epoch != self._epoch:
            return
        lane = self._lane(update.lane)
        lane.updates.append(update)
        lane.ready.set()

    def _push(self, post: Post, lane: _Lane, epoch: int) -> None:
        if epoch != self._epoch:
            return
        lane.posts.append(post)
        lane.ready.set()

    def _address(self, update: Update | PageUpdate) -> tuple[str, str | None]:
        """What updates that share a POST have in common: the channel and where it goes."""
        if isinstance(update, PageUpdate):
            channel = update.account.channel
            return channel, self._config().callback(channel) if update.account.hears(update.field) else None
        return "whatsapp", self._callback(update)

    def _callback(self, update: Update) -> str | None:
        """Where an update goes: the number's own callback, then the business account's, then the app's; overrides are
        for what concerns a number."""
        subscription = self.world.subscriptions.get(update.waba_id)
        if subscription is not None and not subscription.subscribed:
            return None
        if update.number is not None:
            if update.number.override is not None:
                return update.number.override[0]
            if subscription is not None and subscription.override is not None:
                return subscription.override[0]
        return self._config().callback("whatsapp")

    def _post(self, url: str, body: bytes, signature: str | None = None) -> Post:
        self._seq += 1
        post = Post(
            seq=self._seq,
            url=url,
            body=body,
            signature=signature or sign(self._config().app_secret, body),
            made_at=self._clock.now(),
        )
        self.log.append(post)
        return post

    async def _work(self, session: aiohttp.ClientSession, lane: _Lane) -> None:
        while True:
            await lane.ready.wait()
            epoch = self._epoch
            if lane.posts:
                await self._deliver(session, lane.posts.popleft(), lane, 1, epoch)
                continue
            if not lane.updates:
                lane.ready.clear()
                continue
            options = self._config().webhooks
            if options.batch_wait_s and len(lane.updates) < options.batch_max:
                await self._clock.sleep(options.batch_wait_s)
                if epoch != self._epoch:
                    continue
            batch = [lane.updates.popleft()]
            channel, url = self._address(batch[0])
            while lane.updates and len(batch) < options.batch_max and self._address(lane.updates[0]) == (channel, url):
                batch.append(lane.updates.popleft())
            if url is None:
                self.undeliverable += len(batch)
                self._done(len(batch), epoch)
                continue
            post = self._post(url, _body(batch, self._clock.now()))
            self._duplicate(post, lane, epoch)
            await self._deliver(session, post, lane, len(batch), epoch)

    def _duplicate(self, post: Post, lane: _Lane, epoch: int) -> None:
        options = self._config().webhooks
        if options.duplicates_max < 2 or self._rng.random() >= options.duplicate_probability:
            return
        for copy in range(1, self._rng.randint(1, options.duplicates_max)):
            self._seq += 1
            again = msgspec.structs.replace(post, seq=self._seq, copy=copy, attempts=[])
            self.log.append(again)
            self._begin()
            self._clock.later(self._rng.random() * options.duplicate_delay_s, self._push, again, lane, epoch)

    async def _deliver(self, session: aiohttp.ClientSession, post: Post, lane: _Lane, weight: int, epoch: int) -> None:
        """Try once. ``weight`` is how many outstanding updates the POST stands for; a retry stands for one."""
        options = self._config().webhooks
        began = self._clock.monotonic()
        status: int | None = None
        error: str | None = None
        headers = {
            "Content-Type": "application/json",
            "X-Hub-Signature-256": post.signature,
            "User-Agent": "Webhooks/1.0",
        }
        try:
            async with session.post(
                post.url,
                data=post.body,
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=options.timeout_s),
            ) as response:
                status = response.status
                await response.content.read(ANSWER_LIMIT)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as problem:
            error = f"{type(problem).__name__}: {problem}"
        took_s = self._clock.monotonic() - began
        post.attempts.append(Attempt(at=self._clock.now(), took_s=took_s, status=status, error=error))
        if status == 200:
            post.acknowledged = True
            self.acknowledged += 1
            self._done(weight, epoch)
            return
        self.failed_attempts += 1
        self._retry(post, lane, weight, epoch)

    def _retry(self, post: Post, lane: _Lane, weight: int, epoch: int) -> None:
        options = self._config().webhooks
        delays = options.retry_delays_s
        if not delays or self._clock.now() - post.made_at >= options.give_up_after_s:
            post.given_up = True
            self._done(weight, epoch)
            return
        self._done(weight - 1, epoch)
        delay_s = delays[min(len(post.attempts), len(delays)) - 1]
        self._clock.later(delay_s * (1 + 0.1 * self._rng.random()), self._push, post, lane, epoch)

    async def handshake(self, url: str | None = None, verify_token: str | None = None) -> bool:
        """Verify a callback URL (the app's own by default) as Meta does: it must answer 200 with the bare challenge."""
        config = self._config()
        target = url or config.callback("whatsapp")
        if target is None or self._session is None:
            raise SimulationError("There is no callback_url to verify.")
        challenge = str(self._rng.randrange(10**9, 10**10))
        query = {
            "hub.mode": "subscribe",
            "hub.challenge": challenge,
            "hub.verify_token": config.verify_token if verify_token is None else verify_token,
        }
        timeout = aiohttp.ClientTimeout(total=config.webhooks.timeout_s)
        try:
            async with self._session.get(target, params=query, allow_redirects=False, timeout=timeout) as response:
                said = await response.content.read(ANSWER_LIMIT)
                return response.status == 200 and said == challenge.encode()
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
            return False


def _body(batch: Sequence[Update | PageUpdate], now: float) -> bytes:
    """The bytes of a POST; all of a batch are of one channel."""
    of_pages = [update for update in batch if isinstance(update, PageUpdate)]
    if of_pages:
        return page_body(of_pages, now)
    return msgspec.json.encode(envelope([update for update in batch if isinstance(update, Update)], now))
