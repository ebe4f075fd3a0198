"""What tests of Patchbay and of its plugins share: shipped, so that plugin authors have it too.

The contract suites need pytest and are imported when they are first named.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from patchbay.testing.bus_contract import BusContract as BusContract
    from patchbay.testing.bus_contract import SharedBusContract as SharedBusContract
    from patchbay.testing.channel_contract import ChannelContract as ChannelContract
    from patchbay.testing.channel_samples import ChannelSamples as ChannelSamples
    from patchbay.testing.channel_samples import ContentSample as ContentSample
    from patchbay.testing.channel_samples import SampleMissing as SampleMissing
    from patchbay.testing.clock import FakeClock as FakeClock
    from patchbay.testing.media_contract import MediaStoreContract as MediaStoreContract
    from patchbay.testing.store_contract import StoreContract as StoreContract

_PLACES = {
    "BusContract": "bus_contract",
    "ChannelContract": "channel_contract",
    "ChannelSamples": "channel_samples",
    "ContentSample": "channel_samples",
    "FakeClock": "clock",
    "MediaStoreContract": "media_contract",
    "SampleMissing": "channel_samples",
    "SharedBusContract": "bus_contract",
    "StoreContract": "store_contract",
}
_SUITES = ("bus_contract", "media_contract", "store_documents", "store_journal", "store_log", "store_queries")
__all__ = [
    "BusContract",
    "ChannelContract",
    "ChannelSamples",
    "ContentSample",
    "FakeClock",
    "MediaStoreContract",
    "SampleMissing",
    "SharedBusContract",
    "StoreContract",
]

if "pytest" in sys.modules:  # so that a failure in a suite shows its values
    sys.modules["pytest"].register_assert_rewrite(*[f"{__name__}.{suite}" for suite in _SUITES])


def __getattr__(name: str) -> Any:
    if name in _PLACES:
        return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
