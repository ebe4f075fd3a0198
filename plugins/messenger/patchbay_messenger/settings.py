"""The table ``[messenger]``: ``PATCHBAY_MESSENGER__...``. No IO."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from patchbay.channel import ConfiguredAccount
from patchbay_meta.settings import GraphTable, PlainId, check_pair

PREFIX = "PATCHBAY_MESSENGER__"


class MessengerSettings(GraphTable):
    """One page; more by ``POST /channels``. Everything is optional.

    ``page_id`` is the page's id, ``access_token`` its Page token (permission pages_messaging).
    """

    page_id: PlainId = None
    name: str = "Messenger"

    @model_validator(mode="after")
    def _complete(self) -> Self:
        check_pair(PREFIX + "PAGE_ID", self.page_id, PREFIX + "ACCESS_TOKEN", self.access_token)
        return self

    def accounts(self) -> tuple[ConfiguredAccount, ...]:
        """The account that these settings describe, if they describe one."""
        if self.page_id is None or self.access_token is None:
            return ()
        credentials = {"access_token": self.access_token.get_secret_value()}
        return (ConfiguredAccount(self.name, self.page_id, parent_external_id=None, credentials=credentials),)
