"""E10: each answer carries the security headers of section 7, whatever it is, and no page runs a script of its own."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path

import pytest

from patchbay.web.docs_pages import ASSETS, PAGES
from tests.faults.process import SECRET, TOKEN
from tests.security.edge_world import Edge, Heard, edge, filled

ALWAYS = {
    "Server": "patchbay",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
NOTHING = "default-src 'none'; frame-ancestors 'none'"
PAGE = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; worker-src 'none'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
)
HSTS = "max-age=31536000"
TELLING = ("X-Powered-By", "Via", "X-AspNet-Version")


def golden(heard: Heard, *, policy: str = NOTHING, cache: str = "no-store", hsts: bool = False) -> list[str]:
    """What is wrong with the headers of an answer."""
    expected = {**ALWAYS, "Content-Security-Policy": policy, "Cache-Control": cache}
    if hsts:
        expected["Strict-Transport-Security"] = HSTS
    wrong = [f"{name}: {heard.headers.get(name)}" for name, said in expected.items() if heard.headers.get(name) != said]
    twice = [name for name in expected if len(heard.headers.getall(name, ())) > 1]  # type: ignore[attr-defined]
    telling = [name for name in TELLING if name in heard.headers]
    if not hsts and "Strict-Transport-Security" in heard.headers:
        telling.append("Strict-Transport-Security")
    return [*wrong, *twice, *telling]


@pytest.mark.parametrize("public", ["", "https://inbox.example.org", "http://inbox.example.org"])
async def test_every_route_answers_with_them_with_and_without_a_token(tmp_path: Path, public: str) -> None:
    settings = {"PATCHBAY_HTTP__PUBLIC_URL": public} if public else {}
    async with edge(tmp_path, **settings) as world:
        wrong = {}
        for method, template in world.routes():
            path = filled(template)
            if template in PAGES or template in ASSETS or template in ("/", "/api/v1/openapi.json"):
                continue
            for token in (TOKEN, None):
                if template.endswith("/stream") and token == TOKEN:
                    continue  # it does not end; its headers are in the test below
                heard = await world.ask(method, path, token=token)
                found = golden(heard, hsts=public.startswith("https"))
                if found:
                    wrong[method, template, token is not None] = found
        assert wrong == {}


async def test_errors_of_every_kind_carry_them(tmp_path: Path) -> None:
    async with edge(tmp_path) as world:
        found: dict[int, Heard] = {}
        json = {"Content-Type": "application/json"}
        for heard in (
            await world.ask("GET", "/nowhere"),
            await world.ask("GET", "/api/v1/tags/none"),
            await world.ask("PROPFIND", "/api/v1/tags"),
            await world.ask("GET", "/api/v1/tags", token="wrong"),
            await world.ask("POST", "/api/v1/tags", headers=json, data=b"{"),
            await world.ask("POST", "/api/v1/tags", headers=json, data=b"{}"),
            await world.ask("POST", "/api/v1/tags", data=b"x"),
            await world.ask("POST", "/api/v1/tags", headers=json, data=b" " * 300_000),
            await world.ask("POST", "/webhooks/whatsapp", data=b"{}", token=None),
            await world.ask("GET", "/webhooks/whatsapp", token=None),
            await world.ask("GET", "/webhooks/nobody", token=None),
            await world.ask("GET", "/api/v1/tags", headers={"Expect": "the unexpected"}),
        ):
            found[heard.status] = heard
            assert golden(heard) == []
        assert set(found) == {400, 401, 403, 404, 405, 413, 415, 417, 422}


async def test_what_is_no_http_is_answered_with_them_and_names_no_version(tmp_path: Path) -> None:
    async with edge(tmp_path, PATCHBAY_HTTP__PUBLIC_URL="https://inbox.example.org") as world:
        for said in (
            b"\x16\x03\x01\r\n\r\n",
            f"GET / HTTP/1.1\r\nHost: x\r\nA B: {SECRET}\r\n\r\n".encode(),
            b"GET /\r\n\r\n",
        ):
            got = await world.say(said)
            for name, value in {
                **ALWAYS,
                "Content-Security-Policy": NOTHING,
                "Strict-Transport-Security": HSTS,
            }.items():
                assert f"\r\n{name}: {value}\r\n".encode() in got
            assert not re.search(rb"aiohttp|Python", got)
            assert SECRET.encode() not in got


async def test_a_failure_that_nobody_foresaw_tells_an_id_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with edge(tmp_path) as world:

        async def broken(*_: object, **__: object) -> None:
            raise ZeroDivisionError(f"a secret: {SECRET}")

        monkeypatch.setattr(world.gateway.store, "find", broken)
        heard = await world.ask("GET", "/api/v1/tags")
        assert (heard.status, heard.code, golden(heard)) == (500, "internal", [])
        assert heard.headers["X-Request-Id"].encode() in heard.body
        assert not re.search(b"ZeroDivision|Traceback|secret:", heard.body)


async def test_a_stream_carries_them_too(tmp_path: Path) -> None:
    async with edge(tmp_path) as world:
        head = f"GET /api/v1/events/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
        got = await world.say(head.encode())
        assert got.startswith(b"HTTP/1.1 200 ")
        for name, value in {**ALWAYS, "Content-Security-Policy": NOTHING}.items():
            assert f"\r\n{name}: {value}\r\n".encode() in got


async def test_the_pages_of_the_documentation_load_from_here_alone(tmp_path: Path) -> None:
    async with edge(tmp_path) as world:
        for path in PAGES:
            heard = await world.ask("GET", path, token=None)
            assert golden(heard, policy=PAGE, cache="no-cache") == []
            assert inline(heard.body.decode()) == []
        for path in ASSETS:
            heard = await world.ask("GET", path, token=None)
            assert golden(heard, policy=PAGE, cache="public, max-age=3600") == []
        assert golden(await world.ask("GET", "/", token=None), policy=PAGE) == []
        document = await world.ask("GET", "/api/v1/openapi.json", token=None)
        assert golden(document, cache="no-cache") == []


def test_no_page_that_we_ship_holds_a_script_or_a_handler() -> None:
    pages = [page for page in files("patchbay.web").joinpath("static").iterdir() if page.name.endswith(".html")]
    assert len(pages) == len(PAGES)
    assert {page.name: found for page in pages if (found := inline(page.read_text("utf-8")))} == {}
    assert inline("<a onclick=x()>") == ["a onclick"]  # and what the reader below would find
    assert inline("<script>x()</script><script src='https://cdn.example/x.js'></script>") != []


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "script" and not given.get("src"):
            self.found.append("script")
        if tag in ("style", "iframe", "object", "embed", "base", "form"):
            self.found.append(tag)
        for name, value in attrs:
            if name.startswith("on") or name == "style":
                self.found.append(f"{tag} {name}")
            if name in ("src", "href") and (value or "").startswith(("http:", "https:", "//", "javascript:")):
                self.found.append(f"{tag} {name}={value}")


def inline(page: str) -> list[str]:
    """What of a page would run, or load from elsewhere."""
    reader = _Reader()
    reader.feed(page)
    return reader.found


async def test_a_page_cannot_be_turned_off_and_still_be_there(tmp_path: Path) -> None:
    async with edge(tmp_path, PATCHBAY_HTTP__DOCS="false") as world:
        assert {path: await status(world, path) for path in ("/", *PAGES, *ASSETS)} == dict.fromkeys(
            ("/", *PAGES, *ASSETS), 404
        )


async def status(world: Edge, path: str) -> int:
    return (await world.ask("GET", path)).status
