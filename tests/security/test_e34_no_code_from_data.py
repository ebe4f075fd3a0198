"""E34: nothing that comes in is unpickled, evaluated or loaded as YAML, and no text makes a pattern slow."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = [*ROOT.glob("core/patchbay/**/*.py"), *ROOT.glob("plugins/*/patchbay_*/**/*.py")]
PACKAGES = ["patchbay", *sorted(path.parent.name for path in ROOT.glob("plugins/*/patchbay_*/__init__.py"))]
MODULES = {"pickle", "cPickle", "dill", "shelve", "marshal", "jsonpickle", "cloudpickle", "yaml", "ruamel", "joblib"}
BUILTINS = {"eval", "exec", "compile", "__import__", "breakpoint"}
CALLS = {"os.system", "os.popen", "os.execv", "subprocess.getoutput", "subprocess.call", "code.interact", "ctypes.CDLL"}


def banned(source: str) -> list[str]:
    """What in a module makes code of data."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [f"{node.lineno}: {each.name}" for each in node.names if each.name.partition(".")[0] in MODULES]
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in MODULES:
            found.append(f"{node.lineno}: {node.module}")
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            shell = any(
                each.arg == "shell" and getattr(each.value, "value", None) is not False for each in node.keywords
            )
            if name in BUILTINS | CALLS or shell:
                found.append(f"{node.lineno}: {name}")
    return found


def test_nothing_makes_code_of_data() -> None:
    assert len(SOURCES) > 200
    assert {str(path): found for path in SOURCES if (found := banned(path.read_text("utf-8")))} == {}


@pytest.mark.parametrize(
    "source",
    [
        *("import pickle", "from pickle import loads", "import yaml", "eval('1')", "exec(x)", "os.system(x)"),
        *("subprocess.run(x, shell=True)", "subprocess.run(x, shell=y)", "__import__(name)", "compile(x, '', 'exec')"),
    ],
)
def test_the_reader_above_would_find_it(source: str) -> None:
    assert banned(source)


def modules() -> Iterator[ModuleType]:
    """Every module of the core and of the plugins."""
    for name in PACKAGES:
        package = importlib.import_module(name)
        yield package
        for found in pkgutil.walk_packages(package.__path__, f"{name}."):
            if not found.name.endswith("__main__"):
                yield importlib.import_module(found.name)


Pattern = re.Pattern[str] | re.Pattern[bytes]


def compiled() -> dict[str, Pattern]:
    """Every pattern that a module holds, in a container or a class too, by its name."""
    held: dict[str, Pattern] = {}
    for module in modules():
        for name, value in vars(module).items():
            own = vars(value) if isinstance(value, type) and value.__module__ == module.__name__ else {}
            members = value if isinstance(value, dict) else dict(enumerate(value if isinstance(value, tuple) else ()))
            for known_as, each in [(name, value), *own.items(), *((name, member) for member in members.values())]:
                if isinstance(each, re.Pattern):
                    held[f"{module.__name__}:{known_as}:{each.pattern!r}"] = each
    return held


def searched() -> set[str]:
    """The names of patterns that are looked for anywhere in a text; all others must fit from its beginning."""
    looking = {"search", "sub", "subn", "finditer", "findall", "split"}
    found = set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr in looking:
                found.add(ast.unparse(node.value).rpartition(".")[2])
    return found


def written() -> Iterator[tuple[str, str]]:
    """The patterns that are written where they are used: ``re.sub("...", ...)`` and those of fields, and how."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and re.fullmatch(
                r"re\.(?!compile)\w+|(\w+\.)?Regexp", ast.unparse(node.func)
            ):
                for argument in node.args[:1]:
                    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                        yield ast.unparse(node.func), argument.value


SIZES = (
    16,
    24,
    32,
    48,
    64,
    100,
    200,
    2_000,
    10_000,
    50_000,
)  # characters; the last is E34's, the others end what would take for ever
PIECES = (
    *(
        "a",
        "A",
        "0",
        " ",
        "\t",
        "\n",
        "\r\n",
        "-",
        "_",
        ".",
        ",",
        ":",
        ";",
        "/",
        "\\",
        "@",
        "+",
        "=",
        '"',
        "'",
        "<",
        "{",
        "[",
    ),
    *(
        "a ",
        "a.",
        "a-",
        "0.",
        "a@",
        "a=",
        "a,",
        "a;",
        "/a",
        "%20",
        '\\"',
        "é",
        "日",
        "\u202e",
        "Bearer ",
        "token=",
        "&a=b",
    ),
    *("https://", "sha256=", "bytes=0-", 'W/"', '"1", ', "{a}", "(a)", "<a>", "1 2 ", "+1 ", "a\x00", "2026-11-22T"),
)
ENDS = ("", "!", "\x00", "\n", "a", '"', ">")
BOUND_S = 0.010  # E34
SLOWER = 5  # how much slower a busy machine may be than the one that the bound is for


def slow(pattern: Pattern, pieces: Iterable[str], *, search: bool, ends: Iterable[str] = ("", "!")) -> str | None:
    """A text on which a pattern takes too long. A time over the bound is taken again, and the least counts."""
    for use in (pattern.search,) if search else (pattern.match, pattern.fullmatch):
        for piece in pieces:
            for size in SIZES:
                for end in ends:
                    text = piece * max(1, size // len(piece)) + end
                    value: Any = text if isinstance(pattern.pattern, str) else text.encode()
                    if _takes(use, value) > BOUND_S and min(_takes(use, value) for _ in range(3)) > BOUND_S * SLOWER:
                        return f"{use.__name__} in {len(text)} characters: {piece!r}...{end!r}"
    return None


def _takes(use: Callable[[Any], object], value: Any) -> float:
    began = time.perf_counter()
    use(value)
    return time.perf_counter() - began


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("pieces", "ends"),
    [
        pytest.param(("a", "0.", " "), ("", "!"), id="some"),
        pytest.param(PIECES, ENDS, id="all", marks=pytest.mark.long),
    ],
)
def test_no_text_makes_a_pattern_slow(pieces: Sequence[str], ends: Sequence[str]) -> None:
    anywhere = searched()
    patterns = {name: (each, name.split(":")[1] in anywhere) for name, each in compiled().items()}
    for how, text in written():
        patterns[f"{how}:{text!r}"] = re.compile(text), how.startswith("re.") and not how.endswith("match")
    assert len(patterns) > 30
    found = {name: slow(each, pieces, search=search, ends=ends) for name, (each, search) in patterns.items()}
    assert {name: text for name, text in found.items() if text is not None} == {}


@pytest.mark.parametrize(
    ("pattern", "search"), [(r"(a+)+b", False), (r"a+b", True), (r"(.*?,){8}P", False), (r"\s+$", True)]
)
def test_a_slow_pattern_would_be_found(pattern: str, search: bool) -> None:
    assert slow(re.compile(pattern), ["a", "a,", " "], search=search)
