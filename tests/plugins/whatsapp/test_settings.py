"""The table ``[whatsapp]``: one sentence for each mistake, and no secret in any of them."""

from __future__ import annotations

from typing import Any

import pytest

from patchbay.errors import ConfigError
from patchbay.settings import load_settings, read_tables
from patchbay_whatsapp import register_channels, register_settings
from patchbay_whatsapp.settings import WhatsAppSettings

NUMBER = {"PATCHBAY_WHATSAPP__PHONE_NUMBER_ID": "401000000000001", "PATCHBAY_WHATSAPP__ACCESS_TOKEN": "EAAB-token"}


def loaded(environ: dict[str, str], text: str = "") -> WhatsAppSettings:
    tables = read_tables(environ, text)
    declared = register_settings()
    return load_settings(tables, {declared.table: declared.model}).plugin("whatsapp", WhatsAppSettings)


def test_everything_is_optional() -> None:
    settings = loaded({})
    assert (settings.graph_url, settings.graph_version) == ("https://graph.facebook.com", "v26.0")
    assert settings.accounts() == ()


def test_the_environment_names_one_number() -> None:
    settings = loaded(
        {
            **NUMBER,
            "PATCHBAY_WHATSAPP__APP_SECRET": "one, two",
            "PATCHBAY_WHATSAPP__VERIFY_TOKEN": "hello",
            "PATCHBAY_WHATSAPP__BUSINESS_ID": "301000000000001",
            "PATCHBAY_WHATSAPP__PORTFOLIO_ID": "501",
            "PATCHBAY_WHATSAPP__NAME": "Support",
            "PATCHBAY_WHATSAPP__GRAPH_URL": "http://127.0.0.1:9101/",
            "PATCHBAY_WHATSAPP__GRAPH_VERSION": "25.0",
        }
    )
    assert settings.app_secrets == ("one", "two")
    assert settings.graph_url == "http://127.0.0.1:9101"
    assert settings.graph_version == "v25.0"
    (account,) = settings.accounts()
    assert (account.name, account.external_id, account.parent_external_id) == (
        "Support",
        "401000000000001",
        "301000000000001",
    )
    assert account.portfolio_id == "501"
    assert account.credentials == {"access_token": "EAAB-token"}


def test_a_file_may_write_ids_and_versions_as_numbers_and_secrets_as_a_list() -> None:
    settings = loaded(
        {},
        """
        [whatsapp]
        phone_number_id = 401000000000001
        access_token = "t"
        app_secret = ["one", "two"]
        graph_version = 26.0
        """,
    )
    assert settings.accounts()[0].external_id == "401000000000001"
    assert settings.app_secrets == ("one", "two")


def test_an_empty_variable_is_not_set() -> None:
    names = [
        "APP_SECRET",
        "VERIFY_TOKEN",
        "ACCESS_TOKEN",
        "PHONE_NUMBER_ID",
        "BUSINESS_ID",
        "GRAPH_URL",
        "GRAPH_VERSION",
    ]
    assert loaded({f"PATCHBAY_WHATSAPP__{name}": "" for name in names}) == WhatsAppSettings()


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        (
            {"PATCHBAY_WHATSAPP__PHONE_NUMBER_ID": "401"},
            "PATCHBAY_WHATSAPP__ACCESS_TOKEN is not set, but PATCHBAY_WHATSAPP__PHONE_NUMBER_ID is: set both or none.",
        ),
        (
            {"PATCHBAY_WHATSAPP__ACCESS_TOKEN": "EAAB-token"},
            "PATCHBAY_WHATSAPP__PHONE_NUMBER_ID is not set, but PATCHBAY_WHATSAPP__ACCESS_TOKEN is: set both or none.",
        ),
        (
            {**NUMBER, "PATCHBAY_WHATSAPP__PHONE_NUMBER_ID": "+1 555 000 9999"},
            "PATCHBAY_WHATSAPP__PHONE_NUMBER_ID: must be the id that Meta's dashboard shows, not a phone number.",
        ),
        (
            {"PATCHBAY_WHATSAPP__APP_SECRET": "EAAB-a,EAAB-b,EAAB-c"},
            "PATCHBAY_WHATSAPP__APP_SECRET: holds more than two secrets; leave out those no longer in use.",
        ),
        (
            {"PATCHBAY_WHATSAPP__GRAPH_VERSION": "latest"},
            "PATCHBAY_WHATSAPP__GRAPH_VERSION: must be a Graph version such as v26.0.",
        ),
        (
            {"PATCHBAY_WHATSAPP__GRAPH_URL": "http://graph.facebook.com"},
            "PATCHBAY_WHATSAPP__GRAPH_URL: must be https unless its host is this machine or a name without a dot.",
        ),
        (
            {"PATCHBAY_WHATSAPP__TOKEN": "EAAB-token"},
            "PATCHBAY_WHATSAPP__TOKEN: is not a setting; check the spelling.",
        ),
    ],
)
def test_a_mistake_is_one_sentence_that_names_the_setting(environ: dict[str, str], sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(environ)
    assert str(caught.value) == sentence
    assert "EAAB" not in repr(caught.value.__cause__)
    assert "EAAB" not in str(caught.value.__cause__)


def test_no_secret_shows_in_a_repr() -> None:
    settings = WhatsAppSettings.model_validate(
        {
            "app_secret": "s3cret-a,s3cret-b",
            "verify_token": "s3cret-c",
            "access_token": "s3cret-d",
            "phone_number_id": "4",
        }
    )
    shown: list[Any] = [settings, *register_channels(_with(settings))]
    for value in shown:
        assert "s3cret" not in repr(value)
        assert "s3cret" not in str(value)


def _with(settings: WhatsAppSettings) -> Any:
    whole = load_settings({}, {})
    return whole.model_copy(update={"plugin_tables": {"whatsapp": settings}})


def test_the_hook_offers_one_channel_even_without_a_number() -> None:
    (channel,) = register_channels(_with(WhatsAppSettings()))
    assert channel.name == "whatsapp"
    assert channel.configured_accounts() == ()
