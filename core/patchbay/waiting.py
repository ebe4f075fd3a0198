"""Waiting for something to happen, but not for ever, by the clock that was injected."""

from __future__ import annotations

import asyncio

from patchbay.ports import Clock


async def woken(event: asyncio.Event, clock: Clock, seconds: float) -> bool:
    """Return when the event is set (True), or when ``seconds`` have passed by the clock (False)."""
    if event.is_set():
        return True
    rung = asyncio.ensure_future(event.wait())
    late = asyncio.ensure_future(clock.sleep(seconds))
    try:
        await asyncio.wait((rung, late), return_when=asyncio.FIRST_COMPLETED)
    finally:
        rung.cancel()
        late.cancel()
    return event.is_set()
