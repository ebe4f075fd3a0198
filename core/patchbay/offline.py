"""A gateway at rest: its store and its plugins' services, open for one errand of the command line, without listening,
sending or applying anything."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Final

from patchbay.gateway import Gateway

if TYPE_CHECKING:
    from patchbay.plugins import Loaded

GRACE_S: Final = 2.0  # for what services do beside the errand


@asynccontextmanager
async def offline(loaded: Loaded) -> AsyncIterator[Gateway]:
    """The gateway while the block runs. What is done through ``inbox.run`` with a ``Cause`` is recorded as ever.

    Raises ``StoreInUse`` while a gateway runs on the same store, ``ConfigError``, ``StoreUnavailable``, and
    ``PluginError`` for a required service that does not start.
    """
    gateway = Gateway(loaded)
    async with AsyncExitStack() as opened:
        opened.push_async_callback(gateway.conduct.close)
        await gateway.store.open(gateway.registry.collections)
        opened.push_async_callback(gateway.store.close)
        await gateway.inbox.open()
        await gateway.bus.open()
        opened.push_async_callback(gateway.bus.close)
        opened.push_async_callback(gateway.tasks.close, GRACE_S)
        opened.push_async_callback(gateway.services.stop)  # those that started, where one did not; ends what they do
        await gateway.services.start()
        yield gateway
