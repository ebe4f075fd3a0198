"""The table ``[messenger]``: what it describes, and no secret in what it shows."""

from __future__ import annotations

from typing import Any

import pytest

from patchbay.channel import Channel, SignedRequest
from patchbay.errors import BadSignature
from patchbay.hookspecs import PROJECT
from patchbay.settings import load_settings, read_tables
from patchbay.testing.outbound import account
from patchbay_messenger import register_channels, register_settings
from patchbay_messenger.channel import MessengerChannel
from patchbay_messenger.settings import MessengerSettings
from patchbay_meta.signature import Signer

PAGE = {"PATCHBAY_MESSENGER__PAGE_ID": "101000000000001", "PATCHBAY_MESSENGER__ACCESS_TOKEN": "EAAB-token"}
BODY = b'{"object":"page","entry":[]}'


def loaded(environ: dict[str, str]) -> MessengerSettings:
    declared = register_settings()
    return load_settings(read_tables(environ, ""), {declared.table: declared.model}).plugin(
        "messenger", MessengerSettings
    )


def channel(**table: Any) -> Channel:
    whole = load_settings({}, {}).model_copy(
        update={"plugin_tables": {"messenger": MessengerSettings.model_validate(table)}}
    )
    (found,) = register_channels(whole)
    return found


def test_everything_is_optional() -> None:
    settings = loaded({})
    assert (settings.graph_url, settings.graph_version) == ("https://graph.facebook.com", "v26.0")
    assert channel().configured_accounts() == ()
    assert channel().name == "messenger"


def test_the_environment_names_one_page() -> None:
    settings = loaded(
        {
            **PAGE,
            "PATCHBAY_MESSENGER__APP_SECRET": "one, two",
            "PATCHBAY_MESSENGER__VERIFY_TOKEN": "hello",
            "PATCHBAY_MESSENGER__NAME": "Lamps",
            "PATCHBAY_MESSENGER__GRAPH_URL": "http://127.0.0.1:9101/",
            "PATCHBAY_MESSENGER__GRAPH_VERSION": "25.0",
        }
    )
    assert settings.app_secrets == ("one", "two")
    (page,) = MessengerChannel(settings).configured_accounts()
    assert (page.name, page.external_id, page.parent_external_id) == ("Lamps", "101000000000001", None)
    assert page.credentials == {"access_token": "EAAB-token"}
    assert MessengerChannel(settings).base_url(account("messenger", "1")) == "http://127.0.0.1:9101/v25.0"


def test_an_account_may_have_a_host_of_its_own() -> None:
    own = account("messenger", "1", graph_url="https://beta.facebook.com", graph_version="24.0")
    assert channel().base_url(own) == "https://beta.facebook.com/v24.0"


def test_an_empty_variable_is_not_set() -> None:
    names = ["APP_SECRET", "VERIFY_TOKEN", "ACCESS_TOKEN", "PAGE_ID", "GRAPH_URL", "GRAPH_VERSION"]
    assert loaded({f"PATCHBAY_MESSENGER__{name}": "" for name in names}) == MessengerSettings()


def test_no_secret_shows_in_a_repr() -> None:
    secrets = {"app_secret": "s3cret-a", "verify_token": "s3cret-b", "access_token": "s3cret-c", "page_id": "1"}
    assert "s3cret" not in repr(channel(**secrets))
    assert "s3cret" not in repr(MessengerSettings.model_validate(secrets))


def test_gaps_name_what_webhooks_need() -> None:
    assert [gap.split(" ")[0] for gap in channel().gaps()] == [
        "PATCHBAY_MESSENGER__APP_SECRET",
        "PATCHBAY_MESSENGER__VERIFY_TOKEN",
    ]
    assert channel(app_secret="s", verify_token="v").gaps() == ()


def test_webhooks_are_verified_and_the_callback_is_confirmed() -> None:
    page = channel(app_secret="s", verify_token="hello")
    for secret, of_account in (("s", ()), ("theirs", ("theirs",))):
        page.verify(SignedRequest(BODY, {"x-hub-signature-256": Signer(secret).header(BODY)}), of_account)
    with pytest.raises(BadSignature):
        page.verify(SignedRequest(BODY, {"x-hub-signature-256": Signer("other").header(BODY)}), ())
    with pytest.raises(BadSignature):
        channel().verify(SignedRequest(BODY, {}), ())
    query = {"hub.mode": "subscribe", "hub.verify_token": "hello", "hub.challenge": "42"}
    assert page.handshake(query).text == "42"
    assert channel().handshake(query).text is None


def test_the_token_is_one_of_the_credentials() -> None:
    assert channel().token({"access_token": "t", "app_secret": "s"}) == "t"
    assert channel().token({}) is None
    assert channel().credential_names == ("access_token", "app_secret?")


def test_the_hooks_carry_the_marker() -> None:
    for hook in (register_settings, register_channels):
        assert getattr(hook, f"{PROJECT}_impl")
