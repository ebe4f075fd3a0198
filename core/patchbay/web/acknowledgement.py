"""The answer to a webhook that is durable: the same bytes for everybody, but for the date."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import format_datetime

from aiohttp import HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter

from patchbay.ports import Clock


class Acknowledgement(web.StreamResponse):
    """200 without a body, ``headers`` and the date. One object answers any number of requests.

    To make, prepare and serialise a response each time costs more than to verify the webhook and hand it to the store.
    Here the whole response is bytes that are made once a second; ``prepare`` writes them, and nothing is kept of a
    request.
    """

    def __init__(self, headers: Mapping[str, str], clock: Clock) -> None:
        super().__init__(status=200, headers=headers)
        self._clock = clock
        self._bytes = b""
        self._stale_at = clock.monotonic()

    @staticmethod
    def suits(request: web.BaseRequest) -> bool:
        """Whether the request may be answered with it: not where the response has to say what becomes of the
        connection."""
        return request.keep_alive and request.version == HttpVersion11

    @property
    def keep_alive(self) -> bool:
        return True

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter:
        """Write all of it."""
        if self._clock.monotonic() >= self._stale_at:
            self._renew()
        writer = request.writer
        await writer.write_eof(self._bytes)
        return writer

    async def write_eof(self, data: bytes = b"") -> None:
        """Nothing is left to write."""

    def _renew(self) -> None:
        now = self._clock.now()
        self._stale_at = self._clock.monotonic() + 1 - now.microsecond / 1_000_000  # when the second is over
        fields = {**self.headers, "Content-Length": "0", "Date": format_datetime(now, usegmt=True)}
        lines = [f"HTTP/1.1 {self.status} {self.reason}", *(f"{name}: {value}" for name, value in fields.items())]
        self._bytes = "\r\n".join([*lines, "", ""]).encode("ascii")
