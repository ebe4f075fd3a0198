"""Notices by e-mail: ``patchbay.ports.Notifier``."""

from __future__ import annotations

import asyncio

from patchbay.ports import Clock, Ids
from patchbay.system import SystemClock, SystemIds
from patchbay_email.conversation import converse
from patchbay_email.errors import EmailFailed, RecipientRefused
from patchbay_email.letter import Letter, letter
from patchbay_email.settings import EmailSettings

AT_ONCE = 4  # connections; providers refuse who opens many
GIVEN_UP = "The last notice was given up by whoever asked for it, before the mail server had answered."


class EmailNotifier:
    """Each notice has a connection of its own: they are rare, and none has to be closed when the gateway ends."""

    name = "email"

    def __init__(self, settings: EmailSettings, *, clock: Clock | None = None, ids: Ids | None = None) -> None:
        self._settings = settings
        self._clock = clock or SystemClock()
        self._ids = ids or SystemIds()
        self._room = asyncio.Semaphore(AT_ONCE)

    async def notify(self, recipient: str, subject: str, text: str) -> None:
        """Hand one notice over to the mail server.

        Raises ``RecipientRefused`` for a recipient that e-mail cannot reach, and ``EmailFailed``; nothing is retried.
        It takes ``timeout_s`` at most, and as long again where it has to wait for others.
        """
        settings = self._settings
        written = letter(
            settings.sender or "", recipient, subject, text, now=self._clock.now(), id=self._ids.new("notice")
        )
        await self._place()
        try:
            await self._hand_over(written)
        finally:
            self._room.release()

    async def _place(self) -> None:
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                await self._room.acquire()
        except TimeoutError:
            raise EmailFailed(f"{AT_ONCE} notices before this one still wait for the mail server.") from None

    async def _hand_over(self, written: Letter) -> None:
        settings, clock = self._settings, self._clock
        try:
            await converse(settings, written, settings.timeout_s)
        except RecipientRefused:
            settings.tries.worked(clock.now())  # the server spoke to us, up to this one address
            raise
        except EmailFailed as error:
            settings.tries.failed(clock.now(), error.detail)
            raise
        except asyncio.CancelledError:
            settings.tries.failed(clock.now(), GIVEN_UP)
            raise
        settings.tries.worked(clock.now())
