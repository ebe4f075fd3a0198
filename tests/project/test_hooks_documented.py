"""Every hook has a page whose example runs, and a test that exercises it.

The page of a hook is ``docs/plugins/{hook}.md``; its example is loaded as a plugin named ``example``. A test of a hook
is a function below ``tests/core/`` named ``test_{hook}_...`` that implements the hook.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from patchbay import hookspecs
from patchbay.cli.app import plugin_commands
from patchbay.plugins import GROUP, Loaded, load_plugins
from patchbay.plugins.offers import OFFERS, SETTINGS
from patchbay.scaffold import Kind

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "plugins"
HOOKS = [name for name in vars(hookspecs) if name.startswith("register_")]
PARTS = ["Arguments", "When it is called", "Example", "What is isolated"]
KINDS: Mapping[str, str] = {offer.hook: offer.kind for offer in (SETTINGS, *OFFERS)}
BROUGHT: Mapping[str, set[str]] = {
    "register_settings": {"example"},
    "register_channels": {"example"},
    "register_stores": {"example"},
    "register_buses": {"example"},
    "register_collections": {"example_visits"},
    "register_authenticators": {"example"},
    "register_authorizers": {"example"},
    "register_notifiers": {"example"},
    "register_listeners": {"example"},
    "register_services": {"example"},
    "register_directories": {"example"},
    "register_recorders": {"example"},
    "register_routes": {"GET /example/greeting"},
    "register_permissions": {"example.read", "example.manage"},
    "register_commands": {"greet", "part"},
    "register_health": {"example"},
}


def text_of(hook: str) -> str:
    page = PAGES / f"{hook}.md"
    assert page.exists(), f"{hook} has no page: write {page.relative_to(ROOT)}"
    return page.read_text(encoding="utf-8")


def example_of(hook: str) -> str:
    """The block that follows the heading."""
    found = re.search(r"^## Example\n\n```python\n(.*?)^```$", text_of(hook), re.MULTILINE | re.DOTALL)
    assert found is not None, f"the page of {hook} has no example"
    return found[1]


# --- The pages -------------------------------------------------------------------------------------------------------


def test_there_is_a_page_for_each_hook_and_no_other() -> None:
    assert sorted(path.stem for path in PAGES.glob("register_*.md")) == sorted(HOOKS)
    index = (PAGES / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| \[`(\w+)`\]\(\1\.md\) ", index, re.MULTILINE) == HOOKS


@pytest.mark.parametrize("hook", HOOKS)
def test_a_page_says_what_there_is_to_know(hook: str) -> None:
    text = text_of(hook)
    assert text.startswith(f"# `{hook}`\n\n")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == PARTS
    sections = re.split(r"^## .+$", text, flags=re.MULTILINE)[1:]
    assert all(len(section.strip()) > 20 for section in sections)


@pytest.mark.parametrize("hook", HOOKS)
def test_the_signature_on_the_page_is_the_hooks(hook: str) -> None:
    signature = re.sub(r"'([^']*)'", r"\1", str(inspect.signature(getattr(hookspecs, hook))))
    assert f"```\n{hook}{signature}\n```\n" in text_of(hook)


@pytest.mark.parametrize("page", sorted(PAGES.glob("*.md")), ids=lambda page: page.name)
def test_links_and_names_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    lost = [link for link in re.findall(r"\]\(([^)\s#]+)", text) if not (page.parent / link).exists()]
    assert lost == []
    assert max(map(len, text.splitlines())) <= 140


@pytest.mark.parametrize("kind", list(Kind))
def test_the_page_of_a_kind_names_its_scaffold(kind: Kind) -> None:
    assert f"`patchbay new-plugin {kind} NAME`" in text_of(f"register_{kind}s")


# --- Their examples --------------------------------------------------------------------------------------------------


@pytest.fixture
def loaded_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Loaded]:
    """The example of a page, written down as a module and loaded by the real loader."""
    hook: str = request.param
    name = f"example_of_{hook}"
    (tmp_path / f"{name}.py").write_text(f"from __future__ import annotations\n\n{example_of(hook)}", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    environ = {"PATCHBAY_PLUGINS": "example", "PATCHBAY_DATA_DIR": str(tmp_path)}
    yield load_plugins(environ, entry_points=[EntryPoint("example", name, GROUP)])
    del sys.modules[name]


@pytest.mark.parametrize(("loaded_example", "hook"), [(hook, hook) for hook in HOOKS], indirect=["loaded_example"])
def test_the_example_runs_and_what_it_brings_is_registered(loaded_example: Loaded, hook: str) -> None:
    report = loaded_example.reports[1]
    assert (report.state, report.error) == ("loaded", None)
    assert hook in report.hooks
    if hook == "register_commands":
        brought = set(plugin_commands(loaded_example, set()))
    else:
        origins = loaded_example.registry.origins.items()
        brought = {name for (kind, name), plugin in origins if (kind, plugin) == (KINDS[hook], "example")}
    assert brought == BROUGHT[hook]


# --- The tests -------------------------------------------------------------------------------------------------------


@cache
def exercised() -> Mapping[str, list[str]]:
    """Names of test functions that exercise a hook, by hook: so named, and speaking of it in their body."""
    found: dict[str, list[str]] = {hook: [] for hook in HOOKS}
    for path in sorted((ROOT / "tests" / "core").rglob("test_*.py")):
        text = path.read_text(encoding="utf-8")
        if "def test_register_" not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                for hook in HOOKS:
                    if node.name.startswith(f"test_{hook}_") and hook in spoken_of(node):
                        found[hook].append(f"{path.name}::{node.name}")
    return found


def spoken_of(function: ast.AST) -> set[str]:
    """Names and texts in its body, and of the functions that it defines."""
    nodes = [node for node in ast.walk(function) if node is not function]
    return (
        {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
        | {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
        | {node.attr for node in nodes if isinstance(node, ast.Attribute)}
        | {node.arg for node in nodes if isinstance(node, ast.keyword) and node.arg}
    )


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_has_a_test_that_exercises_it(hook: str) -> None:
    assert exercised()[hook], f"write a test named test_{hook}_... that implements {hook}"
