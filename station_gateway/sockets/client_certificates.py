"""Certificates of stations (OCPP security profile 3): asked for in TLS, and whose they are.

TLS checks the chain, the dates, the purpose and the list of revoked ones. A certificate that does
not hold ends the TLS handshake. A station may come without one: then its password counts.

Whose a certificate is stands in the common name of its subject, or in a DNS name beside it. One of
them has to be the station's identity, letter by letter; there are no wildcards. OCPP has the common
name be the station's serial number, and the organisation the operator's name (2.0.1 part 2, block
A, "Certificate Properties"; the security whitepaper for 1.6 says the same). So a station is
registered by its serial number, or its certificate has its identity as a DNS name. The organisation
is compared where the settings name one.
"""

import ssl
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from station_gateway.settings import GatewaySettings


@dataclass(frozen=True, slots=True)
class StationCertificate:
    """What a certificate that held in TLS says of its owner."""

    names: frozenset[str]
    organizations: frozenset[str]

    def is_of(self, station: str, organization: str = "") -> bool:
        """Whether it is this station's. organization: that it must be of; "": of any."""
        if organization and organization not in self.organizations:
            return False
        return station in self.names


def read_certificate(told: Mapping[str, Any] | None) -> StationCertificate | None:
    """The certificate as `ssl.SSLSocket.getpeercert` tells it; None when none was shown.

    Nothing is told of a certificate that nobody checked.
    """
    if not told:
        return None
    beside = (value for kind, value in told.get("subjectAltName", ()) if kind == "DNS")
    names = {*_of_subject(told, "commonName"), *beside}
    return StationCertificate(
        names=frozenset(_composed(name) for name in names if name),
        organizations=frozenset(map(_composed, _of_subject(told, "organizationName"))),
    )


def _of_subject(told: Mapping[str, Any], attribute: str) -> Iterator[str]:
    for parts in told.get("subject", ()):
        yield from (value for name, value in parts if name == attribute)


def _composed(text: str) -> str:
    """In Unicode's composed form, in which identities are registered."""
    return unicodedata.normalize("NFC", text)


def ask_for_certificates(context: ssl.SSLContext, settings: GatewaySettings) -> None:
    """Have the listener ask stations for certificates, where the settings name who signs them.

    Raises:
        OSError: a file cannot be read, or has no certificate, or no list of revoked ones.
        ValueError: the file of revoked ones has certificates, which would be trusted.
    """
    if not settings.tls_client_ca:
        return
    context.load_verify_locations(settings.tls_client_ca)
    context.verify_mode = ssl.CERT_OPTIONAL
    # A CA that signs stations only may stand alone in the file, without the root above it. Newer
    # versions of Python are stricter by default than what old stations have: be the same on all.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if settings.tls_client_crl:
        trusted = context.cert_store_stats()["x509"]
        context.load_verify_locations(settings.tls_client_crl)
        if context.cert_store_stats()["x509"] != trusted:
            raise ValueError("tls_client_crl has certificates: give the lists of revoked ones only")
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
