"""Addresses in what people send: only those of the web are handed on. No IO."""

from __future__ import annotations

from urllib.parse import unquote, urljoin, urlsplit


def web_url(url: str | None, base: str | None = None) -> str | None:
    """The address where it is one of the web; what begins with "/" is completed by ``base``."""
    if url is None:
        return None
    try:
        if base is not None and url.startswith("/"):
            url = urljoin(base, url)
        parts = urlsplit(url)
    except ValueError:
        return None
    return url if parts.scheme in ("http", "https") and parts.netloc else None


def file_name(url: str) -> str | None:
    """The last step of the path, where it looks like the name of a file."""
    name = unquote(urlsplit(url).path).rpartition("/")[2].strip()
    return name if "." in name.strip(".") and name.isprintable() else None
