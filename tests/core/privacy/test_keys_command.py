"""``patchbay keys rotate``: with the gateway stopped, and finished where it was stopped half-way."""

from __future__ import annotations

import asyncio
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from patchbay.__main__ import main
from patchbay.collections import ACCOUNTS
from patchbay.gateway import Gateway
from patchbay.model.account import ChannelAccount
from patchbay.plugins import load_plugins
from patchbay.ports import Query

ENVIRON = {
    "PATCHBAY_PLUGINS": "whatsapp",
    "PATCHBAY_WHATSAPP__APP_SECRET": "app-secret-0123456789",
    "PATCHBAY_WHATSAPP__VERIFY_TOKEN": "verify-me-please",
    "PATCHBAY_WHATSAPP__ACCESS_TOKEN": "EAAtoken0123456789",
    "PATCHBAY_WHATSAPP__PHONE_NUMBER_ID": "401",
    "PATCHBAY_WHATSAPP__BUSINESS_ID": "301",
}


def gateway(folder: Path) -> Gateway:
    loaded = load_plugins(
        {**ENVIRON, "PATCHBAY_DATA_DIR": str(folder)},
        entry_points=[EntryPoint("whatsapp", "patchbay_whatsapp", "patchbay.plugins")],
    )
    return Gateway(loaded)


async def served(folder: Path) -> list[ChannelAccount]:
    """Start and stop a gateway; its accounts, whose credentials it could open."""
    made = gateway(folder)
    await made.open()
    try:
        accounts = await made.inbox.find_all(Query(ACCOUNTS))
        for account in accounts:
            assert made.vault.open(account.credentials, account.id)["access_token"] == "EAAtoken0123456789"
        return accounts
    finally:
        await made.close()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, value in {**ENVIRON, "PATCHBAY_DATA_DIR": str(tmp_path / "var")}.items():
        monkeypatch.setenv(name, value)
    return tmp_path / "var"


def patchbay(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    return int(ended.value.code or 0)


def test_a_key_takes_over_and_the_old_one_is_retired(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (before,) = asyncio.run(served(folder))
    assert patchbay("keys", "rotate") == 0
    told = capsys.readouterr().out
    assert "Made the key" in told
    assert "1 account again" in told
    (after,) = asyncio.run(served(folder))
    assert before.credentials["access_token"].split(":")[1] != after.credentials["access_token"].split(":")[1]
    assert patchbay("keys", "rotate", "--retire") == 0
    assert "Retired 1 key." in capsys.readouterr().out
    assert len((folder / "secret-key").read_text().split()) == 1
    assert len((folder / "secret-canary").read_text().split()) == 1
    asyncio.run(served(folder))
    assert patchbay("keys", "rotate", "--retire") == 0
    assert "Retired 0 keys." in capsys.readouterr().out


def test_a_running_gateway_keeps_the_command_out(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def while_it_runs() -> int:
        made = gateway(folder)
        await made.open()
        try:
            return await asyncio.to_thread(patchbay, "keys", "rotate")
        finally:
            await made.close()

    assert asyncio.run(while_it_runs()) == 2
    told = capsys.readouterr().err
    assert "in use by another process" in told
    assert "POST /api/v1/keys/reseal" in told
    assert len((folder / "secret-key").read_text().split()) == 1
