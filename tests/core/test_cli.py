"""The command line: what it prints, where, and the code it ends with. As a process where that is the point, else called
in this one, which is quicker."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import web

from patchbay.__main__ import main

HERE = Path(__file__).parent / "plugins_under_test"
TOKEN = "kR8-wq0Zt4uJ1mYb7Xc3Ve9sLd5Ga2Hf6Ni"
PLUGINS = {
    "pigeon": "pigeon_post",
    "broken": "cannot_be_imported",
    "angry": "misfits:raises",
    "choosy": "misfits:refuses_settings",
}


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Site]:
    """An empty folder to be in, and on the path an installed distribution that offers the plugins under test."""
    info = tmp_path / "site" / "test_plugins-2.1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: test-plugins\nVersion: 2.1\n", encoding="utf-8")
    points = "".join(f"{name} = {value}\n" for name, value in PLUGINS.items())
    (info / "entry_points.txt").write_text(f"[patchbay.plugins]\n{points}", encoding="utf-8")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.syspath_prepend(str(HERE))
    for name in os.environ:
        if name.startswith("PATCHBAY_"):
            monkeypatch.delenv(name)
    for name, value in {"TERM": "dumb", "COLUMNS": "120"}.items():
        monkeypatch.setenv(name, value)
    yield Site(tmp_path / "here", (str(HERE), str(tmp_path / "site")), capsys)
    for name in {path.stem for path in HERE.glob("*.py")} & set(sys.modules):
        del sys.modules[name]


@dataclass(frozen=True)
class Site:
    here: Path
    path: tuple[str, ...]
    captured: pytest.CaptureFixture[str]

    def __call__(self, *arguments: str, **settings: str) -> Done:
        """Call a command; settings are the environment's."""
        before = {name: os.environ.get(name) for name in named(settings)}
        os.environ.update(named(settings))
        self.captured.readouterr()
        try:
            with pytest.raises(SystemExit) as ended:
                main(arguments)
        finally:
            for name, value in before.items():
                os.environ.pop(name) if value is None else os.environ.update({name: value})
        code = ended.value.code
        out, err = self.captured.readouterr()
        return Done(code if isinstance(code, int) else 0 if code is None else 1, out, err)

    def process(self, *command: str, **settings: str) -> Done:
        """Run Python with these arguments, a warning being an error."""
        path = os.pathsep.join([*self.path, *filter(None, [os.environ.get("PYTHONPATH")])])
        done = subprocess.run(
            [sys.executable, "-W", "error", *command],
            env={**os.environ, "PYTHONPATH": path, **named(settings)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)


def named(settings: dict[str, str]) -> dict[str, str]:
    return {f"PATCHBAY_{name}": value for name, value in settings.items()}


def config(site: Site, text: str, name: str = "patchbay.toml") -> Path:
    path = site.here / name
    path.write_text(text, encoding="utf-8")
    return path


def one_sentence(done: Done) -> str:
    """What a command says when a setting is wrong: one line on standard error, and code 2."""
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr
    return done.stderr.strip()


# --- Help and version ------------------------------------------------------------------------------------------------

HEAVY = ("aiohttp", "pluggy", "structlog", "msgspec", "cryptography", "pigeon_post", "sqlite3", "marshmallow")


@pytest.mark.parametrize("arguments", [["--help"], ["version"], ["serve", "--help"], ["replay", "--help"]])
def test_help_and_version_import_nothing_heavy_and_no_plugin(site: Site, arguments: list[str]) -> None:
    program = (
        "import sys\n"
        "from patchbay.__main__ import main\n"
        "try:\n    main(sys.argv[1:])\n"
        f"finally:\n    print('imported', [name for name in {HEAVY} if name in sys.modules])\n"
    )
    done = site.process("-c", program, *arguments, PLUGINS="pigeon", HTTP__PORT="wrong")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "imported []"


def test_help_names_every_command(site: Site) -> None:
    done = site("--help")
    for command in ("serve", "demo", "plugins", "check", "openapi", "replay", "version"):
        assert f" {command} " in done.stdout
    assert done.returncode == 0


def test_version_is_that_of_the_package(site: Site) -> None:
    from patchbay import __version__

    assert site("version").stdout.startswith(f"patchbay {__version__} (Python ")


# --- Wrong settings --------------------------------------------------------------------------------------------------


def test_a_process_with_a_wrong_setting_says_one_sentence_and_ends_with_2(site: Site) -> None:
    said = one_sentence(site.process("-m", "patchbay", "serve", PLUGINS="pigeon", HTTP__PORT="many"))
    assert said.startswith("PATCHBAY_HTTP__PORT: Input should be a valid integer")


@pytest.mark.parametrize("command", ["serve", "demo", "plugins", "check", "openapi"])
def test_a_wrong_setting_is_one_sentence_that_names_it(site: Site, command: str) -> None:
    said = one_sentence(site(command, PLUGINS="", HTTP__PORT="many"))
    assert said.startswith("PATCHBAY_HTTP__PORT: Input should be a valid integer")


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"COLOUR": "red"}, "PATCHBAY_COLOUR is not a setting"),
        ({"PLUGINS": "pigeon", "PIGEON__FLIGHTS": "x"}, "PATCHBAY_PIGEON__FLIGHTS: Input should be a valid integer"),
        ({"PLUGINS": "choosy"}, "PATCHBAY_PIGEON__LOFT is on fire."),
        ({"CONFIG": "nowhere.toml"}, "The settings file nowhere.toml does not exist."),
        ({"CONFIG": "."}, "The settings file . cannot be read: Is a directory."),
    ],
)
def test_whatever_is_wrong_is_one_sentence(site: Site, settings: dict[str, str], sentence: str) -> None:
    assert one_sentence(site("plugins", **{"PLUGINS": "", **settings})).startswith(sentence)


