"""Plugins are contained: whatever one of them does, it is named and brings nothing, and the rest goes on."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping
from importlib.metadata import EntryPoint, PathDistribution
from pathlib import Path

import pytest

from patchbay.errors import ConfigError, PluginError
from patchbay.plugins import GROUP, Loaded, PluginReport, load_plugins

HERE = Path(__file__).parent / "plugins_under_test"
QUICK_S = 0.3  # a deadline for what never returns
KEY = "kR8-wq0Zt4uJ1mYb7Xc3Ve9sLd5Ga2Hf6Ni"
MODULES = {path.stem for path in HERE.glob("*.py")}


@pytest.fixture(autouse=True)
def plugins_under_test(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Their folder on the path, and no module of theirs left behind."""
    monkeypatch.syspath_prepend(str(HERE))
    yield
    for name in MODULES & set(sys.modules):
        del sys.modules[name]


def entry(name: str, value: str) -> EntryPoint:
    return EntryPoint(name, value, GROUP)


PIGEON = entry("pigeon", "pigeon_post")


def load(*entries: EntryPoint, deadline_s: float = 10.0, text: str = "", **environ: str) -> Loaded:
    """All of these entry points on the list, in this order, unless ``PATCHBAY_PLUGINS`` says another."""
    listed = {"PATCHBAY_PLUGINS": ",".join(dict.fromkeys(each.name for each in entries))}
    return load_plugins({**listed, **environ}, text, entry_points=entries, deadline_s=deadline_s)


def reports(loaded: Loaded) -> Mapping[str, PluginReport]:
    return {report.name: report for report in loaded.reports}


def failure(*entries: EntryPoint, name: str = "misfit", deadline_s: float = 10.0) -> PluginReport:
    """The report of the plugin that must fail while the others are there whole."""
    loaded = load(*entries, deadline_s=deadline_s)
    report = reports(loaded)[name]
    assert report.state == "failed"
    assert report.error is not None
    assert "\n" not in report.error
    assert report.error.endswith((".", "?", "\u2026"))
    assert name not in loaded.registry.origins.values()
    assert report.channels == report.permissions == ()
    assert [other.state for other in loaded.reports if other.name != name] == ["loaded"] * (len(loaded.reports) - 1)
    return report


def misfit(attribute: str) -> EntryPoint:
    return entry("misfit", f"misfits:{attribute}")


# --- What loads ------------------------------------------------------------------------------------------------------


def test_the_core_is_a_plugin_like_any_other_and_always_the_first() -> None:
    loaded = load(PATCHBAY_PLUGINS="")
    assert [report.name for report in loaded.reports] == ["core"]
    assert loaded.reports[0].state == "loaded"
    assert set(loaded.registry.stores) == {"sqlite"}
    assert set(loaded.registry.buses) == {"local"}
    assert "accounts" in {collection.name for collection in loaded.registry.collections}


def test_the_name_of_the_core_cannot_be_taken() -> None:
    loaded = load(entry("core", "pigeon_post"), PATCHBAY_PLUGINS="core")
    assert [(report.name, report.module) for report in loaded.reports] == [("core", "patchbay.builtin")]


def test_everything_that_a_plugin_brings_is_in_the_registry_under_its_name() -> None:
    loaded = load(PIGEON)
    registry = loaded.registry
    assert reports(loaded)["pigeon"].error is None
    assert registry.channels["pigeon"].title == "Carrier pigeon"
    assert {"sqlite", "paper"} == set(registry.stores)
    assert {"local", "drum"} == set(registry.buses)
    assert registry.collections[-1].name == "pigeon_lofts"
    assert [each.name for each in registry.authenticators] == ["bootstrap", "feather"]
    assert [each.name for each in registry.authorizers] == ["bootstrap", "pigeon"]
    assert [each.name for each in registry.notifiers] == ["tower"]
    assert [each.name for each in registry.listeners] == ["tower"]
    assert [each.path for each in registry.routes] == ["/pigeons/feed"]
    assert [each.name for each in registry.permissions] == ["pigeons.feed"]
    assert [each.name for each in registry.health_checks] == ["tower"]
    assert list(registry.commands) == ["pigeon"]
    assert registry.origin("channel", "pigeon") == "pigeon"
    assert registry.origin("store scheme", "sqlite") == "core"
    assert registry.origin("route", "POST /pigeons/feed") == "pigeon"


def test_a_report_says_what_was_loaded_from_where_and_what_it_brings(tmp_path: Path) -> None:
    info = tmp_path / "pigeon_post-2.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: pigeon-post\nVersion: 2.1\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[{GROUP}]\npigeon = pigeon_post\n", encoding="utf-8")
    installed = PathDistribution(info).entry_points
    report = reports(load(*installed))["pigeon"]
    assert (report.state, report.distribution, report.version) == ("loaded", "pigeon-post", "2.1")
    assert (report.module, report.file) == ("pigeon_post", str(HERE / "pigeon_post.py"))
    assert report.channels == ("pigeon",)
    assert report.permissions == ("pigeons.feed",)
    assert len(report.hooks) == 13
    assert report.error is report.trace is None


