"""E23: a first run has no default password and secrets of its own; what is weak or lies open is refused by name."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
from pathlib import Path

import aiohttp
import pytest

from patchbay.errors import ConfigError
from patchbay.plugins import load_plugins
from patchbay.secrets import EXAMPLES, open_admin_token, open_vault
from tests.plugins.rbac.world import CHEAP, PASSWORD, people_world
from tests.security.booting import OPEN_HANDED, fresh_install, modes, patchbay
from tests.security.edge_world import edge
from tests.security.failing import CANARY, fails_later

GOOD = "hT5-xWq9Lz2RbVn7Kf4Jc8Md3Gp6Ys1Au"
GUESSED = ("admin", "root", "patchbay", "user", "test", "administrator", "admin@example.org", "admin@localhost")
PASSWORDS = ("admin", "password", "changeme", "patchbay", "", "123456", "root", "letmein", "secret", PASSWORD)
TOKENS = ("admin", "changeme", "token", "patchbay", "bootstrap", "null", "undefined", "0", "*", "secret", "a" * 43)
WEAK = {
    "short": ("Xk3", r"has 3 bytes and needs (32|16) or more"),
    "example": ("changeme-changeme-changeme-changeme", "is an example value"),
    "repetitive": ("abab" * 12, "repeats a few characters"),
}
LETTING_IN = "/api/v1/auth/login"
JSON = {"Content-Type": "application/json"}


# --- What a first start makes, and who gets in -----------------------------------------------------------------------


async def test_two_installs_have_secrets_of_their_own_that_only_their_owner_reads(tmp_path: Path) -> None:
    made: list[dict[str, str]] = []
    for name in ("one", "two"):
        folder = tmp_path / name / "data"
        folder.parent.mkdir()
        gateway = fresh_install(folder)
        await gateway.start(*OPEN_HANDED)
        try:
            assert {path: mode for path, mode in modes(folder).items() if mode & 0o077} == {}
            made.append({each: (folder / each).read_text().strip() for each in ("secret-key", "admin-token")})
            async with aiohttp.ClientSession() as session:
                headers = {"Authorization": f"Bearer {made[-1]['admin-token']}"}
                async with session.get(f"{gateway.url}/api/v1/users", headers=headers) as answer:
                    assert (answer.status, (await answer.json())["data"]) == (200, []), "nobody is there from the start"
        finally:
            await gateway.stop()
        assert not [secret for secret in made[-1].values() if secret in gateway.tail(10**6)]
    secrets = [secret for each in made for secret in each.values()]
    assert len(set(secrets)) == 4
    assert all(re.fullmatch(r"[\w-]{43}", secret) for secret in secrets), "256 bits"


async def test_nothing_opens_for_a_guess(tmp_path: Path) -> None:
    async with people_world(tmp_path, PATCHBAY_ADMIN_TOKEN="") as world:
        nobody = world.nobody()
        statuses = set()
        for login in GUESSED:
            for password in PASSWORDS:
                heard = await nobody.ask("POST", "/auth/login", {"email": login, "password": password})
                assert "Set-Cookie" not in heard.headers
                statuses.add(heard.status)
        assert statuses <= {401, 422, 429}
        assert 401 in statuses
        for headers in (
            {},
            *({"Authorization": f"Bearer {token}"} for token in TOKENS),
            *({"X-API-Key": token} for token in TOKENS),
            {"Authorization": "Basic YWRtaW46YWRtaW4="},
            {"Cookie": "__Host-patchbay=admin"},
            {"X-Forwarded-User": "admin", "X-Forwarded-For": "127.0.0.1", "X-Real-IP": "127.0.0.1"},
        ):
            for path in ("/users", "/conversations", "/plugins", "/audit", "/channels"):
                assert (await nobody.ask("GET", path, headers=headers)).status == 401, (headers, path)
        made = (tmp_path / "data" / "admin-token").read_text().strip()
        headers = {"Authorization": f"Bearer {made}"}
        assert (await nobody.ask("GET", "/users", headers=headers)).status == 200, "and the right one does"


# --- What is refused at the start ------------------------------------------------------------------------------------


@pytest.mark.parametrize("weakness", WEAK)
@pytest.mark.parametrize("setting", ["PATCHBAY_SECRET_KEY", "PATCHBAY_ADMIN_TOKEN"])
async def test_a_secret_that_can_be_guessed_stops_the_start(tmp_path: Path, setting: str, weakness: str) -> None:
    value, told = WEAK[weakness]
    ended = await patchbay(tmp_path, "serve", **{setting: value})
    assert (ended.status, ended.out) == (2, "")
    assert re.match(rf"{setting} {told}", ended.err)
    assert "secrets.token_urlsafe(32)" in ended.err, "it says what to do"
    assert value not in ended.err
    assert len(ended.err.splitlines()) == 1


@pytest.mark.long
@pytest.mark.parametrize("name", ["secret_key", "admin_token"])
async def test_one_in_the_settings_file_or_in_its_own_file_stops_the_start_too(tmp_path: Path, name: str) -> None:
    config = tmp_path / "patchbay.toml"
    config.write_text(f'{name} = "your-secret-key-goes-here-0000000000000"\n')
    config.chmod(0o600)
    ended = await patchbay(tmp_path, "serve")
    assert (ended.status, ended.out) == (2, "")
    assert ended.err.startswith(f"PATCHBAY_{name.upper()} is an example value")
    config.unlink()
    file = tmp_path / "data" / name.replace("_", "-")
    file.parent.mkdir(exist_ok=True)
    file.write_text("0123456789abcdef0123456789abcdef\n")
    file.chmod(0o600)
    ended = await patchbay(tmp_path, "serve")
    assert (ended.status, ended.out) == (2, "")
    assert ended.err.startswith(f"{file} is an example value")


@pytest.mark.parametrize("example", EXAMPLES)
def test_each_value_that_documentation_shows_is_refused_however_it_is_written(tmp_path: Path, example: str) -> None:
    for text in (f"{example}-{GOOD}", f"{GOOD}_{example.upper()}", "-".join(example) + GOOD):
        for setting, opened in (("PATCHBAY_SECRET_KEY", open_vault), ("PATCHBAY_ADMIN_TOKEN", open_admin_token)):
            environ = {"PATCHBAY_DATA_DIR": str(tmp_path / "data"), "PATCHBAY_PLUGINS": "", setting: text}
            with pytest.raises(ConfigError, match=f"^{setting} is an example value") as refused:
                opened(load_plugins(environ).settings)
            assert text not in str(refused.value)
    assert not (tmp_path / "data" / "secret-key").exists()


def test_of_several_keys_each_is_looked_at(tmp_path: Path) -> None:
    for keys in (f"{GOOD},changeme", f"abababab{'ab' * 16},{GOOD}"):
        environ = {
            "PATCHBAY_DATA_DIR": str(tmp_path / "data"),
            "PATCHBAY_PLUGINS": "",
            "PATCHBAY_SECRET_KEY": keys,
        }
        with pytest.raises(ConfigError, match=r"^PATCHBAY_SECRET_KEY "):
            open_vault(load_plugins(environ).settings)


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o602, 0o601, 0o777])
@pytest.mark.parametrize("name", ["secret-key", "admin-token"])
def test_a_secret_file_that_lies_open_is_refused_whatever_others_may_with_it(
    tmp_path: Path, name: str, mode: int
) -> None:
    settings = load_plugins({"PATCHBAY_DATA_DIR": str(tmp_path), "PATCHBAY_PLUGINS": ""}).settings
    opened = open_vault if name == "secret-key" else open_admin_token
    opened(settings)
    (tmp_path / name).chmod(mode)
    with pytest.raises(ConfigError, match=f"chmod 600 {re.escape(str(tmp_path / name))}") as refused:
        opened(settings)
    assert (tmp_path / name).read_text().strip() not in str(refused.value)


async def test_the_start_that_was_refused_says_the_command_that_mends_it(tmp_path: Path) -> None:
    gateway = fresh_install(tmp_path / "data")
    await gateway.start()
    await gateway.stop()
    for name in ("secret-key", "admin-token"):
        (tmp_path / "data" / name).chmod(0o644)
        ended = await patchbay(tmp_path, "serve")
        assert (ended.status, ended.out) == (2, "")
        command = re.search(r"run: (chmod 600 [^,]+),", ended.err)
        assert command, ended.err
        mending = await asyncio.create_subprocess_exec(*shlex.split(command[1]))
        assert await mending.wait() == 0
    await gateway.start()
    assert (await gateway.ask("GET", "/health/live")).status == 200
    assert await gateway.stop() == 0


async def test_a_settings_file_with_a_secret_in_it_that_lies_open_is_told_of(tmp_path: Path) -> None:
    config = tmp_path / "patchbay.toml"
    config.write_text(f'admin_token = "{GOOD}"\n')
    for mode, told in ((0o644, True), (0o600, False)):
        config.chmod(mode)
        ended = await patchbay(tmp_path, "serve", PATCHBAY_HTTP__HOST="192.0.2.1")  # which it cannot listen on
        assert ended.status == 2
        assert bool(re.search(rf"run: chmod 600 {re.escape(config.name)}", ended.err)) is told
        assert GOOD not in ended.err


@pytest.mark.long
@pytest.mark.parametrize("weak", ["admin", "patchbay2026", "mara.voss.mara.voss", ""])
async def test_the_first_administrator_cannot_have_a_weak_password(tmp_path: Path, weak: str) -> None:
    arguments = ("users", "create", "--email", "mara.voss@example.org", "--name", "Mara Voss", "--admin")
    ended = await patchbay(tmp_path, *arguments, "--password-stdin", say=f"{weak}\n")
    assert (ended.status, ended.out) == (1, "")
    assert "password" in ended.err
    assert not weak or weak not in ended.err
    listed = await patchbay(tmp_path, "users", "list")
    assert (listed.status, len(listed.out.splitlines())) == (0, 1), "nobody was made"


# --- No debug mode ---------------------------------------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.parametrize("name", ["DEBUG", "HTTP__DEBUG", "DEV", "RBAC__DISABLED", "HTTP__AUTH"])
async def test_there_is_no_setting_that_opens_or_explains_more(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=f"^PATCHBAY_{name}"):
        load_plugins(
            {"PATCHBAY_DATA_DIR": str(tmp_path), "PATCHBAY_PLUGINS": "rbac,audit", f"PATCHBAY_{name}": "1", **CHEAP},
            enforce_required=True,
        )


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
async def test_what_nobody_foresaw_shows_an_id_only_even_where_python_debugs(
    tmp_path: Path, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """asyncio's debug mode is the one switch there is; aiohttp would answer with tracebacks in it."""
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    try:
        async with edge(tmp_path, PATCHBAY_HTTP__HOST=host, PATCHBAY_LOG__LEVEL="debug", **CHEAP) as world:
            broken = await world.say(b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: a\r\n\r\n")
            monkeypatch.setattr(world.gateway.store, "find", fails_later)
            heard = await world.ask("GET", "/api/v1/tags")
            monkeypatch.undo()
    finally:
        loop.set_debug(False)
    assert (heard.status, heard.code) == (500, "internal")
    shown = heard.body.decode() + broken.decode() + str(heard.headers)
    assert heard.headers["X-Request-Id"] in shown
    assert not [word for word in (CANARY, "Traceback", ".py", "RuntimeError", "aiohttp") if word in shown]


# --- The administrator's token ---------------------------------------------------------------------------------------


async def test_the_first_administrator_ends_the_token_until_people_are_taken_off_the_list(tmp_path: Path) -> None:
    whole = {"PATCHBAY_PLUGINS": "whatsapp,messenger,instagram,rbac,audit", **CHEAP}
    alone = {"PATCHBAY_PLUGINS": "whatsapp,messenger,instagram,audit"}
    first = {"email": "mara@example.org", "name": "Mara", "password": PASSWORD, "role_ids": ["super_admin"]}
    async with edge(tmp_path, **whole) as world:
        weak = {**first, "password": "password1234"}
        heard = await world.ask("POST", "/api/v1/users", data=json.dumps(weak), headers=JSON)
        assert (heard.status, heard.code) == (422, "invalid")
        await world.json("POST", "/api/v1/users", first)
        assert (await world.ask("GET", "/api/v1/users")).status == 401, "at once"
    async with edge(tmp_path, **whole) as world:
        assert (await world.ask("GET", "/api/v1/users")).status == 401, "after a restart"
        body = json.dumps({"email": "mara@example.org", "password": PASSWORD})
        assert (await world.ask("POST", LETTING_IN, data=body, headers=JSON, token=None)).status == 200
    async with edge(tmp_path, **alone) as world:
        assert (await world.ask("GET", "/api/v1/tags")).status == 200, "the recovery, by whoever has the settings"
        assert (await world.ask("GET", "/api/v1/tags", token=None)).status == 401
    async with edge(tmp_path, **whole) as world:
        assert (await world.ask("GET", "/api/v1/tags")).status == 401
