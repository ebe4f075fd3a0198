"""Reading a request's body: all of it, not too much of it, and not for ever."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import hdrs, web
from aiohttp.http_exceptions import HttpProcessingError

from patchbay.errors import RequestError, TooLarge, Unreadable, UnsupportedMediaType
from patchbay.web.strict_json import loads


class TooSlow(RequestError):
    """The body did not arrive within its deadline."""

    code = "too_slow"
    status = 408
    title = "The body did not arrive in time"


def body_at_hand(request: web.BaseRequest, max_bytes: int) -> bytes | None:
    """The body that came in one piece with its headers, None when it has to be waited for or looked at closely."""
    content = request.content
    if not content.is_eof() or hdrs.CONTENT_ENCODING in request.headers:
        return None
    try:
        whole = content.read_nowait()
    except (HttpProcessingError, web.RequestPayloadError) as error:
        raise _broken() from error
    if len(whole) > max_bytes:
        raise too_large(max_bytes)
    return whole


async def read_body(request: web.BaseRequest, *, max_bytes: int, timeout_s: float) -> bytes:
    """The whole body. Raises ``TooLarge``, ``TooSlow``, ``Unreadable``; ``UnsupportedMediaType`` when it is encoded."""
    whole = body_at_hand(request, max_bytes)
    if whole is not None:
        return whole
    refuse_encoded(request)
    announced = request.content_length
    if announced is not None and announced > max_bytes:
        raise too_large(max_bytes)
    collected = bytearray()
    try:
        async with asyncio.timeout(timeout_s):
            async for chunk in request.content.iter_any():
                collected += chunk
                if len(collected) > max_bytes:
                    raise too_large(max_bytes)
    except TimeoutError as error:
        raise TooSlow(f"The body did not arrive within {timeout_s:g} s.", headers={"Connection": "close"}) from error
    except (HttpProcessingError, web.RequestPayloadError) as error:
        raise _broken() from error
    return bytes(collected)


async def read_json(request: web.Request, *, max_bytes: int, timeout_s: float) -> Any:
    """The JSON value of the body, None for an empty body. Raises what ``read_body`` and ``loads`` raise."""
    if not request.can_read_body:
        return None
    kind = request.content_type
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        if request.content_length != 0:
            raise UnsupportedMediaType("Send the body as application/json.", headers={"Accept": "application/json"})
        return None
    charset = request.charset
    if charset is not None and charset.lower() not in ("utf-8", "utf8"):
        raise UnsupportedMediaType("Send the body as UTF-8.")
    body = await read_body(request, max_bytes=max_bytes, timeout_s=timeout_s)
    return loads(body) if body else None


def refuse_encoded(request: web.BaseRequest) -> None:
    """Raises ``UnsupportedMediaType`` unless the body is as it is: a small compressed body may be a large one."""
    encoding = request.headers.get("Content-Encoding")
    if encoding is not None and encoding.lower() != "identity":
        raise UnsupportedMediaType("Send the body without a Content-Encoding.", headers={"Accept-Encoding": "identity"})


def too_large(max_bytes: int) -> TooLarge:
    return TooLarge(f"The body may have {max_bytes} bytes at most.", headers={"Connection": "close"})


def _broken() -> Unreadable:
    return Unreadable("The body broke off or is framed wrongly.", headers={"Connection": "close"})
