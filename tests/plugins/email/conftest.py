"""Certificates made for the test, an authority that the system trusts meanwhile, and settings for a mail server."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from patchbay.testing import FakeClock
from patchbay_email import EmailNotifier, EmailSettings
from tests.plugins.email.post_office import PostOffice

SENDER = "inbox@lamps.example"
MakeContext = Callable[[str], ssl.SSLContext]


class Authority:
    """Signs server certificates. ``file`` is its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "authority.pem"
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Authority of a test")])
        made = self._begun(self._name, self._key).add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        ski = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        made = made.add_extension(usage, True).add_extension(ski, False)
        self.file.write_bytes(made.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM))

    def _begun(self, name: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
        )

    def context(self, host: str) -> ssl.SSLContext:
        """A server's TLS, with a certificate for this host name or address."""
        key = ec.generate_private_key(ec.SECP256R1())
        named: x509.GeneralName
        try:
            named = x509.IPAddress(ip_address(host))
        except ValueError:
            named = x509.DNSName(host)
        ski = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        made = (
            self._begun(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)]), key)
            .add_extension(x509.SubjectAlternativeName([named]), False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(ski), False)
        )
        file = self.folder / f"{host}.pem"
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        file.write_bytes(private + made.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM))
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(file)
        return context


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def trusted(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """The authority, trusted by whoever makes a TLS context now, as an operator would have it."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    return authority


def settings_for(office: PostOffice, **more: Any) -> EmailSettings:
    """Settings of a server on this machine, in the clear unless told otherwise."""
    given = {"host": "127.0.0.1", "port": office.port, "sender": SENDER, "security": "none", "timeout_s": 5.0, **more}
    return EmailSettings.model_validate(given)


def notifier_for(office: PostOffice, **more: Any) -> EmailNotifier:
    return EmailNotifier(settings_for(office, **more), clock=FakeClock())
