"""E24: stored secrets are encrypted, bound to where they stand, and sealed with a new key while everything runs."""

from __future__ import annotations

import asyncio
import base64
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from patchbay.collections import ACCOUNTS, Collection
from patchbay.errors import ConfigError, SecretError
from patchbay.jobs.commands import claim_job, queue_job
from patchbay.jobs.runner import Work
from patchbay.model.tag import Tag
from patchbay.ports import Batch, Put
from patchbay.privacy.keyring import add_key, retire_keys
from patchbay.privacy.reseal import Resealer, reseal_accounts, still_sealed
from patchbay.secrets import SecretKey, Vault, open_vault
from patchbay.service import Inbox
from patchbay.settings import load_settings
from patchbay.storage.sqlite import SqliteStore
from patchbay.testing.store_samples import NOON
from tests.core.privacy.conftest import clock, gateway, graph, house
from tests.core.privacy.house import ended, found_in
from tests.core.web.resources.conftest import House

__all__ = ["clock", "gateway", "graph", "house"]
CANARIES = [f"canary-secret-{number:02}-lighthouse" for number in range(60)]


async def connect(house: House) -> list[str]:
    """Thirty accounts with two secrets each, all of them canaries; their ids."""
    ids = []
    for number in range(0, 60, 2):
        answer = await house.post(
            "/channels",
            {
                "channel": "whatsapp",
                "name": f"Line {number}",
                "external_id": f"9{number:06}",
                "credentials": {"access_token": CANARIES[number], "app_secret": CANARIES[number + 1]},
            },
        )
        assert answer.status == 201, answer.body
        ids.append(answer.body["id"])
    return ids


def spellings(text: str) -> list[str]:
    """As it is, and as somebody might have hidden it without encrypting it."""
    raw = text.encode()
    return [text, base64.b64encode(raw).decode()[:-4], raw.hex(), text[::-1], json.dumps(text)[1:-1]]


async def test_a_dump_of_all_files_holds_none_of_60_secrets(house: House, tmp_path: Path) -> None:
    """E24: 0 of 60 canaries in the data folder, nor in any answer."""
    ids = await connect(house)
    await house.gateway.store.scrub()
    assert found_in(tmp_path, [spelling for canary in CANARIES for spelling in spellings(canary)]) == {}
    for id in ids:
        shown = json.dumps((await house.get(f"/channels/{id}")).body)
        assert not [canary for canary in CANARIES if canary in shown]


async def test_a_sealed_value_opens_only_where_it_was_sealed(house: House) -> None:
    """E24: a ciphertext that is swapped between accounts or fields, or altered anywhere, is refused."""
    first, second, *_ = await connect(house)
    accounts = await house.gateway.store.get_many(ACCOUNTS, [first, second])
    vault = house.gateway.vault
    mine, theirs = accounts[first].credentials, accounts[second].credentials
    assert vault.open(mine, first) == {"access_token": CANARIES[0], "app_secret": CANARIES[1]}
    swapped: list[tuple[str, str, str]] = [
        (theirs["access_token"], first, "access_token"),
        (mine["access_token"], second, "access_token"),
        (mine["app_secret"], first, "access_token"),
        (mine["access_token"], first, "app_secret"),
    ]
    version, key_id, payload = mine["access_token"].split(":")
    for place in range(len(payload)):
        letter = "A" if payload[place] != "A" else "B"
        altered = f"{version}:{key_id}:{payload[:place]}{letter}{payload[place + 1 :]}"
        if place < len(payload) - 1:  # the last letter has bits that mean nothing
            swapped.append((altered, first, "access_token"))
    other = Vault([SecretKey("another key of thirty-two bytes or more")])
    swapped.append((other.seal_text("planted", first, "access_token"), first, "access_token"))
    for sealed, context, field in swapped:
        with pytest.raises(SecretError) as refused:
            vault.open_text(sealed, context, field)
        assert CANARIES[0] not in str(refused.value)


async def test_a_new_key_takes_over_while_everything_runs(house: House, tmp_path: Path) -> None:
    """E24: rotation on line: sends go on, all is sealed by the new key, and the old one can be retired."""
    ids = await connect(house)
    old = house.gateway.vault.keys[0].id
    message = await house.say("Hello")
    job = await ended(house, await house.post("/keys/reseal", {"new_key": True}))
    assert (job["state"], job["errors"], job["result"]["left"]) == ("done", [], {})
    assert job["result"]["resealed"]["accounts"] == 31
    new = house.gateway.vault.keys[0].id
    assert (job["result"]["key"], new != old) == (new, True)
    accounts = await house.gateway.inbox.get_many(ACCOUNTS, ids)
    assert all(
        house.gateway.vault.is_current(value) for each in accounts.values() for value in each.credentials.values()
    )
    answer = await house.post(f"/conversations/{message['conversation_id']}/messages", {"text_content": "Good day"})
    await house.state_of(answer.body["message"]["id"], "accepted")

    assert retire_keys(house.gateway.settings) == [old]
    kept = open_vault(house.gateway.settings)
    assert [key.id for key in kept.keys] == [new]
    assert kept.open(accounts[ids[0]].credentials, ids[0])["access_token"] == CANARIES[0]
    again = await ended(house, await house.post("/keys/reseal"))
    assert again["result"]["resealed"]["accounts"] == 0
    await house.gateway.store.scrub()
    assert found_in(tmp_path, [f"v1:{old}:"]) == {}


