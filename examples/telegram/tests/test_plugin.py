"""The plugin as Patchbay loads it: settings, secrets, and which of Patchbay's names it uses."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from patchbay.channel import Draft, SignedRequest
from patchbay.errors import BadSignature, ConfigError
from patchbay.model.content import Text
from patchbay.model.conversation import Window
from patchbay.settings import load_settings
from patchbay.testing.outbound import recipient

import patchbay_telegram
from patchbay_telegram import TelegramChannel, register_channels, register_settings
from people import BOT, CHANNEL, SECRET, TOKEN

PUBLIC = ("patchbay.channel", "patchbay.errors", "patchbay.hookspecs", "patchbay.model", "patchbay.settings")
HEADER = "x-telegram-bot-api-secret-token"


def configured(**values: str) -> TelegramChannel:
    """The channel that the hooks give for these settings."""
    table = register_settings()
    settings = load_settings({table.table: values}, {table.table: table.model})
    (channel,) = register_channels(settings)
    assert isinstance(channel, TelegramChannel)
    return channel


def imported(source: Path) -> set[str]:
    """The modules that a file imports, those inside functions too."""
    used = set()
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        match node:
            case ast.ImportFrom(module=str(module)):
                used.add(module)
            case ast.Import(names=names):
                used.update(name.name for name in names)
    return used


def test_only_public_names_are_used() -> None:
    sources = {path.stem: imported(path) for path in Path(patchbay_telegram.__file__).parent.glob("*.py")}
    assert "patchbay.channel" in sources["channel"]
    for name, modules in sources.items():
        public = (*PUBLIC, "patchbay.testing") if name == "certification" else PUBLIC
        of_patchbay = {module for module in modules if module.split(".")[0].startswith("patchbay")}
        foreign = {module for module in of_patchbay if module.split(".")[0] != "patchbay_telegram"}
        assert {module for module in foreign if module not in public and not _of_the_model(module, public)} == set()


def _of_the_model(module: str, public: tuple[str, ...]) -> bool:
    """Whether it is one of the modules below a public package that has nothing but modules."""
    return any(module.startswith(f"{name}.") for name in public if name in ("patchbay.model", "patchbay.testing"))


def test_a_bot_of_the_settings_is_an_account() -> None:
    (account,) = configured(bot_token=TOKEN, webhook_secret=SECRET, name="Shop").configured_accounts()
    assert (account.name, account.external_id) == ("Shop", "4242")
    assert account.credentials == {"bot_token": TOKEN, "app_secret": SECRET}
    assert configured(bot_token="", webhook_secret="").configured_accounts() == ()


def test_what_is_not_set_is_told() -> None:
    assert configured().gaps() == ()
    assert configured(bot_token=TOKEN, webhook_secret=SECRET).gaps() == ()
    (gap,) = configured(bot_token=TOKEN).gaps()
    assert "PATCHBAY_TELEGRAM__WEBHOOK_SECRET" in gap


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"bot_token": "AAF-no-digits"}, "PATCHBAY_TELEGRAM__BOT_TOKEN"),
        ({"bot_token": TOKEN, "webhook_secret": "two words"}, "PATCHBAY_TELEGRAM__WEBHOOK_SECRET"),
        ({"webhook_secret": SECRET}, "PATCHBAY_TELEGRAM__BOT_TOKEN"),
        ({"api_url": "api.telegram.org"}, "PATCHBAY_TELEGRAM__API_URL"),
        ({"token": TOKEN}, "PATCHBAY_TELEGRAM__TOKEN"),
    ],
)
def test_settings_that_cannot_work_are_named_without_the_secret(values: dict[str, str], named: str) -> None:
    with pytest.raises(ConfigError) as caught:
        configured(**values)
    assert named in caught.value.detail
    assert TOKEN not in caught.value.detail
    assert "two words" not in caught.value.detail


def test_another_server_may_be_asked() -> None:
    assert configured().base_url(BOT) == "https://api.telegram.org"
    assert configured(api_url="http://127.0.0.1:8081/").base_url(BOT) == "http://127.0.0.1:8081"


def test_only_the_secret_of_the_bot_in_the_path_opens_the_door() -> None:
    CHANNEL.verify(SignedRequest(b"{}", {HEADER: SECRET}, "4242"), (SECRET,))
    CHANNEL.verify(SignedRequest(b"{}", {HEADER: SECRET}, "4242"), ("the-next-one", SECRET))
    for headers, account, secrets in (
        ({}, "4242", (SECRET,)),
        ({HEADER: ""}, "4242", ("",)),
        ({HEADER: "é"}, "4242", (SECRET,)),
        ({HEADER: SECRET[:-1]}, "4242", (SECRET,)),
        ({HEADER: SECRET}, "4242", ()),
        ({HEADER: SECRET}, None, (SECRET,)),
    ):
        with pytest.raises(BadSignature):
            CHANNEL.verify(SignedRequest(b"{}", headers, account), secrets)


def test_the_token_is_the_bots() -> None:
    assert CHANNEL.token({"bot_token": TOKEN, "app_secret": SECRET}) == TOKEN
    assert CHANNEL.token({}) is None


def test_a_bot_may_answer_at_any_time() -> None:
    closed = recipient(window=Window())
    assert CHANNEL.closes_at(Draft(Text(text="Hi"), closed)) is None
