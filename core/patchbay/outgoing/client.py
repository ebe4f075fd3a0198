"""The client for addresses that somebody gave us."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp
from aiohttp.abc import AbstractResolver

from patchbay.outgoing.guard import Policy, Unreachable, checked_url, guarded_sockets

CONNECT_S = 5.0  # section 7, "HTTP out": this and what follows
TOTAL_S = 30.0
MAX_REPLY = 4 * 2**20  # bytes
PER_HOST = 100


@dataclass(frozen=True)
class OutgoingReply:
    """What came back: the body as it was sent, undecoded. A redirect is a reply like any other."""

    status: int
    headers: Mapping[str, str]  # names in lower case; of one that came twice the first
    body: bytes


class OutgoingClient:
    """One session for whatever is sent to addresses that are not ours to choose.

    No redirect is followed, no proxy of the environment is used, no cookie is kept. ``resolver`` and ``tls`` stand for
    the system's.
    """

    def __init__(
        self,
        policy: Policy | None = None,
        *,
        resolver: AbstractResolver | None = None,
        tls: ssl.SSLContext | None = None,
        connect_s: float = CONNECT_S,
        total_s: float = TOTAL_S,
        max_reply: int = MAX_REPLY,
    ) -> None:
        self._policy = policy or Policy()
        self._resolver = resolver
        self._tls = tls
        self._timeout = aiohttp.ClientTimeout(total=total_s, sock_connect=connect_s, connect=connect_s)
        self._max_reply = max_reply
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0,
                limit_per_host=PER_HOST,
                keepalive_timeout=15,
                resolver=self._resolver,
                ssl=self._tls or True,
                socket_factory=guarded_sockets(self._policy),
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,  # a small reply may be a large one
            timeout=self._timeout,
            headers={"User-Agent": "Patchbay", "Accept-Encoding": "identity"},
        )

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def request(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> OutgoingReply:
        """The reply, whatever its status. Raises ``Unreachable`` for an address that may not be asked, that nobody
        answers at, or whose reply is too large or no HTTP: always the same sentence."""
        if self._session is None:
            raise RuntimeError("the outgoing client is not open")
        checked = checked_url(url, self._policy)
        try:
            async with self._session.request(
                method, checked, headers=headers, data=body, allow_redirects=False
            ) as response:
                whole = bytearray()
                async for chunk in response.content.iter_any():
                    whole += chunk
                    if len(whole) > self._max_reply:
                        response.close()
                        raise Unreachable
                return OutgoingReply(response.status, _first_of_each(response.headers), bytes(whole))
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            raise Unreachable from None  # the cause may name the address that was found


def _first_of_each(headers: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in headers.items():
        found.setdefault(name.lower(), value)
    return found
