"""A small mail server on a port of its own: what it heard, what it took, and how it misbehaves."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

HANG_UP = "(hangs up)"
SILENCE = "(says nothing)"


@dataclass
class Delivered:
    """A letter as it came: the envelope, the lines between DATA and the dot, who had signed in, and how."""

    sender: str
    recipients: list[str]
    content: bytes
    user: str | None
    over_tls: bool


@dataclass
class PostOffice:
    """Speaks SMTP as far as a client of ours goes. ``replies`` replaces answers by verb (GREETING and END, which is the
    dot, among them), by a reply, ``HANG_UP`` or ``SILENCE``."""

    users: Mapping[str, str] = field(default_factory=dict)
    ways: tuple[str, ...] = ("PLAIN", "LOGIN")
    extensions: tuple[str, ...] = ("8BITMIME", "SIZE 10000000")
    context: ssl.SSLContext | None = None
    tls_at_once: bool = False
    sign_in_needed: bool = False
    replies: dict[str, str] = field(default_factory=dict)
    letters: list[Delivered] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    _silent: int = 0
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    closing: asyncio.Event = field(default_factory=asyncio.Event)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[PostOffice]:
        at_once = self.context if self.tls_at_once else None
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=at_once)
        self.port = server.sockets[0].getsockname()[1]
        self._sessions: set[asyncio.Task[None]] = set()
        try:
            yield self
        finally:
            self.closing.set()
            server.close()
            await asyncio.gather(*self._sessions)
            await server.wait_closed()

    @property
    def verbs(self) -> list[str]:
        return [line.split()[0].upper() for line in self.heard if line.strip()]

    async def silences(self, number: int) -> None:
        """Until it has kept silent that often."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._silent >= number)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._sessions.add(task)
        self.connections += 1
        try:
            await Session(self, reader, writer).run()
        except (ConnectionError, ssl.SSLError, asyncio.IncompleteReadError):
            pass  # they went away, as clients do
        finally:
            self._sessions.discard(task)
            writer.close()
            try:
                await asyncio.wait_for(writer.wait_closed(), 1)
            except (OSError, TimeoutError):
                writer.transport.abort()


class Done(Exception):
    """The connection is over."""


class Session:
    """One connection."""

    def __init__(self, office: PostOffice, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.office, self.reader, self.writer = office, reader, writer
        self.user: str | None = None
        self.over_tls = office.tls_at_once
        self.sender = ""
        self.recipients: list[str] = []

    async def run(self) -> None:
        verbs: dict[str, Callable[[str], AsyncIterator[str]]] = {
            "EHLO": self.ehlo,
            "STARTTLS": self.starttls,
            "AUTH": self.auth,
            "MAIL": self.mail,
            "RCPT": self.rcpt,
            "DATA": self.data,
            "QUIT": self.quit,
        }
        try:
            await self.say(self.office.replies.get("GREETING", "220 post office"))
            while True:
                line = await self.line()
                self.office.heard.append(line)
                verb, _, rest = line.partition(" ")
                if (instead := self.office.replies.get(verb.upper())) is not None:
                    await self.say(instead)
                    continue
                act = verbs.get(verb.upper())
                if act is None:
                    await self.say("500 what?")
                    continue
                async for reply in act(rest):
                    await self.say(reply)
        except Done:
            return

    async def line(self) -> str:
        """What they say next; the end when they, or the test, are through."""
        read = asyncio.ensure_future(self.reader.readline())
        over = asyncio.ensure_future(self.office.closing.wait())
        await asyncio.wait((read, over), return_when=asyncio.FIRST_COMPLETED)
        over.cancel()
        if not read.done():
            read.cancel()
            raise Done
        heard = read.result()
        if not heard.endswith(b"\r\n"):
            raise Done
        return heard[:-2].decode("latin-1")

    async def say(self, reply: str) -> None:
        if reply == HANG_UP:
            raise Done
        if reply == SILENCE:
            async with self.office._changed:
                self.office._silent += 1
                self.office._changed.notify_all()
            return
        self.writer.write(reply.encode() + b"\r\n")
        await self.writer.drain()

    async def ehlo(self, name: str) -> AsyncIterator[str]:
        offers = [*self.office.extensions]
        if self.office.context is not None and not self.over_tls:
            offers.append("STARTTLS")
        if self.office.ways and (self.over_tls or self.office.context is None):
            offers.append("AUTH " + " ".join(self.office.ways))
        for offer in offers:
            yield f"250-{offer}"
        yield f"250 {name}"

    async def starttls(self, _: str) -> AsyncIterator[str]:
        if self.office.context is None:
            yield "502 no"
            return
        yield "220 go ahead"
        await self.writer.start_tls(self.office.context)
        self.over_tls = True

    async def auth(self, rest: str) -> AsyncIterator[str]:
        way, _, initial = rest.partition(" ")
        if way == "PLAIN":
            _, name, password = base64.b64decode(initial).decode().split("\0")
        else:
            name = base64.b64decode(initial).decode()
            await self.say("334 UGFzc3dvcmQ6")
            password = base64.b64decode(await self.line()).decode()
        if way not in self.office.ways:
            yield "504 5.5.4 not here"
        elif self.office.users.get(name) == password:
            self.user = name
            yield "235 2.7.0 welcome"
        else:
            yield f"535 5.7.8 not {name} with {password}"  # some servers say as much

    async def mail(self, rest: str) -> AsyncIterator[str]:
        if self.office.sign_in_needed and self.user is None:
            yield "530 5.7.0 authentication required"
            return
        self.sender, self.recipients = rest.removeprefix("FROM:").strip("<>"), []
        yield "250 2.1.0 fine"

    async def rcpt(self, rest: str) -> AsyncIterator[str]:
        self.recipients.append(rest.removeprefix("TO:").strip("<>"))
        yield "250 2.1.5 fine"

    async def data(self, _: str) -> AsyncIterator[str]:
        yield "354 go on"
        lines: list[str] = []
        while (line := await self.line()) != ".":
            lines.append(line.removeprefix("."))
        content = "\r\n".join(lines).encode("latin-1")
        self.office.letters.append(Delivered(self.sender, self.recipients, content, self.user, self.over_tls))
        yield self.office.replies.get("END", "250 2.0.0 taken")

    async def quit(self, _: str) -> AsyncIterator[str]:
        yield "221 bye"
        raise Done
