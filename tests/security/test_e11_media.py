"""E11: a file is never active in our origin, has a name of ours on disk, and its own name can break nothing.

Images are kept and given out as they came: nothing is decoded or encoded, so there is no limit of 40 megapixels to keep
and no EXIF to strip; the last test says when that changes.
"""

from __future__ import annotations

import ast
import itertools
import json
import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.security.edge_world import Edge, Heard, edge
from tests.security.hostile_files import DECLARED, NAMES, files, form

RUNS = re.compile(r"html|xml|script|svg|css|flash|mhtml|multipart|x-java", re.IGNORECASE)
TEXT_DIRECTION = re.compile("[\u202a-\u202e\u2066-\u2069]")
UPLOAD = {"Content-Type": "multipart/form-data; boundary=edge"}
ROOT = Path(__file__).parents[2]


def cases() -> list[tuple[str, bytes, bytes, bytes]]:
    """Each file under three declared types, and each name at least twice."""
    names, declared = itertools.cycle(NAMES), itertools.cycle(DECLARED)
    return [
        (word, content, next(names), next(declared))
        for content_of in (files(),) * 3
        for word, content in content_of.items()
    ]


def test_there_are_a_hundred_and_fifty_files() -> None:
    tried = cases()
    assert len(tried) >= 150
    assert {name for _, _, name, _ in tried} == set(NAMES)


@pytest.mark.filterwarnings("ignore::aiohttp.BadContentDispositionHeader", "ignore::aiohttp.BadContentDispositionParam")
async def test_no_hostile_file_is_served_in_a_way_that_runs(tmp_path: Path) -> None:
    async with edge(tmp_path) as world:
        wrong: dict[str, list[str]] = {}
        for word, content, name, declared in cases():
            problems = await tried(world, content, form(content, name, declared))
            if problems:
                wrong[f"{word} as {name!r}, {declared!r}"] = problems
        assert wrong == {}
        kept = [path for path in (tmp_path / "data" / "media").rglob("*") if path.is_file()]
        assert kept
        assert [path.name for path in kept if not re.fullmatch(r"[0-9a-f]{64}", path.name)] == []
        assert [path for path in kept if path.stat().st_mode & 0o111] == []


async def tried(world: Edge, content: bytes, body: bytes) -> list[str]:
    """What is wrong with a file after it was uploaded, over each route that speaks of it."""
    heard = await world.ask("POST", "/api/v1/media/upload", headers=UPLOAD, data=body)
    if heard.status != 201:
        return [] if heard.status in (400, 413, 422) else [f"upload: {heard.status}"]
    media = json.loads(heard.body)
    name = media["filename"]
    problems = [] if name is None else misleading(name)
    shown = await world.ask("GET", f"/api/v1/media/{media['id']}")
    if shown.status != 200 or shown.headers["Content-Type"] != "application/json":
        problems.append("its description")
    link = await world.json("POST", f"/api/v1/media/{media['id']}/link", {})
    path = re.sub(r"^https?://[^/]+", "", link["url"])
    for token, address in (("admin", f"/api/v1/media/{media['id']}/download"), (None, path)):
        for method in ("GET", "HEAD"):
            given = await (world.ask(method, address) if token else world.ask(method, address, token=None))
            problems += served(given, name)
            if method == "GET" and given.body != content:
                problems.append("other bytes")
        if content:
            part = await world.ask("GET", address, headers={"Range": "bytes=0-0"})
            problems += served(part, name, status=206)
    return sorted(set(problems))


def misleading(name: str) -> list[str]:
    found = [] if not re.search(r"[\x00-\x1f\x7f/\\]", name) else ["the name has controls or a path"]
    if TEXT_DIRECTION.search(name):
        found.append("the name turns text round")
    if name in ("", ".", "..") or len(name.encode("utf-8", "replace")) > 255:
        found.append("the name is no file's")
    return found


