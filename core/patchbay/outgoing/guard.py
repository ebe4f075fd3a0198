"""What may be asked of the outside on somebody else's word: which URLs, and which sockets.

A URL is only read for its form. Where it leads is decided at the socket, from the very address that is about to be
connected to: names that resolve to something else the second time, numbers in odd notations and literals all end there.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any, ClassVar

from yarl import URL

from patchbay.errors import ConfigError, PatchbayError
from patchbay.outgoing.addresses import is_public

_PLAIN = re.compile(r"[!-\[\]-~]{1,2048}")  # visible ASCII without the backslash, which parsers read in two ways
_SENTENCE = "The address cannot be reached."


class Unreachable(PatchbayError):
    """Why an address was not asked is not told: the difference would map our network for whoever gives addresses."""

    code: ClassVar[str] = "unreachable"

    def __init__(self) -> None:
        super().__init__(_SENTENCE)


@dataclass(frozen=True)
class Policy:
    """Where requests may go: https to public addresses on ``ports``, and to ``networks`` that the operator named.

    ``plain`` takes http as well: for tests, whose servers have no certificate. No setting sets it.
    """

    ports: Container[int] = frozenset({443})  # E12
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    plain: bool = False

    @classmethod
    def of(cls, ports: Iterable[int], networks: Iterable[str]) -> Policy:
        """The policy of settings. Raises ``ConfigError`` naming a network that is none."""
        read: list[IPv4Network | IPv6Network] = []
        for text in networks:
            try:
                read.append(ip_network(text, strict=False))
            except ValueError as error:
                raise ConfigError(f"PATCHBAY_OUTGOING__NETWORKS: {text!r} is no address and no network.") from error
        return cls(frozenset(ports), tuple(read))

    def permits(self, host: str, port: int) -> bool:
        """Whether a socket may be connected to this address and port."""
        if port not in self.ports:
            return False
        if is_public(host):
            return True
        try:
            address = ip_address(host)
        except ValueError:
            return False
        return any(address.version == network.version and address in network for network in self.networks)


def checked_url(text: str, policy: Policy) -> URL:
    """The URL, if its form allows that it is asked; for the moment when somebody gives it, too.

    Raises ``Unreachable``.
    """
    if not _PLAIN.fullmatch(text):
        raise Unreachable
    try:
        url = URL(text)
        scheme = url.scheme == "https" or (policy.plain and url.scheme == "http")
        good = scheme and bool(url.host) and url.port in policy.ports
    except ValueError:
        raise Unreachable from None
    if not good or "@" in url.raw_authority:
        raise Unreachable
    host = url.host or ""
    if _is_literal(host) and not policy.permits(host, url.port or 0):
        raise Unreachable
    return url.with_fragment(None)


def guarded_sockets(policy: Policy) -> Callable[[Any], socket.socket]:
    """Makes sockets for ``TCPConnector(socket_factory=...)``. What it raises for others is an ``OSError``: the next of
    a name's addresses is tried."""

    def make(info: tuple[Any, ...]) -> socket.socket:
        family, kind, protocol, _, address = info
        if family not in (socket.AF_INET, socket.AF_INET6) or not policy.permits(_host(address), address[1]):
            raise OSError(_SENTENCE)
        made = socket.socket(family, kind, protocol)
        made.setblocking(False)
        return made

    return make


def _host(address: tuple[Any, ...]) -> str:
    """The host of a socket address, with the zone that IPv6 keeps in a member of its own."""
    host = str(address[0])
    zoned = len(address) == 4 and address[3] and "%" not in host
    return f"{host}%{address[3]}" if zoned else host


def _is_literal(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
