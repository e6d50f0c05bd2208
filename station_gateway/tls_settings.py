"""Settings for TLS of stations' connections: certificates of ours, and those of stations."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class TlsSettings:
    """The part of `GatewaySettings` that says how stations' connections are encrypted."""

    tls_certificate: str = field(
        default="",
        metadata={"doc": "PEM files; both or none. Stations then connect with `wss://`."},
    )
    tls_key: str = field(
        default="",
        metadata={"doc": "PEM files; both or none. Stations then connect with `wss://`."},
    )
    tls_second_certificate: str = field(
        default="",
        metadata={"doc": "PEM files; both or none. RSA beside ECDSA, for stations with one only."},
    )
    tls_second_key: str = field(
        default="",
        metadata={"doc": "PEM files; both or none. RSA beside ECDSA, for stations with one only."},
    )
    tls_reload_s: float = field(
        default=10.0,
        metadata={
            "doc": (
                "how often the files of TLS, the direct line's too, are looked at; a change is "
                "taken at the second look."
            )
        },
    )
    tls_rsa_key_exchange: bool = field(
        default=True,
        metadata={
            "doc": (
                "take the two cipher suites without forward secrecy that OCPP demands for old "
                "stations; they come last."
            )
        },
    )
    tls_terminated: bool = field(
        default=False,
        metadata={
            "doc": ("a proxy in front of this listener ends TLS (security profile 2 is then met).")
        },
    )
    tls_client_ca: str = field(
        default="",
        metadata={
            "doc": (
                "PEM file of who signs stations' certificates (security profile 3); stations are "
                "then asked for theirs."
            )
        },
    )
    tls_client_crl: str = field(
        default="",
        metadata={
            "doc": (
                "PEM file of the certificates that were revoked, one list for each CA. When a list "
                "is out of date, no certificate holds."
            )
        },
    )
    tls_client_organization: str = field(
        default="",
        metadata={"doc": "the organisation that each of these certificates must name; empty: any."},
    )

    @property
    def tls(self) -> bool:
        """Whether stations' credentials are encrypted on their way to this process."""
        return bool(self.tls_certificate) or self.tls_terminated

    def check_tls(self) -> None:
        """Refuse files that do not belong together.

        Raises: ValueError: only one of certificate and key is given, or a second one alone, or what
        comes with `tls_client_ca` without it, or that without a certificate.
        """
        if bool(self.tls_certificate) != bool(self.tls_key):
            raise ValueError("tls_certificate and tls_key belong together: give both or none")
        if bool(self.tls_second_certificate) != bool(self.tls_second_key):
            raise ValueError("tls_second_certificate and its key belong together: both or none")
        if self.tls_second_certificate and not self.tls_certificate:
            raise ValueError("tls_second_certificate comes beside tls_certificate: give that one")
        if self.tls_client_ca and not self.tls_certificate:
            raise ValueError("tls_client_ca needs TLS of this process: give tls_certificate")
        if (self.tls_client_crl or self.tls_client_organization) and not self.tls_client_ca:
            raise ValueError("tls_client_crl and tls_client_organization come with tls_client_ca")
