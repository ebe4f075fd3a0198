"""Drives a flow of requests over HTTP: session, token, time-outs, sizes, and what may be said of a lost answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Mapping
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import aiohttp
import msgspec

from patchbay.channel import TOKEN_PLACE, ApiRequest, ApiResponse, FilePart
from patchbay.errors import AccountBroken, MediaRefused, OutcomeUnknown, SendError, Unavailable
from patchbay.outgoing import Policy, Unreachable, checked_url
from patchbay.outgoing.guard import guarded_sockets
from patchbay.ports import MediaStore
from patchbay.redaction import MASK
from patchbay.settings import DeliverySettings

R = TypeVar("R")
MAX_ANSWER = 4 * 2**20  # bytes of a provider's answer
FILE_TIMEOUT_S = 600.0  # for handing a file over; a slow line must not make it impossible
KEPT_HEADERS = (
    "retry-after",
    "content-type",
    "date",
    "x-app-usage",
    "x-business-use-case-usage",
    "x-fb-trace-id",
    "x-patchbay",
)


class Runner:
    """One session for all accounts; nothing of one account's answer reaches another's request."""

    def __init__(self, settings: DeliverySettings, media: MediaStore, policy: Policy | None = None) -> None:
        self._settings = settings
        self._media = media
        self._policy = policy or Policy()
        self._session: aiohttp.ClientSession | None = None
        self._guarded: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        self._session = _session()
        self._guarded = _session(socket_factory=guarded_sockets(self._policy))

    async def close(self) -> None:
        for session in (self._session, self._guarded):
            if session is not None:
                await session.close()
        self._session = self._guarded = None

    @property
    def session(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("the runner is not open")
        return self._session

    def session_for(self, url: str, base_url: str) -> aiohttp.ClientSession:
        """The session for a download: what is not at the account's own provider is an address that somebody told us,
        and is asked through the guard. Raises ``MediaRefused`` for one whose form does not allow that it is asked."""
        if same_origin(url, base_url):
            return self.session
        try:
            checked_url(url, self._policy)
        except Unreachable:
            raise MediaRefused("The address of the file may not be asked.") from None
        if self._guarded is None:
            raise RuntimeError("the runner is not open")
        return self._guarded

    async def play(
        self,
        flow: Generator[ApiRequest, ApiResponse, R],
        *,
        base_url: str,
        token: str | None,
        before_effect: Callable[[], Awaitable[None]] | None = None,
    ) -> R:
        """The flow's result. ``before_effect`` is awaited before the first request that a person would see.

        Raises what the flow raises; ``Unavailable`` when nothing can have left; ``OutcomeUnknown`` when it may have:
        also when a later request cannot be made, or may be made later, after the provider took one that a person sees,
        for the flow would begin again with that one.
        """
        announced, taken = before_effect is None, False
        try:
            request = next(flow)
            while True:
                if request.effect and not announced and before_effect is not None:
                    await before_effect()
                    announced = True
                try:
                    response = await self.request(request, base_url=base_url, token=token)
                except (Unavailable, AccountBroken, OutcomeUnknown) as error:
                    flow.close()
                    if taken and not isinstance(error, OutcomeUnknown):
                        raise _half_done(error) from None
                    raise error from error.__cause__
                before, taken = taken, taken or (request.effect and not 400 <= response.status < 500)  # else: refused
                try:
                    request = flow.send(response)
                except (Unavailable, AccountBroken) as error:
                    if before:
                        raise _half_done(error) from None
                    raise
        except StopIteration as done:
            result: R = done.value
            return result

    async def request(self, request: ApiRequest, *, base_url: str, token: str | None) -> ApiResponse:
        """One request and its answer, whatever the status."""
        url = request.path if "://" in request.path else f"{base_url}/{request.path.lstrip('/')}"
        allowed = token if request.authorise and same_origin(url, base_url) else None
        url, headers = authorised(url, allowed, request.headers)
        try:
            async with self.session.request(
                request.method,
                url,
                params=dict(request.query) or None,
                headers=headers,
                data=self._body(request, headers),
                allow_redirects=False,
                timeout=self._timeout(request),
            ) as response:
                return await _answer(response, effect=request.effect, token=allowed)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL) as error:
            raise Unavailable(f"The provider could not be reached: {type(error).__name__}.") from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            if request.effect:
                raise OutcomeUnknown("The request left and no answer came.") from None  # the error may name the URL
            raise Unavailable(f"The provider did not answer: {type(error).__name__}.") from None

    def _timeout(self, request: ApiRequest) -> aiohttp.ClientTimeout:
        total = self._settings.total_timeout_s if request.file is None else FILE_TIMEOUT_S
        return aiohttp.ClientTimeout(total=total, sock_connect=self._settings.connect_timeout_s)

    def _body(self, request: ApiRequest, headers: dict[str, str]) -> Any:
        if request.json is not None:
            headers["Content-Type"] = "application/json"
            return msgspec.json.encode(request.json)
        if request.file is not None:
            form = aiohttp.FormData()
            for name, value in (request.form or {}).items():
                form.add_field(name, value)
            file = request.file
            form.add_field(
                file.field, _stream(self._media, file), filename=file.filename, content_type=file.content_type
            )
            return form
        return dict(request.form) if request.form is not None else None


def _session(**connector: Any) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, limit_per_host=100, keepalive_timeout=15, **connector),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        headers={"User-Agent": "Patchbay"},
    )


def authorised(url: str, token: str | None, headers: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """The URL and headers with the account's token where the provider takes it. Raises ``AccountBroken`` when the URL
    has a place for a token and there is none to put there."""
    if TOKEN_PLACE in url:
        if token is None:
            raise AccountBroken("There is no token that may be sent there.", hint="Reauthorise the account.")
        return url.replace(TOKEN_PLACE, quote(token, safe=":")), dict(headers)
    return url, {**headers, "Authorization": f"Bearer {token}"} if token is not None else dict(headers)


def same_origin(url: str, base_url: str) -> bool:
    """Whether the token may go there: only to the host it was given for."""
    there, home = urlsplit(url), urlsplit(base_url)
    return (there.scheme, there.netloc) == (home.scheme, home.netloc)


async def _stream(media: MediaStore, file: FilePart) -> AsyncIterator[bytes]:
    if file.media.sha256 is None:
        raise MediaRefused("The file is not stored.")
    async for chunk in media.read(file.media.sha256):
        yield chunk


async def _answer(response: aiohttp.ClientResponse, *, effect: bool, token: str | None) -> ApiResponse:
    raw = await _bounded(response)
    if token and response.status >= 400:  # an error is kept and shown; some say again what they were sent
        raw = raw.replace(token.encode(), MASK.encode())
    headers = {name.lower(): value for name, value in response.headers.items() if name.lower() in KEPT_HEADERS}
    body: Mapping[str, Any] = {}
    try:
        decoded = msgspec.json.decode(raw) if raw else {}
        readable = isinstance(decoded, dict)
        if readable:
            body = decoded
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        readable = False
    status = response.status
    if effect and not readable and (200 <= status < 300 or status >= 500):
        raise OutcomeUnknown(f"The provider answered {status} with something unreadable: it may have taken it.")
    if effect and status in (502, 503, 504) and "error" not in body:
        raise OutcomeUnknown(f"A gateway in front of the provider answered {status}: it may have taken it.")
    return ApiResponse(status, body, headers)


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.content.iter_chunked(65536):
        size += len(chunk)
        if size > MAX_ANSWER:
            raise aiohttp.ClientPayloadError("the answer is too large")
        chunks.append(chunk)
    return b"".join(chunks)


def _half_done(error: SendError) -> OutcomeUnknown:
    return OutcomeUnknown(f"The provider took a request, and one that belongs to it failed: {error.reason}")
