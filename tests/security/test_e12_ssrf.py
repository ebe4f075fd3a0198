"""E12: no address that somebody gives us leads inside, however it is written and whatever its name resolves to."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

import pytest
from aiohttp.abc import ResolveResult

from patchbay.errors import ConfigError
from patchbay.outgoing import OutgoingClient, Policy, Unreachable, checked_url
from patchbay.outgoing.addresses import is_public
from tests.security.address_forms import INSIDE, INSIDE_V6, PUBLIC, forms_of, urls
from tests.security.tls_server import HOST, Names, client, replying, tls_server


@pytest.mark.parametrize("address", PUBLIC)
def test_what_is_public_is_called_so(address: str) -> None:
    assert is_public(address)


def test_what_is_inside_is_not_in_any_form_that_is_an_address() -> None:
    forms = [form.strip("[]").replace("%25", "%") for each in INSIDE for form in forms_of(each)]
    assert [each for each in (*INSIDE, *INSIDE_V6, *forms, "", "x", "localhost") if is_public(each)] == []


def test_python_knows_no_network_that_we_forgot() -> None:
    """The edges of each of its lists; where the two differ it is ours that is the stricter one."""
    four: Any = vars(ipaddress)["_IPv4Constants"]
    six: Any = vars(ipaddress)["_IPv6Constants"]
    theirs: list[IPv4Network | IPv6Network] = [
        *four._private_networks,
        *(four._public_network, four._multicast_network, four._reserved_network),
        *six._private_networks,
        *(six._multicast_network, six._sitelocal_network, six._linklocal_network),
    ]
    assert len(theirs) > 20
    assert [each for each in theirs if is_public(str(each[0])) or is_public(str(each[-1]))] == []


class Inside:
    """Something that listens where nobody from outside may come; counts who came."""

    def __init__(self) -> None:
        self.came = 0
        self.port = 0

    async def __aenter__(self) -> Inside:
        self._server = await asyncio.start_server(self._take, "0.0.0.0", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        self._sixth = await asyncio.start_server(self._take, "::1", self.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        for server in (self._server, self._sixth):
            server.close()
            await server.wait_closed()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.came += 1
        writer.close()


async def refused(made: OutgoingClient, url: str) -> str:
    with pytest.raises(Unreachable) as caught:
        await made.request("POST", url, body=b"{}")
    assert caught.value.__cause__ is None
    return caught.value.detail


async def test_two_thousand_addresses_reach_nobody_inside_and_are_refused_in_one_sentence() -> None:
    async with Inside() as inside:
        tried = list(urls(inside.port))
        assert len(tried) >= 2000
        async with client(Policy(ports=frozenset({443, inside.port}))) as made:
            told = {await refused(made, url) for url in tried}
        assert inside.came == 0
        assert told == {"The address cannot be reached."}


async def test_they_would_reach_it_where_the_operator_allows_that() -> None:
    """What the test above stands on: the listener is there, and many of the forms do lead to it."""
    networks = tuple(ip_network(each) for each in ("127.0.0.0/8", "::1/128", "0.0.0.0/32"))
    async with Inside() as inside:
        tried = [url for url in urls(inside.port) if "127.0.0.1" in url or "localhost" in url or "::1]" in url]
        async with client(Policy(frozenset({inside.port}), networks)) as made:
            for url in tried:
                await refused(made, url)  # it speaks no TLS
        assert inside.came > 20


async def test_a_name_that_turns_inward_between_two_requests_is_stopped_at_the_socket() -> None:
    """Rebinding: the first answer is an address that is allowed, the second is inside, and so on in turns."""
    async with Inside() as inside, tls_server(replying(b"")) as (port, trust):
        policy = Policy(frozenset({port, inside.port}), (ip_network("127.0.0.2/32"),))
        resolver = Names("127.0.0.2", "127.0.0.1")
        good = 0
        for _ in range(20):
            async with client(policy, resolver, tls=trust) as made:
                try:
                    await made.request("GET", f"https://{HOST}:{port}/")
                    good += 1
                except Unreachable:
                    pass
                await refused(made, f"https://{HOST}:{inside.port}/")
        assert resolver.asked >= 20
        assert inside.came == 0
        assert good > 0


async def test_a_name_with_several_addresses_is_asked_at_none_that_is_inside() -> None:
    class Both(Names):
        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
        ) -> list[ResolveResult]:
            return [*await super().resolve(host, port), *await super().resolve(host, port)]

    async with Inside() as inside:
        async with client(Policy(frozenset({inside.port})), Both("127.0.0.1", "::1")) as made:
            await refused(made, f"https://{HOST}:{inside.port}/")
        assert inside.came == 0


@pytest.mark.parametrize(
    "url",
    [
        *("http://example.com/", "https://example.com:8443/", "https://u@example.com/", "https://exa mple.com/"),
        *("https://127.0.0.1/", "https://[::1]/", "https://exämple.com/", "https:///x", "example.com", ""),
        "https://" + "a" * 3000,
    ],
)
def test_the_form_is_looked_at_when_an_address_is_given(url: str) -> None:
    with pytest.raises(Unreachable):
        checked_url(url, Policy())


def test_a_policy_is_made_of_settings_and_names_what_is_wrong_in_them() -> None:
    made = Policy.of((443, 8443), ("10.1.2.0/24", "2001:db8::7"))
    assert made.permits("10.1.2.3", 8443)
    assert made.permits("2001:db8::7", 443)
    assert not made.permits("10.1.3.3", 8443)
    assert not made.permits("10.1.2.3", 80)
    with pytest.raises(ConfigError, match=r"PATCHBAY_OUTGOING__NETWORKS: 'here'"):
        Policy.of((443,), ("here",))


def test_a_further_port_is_a_matter_of_the_policy() -> None:
    assert (
        str(checked_url("https://example.com:8443/x#y", Policy(frozenset({443, 8443})))) == "https://example.com:8443/x"
    )
    assert str(checked_url("https://example.com/", Policy())) == "https://example.com/"
    assert not Policy().permits("8.8.8.8", 80)
