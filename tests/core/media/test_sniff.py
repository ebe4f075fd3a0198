"""What a file is, whatever its sender says: nothing that a browser would run is ever called a picture or a text."""

from __future__ import annotations

import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchbay.media.sniff import OCTETS, kind_of, sniffed

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HTML = b"<!DOCTYPE html><html><script>alert(1)</script></html>"
INERT = ("image/png", "image/jpeg", "image/gif", "image/webp", "audio/ogg", "video/mp4", "application/pdf", OCTETS)


def zipped(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("head", "declared", "found"),
    [
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 50, "text/html", "image/png"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF" + b"\0" * 50, None, "image/jpeg"),
        (b"GIF89a/*<script>alert(1)</script>*/", "text/html", "image/gif"),
        (b"%PDF-1.7\n<html><script>", "text/html", "application/pdf"),
        (SVG, "image/png", "image/svg+xml"),
        (b"\xef\xbb\xbf\r\n  " + SVG.upper(), "image/png", "image/svg+xml"),
        (b'<?xml version="1.0"?>\n<!DOCTYPE svg>' + SVG, "text/plain", "image/svg+xml"),
        (HTML, "text/plain", "text/html"),
        (b"\n\n\t" + HTML, "image/jpeg", "text/html"),
        (b"<script>alert(1)</script>", "text/plain", "text/html"),
        (b"<!-- hidden -->" + HTML, "image/png", OCTETS),
        (HTML.decode().encode("utf-16"), "text/plain", OCTETS),
        (b"hello, world", "text/plain; charset=utf-8", "text/plain"),
        (b"hello, world", "image/png", OCTETS),
        (b"hello, world", None, OCTETS),
        (b"a,b\r\n1,2\r\n", "text/csv", "text/csv"),
        ("déjà vu".encode()[:-1] + "é".encode()[:1], "text/plain", "text/plain"),
        (b"\xffab", "text/plain", OCTETS),
        (b"a\x00b", "text/plain", OCTETS),
        (b"MZ\x90\x00" + b"\0" * 100, "image/png", "application/x-msdownload"),
        (b"", "image/png", OCTETS),
        (b"", "text/plain", "text/plain"),
        (zipped("a.txt"), "image/png", "application/zip"),
    ],
)
def test_bytes_decide_and_not_what_was_said(head: bytes, declared: str | None, found: str) -> None:
    assert sniffed(head, declared) == found


def test_the_declared_type_decides_only_between_those_of_one_container() -> None:
    office = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    assert sniffed(zipped("odd.xml", "word/document.xml"), office) == office
    assert sniffed(zipped("odd.xml"), "text/html") == "application/zip"
    ogg = b"OggS" + b"\0" * 60
    assert sniffed(ogg, "audio/ogg; codecs=opus") == "audio/ogg"
    assert sniffed(ogg, "text/html") == "audio/ogg"


@given(st.binary(max_size=200), st.sampled_from([None, "image/svg+xml", "text/html", "application/javascript"]))
def test_no_declaration_makes_anything_active(head: bytes, declared: str | None) -> None:
    assert sniffed(head, declared) not in ("application/javascript", "application/xhtml+xml")
    if not head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        assert sniffed(head, declared) not in ("text/html", "image/svg+xml")


@pytest.mark.parametrize("markup", [SVG, HTML])
@given(before=st.text(alphabet=" \t\r\n", max_size=20))
def test_markup_is_markup_however_it_is_indented(markup: bytes, before: str) -> None:
    found = sniffed(before.encode() + markup, "image/png")
    assert found in ("image/svg+xml", "text/html")
    assert kind_of(found) == "document"


def test_kinds_follow_types() -> None:
    assert [kind_of(type) for type in ("image/png", "video/mp4", "audio/ogg", "text/html", "image/svg+xml")] == [
        "image",
        "video",
        "audio",
        "document",
        "document",
    ]
