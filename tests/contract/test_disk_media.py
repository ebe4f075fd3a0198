from pathlib import Path

from patchbay.media.disk import DiskMediaStore
from patchbay.ports import MediaStore
from patchbay.testing import MediaStoreContract


class TestDiskMediaStore(MediaStoreContract):
    def make_media_store(self, folder: Path) -> MediaStore:
        return DiskMediaStore(folder)
