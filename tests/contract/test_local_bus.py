from patchbay.bus.local import LocalBus
from patchbay.ports import Bus
from patchbay.testing import BusContract


class TestLocalBus(BusContract):
    def make_bus(self) -> Bus:
        return LocalBus()