def test_a_required_plugin_that_fails_stops_the_start_with_one_sentence(site: Site) -> None:
    said = one_sentence(site("serve", PLUGINS="pigeon,broken", REQUIRED_PLUGINS="broken"))
    assert said.startswith("The required plugin broken could not be loaded: Its import raised ModuleNotFoundError")


def test_a_file_that_is_not_toml_or_not_text_is_one_sentence(site: Site) -> None:
    config(site, "[http\n")
    assert one_sentence(site("plugins", PLUGINS="")).startswith("patchbay.toml cannot be read: ")
    config(site, "").write_bytes(b"\xff\xfe")
    assert one_sentence(site("plugins", PLUGINS="")) == "The settings file patchbay.toml is not UTF-8 text."


# --- The settings file -----------------------------------------------------------------------------------------------


def loaded_plugins(done: Done) -> list[str]:
    return [plugin["name"] for plugin in json.loads(done.stdout)["plugins"]]


def test_the_file_of_this_folder_is_read_unless_another_is_named(site: Site) -> None:
    config(site, 'plugins = ["pigeon"]\n')
    other = config(site, "plugins = []\n", "other.toml")
    assert loaded_plugins(site("plugins", "--json")) == ["core", "pigeon"]
    for arguments in (["plugins", "--json", "--config", str(other)], ["-c", str(other), "plugins", "--json"]):
        assert loaded_plugins(site(*arguments)) == ["core"]
    assert loaded_plugins(site("plugins", "--json", CONFIG="other.toml")) == ["core"]


# --- plugins ---------------------------------------------------------------------------------------------------------


def test_plugins_says_what_is_loaded_from_where_and_what_it_brings(site: Site) -> None:
    done = site("plugins", PLUGINS="pigeon")
    assert (done.returncode, done.stderr) == (
        0,
        "The command serve of the plugin pigeon is missing: the name is taken.\n",
    )
    core, pigeon, channels, commands, unlisted = done.stdout.splitlines()
    assert core.split()[:4] == ["core", "loaded", "patchbay", core.split()[3]]
    assert pigeon.split() == ["pigeon", "loaded", "test-plugins", "2.1", str(HERE / "pigeon_post.py")]
    assert (channels, commands) == ("    channels: pigeon", "    commands: release")
    assert unlisted.startswith("Installed and not on the list PATCHBAY_PLUGINS: angry, audit, broken, choosy")


def test_a_process_lists_what_is_loaded_from_where(site: Site) -> None:
    done = site.process("-m", "patchbay", "plugins", PLUGINS="pigeon,owl")
    assert done.returncode == 1
    assert str(HERE / "pigeon_post.py") in done.stdout
    assert "owl     MISSING" in done.stdout


def test_plugins_names_what_failed_and_ends_with_1(site: Site) -> None:
    done = site("plugins", PLUGINS="broken,owl,angry,pigeon")
    assert done.returncode == 1
    assert "broken  FAILED   test-plugins 2.1" in done.stdout
    assert "    Its import raised ModuleNotFoundError: No module named 'a_module_that_nobody_has'." in done.stdout
    assert "owl     MISSING" in done.stdout
    assert "    Register_channels raised RuntimeError: the loft is empty." in done.stdout
    assert "pigeon  loaded" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_plugins_shows_tracebacks_when_asked(site: Site) -> None:
    done = site("plugins", "--trace", PLUGINS="angry")
    assert "    | Traceback (most recent call last):" in done.stdout
    assert "    | RuntimeError: the loft is empty" in done.stdout