async def test_a_rotation_that_stops_half_way_is_finished_by_the_next(house: House) -> None:
    """F36: a kill between two accounts leaves both keys needed, both there, and nothing lost."""
    ids = await connect(house)
    settings, gateway = house.gateway.settings, house.gateway
    add_key(settings)
    vault = open_vault(settings)

    class Killed(BaseException):
        pass

    class Mortal(Inbox):
        """Dies after so many commits."""

        left = 7

        async def run(self, command: Any, **more: Any) -> Any:
            made = await super().run(command, **more)
            self.left -= 1
            if not self.left:
                raise Killed
            return made

    mortal = Mortal(gateway.store, gateway.bus, gateway.clock, gateway.ids)
    with pytest.raises(Killed):
        await reseal_accounts(mortal, vault)
    left = await still_sealed(gateway.store, vault, gateway.registry.collections)
    assert 0 < left["accounts"] < 31
    opened = open_vault(settings)  # as the next process does
    accounts = await gateway.store.get_many(ACCOUNTS, ids)
    assert {opened.open(each.credentials, each.id)["access_token"] for each in accounts.values()} == set(CANARIES[::2])
    fresh = Inbox(gateway.store, gateway.bus, gateway.clock, gateway.ids)
    assert await reseal_accounts(fresh, opened) == left["accounts"]
    assert await still_sealed(gateway.store, opened, gateway.registry.collections) == {}


def test_keys_of_the_environment_are_the_administrators_to_change(tmp_path: Path) -> None:
    """E24: where no file holds the key, it is said what to do, and nothing is written."""
    key = "harbour-lantern-58-willow-quartz-basalt"
    settings = load_settings({"data_dir": str(tmp_path), "secret_key": key}, {})
    with pytest.raises(ConfigError, match="PATCHBAY_SECRET_KEY"):
        add_key(settings)
    assert list(tmp_path.iterdir()) == []


async def test_sealing_again_needs_its_permission(house: House) -> None:
    """E24: and an answer that nobody may have says nothing."""
    assert (await house.post("/keys/reseal", who="reader")).status == 403
    assert (await house.post("/keys/reseal", who="")).status == 401


class Seeds:
    """A plugin's service that keeps one sealed value."""

    name = "seeds"

    def __init__(self, vault: Vault, sealed: str) -> None:
        self.vault = vault
        self.sealed = sealed

    async def reseal(self) -> int:
        opened = self.vault.open_text(self.sealed, "plugin seeds: one", "totp")
        self.sealed = self.vault.seal_text(opened, "plugin seeds: one", "totp")
        return 1


async def test_a_plugin_seals_its_own_values_again_when_asked(house: House) -> None:
    """E24: a service that has ``reseal`` is asked; one that fails is told of by name, and costs others nothing."""
    gateway = house.gateway
    seeds = Seeds(gateway.vault, gateway.vault.seal_text("seed", "plugin seeds: one", "totp"))
    failing = Seeds(gateway.vault, "not sealed")
    failing.name = "failing"
    add_key(gateway.settings)
    await gateway.jobs.stop(1.0)
    resealer = Resealer(gateway.vault, gateway.settings, gateway.registry.collections, [failing, seeds, object()])

    def claimed(uow: Any) -> Any:
        queued = queue_job(uow, resealer.name, created_by=None)
        return claim_job(uow, queued.id, "test", timedelta(days=1), alone=True, give_up=True)

    work = Work(gateway.inbox, await gateway.inbox.run(claimed), asyncio.Event())
    made = await resealer.run(work)
    assert made.result["resealed"] == {"accounts": 1, "seeds": 1}
    assert [(error.code, error.item) for error in work.job.errors] == [("plugin_failed", "failing")]
    assert gateway.vault.is_current(seeds.sealed)


async def test_what_a_plugin_did_not_seal_again_is_found_whatever_its_field(tmp_path: Path) -> None:
    """E24: nobody retires a key that something still needs."""
    new, old = SecretKey("the new key of thirty-two bytes or more"), SecretKey("an old key of thirty-two bytes or more")
    seeds = Collection("other_seeds", Tag)
    store = SqliteStore(tmp_path / "patchbay.db")
    await store.open([ACCOUNTS, seeds])
    for number, vault in enumerate((Vault([old]), Vault([new]))):
        kept = vault.seal_text("seed", "plugin other: one", "totp")
        tag = Tag(id=f"tag_{number}", created_at=NOON, updated_at=NOON, name="a", description=kept)
        await store.commit(Batch(puts=[Put(seeds, tag, None)]))
    assert await still_sealed(store, Vault([new, old]), [ACCOUNTS, seeds]) == {"other_seeds": 1}
    assert await still_sealed(store, Vault([new]), [ACCOUNTS, seeds]) == {}
    await store.close()
