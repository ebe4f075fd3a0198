"""The bell of a gateway that is alone: rung and heard in one process."""

from __future__ import annotations

import asyncio
from weakref import WeakSet


class LocalBus:
    """Any number of listeners; each hears the newest position since it last asked.

    A listener hears what is rung after ``listen()`` returned, and ends when the bus closes. One that nobody holds any
    more is forgotten.
    """

    def __init__(self) -> None:
        self._listeners: WeakSet[_Listener] = WeakSet()
        self._open = False

    async def open(self) -> None:
        self._open = True

    async def close(self) -> None:
        self._open = False
        for listener in list(self._listeners):
            listener.end()
        self._listeners.clear()

    def ring(self, position: int) -> None:
        if self._open:
            for listener in list(self._listeners):
                listener.hear(position)

    def listen(self) -> _Listener:
        listener = _Listener()
        if self._open:
            self._listeners.add(listener)
        else:
            listener.end()
        return listener


class _Listener:
    """One ear: an asynchronous iterator that keeps a single position."""

    def __init__(self) -> None:
        self._newest: int | None = None
        self._ended = False
        self._rung = asyncio.Event()

    def hear(self, position: int) -> None:
        if self._newest is None or position > self._newest:
            self._newest = position
        self._rung.set()

    def end(self) -> None:
        self._ended = True
        self._rung.set()

    def __aiter__(self) -> _Listener:
        return self

    async def __anext__(self) -> int:
        while self._newest is None:
            if self._ended:
                raise StopAsyncIteration
            self._rung.clear()
            await self._rung.wait()
        position, self._newest = self._newest, None
        return position
