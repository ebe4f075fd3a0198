"""Which IP addresses are public. No IO.

A table of our own: what ``ipaddress`` calls global has changed between releases of Python, and it counts some addresses
that lead back inside (6to4, Teredo, the metadata service of one cloud). Sources: the IANA special-purpose address
registries for IPv4 and IPv6; RFC 6890, 6052 and 8215 (NAT64), 3056 (6to4), 4380 (Teredo), 7343 (ORCHIDv2).
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

INSIDE_V4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # this network; 0.0.0.0 is the machine itself
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT
        "127.0.0.0/8",
        "168.63.129.16/32",  # looks public, and is the host agent of every Azure machine
        "169.254.0.0/16",  # link-local; the metadata service of most clouds
        "172.16.0.0/12",
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
GLOBAL_V6 = IPv6Network("2000::/3")  # all that is given out; what is elsewhere is local, mapped, multicast or reserved
INSIDE_V6 = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # protocol assignments: Teredo, ORCHID, benchmarks
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: an IPv4 address, reached by whoever relays
        "2620:4f:8000::/48",  # AS112
        "3ffe::/16",  # 6bone, given back
        "3fff::/20",  # documentation
    )
)
NAT64 = IPv6Network("64:ff9b::/96")  # the IPv4 internet, as networks with IPv6 alone see it


def is_public(text: str) -> bool:
    """Whether an address belongs to the internet and not to some inside. What is no address is not; nor is one with a
    zone, which names an interface of this machine."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    if isinstance(address, IPv4Address):
        return _is_public_v4(address)
    if address.scope_id is not None:
        return False
    if address in NAT64:
        return _is_public_v4(IPv4Address(int(address) & 0xFFFFFFFF))
    return _is_public_v6(address)


def _is_public_v4(address: IPv4Address) -> bool:
    return not any(address in network for network in INSIDE_V4)


def _is_public_v6(address: IPv6Address) -> bool:
    return address in GLOBAL_V6 and not any(address in network for network in INSIDE_V6)
