"""What every ``patchbay.ports.Store`` has to do, as tests to inherit.

A plugin that brings a store proves it with::

    class TestMyStore(StoreContract):
        def make_store(self, place: Path) -> Store:
            return MyStore(f"mine://{place}")
"""

from __future__ import annotations

from patchbay.testing.store_documents import StoreDocuments
from patchbay.testing.store_erasure import StoreErasure
from patchbay.testing.store_journal import StoreJournal
from patchbay.testing.store_log import StoreLog
from patchbay.testing.store_queries import StoreQueries
from patchbay.testing.store_scope import StoreScope


class StoreContract(StoreDocuments, StoreQueries, StoreScope, StoreJournal, StoreLog, StoreErasure):
    """Inherit, name the class ``Test...`` and give ``make_store``: a store that is not open yet, where the same place
    (a folder that exists, or not yet) has the same data."""
