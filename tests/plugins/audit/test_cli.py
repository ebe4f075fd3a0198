"""``patchbay audit``."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib import resources
from pathlib import Path

import msgspec
import pytest
import typer
from typer.testing import CliRunner

from patchbay.secrets import open_vault
from patchbay.settings import Settings
from patchbay_audit import register_commands
from patchbay_audit.cli import AuditRefused, lines
from patchbay_audit.verify import verdict_view
from tests.plugins.audit.acts import judged, trail
from tests.plugins.audit.tampering import rewritten

TOKEN = "k7Qv2mXw9RbTz4LfHs8NcJd3PgYuE6Ao"


@pytest.fixture
def app() -> typer.Typer:
    made = typer.Typer()
    made.callback()(lambda: None)
    register_commands(made)
    return made


class Answers(BaseHTTPRequestHandler):
    status, body = 200, b"{}"
    asked: list[tuple[str, str | None]] = []

    def do_POST(self) -> None:
        type(self).asked.append((self.path, self.headers.get("Authorization")))
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, format: str, *args: object) -> None: ...


@pytest.fixture
def served() -> Iterator[str]:
    """A gateway that answers what ``Answers`` says."""
    server = HTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    Answers.asked.clear()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_verifier_is_written_out_as_it_is(app: typer.Typer) -> None:
    done = CliRunner().invoke(app, ["audit", "verifier"])
    assert done.exit_code == 0
    assert done.stdout == resources.files("patchbay_audit").joinpath("verify_standalone.py").read_text()
    compile(done.stdout, "verify.py", "exec")


def test_a_valid_trail(app: typer.Typer, served: str) -> None:
    Answers.status, Answers.body = 200, msgspec.json.encode(verdict_view(judged(trail(12))))
    done = CliRunner().invoke(app, ["audit", "verify", "--url", served, "--token", TOKEN])
    assert done.exit_code == 0
    assert done.stdout.splitlines()[0] == "The trail is as it was written: entries 1 to 12."
    assert Answers.asked == [("/api/v1/audit/verify", f"Bearer {TOKEN}")]


def test_a_trail_that_was_changed(app: typer.Typer, served: str) -> None:
    copy = trail(12)
    copy.entries[4] = rewritten(copy.entries[4], action="x")
    Answers.status, Answers.body = 200, msgspec.json.encode(verdict_view(judged(copy)))
    done = CliRunner().invoke(app, ["audit", "verify", "--url", served, "--token", TOKEN])
    assert done.exit_code == 1
    assert done.stdout.splitlines()[0] == "The trail was changed: entries 1 to 12."
    assert "link: Entry 6 names another entry before it than the one that is there." in done.stdout


def test_many_problems_are_counted() -> None:
    copy = trail(150)
    copy.entries = [rewritten(each, action="x") for each in copy.entries]
    told = lines(verdict_view(judged(copy)))
    assert len(told) == 3 + 100 + 1
    assert told[-1].startswith("... and ")


@pytest.mark.parametrize(
    ("status", "body"), [(403, b'{"detail": "This needs audit.verify."}'), (200, b"<html>"), (500, b"")]
)
def test_a_gateway_that_does_not_do_it(app: typer.Typer, served: str, status: int, body: bytes) -> None:
    Answers.status, Answers.body = status, body
    done = CliRunner().invoke(app, ["audit", "verify", "--url", served, "--token", TOKEN])
    assert isinstance(done.exception, AuditRefused)
    assert str(status) in str(done.exception)
    assert TOKEN not in str(done.exception)


def test_a_gateway_that_is_not_there(app: typer.Typer) -> None:
    done = CliRunner().invoke(app, ["audit", "verify", "--url", "http://127.0.0.1:9", "--token", TOKEN])
    assert isinstance(done.exception, AuditRefused)
    assert "does not answer" in str(done.exception)


def test_the_key_that_is_printed_is_the_one_that_anchors_are_made_with(
    app: typer.Typer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATCHBAY_DATA_DIR", str(tmp_path))
    vault = open_vault(Settings(data_dir=tmp_path))
    done = CliRunner().invoke(app, ["audit", "anchor-key"])
    assert done.stdout.split() == [key.hex() for key in vault.derive("plugin audit: audit anchor")]
    assert len(hashlib.sha256(bytes.fromhex(done.stdout.strip())).digest()) == 32


def test_where_there_is_no_secret_key_there_is_none_to_print(
    app: typer.Typer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATCHBAY_DATA_DIR", str(tmp_path))
    done = CliRunner().invoke(app, ["audit", "anchor-key"])
    assert isinstance(done.exception, AuditRefused)
    assert "no secret key" in str(done.exception)
    done = CliRunner().invoke(app, ["audit", "verify"])
    assert "no token" in str(done.exception)
