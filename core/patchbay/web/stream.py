"""``GET /api/v1/ws``: the log, live, over a WebSocket.

The messages are in ``hub.frames``, the close codes in ``hub.codes``.
This file owns what belongs to one socket: signing in, limits on what it sends, and its end. What it receives is the
hub's business; the hub writes frames to the transport directly, and so does everything here, so that a frame is never
behind a lock or half written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog
from aiohttp import WSMsgType, web

from patchbay.errors import (
    Forbidden,
    Invalid,
    NotFound,
    PatchbayError,
    RequestError,
    SignInUnavailable,
    StoreUnavailable,
    TooMany,
    Unauthenticated,
    Unreadable,
)
from patchbay.hub.codes import CloseCode
from patchbay.hub.connection import Connection
from patchbay.hub.frames import (
    PONG,
    SUBPROTOCOL,
    Ack,
    AnyClientFrame,
    ClientFrame,
    Hello,
    Ping,
    Presence,
    Read,
    Subscribe,
    Typing,
    Unsubscribe,
    Viewing,
    error_frame,
    parse_client,
    pong_frame,
    resync_frame,
    welcome_frame,
)
from patchbay.hub.hub import CLOSE_GRACE_S, Hub
from patchbay.hub.tail import Lost
from patchbay.hub.topics import INBOX, Topics, joined, parse_topics, without
from patchbay.model.event import Audience
from patchbay.model.principal import Principal
from patchbay.ports import Clock, Credentials, Ids
from patchbay.settings import HttpSettings, SocketSettings
from patchbay.web.upgrade import check_upgrade, credentials_of

log = structlog.get_logger(__name__)

WINDOW_S = 10.0  # that ``max_messages_per_10_s`` speaks of
MAX_UNREADABLE = 3  # messages that are not JSON, before the connection is closed
ANSWER_TIMEOUT_S = 5.0  # for signing in, and for what an op calls
PERSONS = frozenset({"user", "bootstrap"})  # principals whose presence means that somebody is there
_ENDED = (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR)

PERMISSIONS: Mapping[type[ClientFrame], str] = {  # what each message of a client asks for
    Hello: "events.read",
    Subscribe: "events.read",  # what is listened to is judged event by event
    Unsubscribe: "events.read",
    Ack: "events.read",
    Ping: "events.read",
    Presence: "events.read",
    Viewing: "conversations.read",
    Typing: "messages.send",
    Read: "conversations.write",  # as by REST: the person may be told of it
}

Authenticate = Callable[[web.Request, Credentials], Awaitable[Principal]]
OnRead = Callable[[web.Request, Principal, str, int], Awaitable[object]]
OnConversation = Callable[[Principal, str], Awaitable[Audience]]
OnRefusal = Callable[[web.Request, Principal | None, AnyClientFrame | None, RequestError], Awaitable[object]]


class SocketEndpoint:
    """``handle`` serves the socket's route; it does its own signing in.

    ``authenticate`` raises ``Unauthenticated``, ``Forbidden``, ``TooMany``. ``on_read`` moves a reader's cursor;
    ``on_typing`` and ``on_viewing`` give the audience of the conversation, so that others are told only if they may see
    the conversation. They raise a ``PatchbayError`` when the principal may not, which becomes an error frame.
    ``on_refusal`` writes down, before anybody is told, that somebody was refused: who, where that is known, by which
    message, or at the upgrade.
    """

    def __init__(
        self,
        hub: Hub,
        *,
        authenticate: Authenticate,
        on_read: OnRead,
        on_typing: OnConversation,
        on_viewing: OnConversation,
        on_refusal: OnRefusal,
        settings: SocketSettings,
        http: HttpSettings,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._hub = hub
        self._authenticate = authenticate
        self._on_read = on_read
        self._on_typing = on_typing
        self._on_viewing = on_viewing
        self._on_refusal = on_refusal
        self._settings = settings
        self._http = http
        self._clock = clock
        self._ids = ids

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one socket until it ends. Raises ``Forbidden``, ``Invalid``, ``TooMany`` before the upgrade."""
        try:
            check_upgrade(request, self._http)
        except Forbidden as refused:
            await self._on_refusal(request, None, None, refused)
            raise
        socket = web.WebSocketResponse(
            heartbeat=self._settings.heartbeat_s,
            max_msg_size=self._settings.max_frame_bytes,
            protocols=(SUBPROTOCOL,),
            timeout=CLOSE_GRACE_S,
            compress=False,  # deflate would cost 2.5 times the CPU, and make the frame of everybody one for each
            autoping=False,  # pings count as messages
            autoclose=False,
            decode_text=False,
        )
        if request.transport is None or not socket.can_prepare(request):
            raise Invalid("This path takes a WebSocket upgrade only.", code="upgrade_required")
        connection = self._hub.greet(request.transport, self._ids.new("ses"))
        try:
            await socket.prepare(request)
            await self._converse(_Line(socket, connection, self._settings, self._hub, self._clock), request)
        except ConnectionError:
            pass  # the client is gone
        except Exception:
            log.exception("a socket failed", session=connection.session)
            self._hub.end(connection, CloseCode.INTERNAL, "internal error")
        finally:
            self._hub.leave(connection)
        return socket

    async def _converse(self, line: _Line, request: web.Request) -> None:
        if await self._begin(line, request):
            while (frame := await line.next()) is not None:
                await self._obey(line.connection, request, frame)
        else:
            await line.ended()

    async def _begin(self, line: _Line, request: web.Request) -> bool:
        """From hello to welcome; whether it came to that."""
        connection = line.connection
        try:
            async with asyncio.timeout(self._settings.hello_timeout_s):
                hello, topics = await _hello(line)
        except TimeoutError:
            return line.end(CloseCode.HELLO_TIMEOUT, "no hello in time")
        if hello is None:
            return False
        asked_at = self._clock.monotonic()
        lost: Lost | None = None
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                principal = await self._authenticate(request, credentials_of(request, hello.token))
            if not connection.is_open:
                return False
            self._hub.join(connection, principal, topics, asked_at)
            try:
                position = await self._hub.start(hello.resume)
            except Lost as told:
                lost, position = told, told.head
        except TooMany as error:
            if error.problem_code == "too_many_connections":
                return line.end(CloseCode.TOO_MANY_CONNECTIONS, "too many connections", error)
            return line.end(CloseCode.TOO_MANY_MESSAGES, "too many wrong credentials", error)
        except (StoreUnavailable, SignInUnavailable, TimeoutError):
            return line.end(CloseCode.TRY_AGAIN_LATER, "try again later")
        except PatchbayError as error:
            try:
                await self._record(request, None, hello, error)
            except (StoreUnavailable, TimeoutError):
                return line.end(CloseCode.TRY_AGAIN_LATER, "try again later")
            return line.end(CloseCode.UNAUTHENTICATED, "not signed in", error)
        connection.write(
            welcome_frame(
                session=connection.session,
                epoch=self._hub.tail.epoch,
                position=position,
                heartbeat_s=self._settings.heartbeat_s,
            )
        )
        if lost is not None:
            connection.write(resync_frame(lost.reason, position))
        self._hub.begin(connection, position)
        return True

    async def _obey(self, connection: Connection, request: web.Request, frame: AnyClientFrame) -> None:
        try:
            try:
                async with asyncio.timeout(ANSWER_TIMEOUT_S):
                    await self._do(connection, request, frame)
            except RequestError as error:
                await self._record(request, connection.principal, frame, error)
                raise
        except PatchbayError as error:
            connection.write(error_frame(error))
        except Exception:
            log.exception("a socket's message failed", session=connection.session, op=type(frame).__name__)
            connection.write(error_frame(PatchbayError("Something went wrong here; it is in the server's log.")))

    async def _record(
        self, request: web.Request, principal: Principal | None, frame: AnyClientFrame, error: PatchbayError
    ) -> None:
        """Write down a refusal, as for requests. Raises ``StoreUnavailable``, ``TimeoutError``."""
        if isinstance(error, Unauthenticated | Forbidden | NotFound):
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                await self._on_refusal(request, principal, frame, error)

    async def _do(self, connection: Connection, request: web.Request, frame: AnyClientFrame) -> None:
        match frame:
            case Ping():
                connection.write(PONG)
            case Ack():
                if frame.position > connection.cursor:
                    raise Invalid(f"Position {frame.position} was not sent yet.")
                connection.acked = max(connection.acked, frame.position)
            case Subscribe():
                self._hub.listen(connection, joined(connection.topics, parse_topics(frame.topics)))
            case Unsubscribe():
                self._hub.listen(connection, without(connection.topics, parse_topics(frame.topics)))
            case Read():
                await self._on_read(request, connection.principal, frame.conversation_id, frame.seq)
            case Typing():
                await self._typing(connection.principal, frame.conversation_id)
            case Viewing():
                await self._viewing(connection, frame.conversation_id)
            case Presence():
                _refuse_machines(connection.principal)
                self._hub.ephemera.presence(connection, frame.state)
            case Hello():
                raise Invalid("This connection was welcomed already.", code="already_welcomed")

    async def _typing(self, principal: Principal, conversation_id: str) -> None:
        ephemera = self._hub.ephemera
        if ephemera.may_type(principal, conversation_id):
            ephemera.typing(principal, conversation_id, await self._on_typing(principal, conversation_id))

    async def _viewing(self, connection: Connection, conversation_id: str | None) -> None:
        _refuse_machines(connection.principal)
        viewing = self._hub.viewing
        if conversation_id is None:
            viewing.left(connection)
            return
        try:
            audience = await self._on_viewing(connection.principal, conversation_id)
        except PatchbayError:
            viewing.left(connection)
            raise
        if connection.is_open:
            viewing.look(connection, conversation_id, audience)


