"""TLS of a gRPC server whose certificates may be renewed while it serves."""

from pathlib import Path

import grpc

from telemetry.certificates import ServedCertificates, TlsFiles

GrpcCertificates = ServedCertificates[grpc.ServerCertificateConfiguration]


def grpc_certificates(files: TlsFiles, *, every_s: float) -> GrpcCertificates:
    """What a gRPC server serves TLS with. It has one pair of files.

    Raises: UnusableTlsFiles.
    """
    ((certificate, key),) = files.pairs

    def load() -> grpc.ServerCertificateConfiguration:
        return grpc.ssl_server_certificate_configuration(
            [(Path(key).read_bytes(), Path(certificate).read_bytes())],
            root_certificates=Path(files.ca).read_bytes() if files.ca else None,
        )

    return ServedCertificates(files, load, every_s=every_s)


def credentials_of(served: GrpcCertificates, *, mutual: bool) -> grpc.ServerCredentials:
    """Credentials that follow what is served. mutual: clients must show a certificate.

    gRPC asks before each handshake whether there is something new, in a thread of its own.
    """
    given = served.current

    def newer() -> grpc.ServerCertificateConfiguration | None:
        nonlocal given
        newest = served.current
        if newest is given:
            return None
        given = newest
        return newest

    # The stubs do not know that None means: nothing is new.
    return grpc.dynamic_ssl_server_credentials(given, newer, mutual)  # type: ignore[arg-type]
