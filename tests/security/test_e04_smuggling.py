"""E4: no request is smuggled inside another, and a request that reads in two ways is refused.

Each case is one class of aiohttp's advisories, or of RFC 9112, sections 3 to 7 and 11.2.
"""

from __future__ import annotations

import gc
from pathlib import Path

import pytest
from aiohttp.abc import AbstractMatchInfo

from tests.faults.process import TOKEN
from tests.security.edge_world import Edge, edge, statuses

LINE = b"POST /api/v1/tags HTTP/1.1\r\n"
HOST = b"Host: x\r\n"
SIGNED = b"Authorization: Bearer " + TOKEN.encode() + b"\r\n"
JSON = b"Content-Type: application/json\r\n"
HIDDEN = b'{"name":"smuggled"}'
NEXT = (
    b"POST /api/v1/tags HTTP/1.1\r\n" + HOST + SIGNED + JSON + b"Content-Length: %d\r\n\r\n" % len(HIDDEN) + HIDDEN
)  # what an attacker would hide in the body of another request
START = LINE + HOST + SIGNED + JSON
CHUNKED = b"Transfer-Encoding: chunked\r\n"


def chunk(body: bytes, size: bytes | None = None) -> bytes:
    return (size if size is not None else b"%x" % len(body)) + b"\r\n" + body + b"\r\n0\r\n\r\n"


def long(value: int) -> bytes:
    return b"Content-Length: %d\r\n" % value