def test_plugins_prints_json(site: Site) -> None:
    done = site("plugins", "--json", PLUGINS="pigeon,owl")
    document = json.loads(done.stdout)
    core, pigeon, owl = document["plugins"]
    assert (core["name"], pigeon["name"], owl["name"]) == ("core", "pigeon", "owl")
    assert (pigeon["state"], pigeon["channels"], pigeon["commands"]) == ("loaded", ["pigeon"], ["release"])
    assert (owl["state"], owl["error"].split(";")[0]) == (
        "missing",
        "No installed distribution offers a plugin of this name",
    )
    assert "broken" in document["unlisted"]
    assert done.returncode == 1


# --- Commands of plugins ---------------------------------------------------------------------------------------------


def test_a_plugins_command_runs(site: Site) -> None:
    done = site("release", "--count", "3", PLUGINS="pigeon")
    assert (done.returncode, done.stdout) == (0, "3 released\n")


def test_a_plugins_command_is_not_there_when_the_plugin_is_not_listed(site: Site) -> None:
    done = site("release", PLUGINS="")
    assert done.returncode == 2
    assert "No such command 'release'" in done.stderr


# --- check -----------------------------------------------------------------------------------------------------------


def findings(done: Done) -> dict[str, str]:
    """The verdict by what it is about."""
    rows = [line.split(maxsplit=1) for line in done.stdout.splitlines()]
    return {text.split(":")[0]: verdict for verdict, text in rows}


def test_check_finds_nothing_wrong_with_a_fresh_folder(site: Site) -> None:
    done = site("check", PLUGINS="pigeon")
    assert done.returncode == 0, done.stdout + done.stderr
    assert findings(done) == {
        "settings": "ok",
        "plugin core": "ok",
        "plugin pigeon": "ok",
        "secret key": "ok",
        "admin token": "ok",
        "store": "ok",
        "bus": "ok",
        "channel pigeon": "ok",
    }
    assert not (site.here / "var" / "secret-key").exists(), "checking makes no secrets"


def test_check_warns_of_what_webhooks_need_and_the_settings_lack(site: Site) -> None:
    done = site("check", PLUGINS="whatsapp", WHATSAPP__ACCESS_TOKEN="t", WHATSAPP__PHONE_NUMBER_ID="1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert [
        line.split(":")[1].split(" is")[0].strip() for line in done.stdout.splitlines() if line.startswith("warn")
    ] == [
        "PATCHBAY_WHATSAPP__APP_SECRET",
        "PATCHBAY_WHATSAPP__VERIFY_TOKEN",
    ]
    ready = {"WHATSAPP__APP_SECRET": "q8sHfW2mZ0", "WHATSAPP__VERIFY_TOKEN": "v"}
    assert "warn" not in site("check", PLUGINS="whatsapp", **ready).stdout


def test_check_warns_of_nothing_on_a_channel_that_nothing_is_set_for(site: Site) -> None:
    done = site("check", WHATSAPP__APP_SECRET="s", WHATSAPP__VERIFY_TOKEN="v")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "warn" not in done.stdout
    assert "ok    channel messenger: nothing is set for it in the settings" in done.stdout
    assert "ok    channel instagram: nothing is set for it in the settings" in done.stdout


def test_check_names_everything_that_is_wrong_and_ends_with_1(site: Site) -> None:
    done = site(
        "check",
        PLUGINS="pigeon,owl",
        SECRET_KEY="short",
        ADMIN_TOKEN="change-me-change-me",
        STORE="mongodb://user:hunter2@db/x",
        BUS="redis://cache",
        LOG__LEVEL="loud",
        PIGEON__RING_SECRET="",
    )
    assert done.returncode == 1
    assert {what for what, verdict in findings(done).items() if verdict == "FAIL"} == {
        "settings",
        "plugin owl",
        "secret key",
        "admin token",
        "store",
        "bus",
        "channel pigeon",
    }
    assert "hunter2" not in done.stdout + done.stderr
    assert "the account north lacks whistle" in done.stdout


def test_check_tells_a_file_that_is_no_database(site: Site) -> None:
    config(site, "this is no database, and long enough to be sure of it\n" * 40, "inbox.db")
    done = site("check", PLUGINS="", STORE="sqlite:///inbox.db")
    assert (done.returncode, findings(done)["store"]) == (1, "FAIL")


@pytest.mark.skipif(os.name != "posix", reason="modes of files are a matter of POSIX")
def test_check_warns_of_a_settings_file_with_secrets_that_everybody_can_read(site: Site) -> None:
    path = config(site, f'plugins = []\nadmin_token = "{TOKEN}"\n')
    path.chmod(0o644)
    done = site("check")
    assert "warn  settings: patchbay.toml seems to hold secrets" in done.stdout
    assert done.returncode == 0
    path.chmod(0o600)
    assert "warn" not in site("check").stdout


