"""E31: only what the settings list is imported; a plugin is handed its own settings, and nobody else's secrets."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr

from patchbay.errors import ConfigError
from patchbay.hookspecs import Permission, PluginSettings, Route, hookimpl
from patchbay.plugins import GROUP, Loaded, load_plugins
from patchbay.settings import Settings, Table

CANARY = "canary-9f1c7e55b1d04a7e8f3b"
KEY = "k3Yx9QmZ2LrWb7KsVn4MzDp8Tt1Hf6Jc"
MODULE = "plugins_of_e31"


class VictimSettings(Table):
    api_secret: SecretStr = SecretStr("")


class SpySettings(Table):
    colour: str = "red"


class Victim:
    @hookimpl
    def register_settings(self) -> PluginSettings:
        return PluginSettings("victim", VictimSettings)


class Spy:
    """Asks for what is not its own in each hook that it is given settings in."""

    def __init__(self) -> None:
        self.seen: list[Settings] = []

    @hookimpl
    def register_settings(self) -> PluginSettings:
        return PluginSettings("spy", SpySettings)

    @hookimpl
    def register_permissions(self) -> Sequence[Permission]:
        return [Permission("spy.read", "Spy")]

    @hookimpl
    def register_routes(self, settings: Settings) -> Sequence[Route]:
        self.seen.append(settings)
        return []

    @hookimpl
    def register_listeners(self, settings: Settings) -> Sequence[Any]:
        self.seen.append(settings)
        return []

    @hookimpl
    def register_channels(self, settings: Settings) -> Sequence[Any]:
        self.seen.append(settings)
        return []


def plug(monkeypatch: pytest.MonkeyPatch, **plugins: object) -> None:
    """Make these importable by their names."""
    module = ModuleType(MODULE)
    vars(module).update(plugins)
    monkeypatch.setitem(sys.modules, MODULE, module)


@pytest.fixture
def spy(monkeypatch: pytest.MonkeyPatch) -> Spy:
    made = Spy()
    plug(monkeypatch, spy=made, victim=Victim())
    return made


def load(folder: Path, plugins: str, **more: str) -> Loaded:
    environ: Mapping[str, str] = {
        "PATCHBAY_DATA_DIR": str(folder),
        "PATCHBAY_SECRET_KEY": KEY,
        "PATCHBAY_ADMIN_TOKEN": CANARY + "-admin",
        "PATCHBAY_PLUGINS": plugins,
        "PATCHBAY_VICTIM__API_SECRET": CANARY,
        **more,
    }
    offered = [EntryPoint(name, f"{MODULE}:{name}", GROUP) for name in ("victim", "spy")]
    return load_plugins(environ, entry_points=offered)


@pytest.mark.parametrize("order", ["victim,spy", "spy,victim"])
def test_a_plugin_cannot_read_anothers_table_even_with_its_model(tmp_path: Path, spy: Spy, order: str) -> None:
    loaded = load(tmp_path, order)
    assert loaded.failures == ()
    assert loaded.settings.plugin("victim", VictimSettings).api_secret.get_secret_value() == CANARY
    assert len(spy.seen) == 3
    for settings in spy.seen:
        assert settings.plugin("spy", SpySettings).colour == "red"
        models: tuple[type[BaseModel], ...] = (VictimSettings, BaseModel, SpySettings)
        for model in models:
            with pytest.raises(ConfigError, match="not loaded"):
                settings.plugin("victim", model)
        assert set(settings.plugin_tables) == {"spy"}


def test_a_plugin_is_handed_no_secret_of_the_core(tmp_path: Path, spy: Spy) -> None:
    load(tmp_path, "victim,spy")
    for settings in spy.seen:
        assert (settings.secret_key, settings.admin_token) == (None, None)
        shown = f"{settings!r}{settings.model_dump()!r}{vars(settings)!r}"
        assert CANARY not in shown
        assert KEY not in shown


def test_a_plugin_cannot_change_what_others_see(tmp_path: Path, spy: Spy) -> None:
    loaded = load(tmp_path, "victim,spy")
    with pytest.raises(Exception, match="frozen"):
        spy.seen[0].http.port = 1  # type: ignore[misc]
    tables: Any = loaded.settings.plugin_tables
    with pytest.raises(TypeError):
        tables["victim"] = VictimSettings()


def test_a_table_belongs_to_one_plugin_and_is_not_taken_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Thief:
        @hookimpl
        def register_settings(self) -> PluginSettings:
            return PluginSettings("victim", VictimSettings)

    plug(monkeypatch, spy=Thief(), victim=Victim())
    loaded = load(tmp_path, "victim,spy")
    assert [(each.name, "is taken" in (each.error or "")) for each in loaded.failures] == [("spy", True)]


def offered(folder: Path, *names: str) -> list[EntryPoint]:
    """Modules on the path that leave a file where they are imported."""
    for name in names:
        source = f"from pathlib import Path\nPath({str(folder / name)!r}).touch()\n"
        (folder / f"e31_{name}.py").write_text(source, encoding="utf-8")
    return [EntryPoint(name, f"e31_{name}", GROUP) for name in names]


def test_what_is_not_listed_is_never_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    found = offered(tmp_path, "listed", "other", "core", "Listed", "listed_too")
    loaded = load_plugins({"PATCHBAY_DATA_DIR": str(tmp_path), "PATCHBAY_PLUGINS": "listed"}, entry_points=found)
    marks = {path.name for path in tmp_path.iterdir() if not path.suffix and path.is_file()}
    assert marks == {"listed"}
    assert {name for name in sys.modules if name.startswith("e31_")} == {"e31_listed"}
    assert set(loaded.unlisted) == {"other", "core", "Listed", "listed_too"}
    sys.modules.pop("e31_listed")


@pytest.mark.parametrize(
    "named", ["../other", "e31_other", "os", "os:system", "other:x", "other\x00", "*", "other listed", "OTHER", " "]
)
def test_a_name_is_a_name_and_no_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    found = offered(tmp_path, "other")
    loaded = load_plugins({"PATCHBAY_DATA_DIR": str(tmp_path), "PATCHBAY_PLUGINS": named}, entry_points=found)
    assert not (tmp_path / "other").exists()
    assert [report.state for report in loaded.reports[1:]] in (["missing"], [])


def test_two_plugins_of_one_name_are_both_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    first, second = offered(tmp_path, "one", "two")
    twice = [first, EntryPoint("one", second.value, GROUP)]
    loaded = load_plugins({"PATCHBAY_DATA_DIR": str(tmp_path), "PATCHBAY_PLUGINS": "one"}, entry_points=twice)
    assert not (tmp_path / "one").exists()
    assert not (tmp_path / "two").exists()
    assert [report.state for report in loaded.failures] == ["failed"]
