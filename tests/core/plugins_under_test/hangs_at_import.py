"""A plugin whose import waits for something that never happens."""

import threading

threading.Event().wait()
