"""The bot, the person and the group of the tests of the way out."""

from __future__ import annotations

from typing import Any

from patchbay.channel import ApiRequest, ApiResponse
from patchbay.testing.outbound import account, identity, recipient
from patchbay.testing.play import answer
from pydantic import SecretStr

from patchbay_telegram import TelegramChannel, TelegramSettings

TOKEN = "4242:AAF-only_the_tests_know_this_token"
SECRET = "only-the-tests-know-this-secret"
CHANNEL = TelegramChannel(TelegramSettings(bot_token=SecretStr(TOKEN), webhook_secret=SecretStr(SECRET)))
BOT = account("telegram", "4242")
MARA = recipient(identity("external", "7001", channel="telegram"))
BAKERS = recipient(identity("external", "-55", channel="telegram"))


def taken(number: int = 12, chat: int = 7001, **members: Any) -> ApiResponse:
    """Telegram's answer to what it took."""
    return answer(ok=True, result={"message_id": number, "date": 1_790_000_000, "chat": {"id": chat}, **members})


def refused(code: int, description: str, **parameters: Any) -> ApiResponse:
    more = {"parameters": parameters} if parameters else {}
    return answer(code, ok=False, error_code=code, description=description, **more)


def call(request: ApiRequest) -> str:
    """The method that is called."""
    assert request.path.startswith("/bot{token}/")
    assert request.method == "POST"
    return request.path.removeprefix("/bot{token}/")
