"""What sending works with: one value, shared by the worker, its sender and every attempt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from patchbay.channel import Channel
from patchbay.delivery.runner import Runner
from patchbay.ingest.directory import AccountDirectory
from patchbay.service import Inbox
from patchbay.settings import DeliverySettings


@dataclass(frozen=True, slots=True)
class DeliveryContext:
    """``channels`` are by plugin name; ``owner`` names this process in the leases that it takes."""

    inbox: Inbox
    channels: Mapping[str, Channel]
    directory: AccountDirectory
    runner: Runner
    settings: DeliverySettings
    owner: str
