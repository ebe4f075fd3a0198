from pathlib import Path

from patchbay.ports import Store
from patchbay.storage.sqlite import SqliteStore
from patchbay.testing import StoreContract


class TestSqliteStore(StoreContract):
    def make_store(self, place: Path) -> Store:
        return SqliteStore(place / "patchbay.db")
