"""What sending works with: one value, shared by the worker, its sender and every attempt."""

from __future__ import annotations

from dataclasses import dataclass

from patchbay.delivery.providers import Providers
from patchbay.service import Inbox
from patchbay.settings import DeliverySettings


@dataclass(frozen=True, slots=True)
class DeliveryContext:
    """``owner`` names this process in the leases that it takes."""

    inbox: Inbox
    providers: Providers
    settings: DeliverySettings
    owner: str
