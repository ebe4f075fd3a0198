"""The webhooks that the tests of the three Meta channels share: each payload, its bytes, and the items it becomes."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from patchbay.channel import Item, Malformed
from patchbay_instagram.parse import parse as parse_instagram
from patchbay_messenger.parse import parse as parse_messenger
from patchbay_whatsapp.parse import parse as parse_whatsapp

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Webhooks:
    """One channel's payloads, by the names of their files.

    ``object`` is what its webhooks say they are of, ``lists`` are the members whose elements are updates, ``refused``
    the payloads that are no webhooks of this channel.
    """

    channel: str
    object: str
    parse: Callable[[bytes], Sequence[Item | Malformed]]
    lists: tuple[str, ...]
    refused: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return self.channel

    @property
    def folder(self) -> Path:
        return HERE.parent / "payloads" / self.channel

    @property
    def files(self) -> list[str]:
        """All payloads."""
        return sorted(path.stem for path in self.folder.glob("*.json"))

    @property
    def names(self) -> list[str]:
        """The payloads that are webhooks of this channel."""
        return [name for name in self.files if name not in self.refused]

    @property
    def rows(self) -> dict[str, list[dict[str, Any]]]:
        """What each payload is stated to become, item by item and to the last member."""
        rows: dict[str, list[dict[str, Any]]] = json.loads((HERE / self.channel / "parsed.json").read_text("utf-8"))
        return rows

    def payload(self, name: str) -> bytes:
        return (self.folder / f"{name}.json").read_bytes()

    def body(self, name: str) -> Any:
        return json.loads(self.payload(name))

    def wire(self, name: str) -> bytes:
        """The bytes as Meta sends and signs them: without white space, what is not ASCII escaped."""
        return json.dumps(self.body(name), ensure_ascii=True, separators=(",", ":")).encode()

    def edited(self, name: str, edit: Callable[[Any], Any]) -> bytes:
        """A payload that was changed in place."""
        body = self.body(name)
        edit(body)
        return json.dumps(body).encode()

    def of(self, *entries: Any) -> bytes:
        """A webhook with these entries."""
        return json.dumps({"object": self.object, "entry": entries}).encode()

    def items(self, body: bytes) -> list[Item]:
        """The items, none of which may be malformed."""
        parsed = self.parse(body)
        assert [one for one in parsed if isinstance(one, Malformed)] == []
        return [one for one in parsed if isinstance(one, Item)]


WHATSAPP = Webhooks(
    "whatsapp",
    "whatsapp_business_account",
    parse_whatsapp,
    ("messages", "statuses", "message_echoes", "groups", "calls", "state_sync", "user_preferences"),
)
MESSENGER = Webhooks("messenger", "page", parse_messenger, ("messaging", "standby", "changes"))
INSTAGRAM = Webhooks(
    "instagram", "instagram", parse_instagram, ("messaging", "standby", "changes"), refused=frozenset({"wrong_object"})
)
ALL = (WHATSAPP, MESSENGER, INSTAGRAM)
EACH = pytest.mark.parametrize("webhooks", ALL, ids=str)
EACH_PAYLOAD = pytest.mark.parametrize(
    ("webhooks", "name"), [pytest.param(one, name, id=f"{one}-{name}") for one in ALL for name in one.names]
)


def plain(value: Any) -> Any:
    """A value as it stands in JSON."""
    return json.loads(msgspec.json.encode(value))
