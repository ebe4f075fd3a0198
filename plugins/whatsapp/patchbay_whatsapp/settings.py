"""The table ``[whatsapp]``: ``PATCHBAY_WHATSAPP__...``. No IO."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import model_validator

from patchbay.channel import ConfiguredAccount
from patchbay_meta.settings import GraphTable, check_pair, meta_id

_NUMBER, _TOKEN = "PATCHBAY_WHATSAPP__PHONE_NUMBER_ID", "PATCHBAY_WHATSAPP__ACCESS_TOKEN"
MetaId = Annotated[str | None, meta_id(r"[A-Za-z0-9_-]{1,64}", "not a phone number")]


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
        check_pair(_NUMBER, self.phone_number_id, _TOKEN, self.access_token)
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
