"""The two ways an Instagram account is connected: which host, which sender, which look-up. No IO.

Sources: Instagram Platform, Instagram API with Instagram login; Messenger Platform, Instagram Messaging (Facebook
login). A token of one host is refused by the other.
"""

from __future__ import annotations

from patchbay.errors import AccountBroken
from patchbay.model.account import ChannelAccount
from patchbay_instagram.settings import Login
from patchbay_meta.graph import segment
from patchbay_meta.hosts import GRAPH_URL

HOSTS: dict[Login, str] = {"instagram": "https://graph.instagram.com", "page": GRAPH_URL}


def login_of(account: ChannelAccount) -> Login:
    """The account's flow: its own setting, else by whether it names a page as its parent."""
    match account.settings.get("login"):
        case "instagram":
            return "instagram"
        case "page":
            return "page"
        case _:
            return "page" if account.parent_external_id else "instagram"


def sender(account: ChannelAccount) -> str:
    """The path of what sends: the account itself, or the page that it is linked to. Raises ``AccountBroken``."""
    if login_of(account) == "instagram":
        return f"/{segment(account.external_id)}"
    if not account.parent_external_id:
        hint = "Set the channel's parent_external_id, PATCHBAY_INSTAGRAM__PAGE_ID in settings."
        raise AccountBroken("The account is connected by its page, and the page is not known.", hint=hint)
    return f"/{segment(account.parent_external_id)}"
