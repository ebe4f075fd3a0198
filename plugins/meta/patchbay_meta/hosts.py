"""Which addresses are Meta's, and what a setting that names a Graph host may be. No IO."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import SplitResult, urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict
from pydantic_core import PydanticCustomError

from patchbay.errors import AccountBroken

GRAPH_URL = "https://graph.facebook.com"
GRAPH_VERSION = "v26.0"  # of 29 July 2026. Source: Graph API, Changelog
# Hosts that media and Graph answers point to. Source: WhatsApp Cloud API, Media; Instagram and Messenger, attachments.
META_DOMAINS = ("facebook.com", "fbsbx.com", "fbcdn.net", "instagram.com", "whatsapp.net")
_VERSION = re.compile(r"v?(\d{1,3}\.\d{1,2})", re.ASCII)
_ODD = re.compile(r"[\x00-\x20\x7f-\xa0\\]")  # parsers disagree on where a host ends when one of these is in a URL
_BESIDE_US = re.compile(r"127(\.\d{1,3}){3}|::1|[a-z][a-z0-9_-]*", re.ASCII)  # "localhost" is one of the names


def parse_graph_url(value: Any) -> str | None:
    """The base of a Graph API as it is used: no slash at its end; None when it is not set, or empty.

    ``http`` is for a Graph API beside us: on this machine, or under a name without a dot, as in a compose network.
    """
    if value is None or value == "":
        return None
    parts = _split(value) if isinstance(value, str) else None
    if parts is None or parts.scheme not in ("https", "http") or parts.query or parts.fragment:
        raise PydanticCustomError("graph_url", "must be a URL such as https://graph.facebook.com")
    if parts.scheme == "http" and not _BESIDE_US.fullmatch(parts.hostname or ""):
        raise PydanticCustomError("graph_url", "must be https unless its host is this machine or a name without a dot")
    return str(value).rstrip("/")


def parse_graph_version(value: Any) -> str | None:
    """``v26.0``, also from ``26.0``; None when it is not set, or empty."""
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not (match := _VERSION.fullmatch(str(value).strip())):
        raise PydanticCustomError("graph_version", "must be a Graph version such as v26.0")
    return "v" + match[1]


GraphUrl = Annotated[str, BeforeValidator(lambda value: parse_graph_url(value) or GRAPH_URL)]
GraphVersion = Annotated[str, BeforeValidator(lambda value: parse_graph_version(value) or GRAPH_VERSION)]


def parse_account_graph_url(value: Any) -> str | None:
    """As ``parse_graph_url``, for what whoever may change channels can set: a host of Meta's, and no other (E12)."""
    url = parse_graph_url(value)
    if url is not None and not may_see_token(url, ""):
        raise PydanticCustomError(
            "graph_url", "must be a host of Meta's; another is set for all accounts, in the plugin's settings"
        )
    return url


class GraphAccountSettings(BaseModel):
    """What one account of a Graph channel may set for itself; None means as the plugin's settings say."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    graph_url: Annotated[str | None, BeforeValidator(parse_account_graph_url)] = None
    graph_version: Annotated[str | None, BeforeValidator(parse_graph_version)] = None


def base_url(settings: Mapping[str, Any], default_url: str, default_version: str) -> str:
    """Host and version for an account with these settings, without a trailing slash.

    An account's own host is given by whoever may change channels: it must be Meta's, or the one that the operator set
    for all accounts, so that nobody points the gateway at what is inside its network (E12). Raises ``AccountBroken``.
    """
    try:
        url = parse_graph_url(settings.get("graph_url")) or default_url
        version = parse_graph_version(settings.get("graph_version")) or default_version
    except PydanticCustomError as error:
        raise AccountBroken(f"A setting of the account is wrong: {error}.", hint="Correct the account.") from error
    if not may_see_token(url, default_url):
        raise AccountBroken(
            "The account's graph_url is neither a host of Meta's nor the plugin's own.",
            hint="Leave it out, or set it for all accounts in the plugin's settings.",
        )
    return f"{url}/{version}"


def may_see_token(url: str, graph: str) -> bool:
    """Whether a download from this address may carry the account's token: only Meta's hosts, and the Graph host that
    the account talks to anyway."""
    parts, own = _split(url), _split(graph)
    if parts is None:
        return False
    if own is not None and _origin(parts) == _origin(own):
        return True
    host = (parts.hostname or "").rstrip(".")
    is_meta = any(host == domain or host.endswith("." + domain) for domain in META_DOMAINS)
    return is_meta and parts.scheme == "https" and parts.port in (None, 443)


def may_download(url: str, graph: str) -> bool:
    """Whether a provider's address may be fetched at all: https, or the Graph host that the account talks to anyway."""
    parts = _split(url)
    return parts is not None and (parts.scheme == "https" or may_see_token(url, graph))


def _split(url: str) -> SplitResult | None:
    """The parts of an absolute URL; None for one that is none, hides a user name in it, or reads two ways."""
    if _ODD.search(url):
        return None
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises when it is none
    except ValueError:
        return None
    return parts if parts.hostname and "@" not in parts.netloc else None


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    return parts.scheme, parts.hostname, parts.port or {"https": 443, "http": 80}.get(parts.scheme)
