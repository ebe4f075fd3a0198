"""What the core asks of the world: protocols and the values they take."""

from __future__ import annotations

from patchbay.ports.hosting import HealthCheck, Host, Listener, Notifier, Resealing, Service
from patchbay.ports.people import (
    Authenticator,
    Authorizer,
    Card,
    Credentials,
    Directory,
    RowAuthorizer,
    Standing,
    Verdict,
)
from patchbay.ports.store import (
    NOTHING,
    Batch,
    Bus,
    Delete,
    Key,
    Operator,
    Page,
    Put,
    Query,
    RawPage,
    RawQuery,
    Store,
    Where,
    Within,
)
from patchbay.ports.trail import Act, Change, Recorder
from patchbay.ports.world import Clock, Ids, MediaStore, StoredBlob

__all__ = [
    "NOTHING",
    "Act",
    "Authenticator",
    "Authorizer",
    "Batch",
    "Bus",
    "Card",
    "Change",
    "Clock",
    "Credentials",
    "Delete",
    "Directory",
    "HealthCheck",
    "Host",
    "Ids",
    "Key",
    "Listener",
    "MediaStore",
    "Notifier",
    "Operator",
    "Page",
    "Put",
    "Query",
    "RawPage",
    "RawQuery",
    "Recorder",
    "Resealing",
    "RowAuthorizer",
    "Service",
    "Standing",
    "Store",
    "StoredBlob",
    "Verdict",
    "Where",
    "Within",
]
