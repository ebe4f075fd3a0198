"""The registry finds stores and buses by the scheme of their URL."""

from __future__ import annotations

from pathlib import Path

import pytest

from patchbay.bus.local import LocalBus
from patchbay.errors import ConfigError
from patchbay.plugins import load_plugins
from patchbay.registry import Registry
from patchbay.settings import Settings
from patchbay.storage.sqlite.store import SqliteStore


def registry() -> Registry:
    return load_plugins({"PATCHBAY_PLUGINS": ""}, entry_points=()).registry


@pytest.mark.parametrize(
    ("settings", "path"),
    [
        (Settings(), Path("var/patchbay.db")),
        (Settings(data_dir=Path("/srv/bay")), Path("/srv/bay/patchbay.db")),
        (Settings(store="sqlite:///here.db"), Path("here.db")),
        (Settings(store="sqlite:////there/a%20b.db"), Path("/there/a%20b.db")),
    ],
)
def test_the_embedded_store_lies_where_its_url_says(settings: Settings, path: Path) -> None:
    store = registry().store(settings)
    assert isinstance(store, SqliteStore)
    assert store.path == path


def test_the_bus_is_local_by_default() -> None:
    assert isinstance(registry().bus(Settings()), LocalBus)


@pytest.mark.parametrize("url", ["sqlite://patchbay.db", "sqlite:///", "sqlite:///:memory:", "sqlite:patchbay.db"])
def test_a_store_that_names_no_file_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match=r"^PATCHBAY_STORE must name a file"):
        registry().store(Settings(store=url))


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            Settings(store="mongodb://user:hunter2@db/inbox"),
            "PATCHBAY_STORE has mongodb://, which no enabled plugin serves; those that can be used: sqlite://.",
        ),
        (Settings(store="patchbay.db"), "PATCHBAY_STORE has no URL scheme; those that can be used: sqlite://."),
        (Settings(store="http://[broken"), "PATCHBAY_STORE has no URL scheme; those that can be used: sqlite://."),
    ],
)
def test_a_scheme_that_nobody_serves_is_named_without_the_password_in_it(settings: Settings, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        registry().store(settings)
    assert caught.value.detail == sentence


def test_a_bus_that_nobody_serves_is_named() -> None:
    with pytest.raises(ConfigError, match=r"^PATCHBAY_BUS has redis://.*: local://\.$"):
        registry().bus(Settings(bus="redis://cache"))


def test_an_empty_registry_serves_nothing_and_says_so() -> None:
    with pytest.raises(ConfigError, match=r"those that can be used: none\.$"):
        Registry().store(Settings())
    with pytest.raises(KeyError):
        Registry().origin("channel", "whatsapp")
