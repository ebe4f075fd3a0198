"""The table ``[telegram]``: ``PATCHBAY_TELEGRAM__...``. No IO."""

from __future__ import annotations

import re
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from patchbay.channel import ConfiguredAccount
from patchbay.errors import ConfigError
from patchbay.settings import Table
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, SecretStr, model_validator

_TOKEN = re.compile(r"([1-9][0-9]{0,18}):[A-Za-z0-9_-]{1,256}", re.ASCII)  # Source: Bot API, Authorizing your bot
_SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}", re.ASCII)  # Source: Bot API, setWebhook, "secret_token"


def bot_id(token: str) -> str | None:
    """The id of the bot that a token belongs to: its digits before the colon. None when it is no token."""
    found = _TOKEN.fullmatch(token)
    return found[1] if found else None


def _absent(value: Any) -> Any:
    """An empty variable means that none is set."""
    return None if isinstance(value, str) and not value.strip() else value


def _token(value: SecretStr | None) -> SecretStr | None:
    if value is not None and bot_id(value.get_secret_value()) is None:
        raise ValueError("must be the token that BotFather gave, such as 123456:ABC-DEF")
    return value


def _secret(value: SecretStr | None) -> SecretStr | None:
    if value is not None and not _SECRET.fullmatch(value.get_secret_value()):
        raise ValueError("must have 1 to 256 of the characters A-Z, a-z, 0-9, _ and -")
    return value


def _address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ValueError("must be an address such as https://api.telegram.org")
    return value.rstrip("/")


class TelegramSettings(Table):
    """One bot; more by ``POST /api/v1/channels``. Everything is optional.

    ``webhook_secret`` is what setWebhook was given as ``secret_token``. ``api_url`` is another server of the Bot API.
    """

    bot_token: Annotated[SecretStr | None, AfterValidator(_token), BeforeValidator(_absent)] = None
    webhook_secret: Annotated[SecretStr | None, AfterValidator(_secret), BeforeValidator(_absent)] = None
    name: str = "Telegram"
    api_url: Annotated[str, AfterValidator(_address)] = "https://api.telegram.org"

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.webhook_secret is not None and self.bot_token is None:
            raise ConfigError(
                "PATCHBAY_TELEGRAM__BOT_TOKEN is not set, but PATCHBAY_TELEGRAM__WEBHOOK_SECRET is: set both or none."
            )
        return self

    def accounts(self) -> tuple[ConfiguredAccount, ...]:
        """The bot that these settings describe, if they describe one."""
        if self.bot_token is None:
            return ()
        token = self.bot_token.get_secret_value()
        credentials = {"bot_token": token}
        if self.webhook_secret is not None:
            credentials["app_secret"] = self.webhook_secret.get_secret_value()
        id = bot_id(token) or ""
        return (ConfiguredAccount(name=self.name, external_id=id, parent_external_id=None, credentials=credentials),)

    def gaps(self) -> tuple[str, ...]:
        if self.bot_token is None or self.webhook_secret is not None:
            return ()
        return ("PATCHBAY_TELEGRAM__WEBHOOK_SECRET is not set: every webhook of the configured bot is refused.",)


class NoAccountSettings(BaseModel):
    """A bot sets nothing for itself."""

    model_config = ConfigDict(extra="forbid")
