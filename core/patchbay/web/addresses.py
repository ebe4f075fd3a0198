"""Whose address a request has: the peer's, or what a trusted proxy says. No IO."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from patchbay.errors import ConfigError

Network = IPv4Network | IPv6Network
_WITH_PORT = re.compile(r"([0-9.]{7,15}):[0-9]{1,5}|\[([0-9A-Fa-f:.]{2,45})\](?::[0-9]{1,5})?", re.ASCII)


def networks(listed: Iterable[str]) -> tuple[Network, ...]:
    """The configured proxies. Raises ``ConfigError`` naming one that is neither an address nor a network."""
    found: list[Network] = []
    for text in listed:
        try:
            found.append(ip_network(text, strict=False))
        except ValueError as error:
            raise ConfigError(f"PATCHBAY_HTTP__TRUSTED_PROXIES: {text!r} is no address and no network.") from error
    return tuple(found)


def client_address(peer: str | None, forwarded: Sequence[str], proxies: tuple[Network, ...]) -> str:
    """The nearest address in ``X-Forwarded-For`` that is not a trusted proxy, or the peer's when that is none.

    ``forwarded`` are all values of the header, in order; some proxies add the client's port. What an untrusted peer
    says is not read, and of a list nothing that stands before the last entry which is no address.
    """
    current = peer or "unknown"
    if not proxies or not _is_trusted(current, proxies):
        return current
    hops = [hop.strip() for value in forwarded for hop in value.split(",")]
    for hop in reversed(hops):
        address = _address(hop)
        if address is None:
            return current
        current = address
        if not _is_trusted(current, proxies):
            return current
    return current


@lru_cache(maxsize=4096)
def limiting_key(address: str) -> str:
    """What counts as one client: an IPv4 address, or the /64 of an IPv6 one."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ip_network((int(parsed) >> 64 << 64, 64)))
    return str(parsed)


def _address(hop: str) -> str | None:
    """The address of one entry, ``192.0.2.1``, ``192.0.2.1:443``, ``2001:db8::1`` or ``[2001:db8::1]:443``."""
    found = _WITH_PORT.fullmatch(hop)
    try:
        return str(ip_address(hop if found is None else found[1] or found[2]))
    except ValueError:
        return None


def _is_trusted(address: str, proxies: tuple[Network, ...]) -> bool:
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return any(parsed.version == network.version and parsed in network for network in proxies)
