"""The table ``[instagram]``: ``PATCHBAY_INSTAGRAM__...``, and what one account may set for itself. No IO."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from patchbay.channel import ConfiguredAccount
from patchbay.errors import ConfigError
from patchbay_meta.hosts import GraphAccountSettings
from patchbay_meta.settings import GraphTable, PlainId, check_pair

PREFIX = "PATCHBAY_INSTAGRAM__"
Login = Literal["instagram", "page"]


class InstagramAccountSettings(GraphAccountSettings):
    """``login`` says by which flow the account was connected: "instagram" (Instagram login, an Instagram User token) or
    "page" (Facebook login, the token of the linked page). None is "page" where the account names a page as its parent.
    """

    login: Login | None = None


class InstagramSettings(GraphTable):
    """One professional account; more by ``POST /channels``. Everything is optional.

    ``account_id`` is the professional account's id (``user_id`` of ``/me``, 1784...). ``page_id`` is the id of the page
    that it is linked to: with it, ``access_token`` is that page's token; without it, an Instagram User token.
    ``graph_url`` replaces the host of either flow.
    """

    account_id: PlainId = None
    page_id: PlainId = None
    name: str = "Instagram"

    @model_validator(mode="after")
    def _complete(self) -> Self:
        check_pair(PREFIX + "ACCOUNT_ID", self.account_id, PREFIX + "ACCESS_TOKEN", self.access_token)
        if self.page_id and not self.account_id:
            raise ConfigError(f"{PREFIX}ACCOUNT_ID is not set, but {PREFIX}PAGE_ID is: set both or none.")
        return self

    def accounts(self) -> tuple[ConfiguredAccount, ...]:
        """The account that these settings describe, if they describe one."""
        if self.account_id is None or self.access_token is None:
            return ()
        login: Login = "page" if self.page_id else "instagram"
        return (
            ConfiguredAccount(
                name=self.name,
                external_id=self.account_id,
                parent_external_id=self.page_id,
                credentials={"access_token": self.access_token.get_secret_value()},
                settings={"login": login},
            ),
        )