def test_check_finds_another_key_than_the_one_that_sealed(site: Site) -> None:
    from pydantic import SecretStr

    from patchbay.secrets import open_vault
    from patchbay.settings import Settings

    open_vault(Settings(data_dir=site.here / "var", secret_key=SecretStr(TOKEN)))
    assert findings(site("check", PLUGINS="", SECRET_KEY=TOKEN))["secret key"] == "ok"
    assert findings(site("check", PLUGINS="", SECRET_KEY=TOKEN[::-1]))["secret key"] == "FAIL"
    assert findings(site("check", PLUGINS=""))["secret key"] == "FAIL"


# --- openapi ---------------------------------------------------------------------------------------------------------


def test_openapi_prints_a_document_with_the_routes_of_plugins_in_it(site: Site) -> None:
    done = site("openapi", PLUGINS="pigeon")
    document = json.loads(done.stdout)
    assert (done.returncode, document["openapi"][:4]) == (0, "3.1.")
    assert {"/api/v1/pigeons/feed", "/api/v1/plugins"} <= set(document["paths"])


# --- replay ----------------------------------------------------------------------------------------------------------


class FakeGateway:
    """Answers like the interface for raw events, a page of two at a time, and remembers what was replayed."""

    def __init__(self) -> None:
        self.rows = {
            "outcome=unroutable": [f"raw_{n}" for n in range(5)],
            "outcome=quarantined": ["raw_4", "raw_9"],
            "state=quarantined": ["raw_8"],
        }
        self.replayed: list[str] = []

    async def listing(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return web.json_response({"title": "Sign in first", "detail": "The token is not valid."}, status=401)
        rows = next(self.rows[chosen] for chosen in request.query_string.split("&") if chosen in self.rows)
        start = int(request.query.get("cursor", "0"))
        more = start + 2 < len(rows)
        page = {"next": str(start + 2) if more else None, "has_more": more}
        return web.json_response({"data": [{"id": row} for row in rows[start : start + 2]], "page": page})

    async def replay(self, request: web.Request) -> web.Response:
        if request.match_info["id"] == "raw_404":
            return web.json_response({"detail": "There is no raw event raw_404."}, status=404)
        self.replayed.append(request.match_info["id"])
        return web.json_response({"replayed": 1})


@pytest.fixture
async def gateway() -> AsyncIterator[tuple[FakeGateway, str]]:
    fake, app = FakeGateway(), web.Application()
    app.router.add_get("/api/v1/ingest/events", fake.listing)
    app.router.add_post("/api/v1/ingest/events/{id}/replay", fake.replay)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    yield fake, f"http://{host}:{port}"
    await runner.cleanup()


async def replay(site: Site, arguments: Sequence[str], **settings: str) -> Done:
    return await asyncio.to_thread(site, "replay", *arguments, **settings)


async def test_replay_asks_for_each_raw_event_once(site: Site, gateway: tuple[FakeGateway, str]) -> None:
    fake, url = gateway
    arguments = ["raw_7", "raw_3", "--unroutable", "--quarantined", "--url", url, "--token", TOKEN]
    done = await replay(site, arguments)
    assert (done.returncode, done.stdout) == (0, "Replayed 8 raw events.\n"), done.stderr
    assert fake.replayed == ["raw_7", "raw_3", "raw_0", "raw_1", "raw_2", "raw_4", "raw_8", "raw_9"]


async def test_replay_knows_the_gateway_and_its_token_from_the_settings(
    site: Site, gateway: tuple[FakeGateway, str]
) -> None:
    fake, url = gateway
    port = url.rsplit(":", 1)[1]
    config(site, f"[http]\nport = {port}\nhost = '0.0.0.0'\n[whatsapp]\nanything = 1\n")
    done = await replay(site, ["raw_7"], ADMIN_TOKEN=TOKEN)
    assert (done.returncode, done.stdout) == (0, "Replayed 1 raw event.\n"), done.stderr
    assert fake.replayed == ["raw_7"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["raw_404", "--token", TOKEN], "was answered 404: There is no raw event raw_404."),
        (["--unroutable", "--token", "wrong"], "was answered 401: The token is not valid."),
    ],
)
async def test_replay_tells_what_the_gateway_said(
    site: Site, gateway: tuple[FakeGateway, str], arguments: list[str], sentence: str
) -> None:
    done = await replay(site, [*arguments, "--url", gateway[1]])
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.strip().endswith(sentence)
    assert "Traceback" not in done.stderr


def test_replay_tells_that_nobody_is_there_or_nothing_was_asked(site: Site) -> None:
    done = site("replay", "raw_1", "--url", "http://127.0.0.1:1", "--token", TOKEN)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith("http://127.0.0.1:1 does not answer: ")
    assert "There is no token" in site("replay", "raw_1").stderr
    assert "name raw events by id" in site("replay").stderr
