"""Who may be spoken of in a webhook: whom its path names, or who has the secret that signed it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from patchbay.channel import SignedRequest
from patchbay.collections import ACCOUNTS, MESSAGES
from patchbay.errors import BadSignature
from patchbay.ingest.applier import Applier
from patchbay.ingest.receive import Ingest, fitting
from patchbay.model.account import ChannelAccount
from patchbay.model.ids import account_id
from patchbay.ports import Query, RawQuery
from patchbay.settings import IngestSettings
from patchbay_meta.signature import Signer
from patchbay_whatsapp import WhatsAppChannel, WhatsAppSettings
from tests.core.plain_post import Stage, stage

PLUGIN, ALPHA, BETA = "plugin-secret", "alpha-secret", "beta-secret"


def webhook(*numbers: str) -> bytes:
    """One message for each number, in one body."""
    changes = [
        {
            "field": "messages",
            "value": {
                "messaging_product": "whatsapp",
                "metadata": {"display_phone_number": f"1555{number}", "phone_number_id": number},
                "contacts": [{"wa_id": "15550001111", "profile": {"name": "Mara"}}],
                "messages": [
                    {
                        "from": "15550001111",
                        "id": f"wamid.{number}",
                        "timestamp": "1790000000",
                        "type": "text",
                        "text": {"body": f"to {number}"},
                    }
                ],
            },
        }
        for number in numbers
    ]
    return json.dumps({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": changes}]}).encode()


@dataclass
class Way:
    """The way in of a WhatsApp plugin with a secret of its own."""

    on: Stage
    channel: WhatsAppChannel = field(default_factory=lambda: WhatsAppChannel(WhatsAppSettings(app_secret=PLUGIN)))  # type: ignore[arg-type]

    def __post_init__(self) -> None:
        channels = {"whatsapp": self.channel}
        self.applier = Applier(
            self.on.inbox,
            channels,
            self.on.directory,
            owner="gw",
            max_attempts=3,
            reopen_after=timedelta(0),
            max_pending=99,
        )
        self.ingest = Ingest(
            self.on.inbox.store, self.on.clock, channels, self.on.directory, self.applier, IngestSettings()
        )

    async def connect(self, number: str, secret: str | None) -> ChannelAccount:
        id, now = account_id("whatsapp", number), self.on.clock.now()
        account = ChannelAccount(
            id=id,
            created_at=now,
            updated_at=now,
            channel="whatsapp",
            name=number,
            external_id=number,
            credentials=self.on.vault.seal({"app_secret": secret}, id) if secret else {},
        )
        return await self.on.inbox.run(lambda uow: uow.add(ACCOUNTS, account))

    async def take(self, secret: str, *numbers: str, path: str | None = None) -> None:
        body = webhook(*numbers)
        await self.ingest.receive("whatsapp", body, {"x-hub-signature-256": Signer(secret).header(body)}, path)

    async def applied(self) -> dict[str, str]:
        """The outcome of each item of the last webhook, by its error or "applied"."""
        store = self.on.inbox.store
        await self.applier.apply(await store.claim("gw", 10, 10**6))
        raw = (await store.raws(RawQuery(limit=1))).items[0]
        found = {item.key: item.error or item.outcome for item in raw.items}
        return {
            number: told for number in ("A", "B", "C", "D") for key, told in found.items() if f"wamid.{number}" in key
        }

    async def texts(self) -> list[str]:
        return sorted(message.text for message in await self.on.inbox.find_all(Query(MESSAGES, limit=200)))


@asynccontextmanager
async def way_in(folder: Path) -> AsyncIterator[Way]:
    """A and D share a secret, B has another, C has none of its own."""
    async with stage(folder) as on:
        way = Way(on)
        for number, secret in (("A", ALPHA), ("B", BETA), ("C", None), ("D", f"{ALPHA},new")):
            await way.connect(number, secret)
        yield way


FOREIGN = "another account's secret signed the webhook"


@pytest.mark.parametrize(
    ("secret", "heard"),
    [(PLUGIN, "ABCD"), (ALPHA, "AD"), (BETA, "B"), ("new", "AD")],
    ids=["the plugin's", "one that two share", "one's own", "the next of two"],
)
async def test_a_secret_speaks_for_the_accounts_that_have_it(tmp_path: Path, secret: str, heard: str) -> None:
    async with way_in(tmp_path) as way:
        await way.take(secret, *"ABCD")
        outcomes = await way.applied()
        assert {number for number, told in outcomes.items() if told == "applied"} == set(heard)
        assert all(FOREIGN in told for number, told in outcomes.items() if number not in heard)
        assert await way.texts() == [f"to {number}" for number in heard]


async def test_what_was_kept_may_not_be_heard_later_either(tmp_path: Path) -> None:
    async with way_in(tmp_path) as way:
        await way.take(BETA, "A")
        assert FOREIGN in (await way.applied())["A"]
        await way.ingest.replay(await way.on.inbox.store.unroutable("whatsapp"))
        assert FOREIGN in (await way.applied())["A"]
        assert await way.texts() == []


async def test_an_account_that_is_connected_later_hears_what_its_secret_signed(tmp_path: Path) -> None:
    async with way_in(tmp_path) as way:
        await way.take(ALPHA, "A", "E")
        await way.applied()
        await way.connect("E", ALPHA)
        await way.ingest.replay(await way.on.inbox.store.unroutable("whatsapp"))
        await way.applied()
        assert await way.texts() == ["to A", "to E"]


async def test_what_was_signed_while_two_had_the_secret_is_for_both_whatever_becomes_of_one(tmp_path: Path) -> None:
    async with way_in(tmp_path) as way:
        await way.take(ALPHA, "D")
        first = way.on.directory.get(account_id("whatsapp", "A"))
        assert first is not None
        await way.on.inbox.run(lambda uow: uow.remove(ACCOUNTS, uow.need(ACCOUNTS, first.id)))
        assert (await way.applied())["D"] == "applied"


@pytest.mark.parametrize(("secret", "path"), [(PLUGIN, "A"), (ALPHA, "A"), (BETA, "B")])
async def test_a_path_that_names_an_account_is_for_that_one(tmp_path: Path, secret: str, path: str) -> None:
    async with way_in(tmp_path) as way:
        await way.take(secret, *"ABCD", path=path)
        outcomes = await way.applied()
        assert outcomes.pop(path) == "applied"
        assert all(f"the webhook's path names {path!r}" in told for told in outcomes.values())
        assert len(outcomes) == 3
        assert await way.texts() == [f"to {path}"]


@pytest.mark.parametrize(("secret", "path"), [("nobody's", None), (BETA, "A"), (ALPHA, "nobody"), (ALPHA, "C")])
async def test_a_secret_that_fits_nobody_who_may_be_meant_is_refused(
    tmp_path: Path, secret: str, path: str | None
) -> None:
    async with way_in(tmp_path) as way:
        with pytest.raises(BadSignature):
            await way.take(secret, "A", path=path)
        assert await way.on.inbox.store.pending() == 0
        assert (way.ingest.received, way.ingest.refused) == (0, 1)


async def test_nothing_of_a_secret_is_kept_with_the_webhook(tmp_path: Path) -> None:
    async with way_in(tmp_path) as way:
        await way.take(BETA, "B")
        await way.take(PLUGIN, "B")
        by_plugin, by_account = (await way.on.inbox.store.raws(RawQuery(limit=2))).items
        assert by_account.headers["patchbay-signed-by"] == account_id("whatsapp", "B")
        assert "patchbay-signed-by" not in by_plugin.headers
        assert all(secret not in str(by_account.headers) for secret in (PLUGIN, BETA))


class Counting:
    """Counts how many secrets it is asked to look at."""

    def __init__(self, fits: str) -> None:
        self.fits = fits
        self.looks = 0

    def verify(self, request: SignedRequest, account_secrets: Sequence[str]) -> None:
        self.looks += len(account_secrets)
        if self.fits not in account_secrets:
            raise BadSignature("no")


@pytest.mark.parametrize("count", [1, 2, 3, 7, 500])
def test_the_secret_that_fits_is_found_without_looking_at_each_twice(count: int) -> None:
    secrets = tuple(map(str, range(count)))
    request = SignedRequest(b"", {})
    for fits in (secrets[0], secrets[-1], secrets[count // 2]):
        channel: Any = Counting(fits)
        assert fitting(channel, request, secrets) == fits
        assert channel.looks <= 2 * count
    channel = Counting("another")
    with pytest.raises(BadSignature):
        fitting(channel, request, secrets)
    assert channel.looks == count
