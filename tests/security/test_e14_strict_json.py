"""E14: a body that two readers could read in two ways is refused, on every route that takes one."""

from __future__ import annotations

from pathlib import Path

from tests.faults.process import signature
from tests.security.edge_world import edge, filled

JSON = {"Content-Type": "application/json"}
REFUSED: dict[str, bytes] = {
    "a name twice": b'{"name":"a","name":"b"}',
    "a name twice by an escape": b'{"name":"a","n\\u0061me":"b"}',
    "a name twice further in": b'{"a":{"b":1,"b":2}}',
    "a name twice in a list": b'[{"b":1,"b":2}]',
    "NaN": b'{"name":NaN}',
    "Infinity": b'{"name":Infinity}',
    "-Infinity": b'{"name":-Infinity}',
    "a number beyond a double": b'{"name":1e999}',
    "an integer beyond 64 bits": b'{"name":9223372036854775808}',
    "an integer below 64 bits": b'{"name":-9223372036854775809}',
    "a thousand digits": b'{"name":' + b"9" * 1000 + b"}",
    "a leading zero": b'{"name":01}',
    "a plus": b'{"name":+1}',
    "a bare point": b'{"name":.5}',
    "hexadecimal": b'{"name":0x1}',
    "33 levels": b'{"a":' * 33 + b"1" + b"}" * 33,
    "33 lists": b"[" * 33 + b"]" * 33,
    "a hundred thousand levels": b"[" * 100_000,
    "more than 10,000 values": b"[" + b"0," * 10_000 + b"0]",
    "half a surrogate pair": b'{"name":"\\ud800"}',
    "the other half": b'{"name":"\\udc00"}',
    "half a pair as a name": b'{"\\ud800":1}',
    "a pair the wrong way round": b'{"name":"\\ude00\\ud83d"}',
    "bytes that are no UTF-8": b'{"name":"\xff"}',
    "an overlong encoding": b'{"name":"\xc0\xaf"}',
    "a surrogate in UTF-8": b'{"name":"\xed\xa0\x80"}',
    "beyond Unicode": b'{"name":"\xf4\x90\x80\x80"}',
    "UTF-16": '{"name":"a"}'.encode("utf-16"),
    "UTF-32": '{"name":"a"}'.encode("utf-32"),
    "a byte order mark": b'\xef\xbb\xbf{"name":"a"}',
    "single quotes": b"{'name':'a'}",
    "no quotes": b"{name:1}",
    "a comma at the end": b'{"name":"a",}',
    "a comma in a list": b"[1,]",
    "a comment": b'{"name":"a"/**/}',
    "a comment to the end": b'{"name":"a"} // x',
    "two values": b'{"name":"a"}{"name":"b"}',
    "something after it": b'{"name":"a"} x',
    "NUL after it": b'{"name":"a"}\x00',
    "a control in a text": b'{"name":"a\nb"}',
    "NUL in a text": b'{"name":"a\x00b"}',
    "an escape that is none": b'{"name":"\\x41"}',
    "half an escape": b'{"name":"\\u00"}',
    "cut": b'{"name":"a',
    "True": b'{"name":True}',
    "undefined": b'{"name":undefined}',
    "a form feed as space": b'{"name":\x0c"a"}',
    "a wide space": '{"name":\u00a0"a"}'.encode(),
    "only spaces": b"   ",
}
TAKEN: dict[str, bytes] = {
    "all kinds of space": b'\r\n\t {"name" : "one"} \n',
    "escapes": b'{"n\\u0061me":"tw\\u006f"}',
    "a whole pair": b'{"name":"a \\ud83e\\udd86"}',
    "other scripts": '{"name":"日本語"}'.encode(),
}


async def test_it_is_refused_on_a_route_of_each_kind(tmp_path: Path) -> None:
    async with edge(tmp_path) as world:
        for word, body in REFUSED.items():
            for method, path in (
                ("POST", "/api/v1/tags"),
                ("PATCH", "/api/v1/tags/none"),
                ("POST", "/api/v1/channels"),
            ):
                heard = await world.ask(method, path, headers=JSON, data=body)
                assert (heard.status, heard.code) == (400, "unreadable"), (method, path, word)


async def test_every_route_that_takes_a_body_reads_it_so(tmp_path: Path) -> None:
    async with edge(tmp_path) as world:
        for operation in world.unsafe:
            if operation.takes_body:
                for word in ("a name twice", "NaN", "33 levels", "half a surrogate pair", "an integer beyond 64 bits"):
                    heard = await world.ask(operation.method, filled(operation.path), headers=JSON, data=REFUSED[word])
                    assert (heard.status, heard.code) == (400, "unreadable"), (operation.path, word)


async def test_what_is_json_is_taken(tmp_path: Path) -> None:
    async with edge(tmp_path) as world:
        for word, body in TAKEN.items():
            assert (await world.ask("POST", "/api/v1/tags", headers=JSON, data=body)).status == 201, word
        names = {each["name"] for each in (await world.json("GET", "/api/v1/tags"))["data"]}
        assert names == {"one", "two", "a \U0001f986", "日本語"}


async def test_a_body_of_another_type_is_not_read_as_json(tmp_path: Path) -> None:
    kinds = (
        "text/plain",
        "text/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=b",
        "",
        "json",
    )
    charsets = ("latin-1", "utf-16", "utf-7", "x")
    async with edge(tmp_path) as world:
        for kind in (*kinds, *(f"application/json; charset={each}" for each in charsets)):
            heard = await world.ask("POST", "/api/v1/tags", headers={"Content-Type": kind}, data=b'{"name":"a"}')
            assert (heard.status, heard.code) == (415, "unsupported_media_type"), kind
        assert (await world.json("GET", "/api/v1/tags"))["data"] == []


async def test_a_webhook_that_is_odd_json_is_kept_and_never_dropped(tmp_path: Path) -> None:
    async with edge(tmp_path) as world:
        for body in REFUSED.values():
            headers = {"X-Hub-Signature-256": signature(body)}
            heard = await world.ask("POST", "/webhooks/whatsapp", headers=headers, data=body, token=None)
            assert heard.status == 200
        kept = await world.json("GET", "/api/v1/ingest/events?limit=200")
        assert len(kept["data"]) == len(REFUSED)