def test_plugins_are_asked_in_the_order_of_the_list() -> None:
    second = entry("second", "misfits:second_feather")
    loaded = load(PIGEON, second, PATCHBAY_PLUGINS="second,pigeon")
    assert [report.name for report in loaded.reports] == ["core", "second", "pigeon"]
    assert loaded.registry.origin("authenticator", "feather") == "second"


def test_a_list_that_a_plugin_changes_later_is_not_the_one_that_counts() -> None:
    loaded = load(misfit("mutating"))
    sys.modules["misfits"].mutating.kept.clear()
    assert [each.name for each in loaded.registry.permissions] == ["mutants.one"]


# --- The allow list --------------------------------------------------------------------------------------------------

IMPORTS_A_MARK = """
    import sys
    from importlib.metadata import EntryPoint
    from patchbay.plugins import load_plugins
    found = [EntryPoint(name, name, "patchbay.plugins") for name in ("pigeon_post", "marks_its_import")]
    loaded = load_plugins({"PATCHBAY_PLUGINS": sys.argv[1]}, "", entry_points=found)
    print([report.state for report in loaded.reports], loaded.unlisted)
"""


@pytest.mark.parametrize(("listed", "imported"), [("pigeon_post", False), ("pigeon_post,marks_its_import", True)])
def test_a_plugin_that_is_not_on_the_list_is_never_imported(tmp_path: Path, listed: str, imported: bool) -> None:
    mark = tmp_path / "mark"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(IMPORTS_A_MARK), listed],
        env={**os.environ, "PYTHONPATH": str(HERE), "PATCHBAY_TEST_MARK": str(mark)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert mark.exists() is imported
    assert ("'marks_its_import'" in done.stdout) is not imported, "what was left out is named"


def test_a_listed_plugin_that_is_not_installed_is_missing_and_the_installed_ones_are_named() -> None:
    loaded = load(PIGEON, entry("misfit", "misfits:raises"), PATCHBAY_PLUGINS="pigeno")
    report = reports(loaded)["pigeno"]
    assert report.state == "missing"
    assert report.error == "No installed distribution offers a plugin of this name; installed are: misfit, pigeon."
    assert loaded.unlisted == ("misfit", "pigeon")
    assert loaded.failures == (report,)


def test_two_distributions_with_one_plugin_name_are_both_left_out() -> None:
    report = failure(entry("misfit", "pigeon_post"), entry("misfit", "marks_its_import"))
    assert report.error == "It is offered twice, by marks_its_import and pigeon_post; uninstall one of them."
    assert "pigeon_post" not in sys.modules


# --- What fails, and stays alone with it -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "sentence"),
    [
        ("cannot_be_imported", "Its import raised ModuleNotFoundError: No module named 'a_module_that_nobody_has'."),
        ("a_module_that_is_not_there", "Its import raised ModuleNotFoundError"),
        ("pigeon_post:no_such_attribute", "Its import raised AttributeError"),
        ("leaves_at_import", "Its import tried to end the process with SystemExit 3."),
        ("hangs_at_import", "Its import did not return within 0.3 s."),
    ],
)
def test_a_plugin_that_cannot_be_imported_stays_out_alone(module: str, sentence: str) -> None:
    report = failure(entry("misfit", module), PIGEON, deadline_s=QUICK_S if "hangs" in module else 10.0)
    assert (report.error or "").startswith(sentence)
    assert report.trace is not None


@pytest.mark.parametrize(
    ("attribute", "sentence"),
    [
        ("misspelt", "It implements register_chanels, which is no hook; did you mean register_channels?"),
        ("wrong_signature", "A hook has the wrong signature: Argument(s) {'config'}"),
        ("unmarked", "Register_channels is not marked with @hookimpl."),
        ("asynchronous", "Register_permissions is async, and hooks are called at start, outside the event loop."),
        ("wrapping", "Register_permissions is a hook wrapper, which Patchbay does not call."),
        ("hookless", "It implements no hook; a plugin's hooks are functions marked with @hookimpl."),
    ],
)
def test_a_hook_that_could_never_be_called_as_meant_is_found_before_it_is(attribute: str, sentence: str) -> None:
    report = failure(misfit(attribute), PIGEON)
    assert (report.error or "").lower().startswith(sentence.lower())


