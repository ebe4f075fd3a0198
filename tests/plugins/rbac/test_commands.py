"""``patchbay users``: at a gateway that is stopped, and at one that runs. As a process, as people use it."""

from __future__ import annotations

import asyncio
import os
import pty
import sys
import termios
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from yarl import URL

from patchbay.errors import StoreInUse
from patchbay.model.cause import Cause
from patchbay.offline import offline
from patchbay.plugins import load_plugins
from patchbay_rbac.documents import USERS
from tests.plugins.rbac.world import CHEAP, PASSWORD, PLUGINS, TOKEN, World, people_world

WITHIN_S = 60.0
MARA = ("create", "--email", "mara@example.org", "--name", "Mara Voss", "--password-stdin")


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    status: int
    out: str
    err: str


def settings_of(folder: Path) -> dict[str, str]:
    """As ``people_world`` runs a gateway on this folder."""
    return {"PATCHBAY_DATA_DIR": str(folder / "data"), "PATCHBAY_PLUGINS": PLUGINS, **CHEAP}


async def users(folder: Path, *arguments: str, say: str = PASSWORD, **more: str) -> Done:
    """``patchbay users ...`` in a process of its own, which hears ``say`` on standard input."""
    inherited: Mapping[str, str] = {name: value for name, value in os.environ.items() if "PATCHBAY" not in name}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "patchbay",
        "users",
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**inherited, **settings_of(folder), **more},
        cwd=folder,
    )
    out, err = await asyncio.wait_for(process.communicate(f"{say}\n".encode()), WITHIN_S)
    assert process.returncode is not None
    return Done(process.returncode, out.decode(), err.decode())


def where(world: World) -> dict[str, str]:
    """The settings by which a command finds a gateway that runs."""
    return {"PATCHBAY_HTTP__PORT": str(URL(world.url).port), "PATCHBAY_ADMIN_TOKEN": TOKEN}


async def test_the_first_administrator_is_made_beside_a_stopped_gateway(tmp_path: Path) -> None:
    made = await users(tmp_path, *MARA, "--admin")
    assert (made.status, made.err) == (0, "")
    assert made.out.startswith("Created Mara Voss <mara@example.org>, usr_")
    assert "super_admin" in made.out
    again = await users(tmp_path, *MARA)
    assert (again.status, again.out, again.err) == (1, "", "Somebody has this e-mail address already.\n")
    listed = await users(tmp_path, "list")
    assert listed.status == 0
    assert [line.split()[0] for line in listed.out.splitlines()] == ["EMAIL", "mara@example.org"]
    letter = await users(tmp_path, "reset-password", "MARA@example.org")
    token = letter.out.splitlines()[-1]
    async with people_world(tmp_path) as world:
        assert (await world.administrator().ask("GET", "/users")).status == 401  # there is somebody who may
        new = {"token": token, "password": "ganz neue worte darin"}
        assert (await world.nobody().ask("POST", "/auth/password/reset", new)).status == 204
        assert (await world.nobody().ask("POST", "/auth/password/reset", new)).status == 401
        body = {"email": "mara@example.org", "password": "ganz neue worte darin"}
        signed_in = await world.nobody().done("POST", "/auth/login", body)
        headers = {"Authorization": f"Bearer {signed_in['access_token']}"}
        trail = (await world.nobody().done("GET", "/audit", headers=headers))["data"]
        assert [entry["action"] for entry in trail].count("cli") == 2  # one made, one letter
        assert PASSWORD not in str(trail)
        assert token not in str(trail)


async def test_a_running_gateway_is_asked_over_http(world: World, tmp_path: Path) -> None:
    made = await users(tmp_path, *MARA, "--admin", **where(world))
    assert (made.status, made.err) == (0, "")
    (mara,) = world.rbac.people.super_admins()
    assert mara.id in made.out
    late = await users(
        tmp_path, "create", "--email", "b@example.org", "--name", "Ben", "--password-stdin", **where(world)
    )
    assert (late.status, late.out) == (1, "")
    assert "--token" in late.err  # the administrator's token means nothing from now on
    sales = await world.department("Sales South")
    client = await world.signed_in(mara)
    ben = ("create", "--email", "ben@example.org", "--name", "Ben", "--role", "Agent", "--department", "sales south")
    token = client.token or ""
    made = await users(tmp_path, *ben, "--password-stdin", "--token", token, **where(world))
    assert (made.status, made.err) == (0, "")
    found = world.rbac.people.by_login("ben@example.org")
    assert found is not None
    assert (found.role_ids, found.department_ids, found.status) == (("agent",), (sales.id,), "active")
    listed = await users(tmp_path, "list", "--token", token, "--url", world.url)
    assert [line.split()[0] for line in listed.out.splitlines()] == ["EMAIL", "ben@example.org", "mara@example.org"]


