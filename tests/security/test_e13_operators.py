"""E13: what a query or a body holds is a value of its declared type; nothing of it becomes part of a query."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from urllib.parse import quote

import pytest
from marshmallow import fields

from patchbay.web.operations import Operation
from tests.faults.process import signature, text_webhook
from tests.security.edge_world import Edge, edge, filled

ROOT = Path(__file__).parents[2]
WORDS = (  # as a value of any parameter
    "' OR '1'='1",
    "1' OR 1=1 --",
    "'; DROP TABLE c_tags; --",
    '" OR ""="',
    "x') UNION SELECT 1,2,3 --",
    "1/**/OR/**/1=1",
    "1; ATTACH DATABASE '/tmp/x' AS x",
    "%' AND 1=1 AND '%'='",
    "%",
    "_",
    "*",
    "\x00",
    "none\x00",
    "\x1f",
    "\\",
    "{}",
    "[]",
    '{"$ne":null}',
    '{"$gt":""}',
    '{"$where":"sleep(1000)"}',
    '["$in",[""]]',
    "$ne",
    "true",
    "null",
    "NaN",
    "Infinity",
    "-0",
    "1e309",
    "0x1",
    "9223372036854775808",
    "-9223372036854775809",
    "9" * 400,
    "1" * 5000,
    "2026-99-99",
    "0000-00-00T00:00:00Z",
    "9999-12-31T23:59:59.999999999Z",
    "../../../etc/passwd",
    "${jndi:ldap://x}",
    "{{7*7}}",
    "\u202e",
    "\ufffe",
    "\U0010ffff",
    "NEAR(zzq zzr, 1)",
    "zzq OR a",
    "NOT zzq",
    "words:zzq",
    "^zzq",
    '"zzq',
    '"zzq" OR "a"',
    '-"',
    "()",
)
SHAPES = (  # in place of a parameter's name
    "{0}[$ne]=x",
    "{0}[$gt]=",
    "{0}[$regex]=.*",
    "{0}[]=x",
    "{0}[0]=x",
    "{0}[a][b]=x",
    "{0}.$gt=x",
    "{0}%00=x",
    "{0}__ne=x",
    "${0}=x",
    "$where=sleep(1000)",
    "__proto__[x]=1",
    "constructor=1",
)


def lists(world: Edge) -> list[Operation]:
    """What takes a query and answers at once."""
    found = [each for each in world.operations if each.method == "GET" and each.query is not None]
    return [each for each in found if not each.path.endswith("/stream")]


async def furnish(world: Edge) -> None:
    """One of most things, so that a query which lets everything through has something to show."""
    body = text_webhook(("wamid.E13", "15550000013", "hello world"))
    headers = {"X-Hub-Signature-256": signature(body)}
    assert (await world.ask("POST", "/webhooks/whatsapp", data=body, headers=headers, token=None)).status == 200
    while not (await world.json("GET", "/api/v1/conversations"))["data"]:
        pass
    await world.json("POST", "/api/v1/tags", {"name": "a tag"})


@pytest.mark.parametrize("share", [pytest.param(5, id="some"), pytest.param(1, id="all", marks=pytest.mark.long)])
async def test_no_value_is_an_error_of_ours_and_no_text_matches_by_being_an_operator(
    tmp_path: Path, share: int
) -> None:
    async with edge(tmp_path) as world:
        await furnish(world)
        asked = 0
        wrong: list[tuple[str, object]] = []
        for operation in lists(world):
            assert operation.query is not None
            for name, field in operation.query().fields.items():
                for word in WORDS[::share]:
                    path = f"{filled(operation.path)}?{name}={quote(word, safe='')}"
                    heard = await world.ask("GET", path)
                    asked += 1
                    if heard.status not in (200, 400, 404, 409, 410, 422):
                        wrong.append((path[:120], heard.status))
                    narrows = type(field) is fields.String and name not in ("cursor", "sort", "types")
                    if name == "q" and "zzq" not in word:
                        narrows = False  # it may stand in something: that is what a search is for
                    if narrows and heard.status == 200 and b'"data":[{' in heard.body:
                        wrong.append((path[:120], "it matched"))
        assert wrong == []
        assert asked > 1000 / share
        assert (await world.json("GET", "/api/v1/tags"))["data"]  # nobody dropped them


async def test_no_parameter_becomes_an_operator_a_list_or_another_one(tmp_path: Path) -> None:
    async with edge(tmp_path) as world:
        wrong = []
        for operation in lists(world):
            assert operation.query is not None
            for name, field in operation.query().fields.items():
                for shape in SHAPES:
                    heard = await world.ask("GET", f"{filled(operation.path)}?{shape.format(name)}")
                    if (heard.status, heard.code) != (422, "invalid"):
                        wrong.append((operation.path, shape.format(name), heard.status))
                if not isinstance(field, fields.List):
                    twice = await world.ask("GET", f"{filled(operation.path)}?{name}=1&{name}=2")
                    if twice.status >= 500:
                        wrong.append((operation.path, f"{name} twice", twice.status))
        assert wrong == []


@pytest.mark.parametrize(
    "sort", ["name; DROP TABLE c_tags", "doc", "rowid", "-n", "(SELECT 1)", "$natural", "name desc"]
)
async def test_what_a_list_is_sorted_by_is_on_a_list(tmp_path: Path, sort: str) -> None:
    async with edge(tmp_path) as world:
        for operation in lists(world):
            heard = await world.ask("GET", f"{filled(operation.path)}?sort={quote(sort)}")
            assert (heard.status, heard.code) == (422, "invalid"), operation.path


async def test_no_field_of_a_body_takes_an_operator(tmp_path: Path) -> None:
    async with edge(tmp_path) as world:
        wrong = []
        for operation in world.unsafe:
            if not operation.takes_body or operation.body is None:
                continue
            for name, field in operation.body().fields.items():
                if isinstance(field, fields.Dict | fields.Nested) or type(field) is fields.Raw:
                    continue
                for value in ('{"$ne":null}', '{"$gt":""}', '[{"$in":[]}]', "[[]]"):
                    body = f'{{"{field.data_key or name}":{value}}}'.encode()
                    headers = {"Content-Type": "application/json"}
                    heard = await world.ask(operation.method, filled(operation.path), headers=headers, data=body)
                    if heard.status not in (404, 422):
                        wrong.append((operation.method, operation.path, body, heard.status))
        assert wrong == []


async def test_no_part_of_a_path_is_more_than_an_id(tmp_path: Path) -> None:
    async with edge(tmp_path) as world:
        await furnish(world)
        for operation in world.operations:
            if "{" not in operation.path or operation.method != "GET":
                continue
            for word in (
                "%27%20OR%201=1--",
                "%00",
                "$ne",
                "%7B%22$gt%22:%22%22%7D",
                "*",
                "%25",
                "a" * 3000,
                "%F0%9F%A6%86",
            ):
                heard = await world.ask("GET", filled(operation.path, word))
                assert heard.status in (404, 409, 422), (operation.path, word, heard.status)


SQL = re.compile(r"\b(SELECT|INSERT INTO|UPDATE|DELETE FROM|WHERE|ORDER BY|VALUES|PRAGMA|LIMIT)\b")
VALUES = {"value", "text", "given", "cursor", "limit", "q", "body", "doc", "id", "ids", "params", "query"}
STORAGE = ROOT / "core" / "patchbay" / "storage"


def built(source: str) -> list[str]:
    """Each place where a value may have become a part of SQL."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.JoinedStr) and SQL.search(ast.unparse(node)):
            parts = [part.value for part in node.values if isinstance(part, ast.FormattedValue)]
            found += [f"{node.lineno}: {ast.unparse(part)}" for part in parts if _is_value(part)]
        formats = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod)
        formats = formats or (isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".format"))
        if formats and SQL.search(ast.unparse(node)) and isinstance(node, ast.BinOp | ast.Call):
            found.append(f"{node.lineno}: {ast.unparse(node)}")
    return found


