"""TLS of the stations' port (OCPP security profiles 2 and 3).

OCPP names four cipher suites that a central system has to take (2.0.1 part 2 A00.FR.318, and the
security whitepaper for 1.6). Two of them exchange keys by RSA, which OpenSSL's users leave out by
default: they have no forward secrecy. Old stations know nothing else, so they are on by default
here, and come last: this side chooses, so a station gets them only when it offers nothing better.
They need an RSA certificate. `tls_rsa_key_exchange` turns them off.

A station that knows ECDSA only, or RSA only, finds its certificate when both are configured.
"""

import ssl
from collections.abc import Callable

from station_gateway.settings import GatewaySettings
from station_gateway.sockets.client_certificates import ask_for_certificates
from telemetry.certificates import ServedCertificates, TlsFiles

RSA_KEY_EXCHANGE = ("AES256-GCM-SHA384", "AES128-GCM-SHA256")
"""TLS_RSA_WITH_AES_256_GCM_SHA384 and TLS_RSA_WITH_AES_128_GCM_SHA256, in OpenSSL's words."""

OnFailure = Callable[[str], None]
"""Called with OpenSSL's word for why a TLS handshake failed, as NO_SHARED_CIPHER."""


StationCertificates = ServedCertificates[ssl.SSLContext]


def station_certificates(
    settings: GatewaySettings, on_failure: OnFailure
) -> StationCertificates | None:
    """What the listener serves TLS with; None without a certificate.

    Raises:
        UnusableTlsFiles: a file cannot be read, or is not what it has to be.
    """
    if not settings.tls_certificate:
        return None
    pairs = [(settings.tls_certificate, settings.tls_key)]
    if settings.tls_second_certificate:
        pairs.append((settings.tls_second_certificate, settings.tls_second_key))
    files = TlsFiles("ocpp", tuple(pairs), settings.tls_client_ca, revoked=settings.tls_client_crl)
    return ServedCertificates(
        files, lambda: _context(files, settings, on_failure), every_s=settings.tls_reload_s
    )


def _context(files: TlsFiles, settings: GatewaySettings, on_failure: OnFailure) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    if settings.tls_rsa_key_exchange:
        # The names of TLS 1.3 are not of this list: those suites stay as they are.
        usual = [each["name"] for each in context.get_ciphers() if not _of_tls_1_3(each["name"])]
        context.set_ciphers(":".join([*usual, *RSA_KEY_EXCHANGE]))
    for certificate, key in files.pairs:
        context.load_cert_chain(certificate, key, password="")
    ask_for_certificates(context, settings)
    context.sslobject_class = _watched(on_failure)
    return context


def _of_tls_1_3(cipher: str) -> bool:
    return cipher.startswith("TLS_")


def _watched(on_failure: OnFailure) -> type[ssl.SSLObject]:
    """A class of TLS connections that tells why a handshake failed: asyncio keeps it to itself."""

    class WatchedTls(ssl.SSLObject):
        def do_handshake(self) -> None:
            try:
                super().do_handshake()
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                raise
            except ssl.SSLError as error:
                on_failure(error.reason or "UNKNOWN")
                raise

    return WatchedTls
