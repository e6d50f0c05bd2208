"""The TLS of the stations' port, seen with real handshakes: suites, certificates, failures."""

import asyncio
import ssl
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from station_gateway.settings import GatewaySettings
from tests.support.benches.gateway_bench import Bench
from tests.support.certificates import station_certificate

DEMANDED = {
    "ECDHE-ECDSA-AES128-GCM-SHA256": "ec",
    "ECDHE-ECDSA-AES256-GCM-SHA384": "ec",
    "AES128-GCM-SHA256": "rsa",
    "AES256-GCM-SHA384": "rsa",
}
"""The suites that OCPP demands of a central system, and the certificate that each needs."""


def old_station(ciphers: str) -> ssl.SSLContext:
    """TLS 1.2 with these suites alone; any certificate is good."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(ciphers)
    return context


async def handshake(bench: Bench, context: ssl.SSLContext) -> tuple[str, str, str]:
    """Version and suite that were agreed, and which certificate was shown."""
    _, writer = await asyncio.open_connection("127.0.0.1", bench.gateway.port, ssl=context)
    agreed: ssl.SSLObject = writer.get_extra_info("ssl_object")
    cipher, shown = agreed.cipher(), agreed.getpeercert(binary_form=True) or b""
    version = agreed.version()
    writer.close()
    assert cipher is not None
    return str(version), cipher[0], "ec" if b"ec.gateway.test" in shown else "rsa"


async def with_both(bench: Bench, folder: Path, *, rsa_key_exchange: bool = True) -> None:
    (ec, ec_key), (rsa, rsa_key) = (station_certificate(folder, kind) for kind in ("ec", "rsa"))
    await bench.restart(
        tls_certificate=str(ec),
        tls_key=str(ec_key),
        tls_second_certificate=str(rsa),
        tls_second_key=str(rsa_key),
        tls_rsa_key_exchange=rsa_key_exchange,
    )


async def test_every_suite_that_ocpp_demands_is_taken(bench: Bench, tmp_path: Path) -> None:
    await with_both(bench, tmp_path)
    for suite, certificate in DEMANDED.items():
        expected = ("TLSv1.2", suite, certificate)
        assert await handshake(bench, old_station(suite)) == expected


async def test_a_station_that_can_do_better_gets_better(bench: Bench, tmp_path: Path) -> None:
    await with_both(bench, tmp_path)
    both = old_station("AES128-GCM-SHA256:AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256")
    assert (await handshake(bench, both))[1] == "ECDHE-RSA-AES128-GCM-SHA256"
    modern = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    modern.check_hostname = False
    modern.verify_mode = ssl.CERT_NONE
    assert (await handshake(bench, modern))[0] == "TLSv1.3"


async def test_the_suites_without_forward_secrecy_can_be_turned_off(
    bench: Bench, tmp_path: Path
) -> None:
    await with_both(bench, tmp_path, rsa_key_exchange=False)
    with capture_logs() as lines, pytest.raises((ssl.SSLError, ConnectionError)):
        await handshake(bench, old_station("AES128-GCM-SHA256"))
    assert (await handshake(bench, old_station("ECDHE-RSA-AES128-GCM-SHA256")))[2] == "rsa"
    told = [line for line in lines if line["event"] == "handshake_refused"]
    assert [(line["reason"], line["tls"]) for line in told] == [("tls", "NO_SHARED_CIPHER")]


async def test_weak_suites_are_refused(bench: Bench, tmp_path: Path) -> None:
    await with_both(bench, tmp_path)
    for ciphers in ("AES128-SHA:@SECLEVEL=0", "NULL-SHA256:@SECLEVEL=0"):
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await handshake(bench, old_station(ciphers))


async def test_a_station_that_forgets_tls_leaves_a_line(bench: Bench, tmp_path: Path) -> None:
    await with_both(bench, tmp_path)
    with capture_logs() as lines:
        reader, writer = await asyncio.open_connection("127.0.0.1", bench.gateway.port)
        writer.write(b"GET /ocpp/S1 HTTP/1.1\r\nHost: x\r\n\r\n")
        async with asyncio.timeout(5):
            await reader.read()
        writer.close()
    told = [line for line in lines if line["event"] == "handshake_refused"]
    assert [(line["reason"], line["tls"]) for line in told] == [("tls", "HTTP_REQUEST")]


@pytest.mark.parametrize(
    "settings",
    [
        GatewaySettings(tls_second_certificate="b.pem", tls_second_key="b.key"),
        GatewaySettings(tls_certificate="a", tls_key="a", tls_second_certificate="b.pem"),
        GatewaySettings(tls_certificate="a", tls_key="a", tls_second_key="b.key"),
    ],
)
def test_a_second_certificate_comes_with_its_key_and_beside_a_first_one(
    settings: GatewaySettings,
) -> None:
    with pytest.raises(ValueError, match="tls_second_certificate"):
        settings.check()