@pytest.mark.parametrize(
    ("attribute", "sentence"),
    [
        ("raises", "register_channels raised RuntimeError: the loft is empty."),
        ("raises_unreadable", "register_channels raised Unreadable."),
        ("raises_two_lines", "register_channels raised ValueError: first line second line"),
        ("leaves", "register_channels tried to end the process with SystemExit 4."),
        ("interrupts", "register_channels tried to end the process with KeyboardInterrupt."),
        ("says", "it needs a bigger loft."),
        ("fails_late", "register_routes raised RuntimeError: no roads here."),
        ("exploding_model", "its table [misfit] raised RuntimeError: validators are code."),
    ],
)
def test_a_hook_that_raises_disables_its_plugin_and_no_other(attribute: str, sentence: str) -> None:
    report = failure(misfit(attribute), PIGEON)
    assert (report.error or "").lower().startswith(sentence.lower())


def test_a_hook_that_hangs_is_reported_and_the_others_are_asked() -> None:
    report = failure(misfit("hangs"), PIGEON, deadline_s=QUICK_S)
    assert report.error == "Register_channels did not return within 0.3 s."


def test_the_input_of_a_failed_validation_is_not_told() -> None:
    report = failure(misfit("leaks"))
    assert "hunter2" not in (report.error or "")
    assert "port" in (report.error or "")


@pytest.mark.parametrize(
    ("attribute", "sentence"),
    [
        ("text_for_channels", "register_channels: it returned 'whatsapp' where a list or tuple belongs."),
        ("names_of_channels", "register_channels: 'whatsapp' is no Channel: it has no"),
        ("number_for_channels", "register_channels: it returned 7 where a list or tuple belongs."),
        ("class_for_channel", "register_channels: it returned the class PigeonChannel where an object of it belongs."),
        ("half_a_channel", "register_channels: a HalfAChannel is no Channel: it has no account_settings."),
        ("twice_a_channel", "register_channels: it offers pigeon twice."),
        ("list_for_stores", "register_stores: it returned a list where a mapping of URL schemes to factories"),
        ("odd_scheme", "register_stores: 'Not A Scheme' is not a URL scheme."),
        ("no_factory", "register_buses: what it offers for drum:// is 'a drum', not a factory."),
        ("core_collection", "register_collections: its collection accounts must have a name that starts with misfit."),
        ("foreign_collection", "register_collections: its collection audit_entries must have a name that starts"),
        ("no_documents", "register_collections: the documents of its collection misfit_things are not a Document"),
        ("async_judge", "register_authorizers: an AsyncJudge is no Authorizer: its decide must not be async."),
        ("nameless", "register_listeners: '' is not a name"),
        ("unnamed", "register_notifiers: a SimpleNamespace is no Notifier: it has no name."),
        ("odd_route", "register_routes: 'FETCH' is not a method of a route"),
        ("relative_route", "register_routes: the path 'x' of a route must start with /"),
        ("odd_permission", "register_permissions: 'Feed!' is not a permission's name"),
        ("endless_generator", "register_permissions: it returned a generator where a list or tuple belongs."),
        ("endless_sequence", "register_permissions: it returned 1000000000 things; 1000 are the most."),
        ("text_for_settings", "register_settings: it returned 'pigeon' where a PluginSettings belongs."),
        ("core_table", "register_settings: the settings table [http] belongs to the core."),
        ("odd_table", "register_settings: 'a__b' cannot be a settings table"),
        ("no_model", "register_settings: the model of its table [misfit] is not a pydantic model."),
    ],
)
def test_a_hook_that_returns_junk_disables_its_plugin_and_no_other(attribute: str, sentence: str) -> None:
    report = failure(misfit(attribute))
    assert (report.error or "").lower().startswith(sentence.lower())


@pytest.mark.parametrize(
    ("attribute", "what", "first"),
    [
        ("second_pigeon", "channel pigeon", "pigeon"),
        ("second_paper", "store scheme paper", "pigeon"),
        ("second_sqlite", "store scheme sqlite", "core"),
        ("second_drum", "bus scheme drum", "pigeon"),
        ("second_table", "settings table pigeon", "pigeon"),
        ("second_feather", "authenticator feather", "pigeon"),
        ("second_route", "route POST /pigeons/feed", "pigeon"),
        ("second_tower", "listener tower", "pigeon"),
        ("second_permission", "permission pigeons.feed", "pigeon"),
    ],
)
def test_the_second_plugin_with_a_name_that_is_taken_is_disabled_and_both_are_named(
    attribute: str, what: str, first: str
) -> None:
    report = failure(PIGEON, misfit(attribute))
    assert report.error == f"The {what} is taken: the plugins {first} and misfit both bring it."