def served(heard: Heard, name: str | None, status: int = 200) -> list[str]:
    """What could make a browser run it."""
    headers = heard.headers
    found = [] if heard.status == status else [f"status {heard.status}"]
    for header, expected in (
        ("Content-Security-Policy", "sandbox; default-src 'none'"),
        ("X-Content-Type-Options", "nosniff"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
    ):
        if headers.getall(header, []) != [expected]:  # type: ignore[attr-defined]
            found.append(f"{header}: {headers.get(header)}")
    kind, said = headers.get("Content-Type", ""), headers.get("Content-Disposition", "")
    shown = kind.startswith(("image/", "audio/", "video/")) and not RUNS.search(kind)
    if not said.startswith("attachment") and not shown:
        found.append(f"{kind} is {said!r}")
    if RUNS.search(kind) and not said.startswith("attachment"):
        found.append(f"active: {kind}")
    if not said.isascii() or re.search(r"[\x00-\x1f\x7f]", said) or len(headers.getall("Content-Disposition", [])) != 1:  # type: ignore[attr-defined]
        found.append(f"Content-Disposition: {said!r}")
    if named(said) != name:
        found.append(f"{said!r} does not name {name!r}")
    if {"set-cookie", "refresh", "link"} & {header.lower() for header in headers}:
        found.append("a header of its own")
    return found


def named(disposition: str) -> str | None:
    """The name that a client finds in the header, RFC 6266: the extended one, where there is one."""
    form = re.fullmatch(
        r"""(?:inline|attachment)(?:; filename="([^"\\]*)")?(?:; filename\*=UTF-8''([\w.~%-]+))?""", disposition
    )
    assert form is not None, disposition
    return form[1] if form[2] is None else unquote(form[2], errors="strict")


async def test_a_file_that_says_it_is_a_picture_is_not_taken_at_its_word(tmp_path: Path) -> None:
    async with edge(tmp_path) as world:
        for word in ("html", "svg", "exe", "a script", "pdf with a script", "html in UTF-16", "a zip bomb"):
            body = form(files()[word], b"photo.jpg", b"image/jpeg")
            heard = await world.ask("POST", "/api/v1/media/upload", headers=UPLOAD, data=body)
            media = json.loads(heard.body)
            assert (media["kind"], media["mime_type"]) != ("image", "image/jpeg"), word
            given = await world.ask("GET", f"/api/v1/media/{media['id']}/download")
            assert given.headers["Content-Disposition"].startswith("attachment"), word


@pytest.mark.parametrize("form_of", ["two files", "another part", "no name", "nested", "file as a field"])
async def test_a_form_with_more_than_one_file_is_refused(tmp_path: Path, form_of: str) -> None:
    part = b'--edge\r\nContent-Disposition: form-data; name="%s"\r\n\r\nx\r\n'
    bodies = {
        "two files": part % b"file" + part % b"file" + b"--edge--\r\n",
        "another part": part % b"file" + part % b"callback" + b"--edge--\r\n",
        "no name": b"--edge\r\nContent-Disposition: form-data\r\n\r\nx\r\n--edge--\r\n",
        "nested": b"--edge\r\nContent-Type: multipart/mixed; boundary=i\r\n\r\n--i\r\n\r\nx\r\n--i--\r\n--edge--\r\n",
        "file as a field": part % b"other" + b"--edge--\r\n",
    }
    async with edge(tmp_path) as world:
        heard = await world.ask("POST", "/api/v1/media/upload", headers=UPLOAD, data=bodies[form_of])
        assert (heard.status, heard.code) in ((422, "invalid"), (400, "unreadable"))


async def test_a_link_opens_its_file_only_and_for_its_time_only(tmp_path: Path) -> None:
    async with edge(tmp_path) as world:
        made = []
        for name in (b"one.txt", b"two.txt"):
            heard = await world.ask(
                "POST", "/api/v1/media/upload", headers=UPLOAD, data=form(name, name, b"text/plain")
            )
            made.append(json.loads(heard.body)["id"])
        link = await world.json("POST", f"/api/v1/media/{made[0]}/link", {})
        token = link["url"].rpartition("/")[2]
        forged = [
            token[:-1] + ("A" if token[-1] != "A" else "B"),
            token.replace(made[0], made[1]),
            token + "x",
            token[:-2],
            made[0],
            "",
            token.swapcase(),
            f"{token}%00",
        ]
        for each in forged:
            if each != token:
                assert (await world.ask("GET", f"/media/links/{each}", token=None)).status == 404, each
        assert (await world.ask("GET", f"/media/links/{token}", token=None)).body == b"one.txt"


def test_no_image_is_decoded_anywhere() -> None:
    """Whoever re-encodes images has to bound their pixels (40 million) and strip their EXIF, with tests of it."""
    decoders = {"PIL", "cv2", "pyvips", "wand", "imageio", "pillow_heif", "cairosvg", "pypdf"}
    decoding = {}
    for path in [*ROOT.glob("core/patchbay/**/*.py"), *ROOT.glob("plugins/*/patchbay_*/**/*.py")]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if found := decoders.intersection(name.partition(".")[0] for name in names):
                decoding[str(path)] = found
    assert decoding == {}
