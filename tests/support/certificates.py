"""Certificates for receivers of callbacks, for the stations' port, and for stations."""

import datetime as dt
import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NAME = "receiver.example.com"


@dataclass(frozen=True)
class Pki:
    """A certificate, the server's context with it, and the file that vouches for it."""

    server: ssl.SSLContext
    ca_file: str


def station_certificate(folder: Path, kind: str) -> tuple[Path, Path]:
    """The PEM files of a self-signed certificate and its key. kind: ec or rsa."""
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey = (
        rsa.generate_private_key(65537, 2048)
        if kind == "rsa"
        else ec.generate_private_key(ec.SECP256R1())
    )
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{kind}.gateway.test")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=30))
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / f"{kind}.pem", folder / f"{kind}.key"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return certificate, private


Key = ec.EllipticCurvePrivateKey


class Authority:
    """A CA that signs stations' certificates, and says which of them were revoked."""

    def __init__(self, folder: Path, name: str = "Stations CA") -> None:
        self._folder = folder
        self._name = name
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._now = dt.datetime.now(dt.UTC)
        usual = x509.BasicConstraints(ca=True, path_length=None)
        made = self._builder(self._subject, self._key, days=30).add_extension(usual, critical=True)
        self.file = self._write("ca.pem", made.sign(self._key, hashes.SHA256()))

    def station(
        self,
        name: str,
        *,
        organization: str = "Acme",
        dns: str = "",
        days: int = 30,
        purpose: x509.ObjectIdentifier = ExtendedKeyUsageOID.CLIENT_AUTH,
    ) -> tuple[str, x509.Certificate]:
        """A PEM file with a station's certificate and its key; and the certificate.

        days: until its end; negative for one that has expired.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
                x509.NameAttribute(NameOID.COMMON_NAME, name),
            ]
        )
        builder = self._builder(subject, key, days=days).add_extension(
            x509.ExtendedKeyUsage([purpose]), critical=False
        )
        if dns:
            beside = x509.SubjectAlternativeName([x509.DNSName(dns)])
            builder = builder.add_extension(beside, critical=False)
        made = builder.sign(self._key, hashes.SHA256())
        return self._write(f"{made.serial_number}.pem", made, key), made

    def revoked(self, *certificates: x509.Certificate) -> str:
        """A PEM file with the list of revoked certificates."""
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self._subject)
            .last_update(self._now - dt.timedelta(hours=1))
            .next_update(self._now + dt.timedelta(days=1))
        )
        for each in certificates:
            entry = x509.RevokedCertificateBuilder().serial_number(each.serial_number)
            builder = builder.add_revoked_certificate(
                entry.revocation_date(self._now - dt.timedelta(hours=1)).build()
            )
        file = self._folder / f"{self._name}.crl"
        made = builder.sign(self._key, hashes.SHA256())
        file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        return str(file)

    def _builder(self, subject: x509.Name, key: Key, days: int) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now - dt.timedelta(days=90))
            .not_valid_after(self._now + dt.timedelta(days=days))
        )

    def _write(self, name: str, made: x509.Certificate, key: Key | None = None) -> str:
        file = self._folder / f"{self._name} {name}"
        text = made.public_bytes(serialization.Encoding.PEM)
        if key is not None:
            text += key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        file.write_bytes(text)
        return str(file)


def pki(folder: Path, name: str = NAME, days: int = 1) -> Pki:
    """A self-signed certificate of this name. days: negative for one that has expired."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    end = dt.datetime.now(dt.UTC) + dt.timedelta(days=days)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(end - dt.timedelta(days=10))
        .not_valid_after(end)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / f"{name}.pem", folder / f"{name}.key"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, private)
    return Pki(context, str(certificate))