def test_many_failures_at_once_are_each_reported() -> None:
    bad = [entry(name, f"misfits:{name}") for name in ("raises", "misspelt", "leaves", "names_of_channels")]
    loaded = load(*bad, PIGEON, PATCHBAY_PLUGINS="raises,misspelt,nowhere,leaves,pigeon,names_of_channels")
    assert {report.name: report.state for report in loaded.reports} == {
        "core": "loaded",
        "raises": "failed",
        "misspelt": "failed",
        "nowhere": "missing",
        "leaves": "failed",
        "pigeon": "loaded",
        "names_of_channels": "failed",
    }
    assert set(loaded.registry.channels) == {"pigeon"}


# --- What stops the start --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("attribute", ["raises", "misspelt", "names_of_channels"])
def test_a_required_plugin_that_fails_stops_the_start(attribute: str) -> None:
    with pytest.raises(PluginError, match=r"^The required plugin misfit could not be loaded: "):
        load(PIGEON, misfit(attribute), PATCHBAY_REQUIRED_PLUGINS="pigeon,misfit")


def test_a_required_plugin_that_is_missing_stops_the_start() -> None:
    with pytest.raises(PluginError, match="required plugin owl could not be loaded: No installed distribution"):
        load(PIGEON, PATCHBAY_PLUGINS="pigeon,owl", PATCHBAY_REQUIRED_PLUGINS="owl")


def test_a_required_plugin_must_be_on_the_list() -> None:
    with pytest.raises(ConfigError, match="PATCHBAY_REQUIRED_PLUGINS names owl, which is not on the list"):
        load(PIGEON, PATCHBAY_REQUIRED_PLUGINS="owl")


def test_whether_required_plugins_are_there_can_be_left_to_the_caller() -> None:
    loaded = load_plugins(
        {"PATCHBAY_PLUGINS": "owl", "PATCHBAY_REQUIRED_PLUGINS": "owl"}, entry_points=(), enforce_required=False
    )
    assert [report.name for report in loaded.failures] == ["owl"]


def test_a_wrong_setting_that_a_plugin_found_stops_the_start_in_its_words() -> None:
    with pytest.raises(ConfigError, match=r"^PATCHBAY_PIGEON__LOFT is on fire\.$"):
        load(misfit("refuses_settings"))


def test_a_wrong_setting_in_a_plugins_table_is_named() -> None:
    with pytest.raises(ConfigError, match=r"^PATCHBAY_PIGEON__FLIGHTS: .*integer"):
        load(PIGEON, PATCHBAY_PIGEON__FLIGHTS="many")
    with pytest.raises(ConfigError, match=r"^PATCHBAY_PIGEON__LOFTS: is not a setting; check the spelling\.$"):
        load(PIGEON, PATCHBAY_PIGEON__LOFTS="south")


# --- Settings --------------------------------------------------------------------------------------------------------


def test_a_plugins_table_reaches_its_hooks_validated() -> None:
    loaded = load(PIGEON, text='[pigeon]\nloft = "south"\nflights = 5\n', PATCHBAY_PIGEON__FLIGHTS="7")
    assert loaded.registry.channels["pigeon"].configured_accounts()[0].name == "south"
    assert loaded.settings.plugin_tables["pigeon"].model_dump()["flights"] == 7


def test_settings_of_a_plugin_that_failed_do_not_stop_the_start() -> None:
    text = "[misfit]\nanything = 1\n[owl]\nwings = 2\n[half]\nsize = 3\n"
    entries = (entry("misfit", "cannot_be_imported"), entry("late", "misfits:half_configured"), PIGEON)
    loaded = load(*entries, text=text, PATCHBAY_PLUGINS="misfit,owl,late,pigeon")
    assert [report.state for report in loaded.reports] == ["loaded", "failed", "missing", "failed", "loaded"]


def test_settings_of_a_plugin_that_is_not_on_the_list_are_unknown_names() -> None:
    with pytest.raises(ConfigError, match="PATCHBAY_OWL is not a setting"):
        load(PIGEON, PATCHBAY_OWL__WINGS="2")


def test_a_plugin_sees_its_own_table_and_no_secret_of_others() -> None:
    loaded = load(PIGEON, misfit("snooping"), PATCHBAY_SECRET_KEY=KEY, PATCHBAY_ADMIN_TOKEN=KEY)
    assert reports(loaded)["misfit"].error == "It saw [None, None]."


def test_a_bus_of_a_plugin_is_made_with_the_plugins_own_view_of_the_settings() -> None:
    loaded = load(PIGEON, PATCHBAY_BUS="drum://loud", PATCHBAY_SECRET_KEY=KEY)
    bus = loaded.registry.bus(loaded.settings)
    assert getattr(bus, "url", None) == "drum://loud"
    seen = getattr(bus, "settings", None)
    assert seen is not None
    assert seen.secret_key is None
    assert set(seen.plugin_tables) == {"pigeon"}
