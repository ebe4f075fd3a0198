"""The table ``[whatsapp]``: what it describes, and no secret in what it shows."""

from __future__ import annotations

from typing import Any

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