REFUSED = {  # GHSA-pjjw-qhg8-p2p9, GHSA-xx9p-xxvh-7g8j: two framings
    "TE and CL": START + long(4) + CHUNKED + b"\r\n" + chunk(b"{}") + NEXT,
    "CL and TE": START + CHUNKED + long(4) + b"\r\n" + chunk(b"{}") + NEXT,
    "two lengths": START + long(0) + long(len(NEXT)) + b"\r\n" + NEXT,
    "two equal lengths": START + long(2) + long(2) + b"\r\n{}" + NEXT,
    "a list of lengths": START + b"Content-Length: 2, 2\r\n\r\n{}" + NEXT,
    # GHSA-gfw2-4jvh-wgfg: lengths that are not digits alone
    "a signed length": START + b"Content-Length: +2\r\n\r\n{}" + NEXT,
    "a negative length": START + b"Content-Length: -1\r\n\r\n" + NEXT,
    "a hexadecimal length": START + b"Content-Length: 0x2\r\n\r\n{}" + NEXT,
    "a length with an underscore": START + b"Content-Length: 1_0\r\n\r\n{}" + NEXT,
    "an empty length": START + b"Content-Length: \r\n\r\n" + NEXT,
    "a length beyond 64 bits": START + b"Content-Length: 18446744073709551618\r\n\r\n{}" + NEXT,
    "a length in other digits": START + "Content-Length: ２\r\n\r\n{}".encode() + NEXT,
    # GHSA-8qpw-xqxj-h4r2: separators
    "a space before the colon": START + b"Content-Length : 2\r\n\r\n{}" + NEXT,
    "a tab before the colon": START + b"Transfer-Encoding\t: chunked\r\n\r\n" + chunk(b"{}") + NEXT,
    "a space before the name": START[:-2] + b"\r\n Content-Length: 2\r\n\r\n{}" + NEXT,
    "a folded line": START + b"X-Folded: a\r\n b\r\n" + long(2) + b"\r\n{}" + NEXT,
    "a folded length": START + b"Content-Length:\r\n 2\r\n\r\n{}" + NEXT,
    "a header without a name": START + b": 2\r\n\r\n" + NEXT,
    "a header without a colon": START + b"Content-Length\r\n\r\n" + NEXT,
    # GHSA-45c4-8wx5-qw6w, GHSA-mqqc-3gqh-h2x8: signs that end lines elsewhere
    "NUL in a value": START + b"X-A: a\x00b\r\n" + long(2) + b"\r\n{}" + NEXT,
    "NUL in a name": START + b"X\x00A: a\r\n" + long(2) + b"\r\n{}" + NEXT,
    "CR alone in a value": START + b"X-A: a\rContent-Length: 2\r\n\r\n{}" + NEXT,
    "CR alone as an end": START.replace(b"\r\n", b"\r") + b"\r\r" + NEXT,
    "LF alone in a header": START + b"X-A: a\nContent-Length: 2\r\n\r\n{}" + NEXT,
    "LF alone as an end": (START + long(2) + b"\r\n").replace(b"\r\n", b"\n") + b"{}" + NEXT,
    "a vertical tab in a name": START + b"Content-Length\x0b: 2\r\n\r\n{}" + NEXT,
    "a name that is not ASCII": START + "Cöntent-Length: 2\r\n\r\n{}".encode() + NEXT,
    # GHSA-xx9p-xxvh-7g8j, RFC 9112 6.1: transfer codings
    "chunked twice": START + CHUNKED + CHUNKED + b"\r\n" + chunk(b"{}") + NEXT,
    "chunked, then another": START + b"Transfer-Encoding: chunked, identity\r\n\r\n" + chunk(b"{}") + NEXT,
    "a coding nobody knows": START + b"Transfer-Encoding: xchunked\r\n\r\n" + chunk(b"{}") + NEXT,
    "chunked in quotes": START + b'Transfer-Encoding: "chunked"\r\n\r\n' + chunk(b"{}") + NEXT,
    "chunked after a control": START + b"Transfer-Encoding: \x0bchunked\r\n\r\n" + chunk(b"{}") + NEXT,
    # GHSA-8495-4g3g-x7pr, GHSA-9548-qrrj-x5pj: chunks, their extensions and trailers
    "a chunk size that is no number": START + CHUNKED + b"\r\n" + chunk(b"{}", b"z") + NEXT,
    "a signed chunk size": START + CHUNKED + b"\r\n" + chunk(b"{}", b"+2") + NEXT,
    "a negative chunk size": START + CHUNKED + b"\r\n" + chunk(b"{}", b"-2") + NEXT,
    "a chunk size with 0x": START + CHUNKED + b"\r\n" + chunk(b"{}", b"0x2") + NEXT,
    "a chunk size with an underscore": START + CHUNKED + b"\r\n" + chunk(b"{}", b"0_2") + NEXT,
    "an empty chunk size": START + CHUNKED + b"\r\n" + chunk(b"{}", b"") + NEXT,
    "a chunk size beyond 64 bits": START + CHUNKED + b"\r\n" + chunk(b"{}", b"10000000000000002") + NEXT,
    "a chunk size with a space": START + CHUNKED + b"\r\n" + chunk(b"{}", b" 2") + NEXT,
    "LF alone after a chunk size": START + CHUNKED + b"\r\n2\n{}\r\n0\r\n\r\n" + NEXT,
    "LF alone after a chunk": START + CHUNKED + b"\r\n2\r\n{}\n0\r\n\r\n" + NEXT,
    "no end of line after a chunk": START + CHUNKED + b"\r\n2\r\n{}0\r\n\r\n" + NEXT,
    "LF in a chunk extension": START + CHUNKED + b"\r\n2;a\nb\r\n{}\r\n0\r\n\r\n" + NEXT,
    "CR in a chunk extension": START + CHUNKED + b"\r\n2;a\rb\r\n{}\r\n0\r\n\r\n" + NEXT,
    "NUL in a chunk extension": START + CHUNKED + b"\r\n2;a\x00b\r\n{}\r\n0\r\n\r\n" + NEXT,
    "a trailer that is no header": START + CHUNKED + b"\r\n2\r\n{}\r\n0\r\nno header\r\n\r\n" + NEXT,
    "a trailer with LF alone": START + CHUNKED + b"\r\n2\r\n{}\r\n0\r\nX: a\nY: b\r\n\r\n" + NEXT,
    # GHSA-qvrw-v9rv-5rjx, GHSA-q3qx-c6g2-7pw2: the first line
    "no version": b"POST /api/v1/tags\r\n" + HOST + b"\r\n" + NEXT,
    "a GET without a version": b"GET /health/live\r\n" + HOST + SIGNED + b"\r\n" + NEXT,
    "version 0.9": b"GET /health/live HTTP/0.9\r\n" + HOST + b"\r\n" + NEXT,
    "version 2.0": b"GET /health/live HTTP/2.0\r\n" + HOST + b"\r\n" + NEXT,
    "version 1.10": b"GET /health/live HTTP/1.10\r\n" + HOST + b"\r\n" + NEXT,
    "a version in other digits": "GET /health/live HTTP/１.1\r\n".encode() + HOST + b"\r\n" + NEXT,
    "a lower case version": b"GET /health/live http/1.1\r\n" + HOST + b"\r\n" + NEXT,
    "a method with a bracket": b"G[T /health/live HTTP/1.1\r\n" + HOST + b"\r\n" + NEXT,
    "a method with NUL": b"GE\x00T /health/live HTTP/1.1\r\n" + HOST + b"\r\n" + NEXT,
    "a space in the path": b"GET /health/live x HTTP/1.1\r\n" + HOST + b"\r\n" + NEXT,
    "a control in the path": b"GET /health/\x01live HTTP/1.1\r\n" + HOST + b"\r\n" + NEXT,
    "a TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + NEXT,
    "an HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + NEXT,
}


