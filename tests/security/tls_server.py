"""The other end of what goes out: a server with a certificate of its own, names that lead to it, and a client."""

from __future__ import annotations

import asyncio
import socket
import ssl
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import cycle
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from patchbay.outgoing import OutgoingClient, Policy

HOST = "hooks.example.org"
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Names(AbstractResolver):
    """Resolves each name to the next of these addresses; what is a number to the system stays that number."""

    def __init__(self, *addresses: str) -> None:
        self._next = cycle(addresses)
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked += 1
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
            addresses: Sequence[str] = [str(each[4][0]) for each in found]
        except (OSError, UnicodeError):
            addresses = [next(self._next)]
        return [
            ResolveResult(
                hostname=host,
                host=each,
                port=port,
                family=socket.AF_INET6 if ":" in each else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for each in addresses
        ]

    async def close(self) -> None: ...


@asynccontextmanager
async def client(
    policy: Policy, resolver: AbstractResolver | None = None, **options: Any
) -> AsyncIterator[OutgoingClient]:
    made = OutgoingClient(policy, resolver=resolver or Names("127.0.0.1", "::1"), **options)
    await made.open()
    try:
        yield made
    finally:
        await made.close()


def replying(body: bytes, *, status: str = "200 OK", head: bytes = b"", heard: list[bytes] | None = None) -> Serve:
    """Answers each request with these bytes and closes; keeps what it was told in ``heard``."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        if heard is not None:
            heard.append(request)
        writer.write(f"HTTP/1.1 {status}\r\nConnection: close\r\n".encode() + head)
        writer.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        writer.close()

    return serve


@asynccontextmanager
async def tls_server(serve: Serve, host: str = HOST) -> AsyncIterator[tuple[int, ssl.SSLContext]]:
    """A server on 127.0.0.2 that says it is ``host``: its port, and a context that trusts it."""
    certificate, key = issued(host)
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile() as file:  # ssl reads a chain from files only
        file.write(certificate + key)
        file.flush()
        own.load_cert_chain(file.name)
    server = await asyncio.start_server(serve, "127.0.0.2", 0, ssl=own)
    try:
        yield server.sockets[0].getsockname()[1], ssl.create_default_context(cadata=certificate.decode())
    finally:
        server.close()
        await server.wait_closed()


def issued(host: str) -> tuple[bytes, bytes]:
    """A certificate that signs itself, and its key, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return made.public_bytes(serialization.Encoding.PEM), private
