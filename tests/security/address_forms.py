"""One address in every way in which somebody has written one to get past a filter."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from ipaddress import IPv4Address

INSIDE = (
    "127.0.0.1",
    "127.0.0.2",
    "127.255.255.254",
    "0.0.0.0",
    "0.0.0.1",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.100.100.200",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
)
INSIDE_V6 = (
    "::",
    "::1",
    "fe80::1",
    "fec0::1",
    "fc00::1",
    "fd00:ec2::254",
    "ff02::1",
    "100::1",
    "2001::1",
    "2001:10::1",
    "2001:20::1",
    "2001:2::1",
    "2001:db8::1",
    "3fff::1",
    "5f00::1",
    "64:ff9b:1::1",
    "2620:4f:8000::1",
)
PUBLIC = (
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "128.0.0.1",
    "157.240.0.35",
    "169.253.255.255",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.1",
    "192.167.255.255",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "2606:4700:4700::1111",
    "2a03:2880:f003::1",
    "2001:4860:4860::8888",
    "64:ff9b::8.8.8.8",
)
NAMES = (
    "localhost",
    "localhost.",
    "LOCALHOST",
    "localhost.localdomain",
    "ip6-localhost",
    "internal",
    "metadata.google.internal",
    "redis",
    "127.0.0.1.nip.example",
    "a.b.c.rebind.example",
    "xn--localhost-.example",
    "example.com",
)


def forms_of(address: str) -> Iterator[str]:
    """An IPv4 address as hosts of URLs, read by somebody as that address."""
    number = int(IPv4Address(address))
    a, b, c, d = (int(part) for part in address.split("."))
    yield from (address, f"{address}.", str(number), f"0x{number:x}", f"0X{number:08X}", f"0{number:o}")
    yield from (f"{a}.{(b << 16) + (c << 8) + d}", f"{a}.{b}.{(c << 8) + d}")
    yield from (f"0x{a:x}.0x{b:x}.0x{c:x}.0x{d:x}", f"0{a:o}.0{b:o}.0{c:o}.0{d:o}", f"0x{a:x}.{b}.0{c:o}.{d}")
    yield from (f"{a:03}.{b:03}.{c:03}.{d:03}", f"00{a:o}.{b}.{c}.{d}", str(number + 2**32), f"{a + 256}.{b}.{c}.{d}")
    yield "".join(chr(0xFF10 + int(sign)) if sign.isdigit() else "\u3002" for sign in address)
    yield "".join(f"%{ord(sign):02x}" for sign in address)
    yield from (f"[::ffff:{address}]", f"[::ffff:{number >> 16:x}:{number & 0xFFFF:x}]", f"[::{address}]")
    yield from (f"[0:0:0:0:0:ffff:{number >> 16:04x}:{number & 0xFFFF:04x}]", f"[::ffff:0:{address}]")
    yield from (f"[64:ff9b::{address}]", f"[64:ff9b::{number >> 16:x}:{number & 0xFFFF:x}]", f"[64:ff9b:1::{address}]")
    yield from (f"[2002:{number >> 16:x}:{number & 0xFFFF:x}::1]", f"[2002:{number >> 16:x}:{number & 0xFFFF:x}::]")
    yield f"[2001:0:4136:e378:8000:63bf:{number >> 16 ^ 0xFFFF:x}:{number & 0xFFFF ^ 0xFFFF:x}]"
    yield from (f"[fe80::5efe:{address}]", f"[::ffff:{address}%25lo]", f"{address}%00.example.com")
    yield from (f"{address}.nip.example", f"www.{address}.example", f"a-{address.replace('.', '-')}.example")


def urls(port: int) -> Iterator[str]:
    """Addresses that a user might give, all of which lead inside by one reading or another."""
    hosts = [*itertools.chain.from_iterable(map(forms_of, INSIDE)), *(f"[{each}]" for each in INSIDE_V6), *NAMES]
    hosts += [f"[{each}%25lo]" for each in ("fe80::1", "::1")]
    for host in hosts:
        yield f"https://{host}:{port}/"
        yield f"https://{host}:{port}/webhook?x=1#y"
    for host in hosts[: len(hosts) // 2]:
        yield f"https://user:secret@{host}:{port}/"
        yield f"https://example.com@{host}:{port}/"
    for host in hosts[:40]:
        for scheme in ("http", "HTTPS", "ws", "wss", "ftp", "gopher", "file", "dict", "unix", "http+unix", "jar:https"):
            yield f"{scheme}://{host}:{port}/"
    for host in ("127.0.0.1", "[::1]", "localhost"):
        for text in (
            "https:/{0}:{1}/",
            "https:{0}:{1}/",
            "https:///{0}:{1}/",
            "//{0}:{1}/",
            "{0}:{1}",
            " https://{0}:{1}/",
            "https://{0}:{1}/ ",
            "https://\t{0}:{1}/",
            "https://{0}:{1}\r\nHost: x/",
            "https://example.com\\@{0}:{1}/",
            "https:\\\\{0}:{1}\\",
            "https://example.com#@{0}:{1}/",
            "https://example.com?@{0}:{1}/",
            "https://example.com;@{0}:{1}/",
            "https://{0}:{1}\\.example.com/",
            "https://{0}:{1}:443/",
            "https://{0}:443:{1}/",
            "https://[{0}]:{1}/",
            "https://{0}:+{1}/",
            "https://{0}:0{1}/",
            "https://{0}\u00ad:{1}/",
            "https://{0}\x00:{1}/",
        ):
            yield text.format(host, port)
    for other in (0, 1, 22, 25, 80, 6379, 9200, 65535, 65536, 99999):
        yield f"https://127.0.0.1:{other}/"
