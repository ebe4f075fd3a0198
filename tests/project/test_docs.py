"""The documentation says what the code does: tables equal the models, names and links exist.

Blocks between ``<!-- made by tests/project/test_docs.py: NAME -->`` and ``<!-- end -->`` are made by this file. To make
them anew: ``.venv/bin/python tests/project/test_docs.py``
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from patchbay.cli.app import command_line
from patchbay.hub.codes import CLOSE_CODES, Reconnect, reconnect
from patchbay.plugins import load_plugins
from patchbay.registry import Registry
from patchbay.settings import Settings
from patchbay.web.app import declarations, resource_modules
from patchbay.web.operations import Operation, Operations
from patchbay.web.problems import PROBLEMS
from patchbay_audit.settings import AuditSettings
from patchbay_instagram.settings import InstagramSettings
from patchbay_messenger.settings import MessengerSettings
from patchbay_rbac.settings import RbacSettings
from patchbay_whatsapp.settings import WhatsAppSettings

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"(<!-- made by tests/project/test_docs\.py: ([a-z ]+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)
TAGS_FIRST = ("Conversations", "Messages", "Contacts", "Channels")
ADVICE: Mapping[Reconnect, str] = {
    "never": "nothing: it closed by itself",
    "backoff": "reconnect with a growing, random delay and resume",
    "mend_first": "mend first; it would be closed again",
    "at_once": "reconnect at once and resume",
    "wait": "reconnect after 10 s or more, and resume",
}
EVENT = re.compile(
    r"(message|conversation|contact|note|media|channel|template|tag|job|user|role|department|key)\.[a-z_]+"
)
RECEIPT_EVENTS = {f"message.{state}" for state in ("sent", "delivered", "read", "played", "failed")}  # made of a state


# --- Blocks ----------------------------------------------------------------------------------------------------------


def problems() -> Iterator[str]:
    yield "| Status | `code` | Title |"
    yield "|---|---|---|"
    for problem in sorted(PROBLEMS.values(), key=lambda problem: problem.status):
        yield f"| {problem.status} | `{problem.code}` | {problem.title} |"


def operations() -> Iterator[str]:
    by_tag: dict[str, list[Operation]] = {}
    shipped = [each for module in resource_modules() for each in declarations(module)]
    for operation in (*shipped, *plugged_in().operations):
        by_tag.setdefault(operation.tag, []).append(operation)
    for tag in sorted(by_tag, key=lambda tag: (TAGS_FIRST.index(tag) if tag in TAGS_FIRST else 99, tag)):
        yield ""
        yield f"**{tag}**"
        yield ""
        yield "| Operation | | Permission | |"
        yield "|---|---|---|---|"
        for operation in by_tag[tag]:
            marks = [mark for mark, has in (("key", operation.creates), ("version", operation.versioned)) if has]
            permission = f"`{operation.permission}`" if isinstance(operation.permission, str) else "none"
            path = operation.path.removeprefix("/api/v1") if operation.path.startswith("/api/v1/") else operation.path
            where = path if path != operation.path else f"{path} (root)"
            summary = operation.summary.replace("``", "`")
            yield f"| `{operation.method} {where}` | {summary} | {permission} | {', '.join(marks)} |".replace(
                "|  |", "| |"
            )
    yield ""


def permissions() -> Iterator[str]:
    known: dict[str, str] = {}
    for module in resource_modules():
        declared: Operations | None = getattr(module, "OPERATIONS", None)
        known.update(declared.permissions if declared is not None else {})
    known.update({each.name: each.description for each in plugged_in().permissions})
    yield "| Permission | Allows to |"
    yield "|---|---|"
    for name, sentence in sorted(known.items()):
        yield f"| `{name}` | {sentence[0].lower()}{sentence[1:]} |"


@cache
def plugged_in() -> Registry:
    """What the plugins that are shipped bring."""
    return load_plugins({}).registry


def close_codes() -> Iterator[str]:
    yield "| Code | Why | What a client does |"
    yield "|---|---|---|"
    for rule in CLOSE_CODES:
        yield f"| {int(rule.code)} | {rule.meaning} | {ADVICE[reconnect(rule.code)]} |"
    yield ""
    yield "The ranges say the same of codes that are added later:"
    yield ""
    yield "| Range | What a client does |"
    yield "|---|---|"
    for advice, codes in groupby([*range(1000, 1016), *range(4000, 4030)], reconnect):
        first, *_, last = [*codes] * 2
        yield f"| {first if first == last else f'{first}-{last}'} | {ADVICE[advice]} |"


def events() -> Iterator[str]:
    by_subject: dict[str, list[str]] = {}
    for name in sorted(emitted()):
        subject, _, what = name.partition(".")
        by_subject.setdefault(subject, []).append(what)
    yield "| Subject | Types |"
    yield "|---|---|"
    for subject, whats in by_subject.items():
        yield f"| {subject} | {', '.join(f'`{subject}.{what}`' for what in whats)} |"


def emitted() -> set[str]:
    """Event types that stand as texts in the parts of the core that emit, logging apart."""
    found = set(RECEIPT_EVENTS)
    sources: list[Path] = []
    for part in ("inbox", "delivery", "media", "errands", "jobs", "privacy"):
        sources += sorted((ROOT / "core/patchbay" / part).glob("*.py"))
    for source in sources:
        tree = ast.parse(source.read_text(encoding="utf-8"))
        logged = {
            id(constant)
            for call in ast.walk(tree)
            if isinstance(call, ast.Call) and ast.unparse(call.func).startswith("log.")
            for constant in ast.walk(call)
        }
        found |= {
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in logged
            and EVENT.fullmatch(node.value)
        }
    return found


BLOCKS: Mapping[str, Callable[[], Iterator[str]]] = {
    "problems": problems,
    "operations": operations,
    "permissions": permissions,
    "close codes": close_codes,
    "events": events,
}


def made(page: str) -> str:
    """The page with its blocks made anew."""
    return BLOCK.sub(lambda found: f"{found[1]}{chr(10).join(BLOCKS[found[2]]())}\n{found[4]}", page)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_tables_that_are_made_are_up_to_date(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text == made(text), (
        f"{page.name} is behind the code: run .venv/bin/python {Path(__file__).relative_to(ROOT)}"
    )


def test_every_table_is_somewhere() -> None:
    named = {name for page in PAGES for _, name, _, _ in BLOCK.findall(page.read_text(encoding="utf-8"))}
    assert named == set(BLOCKS)


# --- Settings --------------------------------------------------------------------------------------------------------


def settings_of(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, str]]:
    """Environment names and defaults as the table writes them."""
    for name, field in model.model_fields.items():
        default: Any = field.get_default(call_default_factory=True, validated_data={})
        if field.exclude:
            continue
        if isinstance(default, BaseModel):
            yield from settings_of(type(default), f"{prefix}{name.upper()}__")
        else:
            yield f"{prefix}{name.upper()}", written(default)


def written(default: Any) -> str:
    match default:
        case None:
            return "none"
        case bool():
            return f"`{str(default).lower()}`"
        case float():
            return f"`{default:g}`"
        case tuple():
            return f"`{','.join(map(str, default))}`"
        case _:
            return f"`{default}`"


def test_the_configuration_table_is_the_settings() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(PATCHBAY_[A-Z0-9_]+)` \| (.*?) \| (.+) \|$", readme, re.MULTILINE)
    expected = [
        *settings_of(Settings, "PATCHBAY_"),
        *settings_of(WhatsAppSettings, "PATCHBAY_WHATSAPP__"),
        *settings_of(MessengerSettings, "PATCHBAY_MESSENGER__"),
        *settings_of(InstagramSettings, "PATCHBAY_INSTAGRAM__"),
        *settings_of(RbacSettings, "PATCHBAY_RBAC__"),
        *settings_of(AuditSettings, "PATCHBAY_AUDIT__"),
    ]
    assert [(name, default) for name, default, _ in rows] == expected
    assert all(meaning.strip() for _, _, meaning in rows)


# --- Names and links -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, anchor = target.partition("#")
        if "://" in target:
            continue
        there = (page.parent / path) if path else page
        assert there.exists(), f"{page.name} links to {target}"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", there.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {slug(heading) for heading in headings}, f"{page.name} links to {target}"


def slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_are_named_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for name in re.findall(r"`([a-z][\w-]*/[\w./-]*(?:\.py|/))`", text):
        if not name.startswith(("media/", "requirements/")):  # of the data folder; made by ./dev lock
            places = (ROOT / name, ROOT / "core" / "patchbay" / name)
            assert any(place.exists() for place in places), f"{page.name} names {name}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_that_are_named_exist(page: Path) -> None:
    known = {*command_line().commands, "simulate", "users", "audit"}  # the latter are plugins'
    named = re.findall(r"(?:-m |bin/|`)patchbay ([a-z-]+)", page.read_text(encoding="utf-8"))
    assert set(named) <= known, page.name


def test_the_metrics_that_are_named_are_those_that_exist() -> None:
    sources = [*(ROOT / "core").rglob("*.py"), *(ROOT / "plugins").rglob("*.py")]
    texts = [source.read_text(encoding="utf-8") for source in sources]
    told = {name for text in texts for name in re.findall(r'"(patchbay_[a-z]+_[a-z_]+)"', text)}
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    assert set(re.findall(r"`(patchbay_[a-z]+_[a-z_]+)(?:\{[a-z, ]+\})?`", page)) == told


if __name__ == "__main__":
    for page in PAGES:
        before = page.read_text(encoding="utf-8")
        if (after := made(before)) != before:
            page.write_text(after, encoding="utf-8")
            sys.stdout.write(f"{page.relative_to(ROOT)} is made anew\n")
