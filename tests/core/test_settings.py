"""Settings: two sources, one tree of names, and one sentence about the first thing that is wrong."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr

from patchbay.errors import ConfigError
from patchbay.settings import PREFIX, SHIPPED_PLUGINS, Settings, Table, load_settings, plugin_list, read_tables

NAME = st.from_regex(r"[a-z][a-z0-9]{0,5}(_[a-z0-9]{1,4}){0,2}", fullmatch=True)
PLAIN = st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters='"\\'), max_size=12)


def loaded(text: str = "", **environ: str) -> Settings:
    return load_settings(read_tables({PREFIX + name: value for name, value in environ.items()}, text), {})


def refused(text: str = "", **environ: str) -> str:
    with pytest.raises(ConfigError) as caught:
        loaded(text, **environ)
    assert "\n" not in caught.value.detail
    return caught.value.detail


class Loft(Table):
    pigeons: int = 1
    ring_secret: SecretStr = SecretStr("none")


# --- Where a value comes from ----------------------------------------------------------------------------------------


def test_everything_has_a_default() -> None:
    settings = loaded()
    assert settings == Settings()
    assert (settings.http.host, settings.http.port) == ("127.0.0.1", 8080)
    assert settings.store_url == "sqlite:///var/patchbay.db"
    assert settings.secret_key is settings.admin_token is None
    assert settings.plugins == SHIPPED_PLUGINS


def test_the_environment_wins_over_the_file_name_by_name() -> None:
    text = 'data_dir = "from-file"\n[http]\nport = 1\nhost = "file"\n[log]\nlevel = "debug"\n'
    settings = loaded(text, HTTP__PORT="2", LOG__FORMAT="json")
    assert (settings.http.port, settings.http.host) == (2, "file")
    assert (settings.log.level, settings.log.format) == ("debug", "json")
    assert settings.data_dir == Path("from-file")


@given(st.integers(0, 65535), st.integers(0, 65535), st.booleans(), st.booleans())
def test_the_environment_wins_else_the_file_else_the_default(
    in_file: int, in_environ: int, has_file: bool, has_environ: bool
) -> None:
    text = f"[http]\nport = {in_file}\n" if has_file else ""
    environ = {"HTTP__PORT": str(in_environ)} if has_environ else {}
    expected = in_environ if has_environ else in_file if has_file else 8080
    assert loaded(text, **environ).http.port == expected


@given(
    st.dictionaries(st.tuples(NAME, NAME), PLAIN, max_size=5), st.dictionaries(st.tuples(NAME, NAME), PLAIN, max_size=5)
)
def test_both_sources_make_one_tree(file: dict[tuple[str, str], str], environ: dict[tuple[str, str], str]) -> None:
    apart = {"test", "bench"}  # PATCHBAY_TEST_* and PATCHBAY_BENCH_* are no settings
    environ = {key: value for key, value in environ.items() if key[0].split("_")[0] not in apart}
    tables: dict[str, dict[str, str]] = {}
    for (table, name), value in file.items():
        tables.setdefault(table, {})[name] = value
    text = "".join(
        f"[{table}]\n" + "".join(f'{name} = "{value}"\n' for name, value in names.items())
        for table, names in tables.items()
    )
    merged = read_tables({f"{PREFIX}{t.upper()}__{n.upper()}": value for (t, n), value in environ.items()}, text)
    flat = {(table, name): value for table, names in merged.items() for name, value in names.items()}
    assert flat == {**file, **environ}


@given(st.lists(NAME, min_size=1, max_size=4, unique=True), PLAIN)
def test_names_nest_as_deep_as_they_say(path: list[str], value: str) -> None:
    tree: Any = read_tables({f"{PREFIX}X{'__'.join(path).upper()}": value})
    for name in [f"x{path[0]}", *path[1:]]:
        tree = tree[name]
    assert tree == value


@given(st.dictionaries(st.text(max_size=10).filter(lambda name: not name.startswith(PREFIX)), st.text(max_size=5)))
def test_what_is_not_ours_in_the_environment_is_not_looked_at(environ: dict[str, str]) -> None:
    assert read_tables(environ) == {}


def test_names_for_tests_and_for_the_file_itself_are_no_settings() -> None:
    environ = {"CONFIG": "x.toml", "REQUIRE_SERVICES": "1", "TEST_MONGODB": "x", "BENCH_ROUNDS": "3"}
    assert loaded(**environ) == Settings()


@pytest.mark.parametrize("listed", ["whatsapp,rbac", " whatsapp , rbac ,", "whatsapp,rbac,whatsapp"])
def test_a_list_is_separated_by_commas(listed: str) -> None:
    assert plugin_list(read_tables({"PATCHBAY_PLUGINS": listed})) == ("whatsapp", "rbac")


def test_a_list_may_be_one_in_the_file_and_may_be_empty() -> None:
    assert plugin_list(read_tables({}, 'plugins = ["rbac", "audit"]')) == ("rbac", "audit")
    assert plugin_list(read_tables({"PATCHBAY_PLUGINS": ""})) == ()
    assert plugin_list({}) == SHIPPED_PLUGINS
    with pytest.raises(ConfigError, match="PATCHBAY_PLUGINS must be a comma separated list"):
        plugin_list(read_tables({}, "plugins = 7"))


# --- What is wrong is named ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "environ", "sentence"),
    [
        ("", {"HTTP__PORT": "many"}, "PATCHBAY_HTTP__PORT: Input should be a valid integer"),
        ("", {"HTTP__PORT": "70000"}, "PATCHBAY_HTTP__PORT: Input should be less than or equal to 65535"),
        ("[http]\nport = -1", {}, "PATCHBAY_HTTP__PORT: Input should be greater than or equal to 0"),
        ("", {"HTTP__PROT": "1"}, "PATCHBAY_HTTP__PROT: is not a setting; check the spelling."),
        ("[http]\nprot = 1", {}, "PATCHBAY_HTTP__PROT: is not a setting; check the spelling."),
        ("", {"HTPP__PORT": "1"}, "PATCHBAY_HTPP is not a setting: no such name"),
        ("colour = 1", {}, "PATCHBAY_COLOUR is not a setting"),
        ("", {"PLUGIN_TABLES": "x"}, "PATCHBAY_PLUGIN_TABLES is not a setting"),
        ("", {"": "x"}, "PATCHBAY_ is not a setting"),
        ("", {"HTTP": "x"}, "PATCHBAY_HTTP: Input should be"),
        ("", {"LOG__FORMAT": "xml"}, "PATCHBAY_LOG__FORMAT: String should match pattern"),
        ("http = 1", {"HTTP__PORT": "1"}, "PATCHBAY_HTTP__PORT names a table, but 'http' is set to a single value"),
        (
            "",
            {"HTTP": "x", "HTTP__PORT": "1"},
            "PATCHBAY_HTTP__PORT names a table, but 'http' is set to a single value",
        ),
        ("[http\nport = 1", {}, "patchbay.toml cannot be read: "),
        ("a = 1\na = 2", {}, "patchbay.toml cannot be read: "),
        ("", {"DELIVERY__LEASE_S": "0"}, "PATCHBAY_DELIVERY__LEASE_S: Input should be greater than 0"),
    ],
)
def test_a_wrong_setting_is_one_sentence_that_names_it(text: str, environ: dict[str, str], sentence: str) -> None:
    said = refused(text, **environ)
    assert said.startswith(sentence)
    assert said.endswith(".")


@given(NAME.filter(lambda name: name not in Settings.model_fields and name.split("_")[0] not in {"test", "bench"}))
def test_no_unknown_name_is_overlooked(name: str) -> None:
    if name in {"config", "require_services"}:
        return
    assert f"PATCHBAY_{name.upper()} is not a setting" in refused(**{name.upper(): "x"})
    assert f"PATCHBAY_HTTP__X{name.upper()}: is not a setting" in refused(f"[http]\nx{name} = 1\n")


@given(st.text(max_size=40))
def test_any_text_as_a_file_is_settings_or_one_sentence(text: str) -> None:
    with suppress(ConfigError):
        assert loaded(text).http.port


def test_a_wrong_secret_is_not_repeated() -> None:
    said = refused("[http]\nport = 1\n", SECRET_KEY__X="hunter2")
    assert "hunter2" not in said
    assert "PATCHBAY_SECRET_KEY" in said


# --- Tables of plugins -----------------------------------------------------------------------------------------------


def test_a_plugins_table_is_validated_like_the_cores() -> None:
    tree = read_tables({"PATCHBAY_LOFT__PIGEONS": "7"}, '[loft]\nring_secret = "s3cret"\n')
    settings = load_settings(tree, {"loft": Loft})
    table = settings.plugin("loft", Loft)
    assert (table.pigeons, table.ring_secret.get_secret_value()) == (7, "s3cret")
    assert "s3cret" not in repr(settings)


def test_a_plugins_table_that_is_wrong_is_named_with_its_prefix() -> None:
    with pytest.raises(ConfigError, match=r"^PATCHBAY_LOFT__PIGEONS: Input should be a valid integer"):
        load_settings(read_tables({"PATCHBAY_LOFT__PIGEONS": "x"}), {"loft": Loft})
    with pytest.raises(ConfigError, match=r"^PATCHBAY_LOFT__EGGS: is not a setting"):
        load_settings(read_tables({"PATCHBAY_LOFT__EGGS": "x"}), {"loft": Loft})


def test_a_table_of_another_plugin_or_another_type_is_not_given_out() -> None:
    settings = load_settings({}, {"loft": Loft})
    for table, model in (("roof", Loft), ("loft", Settings)):
        with pytest.raises(ConfigError, match=rf"\[{re.escape(table)}\] was not loaded"):
            settings.plugin(table, model)


def test_settings_cannot_be_changed() -> None:
    settings: Any = loaded()
    for thing, name in ((settings, "store"), (settings.http, "port")):
        with pytest.raises(ValueError, match="frozen"):
            setattr(thing, name, "x")
    assert issubclass(Settings, BaseModel)