@pytest.mark.parametrize(
    ("arguments", "say", "sentence"),
    [
        (MARA, "", "Standard input has no password: one line is read from it."),
        (MARA[:-1], PASSWORD, "There is no terminal to ask for the password: use --password-stdin."),
        (MARA, "short", "The password cannot be used. Use 12 characters or more; this has 5."),
        ((*MARA, "--role", "pilot"), PASSWORD, "There is no role 'pilot'; there is: Admin, Agent, Read-only, Super"),
        ((*MARA, "--department", "x"), PASSWORD, "There is no department 'x'; there is: none yet."),
        ((*MARA[:2], "mara", *MARA[3:]), PASSWORD, "/email: Write an e-mail address like mara@example.org."),
        (("reset-password", "nobody@example.org"), "", "There is nobody with the e-mail address nobody@example.org."),
        (("list", "--url", "http://127.0.0.1:9", "--token", TOKEN), "", "http://127.0.0.1:9 does not answer: "),
    ],
)
async def test_what_is_wrong_is_said_in_one_sentence(
    tmp_path: Path, arguments: tuple[str, ...], say: str, sentence: str
) -> None:
    ended = await users(tmp_path, *arguments, say=say)
    assert (ended.status, ended.out) == (1, "")
    assert ended.err.startswith(sentence)
    assert ended.err.count("\n") == 1
    if say and say != "short":
        assert say not in ended.err


async def test_a_command_that_lacks_a_word_says_which(tmp_path: Path) -> None:
    ended = await users(tmp_path, "create", "--email", "mara@example.org")
    assert ended.status == 2
    assert "--name" in ended.err


async def test_without_the_plugin_there_is_no_such_command(tmp_path: Path) -> None:
    ended = await users(tmp_path, "list", PATCHBAY_PLUGINS="whatsapp")
    assert ended.status == 2


async def test_a_gateway_at_rest_is_opened_by_one_only(world: World, tmp_path: Path) -> None:
    with pytest.raises(StoreInUse):
        async with offline(load_plugins(settings_of(tmp_path))):
            pytest.fail("the store belongs to the world's gateway")


async def test_a_gateway_at_rest_does_what_it_is_asked_and_lets_go(tmp_path: Path) -> None:
    loaded = load_plugins(settings_of(tmp_path))
    async with offline(loaded) as gateway:
        world = [each.name for each in loaded.registry.services]
        assert "rbac" in world
        found = await gateway.inbox.run(lambda uow: uow.get(USERS, "usr_1"), cause=Cause(operation="cli"))
        assert found is None
    async with offline(load_plugins(settings_of(tmp_path))) as gateway:
        assert await gateway.store.get(USERS, "usr_1") is None


async def test_on_a_terminal_the_password_is_asked_for_twice_and_not_shown(tmp_path: Path) -> None:
    terminal, theirs = pty.openpty()
    arguments = ("create", "--email", "mara@example.org", "--name", "Mara Voss", "--admin")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "patchbay", "users", *arguments),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**{name: value for name, value in os.environ.items() if "PATCHBAY" not in name}, **settings_of(tmp_path)},
        cwd=tmp_path,
        start_new_session=True,  # else it would ask on the terminal of whoever runs the tests
    )
    os.close(theirs)
    try:
        said = await _asked(terminal, b"Password:", PASSWORD)
        said += await _asked(terminal, b"confirmation:", "something else altogether")
        said += await _asked(terminal, b"Password:", PASSWORD)  # they did not match
        said += await _asked(terminal, b"confirmation:", PASSWORD)
        said += await _heard(terminal, b"Created Mara Voss")
        assert await asyncio.wait_for(process.wait(), WITHIN_S) == 0
    finally:
        os.close(terminal)
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert PASSWORD.encode() not in said
    assert b"something else" not in said


async def _asked(terminal: int, words: bytes, answer: str) -> bytes:
    """Answer a question once nothing is shown of what is typed: what was typed before that is thrown away."""
    said = await _heard(terminal, words)
    async with asyncio.timeout(WITHIN_S):
        while termios.tcgetattr(terminal)[3] & termios.ECHO:
            await asyncio.sleep(0.01)
    os.write(terminal, f"{answer}\n".encode())
    return said


async def _heard(terminal: int, words: bytes) -> bytes:
    """What the process writes, up to these words."""
    said = b""
    async with asyncio.timeout(WITHIN_S):
        while words not in said:
            said += await asyncio.to_thread(os.read, terminal, 1024)
    return said
