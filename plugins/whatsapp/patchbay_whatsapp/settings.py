"""The table ``[whatsapp]``: ``PATCHBAY_WHATSAPP__...``. No IO."""

from __future__ import annotations

import re
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, model_validator
from pydantic_core import PydanticCustomError

from patchbay.channel import ConfiguredAccount
from patchbay.errors import ConfigError
from patchbay_meta.settings import GraphTable

_NUMBER, _TOKEN = "PATCHBAY_WHATSAPP__PHONE_NUMBER_ID", "PATCHBAY_WHATSAPP__ACCESS_TOKEN"
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


def _id(value: Any) -> Any:
    """An id of Meta's; an empty variable means that none is set."""
    text = str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else value
    if text is None or text == "":
        return None
    if not isinstance(text, str) or not _ID.fullmatch(text):
        raise PydanticCustomError("id", "must be the id that Meta's dashboard shows, not a phone number")
    return text


MetaId = Annotated[str | None, BeforeValidator(_id)]


class WhatsAppSettings(GraphTable):
    """One number of one WhatsApp Business account; more by ``POST /channels``. Everything is optional.

    ``phone_number_id`` is the number's id (not the number), ``business_id`` the id of the WhatsApp Business account
    (WABA), ``portfolio_id`` of the business portfolio that owns it: ids of people are unique within it.
    """

    phone_number_id: MetaId = None
    business_id: MetaId = None
    portfolio_id: MetaId = None
    name: str = "WhatsApp"

    @model_validator(mode="after")
    def _complete(self) -> Self:
        """A number without its token, or a token without its number, is a forgotten setting."""
        if self.phone_number_id and self.access_token is None:
            raise ConfigError(f"{_TOKEN} is not set, but {_NUMBER} is: set both or none.")
        if self.access_token is not None and not self.phone_number_id:
            raise ConfigError(f"{_NUMBER} is not set, but {_TOKEN} is: set both or none.")
        return self

    def accounts(self) -> tuple[ConfiguredAccount, ...]:
        """The account that these settings describe, if they describe one."""
        if self.phone_number_id is None or self.access_token is None:
            return ()
        return (
            ConfiguredAccount(
                name=self.name,
                external_id=self.phone_number_id,
                parent_external_id=self.business_id,
                portfolio_id=self.portfolio_id,
                credentials={"access_token": self.access_token.get_secret_value()},
            ),
        )
