"""E32: static files are a fixed table: no folder is served, no link followed, no path led anywhere."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

from aiohttp import web

from patchbay.web.docs_pages import ASSETS, PAGES, STATIC
from tests.faults.process import SECRET, TOKEN
from tests.security.edge_world import edge

ROOTS = ("/docs", "/redoc", "/docs/swagger-ui", "/static", "/api/v1", "/media/links", "")
UP = (
    "..",
    "%2e%2e",
    "%2E%2E",
    ".%2e",
    "%252e%252e",
    "..%2f..",
    "..%5c..",
    "..\\..",
    "....",
    "%c0%ae%c0%ae",
    "%e0%80%ae%e0%80%ae",
    "..;",
    "..%00",
    "．．",
    "%uff0e%uff0e",
    ".../...",
)
WANTED = ("etc/passwd", "data/admin-token", "data/secret-key", "app.py", "pyproject.toml", "docs.html")
PLAIN = (
    "/docs/",
    "/docs//",
    "/docs/.",
    "/docs/index.html",
    "/docs/docs.html",
    "/docs/swagger-ui/",
    "/docs/swagger-ui.css.map",
    "/docs/swagger-ui.css/",
    "/docs/SWAGGER-UI.CSS",
    "/docs/swagger-ui.css%00.html",
    "/docs/swagger-ui.css%20",
    "/docs/swagger-ui.css.bak",
    "/docs/swagger-ui.css~",
    "/docs/.swagger-ui.css.swp",
    "/docs/start.js;.css",
    "/docs-start.js",
    "/redoc/",
    "/redoc/redoc.standalone.js.LICENSE.txt",
    "/static",
    "/static/",
    "/favicon.ico",
    "/robots.txt",
    "/.env",
    "/.git/config",
    "/.git/HEAD",
    "/.well-known/security.txt",
    "/server-status",
    "/actuator",
    "/console",
    "/debug",
    "/debug/pprof/",
    "/admin",
    "/phpinfo.php",
    "/wp-login.php",
    "/patchbay.toml",
    "/var/admin-token",
    "/var/patchbay.db",
    "/data/patchbay.db",
    "/backup.zip",
    "/docs/file:///etc/passwd",
    "//etc/passwd",
    "/C:/windows/win.ini",
    "/~root",
)


def forms() -> Iterator[str]:
    yield from PLAIN
    for root, up, wanted in itertools.product(ROOTS, UP, WANTED):
        yield f"{root}/{'/'.join([up] * 6)}/{wanted}"


def test_there_are_two_hundred_forms() -> None:
    assert len(set(forms())) >= 200


async def test_no_form_of_a_path_gives_out_a_file(tmp_path: Path) -> None:
    async with edge(tmp_path) as world:
        served, leaked = [], []
        secrets = [b"root:", SECRET.encode(), TOKEN.encode(), b"[project]", b"SQLite format", b"import "]
        for path in forms():
            said = path.encode()
            got = await world.say(
                b"GET " + said + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Admin: 1\r\n\r\n", quiet_s=2
            )
            if got.split(b" ", 2)[1] not in (b"400", b"401", b"404", b"405"):
                served.append((path, got[:40]))
            if any(secret in got for secret in secrets):
                leaked.append(path)
        assert served == []
        assert leaked == []


async def test_the_table_is_all_there_is_and_it_names_files_of_ours(tmp_path: Path) -> None:
    async with edge(tmp_path) as world:
        resources = list(world.app.router.resources())
        assert not [each for each in resources if isinstance(each, web.StaticResource)]
        for path, (name, content_type) in ASSETS.items():
            heard = await world.ask("GET", path, token=None)
            assert (heard.status, heard.body) == (200, (STATIC / name).read_bytes())
            assert heard.headers["Content-Type"].startswith(content_type)
            assert ".." not in name
        for path in PAGES:
            assert (await world.ask("GET", path, token=None)).status == 200


def test_no_file_of_ours_leads_elsewhere() -> None:
    assert [path for path in Path(str(STATIC)).rglob("*") if path.is_symlink()] == []


async def test_a_query_or_a_header_names_no_other_file(tmp_path: Path) -> None:
    async with edge(tmp_path) as world:
        plain = (await world.ask("GET", "/docs", token=None)).body
        for query in ("?file=../../app.py", "?url=https://evil.example/openapi.json", "?configUrl=//evil.example/x"):
            heard = await world.ask("GET", f"/docs{query}", token=None)
            assert (heard.status, heard.body) == (200, plain)
        for header in ("X-Original-URL", "X-Rewrite-URL", "X-Accel-Redirect", "X-Sendfile"):
            heard = await world.ask("GET", "/nowhere", headers={header: "/docs"}, token=None)
            assert heard.status == 404
        script = (STATIC / "docs-start.js").read_text("utf-8")
        assert "location" not in script  # what the address says is not what is loaded