async def tags(world: Edge) -> list[str]:
    return [each["name"] for each in (await world.json("GET", "/api/v1/tags"))["data"]]


async def test_what_reads_in_two_ways_is_refused_and_nothing_after_it_is_read(tmp_path: Path) -> None:
    async with edge(tmp_path) as world:
        wrong = {}
        for word, said in REFUSED.items():
            got = await world.say(said)
            if statuses(got) != [400] or b'"code":"unreadable"' not in got:
                wrong[word] = (statuses(got), got[:80])
            if "smuggled" in await tags(world):
                wrong[word] = ([], b"the hidden request was served")
                break
        assert wrong == {}


async def test_the_hidden_request_would_be_served_where_it_is_not_hidden(tmp_path: Path) -> None:
    """What the test above stands on: the same bytes, sent as a request of their own, make the tag."""
    async with edge(tmp_path) as world:
        first = START + long(2) + b"\r\n{}"
        assert statuses(await world.say(first + NEXT)) == [422, 201]
        assert await tags(world) == ["smuggled"]


@pytest.mark.parametrize("name", [b"Expect: 100-continue", b"Expect: 100-Continue"])
async def test_a_body_that_waits_to_be_asked_for_is_no_second_request(tmp_path: Path, name: bytes) -> None:
    async with edge(tmp_path) as world:
        got = await world.say(LINE + HOST + JSON + name + b"\r\n" + long(len(NEXT)) + b"\r\n", NEXT)
        assert [status for status in statuses(got) if status != 100] == [401]
        assert await tags(world) == []


async def test_what_a_refused_request_left_on_the_line_is_not_read_as_the_next(tmp_path: Path) -> None:
    """A 401, 404 or 413 leaves a body unread: it is skipped or the connection ends, never served."""
    starts = (
        LINE + HOST + JSON,
        b"POST /nowhere HTTP/1.1\r\n" + HOST + JSON,
        b"PUT /health/live HTTP/1.1\r\n" + HOST + JSON,
        b"POST /webhooks/whatsapp HTTP/1.1\r\n" + HOST,
        b"GET /health/live HTTP/1.1\r\n" + HOST,
    )
    async with edge(tmp_path) as world:
        for start in starts:
            whole = await world.say(start + long(len(NEXT)) + b"\r\n" + NEXT)
            coded = await world.say(start + CHUNKED + b"\r\n" + chunk(NEXT))
            assert len(statuses(whole)) == len(statuses(coded)) == 1, start
        assert await tags(world) == []


async def test_an_upgrade_that_is_refused_does_not_open_a_tunnel(tmp_path: Path) -> None:
    asked = b"Connection: Upgrade\r\nUpgrade: %s\r\nSec-WebSocket-Version: 777\r\nSec-WebSocket-Key: eA==\r\n\r\n"
    async with edge(tmp_path) as world:
        for path in (b"/api/v1/ws", b"/health/live"):
            for protocol in (b"websocket", b"h2c"):
                got = await world.say(b"GET " + path + b" HTTP/1.1\r\n" + HOST + asked % protocol)
                assert 101 not in statuses(got)


async def test_what_is_not_there_is_not_remembered(tmp_path: Path) -> None:
    """GHSA-27mf-ghqm-j3j8: what is refused with 404 and 405 must not stay in memory."""
    async with edge(tmp_path) as world:
        for number in range(200):
            assert (await world.ask("GET", f"/nowhere/{number}", token=None)).status == 404
            assert (await world.ask("PROPFIND", f"/api/v1/tags/{number}", token=None)).status == 405
        gc.collect()
        held = [each for each in gc.get_objects() if isinstance(each, AbstractMatchInfo)]
        assert len(held) < 20


async def test_a_multipart_body_without_an_end_is_given_up(tmp_path: Path) -> None:
    """GHSA-5m98-qgg9-wh84: a malformed multipart body must not be read for ever."""
    bodies = (
        b"",
        b"--b",
        b"--b\r\n",
        b"--b\r\n\r\n",
        b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\nx',
        b"--other\r\n\r\nx\r\n--other--\r\n",
        b"\r\n" * 5000,
        b"--b\r\nContent-Transfer-Encoding: base64\r\n" + b'Content-Disposition: form-data; name="file"\r\n\r\n=',
        b"--b\r\n" + b"X: a\r\n" * 20_000,
    )
    async with edge(tmp_path, PATCHBAY_HTTP__READ_TIMEOUT_S="1") as world:
        for body in bodies:
            headers = {"Content-Type": "multipart/form-data; boundary=b"}
            heard = await world.ask("POST", "/api/v1/media/upload", headers=headers, data=body)
            assert heard.status in (400, 408, 413, 422), body[:40]