def _is_value(node: ast.expr) -> bool:
    return (isinstance(node, ast.Name) and node.id in VALUES) or (
        isinstance(node, ast.Attribute) and node.attr in VALUES
    )


def test_no_statement_is_put_together_from_values() -> None:
    sources = [*ROOT.glob("core/patchbay/**/*.py"), *ROOT.glob("plugins/*/patchbay_*/**/*.py")]
    files = {path: path.read_text("utf-8") for path in sources}
    stores = [path for path in files if path.is_relative_to(STORAGE)]
    assert {str(path): found for path in stores if (found := built(files[path]))} == {}
    outside = [str(path) for path, source in files.items() if path not in stores and "sqlite3" in source]
    assert [path for path in outside if not path.endswith(("testing/world.py",)) and imports_sqlite(path)] == []


def imports_sqlite(path: str) -> bool:
    tree = ast.parse(Path(path).read_text("utf-8"))
    return any(
        isinstance(node, ast.Import) and any(each.name == "sqlite3" for each in node.names) for node in ast.walk(tree)
    )


@pytest.mark.parametrize(
    "source",
    [
        'f"SELECT 1 WHERE a = {value}"',
        'f"SELECT 1 WHERE a = {where.value}"',
        '"SELECT %s WHERE 1" % a',
        '"SELECT {}".format(a)',
    ],
)
def test_the_reader_above_would_find_it(source: str) -> None:
    assert built(source)
