"""The plugin as the gateway loads it: its settings, what it registers, and what its health check knows."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from patchbay.errors import ConfigError
from patchbay.plugins import GROUP, Loaded, load_plugins
from patchbay.settings import read_tables
from patchbay.testing import FakeClock
from patchbay_email import EmailFailed, EmailHealth, EmailNotifier, EmailSettings, RecipientRefused
from patchbay_email.health import FAILURE_HOLDS_S
from tests.plugins.email.conftest import SENDER, settings_for
from tests.plugins.email.post_office import SILENCE, PostOffice
from tests.project.test_docs import settings_of

MARA = "mara@lamps.example"
SET = {"HOST": "mail.lamps.example", "SENDER": SENDER}


def load(settings: Mapping[str, str]) -> Loaded:
    environ = {"PATCHBAY_PLUGINS": "email", **{f"PATCHBAY_EMAIL__{name}": value for name, value in settings.items()}}
    return load_plugins(environ, entry_points=[EntryPoint("email", "patchbay_email", GROUP)])


# --- What it registers -----------------------------------------------------------------------------------------------


def test_it_registers_a_notifier_and_its_health_check() -> None:
    registry = load(SET).registry
    assert [notifier.name for notifier in registry.notifiers] == ["email"]
    assert [check.name for check in registry.health_checks] == ["email"]


@pytest.mark.parametrize("settings", [{}, {"HOST": ""}, {"HOST": " ", "SENDER": "", "PASSWORD": "", "PORT": ""}])
def test_without_a_host_it_registers_nothing(settings: dict[str, str]) -> None:
    loaded = load(settings)
    assert loaded.failures == ()
    assert (loaded.registry.notifiers, loaded.registry.health_checks) == ((), ())


async def test_the_health_check_that_was_loaded_knows_of_the_notices_that_were_sent() -> None:
    async with PostOffice().open() as office:
        local = {"HOST": "127.0.0.1", "PORT": str(office.port), "SECURITY": "none", "SENDER": SENDER}
        first, second = load(local).registry, load(local).registry
        await first.notifiers[0].notify(MARA, "Hi", "Hello")
        assert (await first.health_checks[0].check())["last_try"] == "worked"
        assert office.connections == 1
        await second.health_checks[0].check()  # another gateway's
        assert office.connections == 2


# --- Settings --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (
            {"SENDER": ""},
            "PATCHBAY_EMAIL__SENDER is not set, but PATCHBAY_EMAIL__HOST is: set the address that notices come from.",
        ),
        (
            {"SENDER": "Patchbay <inbox@lamps.example>"},
            "PATCHBAY_EMAIL__SENDER: must be one plain e-mail address, such as inbox@lamps.example.",
        ),
        (
            {"HOST": "smtp://mail.lamps.example:587"},
            "PATCHBAY_EMAIL__HOST: must be the name of the mail server alone, without a scheme or a port.",
        ),
        (
            {"HOST": "mail..example"},
            "PATCHBAY_EMAIL__HOST: must be the name of the mail server alone, without a scheme or a port.",
        ),
        (
            {"USERNAME": "inbox"},
            "PATCHBAY_EMAIL__PASSWORD is not set, but PATCHBAY_EMAIL__USERNAME is: set both or none.",
        ),
        (
            {"PASSWORD": "open-sesame"},
            "PATCHBAY_EMAIL__USERNAME is not set, but PATCHBAY_EMAIL__PASSWORD is: set both or none.",
        ),
        (
            {"SECURITY": "none"},
            "PATCHBAY_EMAIL__SECURITY: none is for a server on this machine; use starttls or tls.",
        ),
        ({"SECURITY": "ssl"}, "PATCHBAY_EMAIL__SECURITY: Input should be 'starttls', 'tls' or 'none'."),
        ({"PORT": "0"}, "PATCHBAY_EMAIL__PORT: Input should be greater than or equal to 1."),
        ({"TIMEOUT_S": "0"}, "PATCHBAY_EMAIL__TIMEOUT_S: Input should be greater than 0."),
        ({"PASSWD": "open-sesame"}, "PATCHBAY_EMAIL__PASSWD: is not a setting; check the spelling."),
    ],
)
def test_a_mistaken_setting_stops_the_start_with_one_sentence(wrong: dict[str, str], sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load({**SET, **wrong})
    assert caught.value.detail == sentence


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "127.8.8.8", "::1"])
def test_without_tls_on_this_machine_alone(host: str) -> None:
    assert EmailSettings(host=host, sender=SENDER, security="none").security == "none"


@pytest.mark.parametrize("host", ["localhost.evil.example", "127.0.0.1.example", "mail", "10.0.0.1", "::2", "0.0.0.0"])
def test_a_name_that_only_looks_like_this_machine_needs_tls(host: str) -> None:
    with pytest.raises(ConfigError, match="none is for a server on this machine"):
        EmailSettings(host=host, sender=SENDER, security="none")


@pytest.mark.parametrize(
    ("given", "port"),
    [({}, 587), ({"security": "tls"}, 465), ({"security": "tls", "port": 2465}, 2465), ({"port": "25"}, 25)],
)
def test_the_port_is_the_usual_one_unless_it_is_set(given: dict[str, Any], port: int) -> None:
    own = EmailSettings.model_validate({"host": "mail.lamps.example", "sender": SENDER, **given})
    assert own.server_port == port


def test_the_password_is_not_shown() -> None:
    own = EmailSettings.model_validate({"host": "a.example", "sender": SENDER, "username": "u", "password": "sesame"})
    assert "sesame" not in repr(own) + str(own) + own.model_dump_json()


# --- Health ----------------------------------------------------------------------------------------------------------


async def test_before_the_first_notice_it_tries_once_and_sends_nothing() -> None:
    async with PostOffice(users={"inbox": "sesame"}).open() as office:
        settings = settings_for(office, username="inbox", password="sesame")
        health = EmailHealth(settings, clock=FakeClock())
        results = await asyncio.gather(*[health.check() for _ in range(5)])
        assert results[0] == {
            "last_try": "worked",
            "last_tried_at": "2026-01-01T12:00:00.000Z",
        }
        assert office.connections == 1
    assert office.verbs == ["EHLO", "AUTH", "QUIT"]


async def test_it_tells_of_the_last_notice_and_does_not_connect() -> None:
    async with PostOffice(replies={"MAIL": "553 5.7.1 no"}).open() as office:
        settings, clock = settings_for(office), FakeClock()
        notifier, health = EmailNotifier(settings, clock=clock), EmailHealth(settings, clock=clock)
        with pytest.raises(EmailFailed):
            await notifier.notify(MARA, "Hi", "Hello")
        for _ in range(3):
            with pytest.raises(EmailFailed, match=r"PATCHBAY_EMAIL__SENDER: .* \(Last tried at 2026-01-01T12:00:00"):
                await health.check()
        assert office.connections == 1
        office.replies.clear()
        await notifier.notify(MARA, "Hi", "Hello")
        assert (await health.check())["last_try"] == "worked"
        assert office.connections == 2


async def test_a_recipient_that_is_refused_does_not_make_it_fail() -> None:
    async with PostOffice(replies={"RCPT": "550 5.1.1 no"}).open() as office:
        settings = settings_for(office)
        with pytest.raises(RecipientRefused):
            await EmailNotifier(settings, clock=FakeClock()).notify(MARA, "Hi", "Hello")
        assert (await EmailHealth(settings, clock=FakeClock()).check())["last_try"] == "worked"


async def test_a_failure_of_long_ago_is_tried_anew() -> None:
    async with PostOffice(replies={"GREETING": "421 4.3.2 closing"}).open() as office:
        clock = FakeClock()
        health = EmailHealth(settings_for(office), clock=clock)
        with pytest.raises(EmailFailed, match="421"):
            await health.check()
        office.replies.clear()
        await clock.advance(FAILURE_HOLDS_S - 1)
        with pytest.raises(EmailFailed, match="421"):
            await health.check()
        await clock.advance(1)
        assert (await health.check())["last_tried_at"] == "2026-01-01T12:05:00.000Z"
        assert office.connections == 2
        await clock.advance(10 * FAILURE_HOLDS_S)
        await health.check()
        assert office.connections == 2  # what worked is not tried anew


async def test_a_server_that_says_nothing_does_not_cost_the_check_its_deadline() -> None:
    async with PostOffice(replies={"GREETING": SILENCE}).open() as office:
        health = EmailHealth(settings_for(office, timeout_s=30.0), clock=FakeClock())
        with pytest.raises(EmailFailed, match=r"did not answer to the connection within 1\.5 s"):
            await asyncio.wait_for(health.check(), 2)


# --- The page --------------------------------------------------------------------------------------------------------


def test_the_table_of_the_page_is_the_settings() -> None:
    page = (Path(__file__).parents[3] / "docs" / "email.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(PATCHBAY_EMAIL__[A-Z_]+)` \| (.*?) \| .+ \|$", page, re.MULTILINE)
    assert rows == list(settings_of(EmailSettings, "PATCHBAY_EMAIL__"))


def test_the_example_of_the_page_loads() -> None:
    page = (Path(__file__).parents[3] / "docs" / "email.md").read_text(encoding="utf-8")
    found = re.search(r"^```toml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert found is not None
    own = read_tables({"PATCHBAY_EMAIL__PASSWORD": "sesame"}, found[1])["email"]
    assert EmailSettings.model_validate(own).host == "mail.lamps.example"
