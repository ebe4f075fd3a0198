"""The table ``[instagram]``: which login it describes, and no secret in what it shows."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from patchbay.channel import Channel, SignedRequest
from patchbay.errors import BadSignature
from patchbay.hookspecs import PROJECT
from patchbay.settings import load_settings, read_tables
from patchbay_instagram import register_channels, register_settings
from patchbay_instagram.channel import InstagramChannel
from patchbay_instagram.settings import InstagramAccountSettings, InstagramSettings
from patchbay_meta.signature import Signer

ACCOUNT = {
    "PATCHBAY_INSTAGRAM__ACCOUNT_ID": "17841400000000001",
    "PATCHBAY_INSTAGRAM__ACCESS_TOKEN": "IGAA-token",
}
BODY = b'{"object":"instagram","entry":[]}'


def loaded(environ: dict[str, str]) -> InstagramSettings:
    declared = register_settings()
    return load_settings(read_tables(environ, ""), {declared.table: declared.model}).plugin(
        "instagram", InstagramSettings
    )


def channel(**table: Any) -> Channel:
    whole = load_settings({}, {}).model_copy(
        update={"plugin_tables": {"instagram": InstagramSettings.model_validate(table)}}
    )
    (found,) = register_channels(whole)
    return found


def test_everything_is_optional() -> None:
    assert InstagramChannel(loaded({})).configured_accounts() == ()
    assert channel().name == "instagram"


@pytest.mark.parametrize(
    ("more", "parent", "login"),
    [
        ({}, None, "instagram"),
        ({"PATCHBAY_INSTAGRAM__PAGE_ID": "101000000000001"}, "101000000000001", "page"),
    ],
)
def test_the_page_makes_it_the_login_by_the_page(more: dict[str, str], parent: str | None, login: str) -> None:
    (found,) = InstagramChannel(loaded({**ACCOUNT, **more, "PATCHBAY_INSTAGRAM__NAME": "Lamps"})).configured_accounts()
    assert (found.name, found.external_id, found.parent_external_id) == ("Lamps", "17841400000000001", parent)
    assert found.settings == {"login": login}
    assert found.credentials == {"access_token": "IGAA-token"}
    InstagramAccountSettings.model_validate(found.settings)


def test_an_empty_variable_is_not_set() -> None:
    names = ["APP_SECRET", "VERIFY_TOKEN", "ACCESS_TOKEN", "ACCOUNT_ID", "PAGE_ID", "GRAPH_URL", "GRAPH_VERSION"]
    assert loaded({f"PATCHBAY_INSTAGRAM__{name}": "" for name in names}) == InstagramSettings()


def test_an_account_has_one_of_two_logins() -> None:
    with pytest.raises(ValidationError):
        InstagramAccountSettings.model_validate({"login": "facebook"})
    assert InstagramAccountSettings.model_validate({"graph_version": "25.0"}).login is None


def test_no_secret_shows_in_a_repr() -> None:
    secrets = {"app_secret": "s3cret-a", "verify_token": "s3cret-b", "access_token": "s3cret-c", "account_id": "1"}
    assert "s3cret" not in repr(channel(**secrets))


def test_gaps_name_what_webhooks_need() -> None:
    assert [gap.split(" ")[0] for gap in channel().gaps()] == [
        "PATCHBAY_INSTAGRAM__APP_SECRET",
        "PATCHBAY_INSTAGRAM__VERIFY_TOKEN",
    ]


@pytest.mark.parametrize("secret", ["of-the-app", "of-the-product"])
def test_either_of_two_secrets_verifies(secret: str) -> None:
    app = channel(app_secret="of-the-app,of-the-product")
    app.verify(SignedRequest(BODY, {"x-hub-signature-256": Signer(secret).header(BODY)}), ())
    with pytest.raises(BadSignature):
        channel().verify(SignedRequest(BODY, {"x-hub-signature-256": Signer(secret).header(BODY)}), ())


def test_the_hooks_carry_the_marker() -> None:
    for hook in (register_settings, register_channels):
        assert getattr(hook, f"{PROJECT}_impl")
