"""Whose a certificate is: its common name, or a DNS name beside it, letter by letter."""

from typing import Any

import pytest

from station_gateway.settings import GatewaySettings
from station_gateway.sockets.client_certificates import read_certificate


def told(*names: str, organization: str = "Acme", **beside: str) -> dict[str, Any]:
    """A certificate as `ssl` tells it. beside: kinds and values of alternative names."""
    subject = ((("organizationName", organization),), *((("commonName", each),) for each in names))
    return {"subject": subject, "subjectAltName": tuple(beside.items()), "serialNumber": "CP-9"}


@pytest.mark.parametrize(
    ("certificate", "station", "organization", "own"),
    [
        (told("CP-1"), "CP-1", "", True),
        (told("CP-1"), "CP-1", "Acme", True),
        (told("CP-1"), "CP-1", "Other", False),
        (told("CP-1", organization=""), "CP-1", "Acme", False),
        (told("CP-1"), "CP-2", "", False),
        (told("CP-1"), "cp-1", "", False),
        (told("CP-1"), "CP-", "", False),
        (told("CP-1"), "CP-9", "", False),  # the number of the certificate, not of the station
        (told("CP-1"), "Acme", "", False),
        (told("SN-4711", DNS="CP-1"), "CP-1", "Acme", True),
        (told("SN-4711", DNS="CP-1"), "SN-4711", "Acme", True),
        (told("SN-4711", URI="CP-1", email="CP-1"), "CP-1", "", False),
        (told("*", DNS="*.example.com"), "CP-1.example.com", "", False),
        (told("CP-1\0.evil"), "CP-1", "", False),
        (told("CP-1 "), "CP-1", "", False),
        (told("CP-1", "CP-2"), "CP-2", "", True),
        (told("Cafe\u0301"), "Café", "", True),
        (told(""), "", "", False),
        (told(), "CP-1", "", False),
    ],
)
def test_a_certificate_is_of_the_station_that_it_names(
    certificate: dict[str, Any], station: str, organization: str, own: bool
) -> None:
    read = read_certificate(certificate)
    assert read is not None
    assert read.is_of(station, organization) is own


@pytest.mark.parametrize("nothing", [None, {}])
def test_of_a_certificate_that_was_not_shown_or_not_checked_nothing_is_known(
    nothing: dict[str, Any] | None,
) -> None:
    assert read_certificate(nothing) is None


@pytest.mark.parametrize(
    "settings",
    [
        GatewaySettings(tls_client_ca="ca.pem"),
        GatewaySettings(tls_client_ca="ca.pem", tls_terminated=True),
        GatewaySettings(tls_certificate="a", tls_key="a", tls_client_crl="crl.pem"),
        GatewaySettings(tls_certificate="a", tls_key="a", tls_client_organization="Acme"),
    ],
)
def test_settings_that_would_check_nothing_are_refused(settings: GatewaySettings) -> None:
    with pytest.raises(ValueError, match="tls_client_ca"):
        settings.check()
