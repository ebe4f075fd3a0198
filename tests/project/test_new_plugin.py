"""``patchbay new-plugin``: what it writes installs, loads, passes its own tests, and is clean; names are checked."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from patchbay.__main__ import main
from patchbay.scaffold import Kind, distribution_of, scaffolded, words, wrong_name

ROOT = Path(__file__).parents[2]
NAME = "owl-post"
PACKAGE = "patchbay_owl_post"
KINDS = list(Kind)
NAMES = {"channel": NAME, "store": "owl_post", "notifier": "owl_post", "listener": NAME}  # either way of joining words
PIP_OFFLINE = ("--quiet", "--no-deps", "--no-build-isolation", "--no-index")
BROUGHT = {
    "channel": "register_channels",
    "store": "register_stores",
    "notifier": "register_notifiers",
    "listener": "register_listeners",
}
# One test of each: of the contract's suite where there is one for what the plugin brings.
PROOFS = {
    "channel": "test_contract.py::TestOwlPost::test_channel[interleavings_end_in_one_state]",
    "store": "test_store.py::TestOwlPostStore::test_pruning_much_while_others_write",
    "notifier": "test_notifier.py::test_a_notice_arrives",
    "listener": "test_listener.py::test_an_inbox_tells_it_what_happens",
}


def call(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["new-plugin", *arguments])
    return ended.value.code if isinstance(ended.value.code, int) else 0


def run(*command: str, cwd: Path, path: Sequence[Path] = (), **settings: str) -> str:
    """Run Python with these arguments, and nothing of this environment's settings; its standard output."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("PATCHBAY_")}
    environ = {**plain, "PYTHONPATH": os.pathsep.join(map(str, path)), **settings}
    done = subprocess.run(
        [sys.executable, *command], cwd=cwd, env=environ, capture_output=True, text=True, check=False, timeout=110
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module", params=KINDS)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Kind, Path]:
    """The distribution of one kind."""
    folder = tmp_path_factory.mktemp(request.param)
    assert call(request.param, NAMES[request.param], "--into", str(folder)) == 0
    return request.param, folder / "patchbay-owl-post"


# --- What is written -------------------------------------------------------------------------------------------------


def test_it_passes_its_own_tests_as_it_is(made: tuple[Kind, Path]) -> None:
    kind, root = made
    told = run("-m", "pytest", "-v", "-p", "no:cacheprovider", "-p", "no:schemathesis", cwd=root)
    assert f"{PROOFS[kind]} PASSED" in told
    assert "SKIPPED" not in told


def test_its_wheel_installs_and_the_plugin_loads_by_its_entry_point(made: tuple[Kind, Path], tmp_path: Path) -> None:
    kind, root = made
    wheels, site = tmp_path / "wheels", tmp_path / "site"
    run("-m", "pip", "wheel", *PIP_OFFLINE, "--wheel-dir", str(wheels), str(root), cwd=tmp_path)
    (wheel,) = wheels.iterdir()
    assert wheel.name == "patchbay_owl_post-0.1.0-py3-none-any.whl"
    run("-m", "pip", "install", *PIP_OFFLINE, "--target", str(site), str(wheel), cwd=tmp_path)
    assert (site / PACKAGE / "py.typed").exists()
    told = run("-m", "patchbay", "plugins", "--json", cwd=tmp_path, path=[site], PATCHBAY_PLUGINS=NAMES[kind])
    assert '"distribution": "patchbay-owl-post"' in told
    assert f'"{BROUGHT[kind]}"' in told
    assert str(site) in told
    if kind == "channel":
        _is_platinum(site, tmp_path)


def _is_platinum(site: Path, folder: Path) -> None:
    """What is installed is certified by the command, at the level that the scaffold's own suite claims."""
    how = ("-W", "error", "-m", "patchbay", "plugins", "certify", NAME, "--level", "platinum")
    told = run(*how, cwd=folder, path=[site], PATCHBAY_PLUGINS=NAME)
    assert told.splitlines()[-1].startswith(f"{NAME}: platinum (")
    assert (site / PACKAGE / "certification.py").exists()


def test_it_is_linted_and_formatted(made: tuple[Kind, Path]) -> None:
    _, root = made
    run("-m", "ruff", "check", "--no-cache", ".", cwd=root)
    run("-m", "ruff", "format", "--no-cache", "--check", ".", cwd=root)


@pytest.mark.long
def test_it_is_typed(made: tuple[Kind, Path], tmp_path: Path) -> None:
    _, root = made
    how = ["--strict", "--config-file", os.devnull, "--cache-dir", str(tmp_path)]
    run("-m", "mypy", *how, PACKAGE, "tests", cwd=root, MYPYPATH=str(ROOT / "core"))


@pytest.mark.parametrize("kind", KINDS)
def test_every_place_of_every_template_is_filled(kind: Kind) -> None:
    found = scaffolded(kind, NAME)
    assert {"pyproject.toml", "README.md", f"{PACKAGE}/__init__.py"} <= {str(path) for path in found}
    odd = [str(path) for path, text in found.items() if "{{" in text or "}}" in text.replace("}})", "")]
    assert odd == []
    readme = next(text for path, text in found.items() if path.name == "README.md")
    assert all(f"`{path}`" in readme for path in found if path.parts[0] == PACKAGE and path.suffix == ".py")


@pytest.mark.parametrize("kind", KINDS)
def test_what_its_readme_names_exists(kind: Kind) -> None:
    readme = next(text for path, text in scaffolded(kind, NAME).items() if path.name == "README.md")
    pages = [word.strip("`,.") for word in readme.split() if word.startswith("`docs/")]
    assert pages
    assert [page for page in pages if not (ROOT / page).exists()] == []


# --- Names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["pigeon", "pigeon-post", "pigeon_post", "p2", "class-room", "x" * 40])
def test_names_that_can_be_had(name: str) -> None:
    assert wrong_name(name) is None
    assert words(name)["package"].isidentifier()
    assert words(name)["Class"].isidentifier()


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("", "is no name of a plugin"),
        ("Pigeon", "is no name of a plugin"),
        ("2pigeons", "is no name of a plugin"),
        ("pigeon--post", "is no name of a plugin"),
        ("pigeon-", "is no name of a plugin"),
        ("pigeon post", "is no name of a plugin"),
        ("pigeon/../post", "is no name of a plugin"),
        ("pïgeon", "is no name of a plugin"),
        ("pigeon\n", "is no name of a plugin"),
        ("x" * 41, "is longer than 40 characters"),
        ("patchbay-pigeon", "begins with patchbay"),
        ("class", "is a word of Python"),
        ("core", "belongs to the core"),
        ("http", "belongs to the core"),
        ("data-dir", "belongs to the core"),
        ("whatsapp", "is the name of a plugin that is installed here"),
        ("meta", "there is a package patchbay_meta already"),
    ],
)
def test_names_that_cannot_be_had(name: str, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("channel", name, "--into", str(tmp_path)) == 2
    out, err = capsys.readouterr()
    assert err.startswith("NAME: ")
    assert sentence in err
    assert (out, err.count("\n")) == ("", 1)
    assert list(tmp_path.iterdir()) == []


def test_a_kind_that_there_is_not_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("telephone", NAME) == 2
    err = capsys.readouterr().err
    assert "KIND" in err
    assert "telephone" in err


def test_what_exists_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    there = tmp_path / distribution_of(NAME)
    there.mkdir()
    (there / "mine.txt").write_text("mine", encoding="utf-8")
    assert call("store", NAME, "--into", str(tmp_path)) == 2
    err = capsys.readouterr().err
    assert err == f"NAME: {there} exists already; choose another name, or another folder --into.\n"
    assert [path.name for path in there.iterdir()] == ["mine.txt"]


def test_a_folder_that_cannot_be_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    assert call("store", NAME, "--into", str(tmp_path / "file")) == 2
    assert capsys.readouterr().err.startswith("--into: ")


def test_the_folder_is_made_and_this_one_is_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("listener", NAME, "--into", str(tmp_path / "some" / "where")) == 0
    assert (tmp_path / "some" / "where" / "patchbay-owl-post" / "pyproject.toml").exists()
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()
    assert call("listener", NAME) == 0
    written = capsys.readouterr().out.splitlines()
    assert "patchbay-owl-post/pyproject.toml" in written
    assert all((tmp_path / path).exists() for path in written[:-1])