class _Line:
    """What a client sends over one socket, within its limits."""

    __slots__ = ("_clock", "_count", "_hub", "_settings", "_socket", "_unreadable", "_window_ends", "connection")

    def __init__(
        self,
        socket: web.WebSocketResponse,
        connection: Connection,
        settings: SocketSettings,
        hub: Hub,
        clock: Clock,
    ) -> None:
        self.connection = connection
        self._socket = socket
        self._settings = settings
        self._hub = hub
        self._clock = clock
        self._window_ends = 0.0
        self._count = 0
        self._unreadable = 0

    async def next(self) -> AnyClientFrame | None:
        """The next message that can be understood, None when the socket ended. What cannot be is answered here."""
        while True:
            message = await self._socket.receive()
            if message.type in _ENDED:
                self.connection.close(CloseCode.NORMAL, "", self._clock.monotonic())
                return None
            if not self.connection.is_open:
                continue  # it was told why it is closed; until it answers, nothing that it says matters
            if not self._within_limit():
                self.end(CloseCode.TOO_MANY_MESSAGES, "too many messages")
            elif message.type is WSMsgType.PING:
                self.connection.write(pong_frame(message.data))
            elif message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                frame = self._parsed(message.data if message.type is WSMsgType.TEXT else b"")
                if frame is not None:
                    return frame

    async def ended(self) -> None:
        """Wait for the client's half of the end; the hub cuts the line when it takes too long."""
        while await self.next() is not None:
            pass

    def end(self, code: CloseCode, reason: str, error: PatchbayError | None = None) -> bool:
        """Close with this code, after an error frame. False, for callers to return."""
        if error is not None:
            self.connection.write(error_frame(error))
        self._hub.end(self.connection, code, reason)
        return False

    def _parsed(self, data: bytes) -> AnyClientFrame | None:
        try:
            return parse_client(data)
        except Invalid as error:
            self.connection.write(error_frame(error))
        except Unreadable as error:
            self.connection.write(error_frame(error))
            self._unreadable += 1
            if self._unreadable >= MAX_UNREADABLE:
                self.end(CloseCode.UNREADABLE, "not JSON")
        return None

    def _within_limit(self) -> bool:
        now = self._clock.monotonic()
        if now >= self._window_ends:
            self._window_ends = now + WINDOW_S
            self._count = 0
        self._count += 1
        return self._count <= self._settings.max_messages_per_10_s


async def _hello(line: _Line) -> tuple[Hello | None, Topics]:
    """The hello, with its topics understood; None when the socket ended before."""
    while (frame := await line.next()) is not None:
        try:
            if not isinstance(frame, Hello):
                raise Unauthenticated("Say hello first.", code="hello_expected")
            return frame, INBOX if frame.topics is None else parse_topics(frame.topics)
        except PatchbayError as error:
            line.connection.write(error_frame(error))
    return None, INBOX


def _refuse_machines(principal: Principal) -> None:
    if principal.type not in PERSONS:
        raise Forbidden("People are there and look at things; an API key or a bot only types.")
