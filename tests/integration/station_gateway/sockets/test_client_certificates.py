"""Security profile 3, with real handshakes: a station comes in with its certificate, or not at all.

The certificates are those of a CA that the test makes.
"""

import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID
from structlog.testing import capture_logs
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake, InvalidStatus

from fleet import stations
from station_gateway.settings import GatewaySettings
from station_gateway.sockets.tls import station_certificates
from telemetry import metrics
from telemetry.certificates import UnusableTlsFiles
from tests.support.benches.gateway_bench import PASSWORD, Bench
from tests.support.certificates import Authority, station_certificate
from tests.support.stations.scripted_station import ScriptedStation, basic

VERSIONS = ("ocpp1.6", "ocpp2.0.1", "ocpp2.1")


@dataclass
class House:
    """A gateway that asks for certificates, and the CA that signs them."""

    bench: Bench
    ca: Authority
    folder: Path

    async def restart(self, **changed: str) -> None:
        """Restart the gateway with its certificate, and with these settings."""
        certificate, key = station_certificate(self.folder, "ec")
        files = {"tls_certificate": str(certificate), "tls_key": str(key)}
        await self.bench.restart(**files, tls_client_ca=self.ca.file, **changed)

    @contextlib.asynccontextmanager
    async def station(
        self,
        name: str = "S1",
        certificate: str = "",
        *,
        password: str = "",
        version: str = "ocpp1.6",
    ) -> AsyncIterator[ScriptedStation]:
        """A connected station. certificate: its PEM file; "": it has none."""
        async with connect(
            f"wss://127.0.0.1:{self.bench.gateway.port}/ocpp/{name}",
            ssl=context(certificate),
            subprotocols=[version],  # type: ignore[list-item]
            additional_headers=basic(name, password) if password else {},
        ) as socket:
            station = ScriptedStation(socket)
            yield station
            await station.leave()

    async def status(self, name: str, certificate: str = "", *, password: str = "") -> int:
        """The HTTP status with which a station is refused; 0: TLS refused its certificate."""
        try:
            async with self.station(name, certificate, password=password):
                raise AssertionError("it was admitted")
        except InvalidStatus as refused:
            return refused.response.status_code
        except (OSError, InvalidHandshake):
            return 0


def context(certificate: str) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    if certificate:
        made.load_cert_chain(certificate)
    return made


@pytest.fixture
async def house(bench: Bench, tmp_path: Path) -> House:
    """The station S1 has profile 3, S2 has profile 2."""
    house = House(bench, Authority(tmp_path), tmp_path)
    await house.restart()
    await bench.register("S1", security_profile=3)
    await bench.register("S2", security_profile=2)
    return house


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_station_comes_in_with_its_certificate_and_without_a_password(
    house: House, version: str
) -> None:
    own, _ = house.ca.station("S1")
    async with house.station("S1", own, version=version) as station:
        assert (await station.boot())["status"] == "Accepted"


async def test_a_certificate_may_name_the_station_beside_its_serial_number(house: House) -> None:
    own, _ = house.ca.station("SN-4711", dns="S1")
    async with house.station("S1", own) as station:
        assert "currentTime" in await station.call("Heartbeat", {})


async def test_a_station_of_profile_3_is_refused_without_its_certificate(house: House) -> None:
    with capture_logs() as lines:
        assert await house.status("S1", password=PASSWORD) == 403
        assert await house.status("S1") == 401
        assert await house.status("nobody") == 401
    reasons = [line["reason"] for line in lines if line["event"] == "handshake_refused"]
    assert reasons == ["certificate_required", "wrong_credentials", "wrong_credentials"]


async def test_a_station_of_profile_2_needs_no_certificate(house: House) -> None:
    async with house.station("S2", password=PASSWORD) as station:
        assert "currentTime" in await station.call("Heartbeat", {})
    assert await house.status("S2") == 401


async def test_a_station_may_show_its_certificate_before_its_profile_is_raised(
    house: House,
) -> None:
    own, _ = house.ca.station("S2")
    async with house.station("S2", own) as station:
        await raise_to_3(house.bench, "S2")
        await house.bench.gateway.sweeper.close_revoked()
        assert "currentTime" in await station.call("Heartbeat", {})


async def test_a_socket_without_certificate_is_closed_once_its_station_must_have_one(
    house: House,
) -> None:
    async with house.station("S2", password=PASSWORD) as station:
        await raise_to_3(house.bench, "S2")
        await house.bench.gateway.sweeper.close_revoked()
        assert await station.closed() == 1008


async def raise_to_3(bench: Bench, station: str) -> None:
    async with bench.db.write() as tx:
        await stations.update(tx, station, now=datetime.now(UTC), security_profile=3)


@pytest.mark.parametrize("name", ["S1", "S2", "nobody"])
async def test_the_certificate_of_another_station_is_refused_and_is_a_security_event(
    house: House, name: str
) -> None:
    """Whatever password comes with it, and whether the station exists or not."""
    event = metrics.SECURITY_EVENTS.labels(event="foreign_certificate")
    before = event._value.get()
    other, _ = house.ca.station("S9")
    with capture_logs() as lines:
        assert await house.status(name, other, password=PASSWORD) == 403
    assert event._value.get() == before + 1
    told = [line for line in lines if line["event"] == "security_event"]
    assert [(line["event_type"], line["station"], line["names"]) for line in told] == [
        ("foreign_certificate", name, ["S9"])
    ]


async def test_tries_with_the_certificate_of_another_station_are_limited(house: House) -> None:
    other, _ = house.ca.station("S9")
    own, _ = house.ca.station("S1")
    statuses = [await house.status("S1", other) for _ in range(6)]
    assert statuses == [403] * 5 + [429]
    async with house.station("S1", own) as station:
        assert "currentTime" in await station.call("Heartbeat", {})


async def test_a_certificate_that_does_not_hold_ends_the_tls_handshake(
    house: House, tmp_path: Path
) -> None:
    """Of another CA, expired, or a server's: also for a station that needs none."""
    stranger, _ = Authority(tmp_path, "Other CA").station("S1")
    expired, _ = house.ca.station("S1", days=-1)
    server, _ = house.ca.station("S1", purpose=ExtendedKeyUsageOID.SERVER_AUTH)
    with capture_logs() as lines:
        for certificate in (stranger, expired, server):
            assert await house.status("S1", certificate) == 0
        assert await house.status("S2", stranger, password=PASSWORD) == 0
    told = [line["tls"] for line in lines if line["event"] == "handshake_refused"]
    assert told == ["CERTIFICATE_VERIFY_FAILED"] * 4


async def test_a_revoked_certificate_does_not_hold(house: House) -> None:
    lost, revoked = house.ca.station("S1")
    renewed, _ = house.ca.station("S1")
    await house.restart(tls_client_crl=house.ca.revoked(revoked))
    assert await house.status("S1", lost) == 0
    async with house.station("S1", renewed) as station:
        assert "currentTime" in await station.call("Heartbeat", {})


async def test_a_new_list_of_revoked_certificates_is_taken_without_a_restart(house: House) -> None:
    own, certificate = house.ca.station("S1")
    await house.restart(tls_client_crl=house.ca.revoked())
    async with house.station("S1", own) as station:
        assert "currentTime" in await station.call("Heartbeat", {})
    house.ca.revoked(certificate)
    certificates = house.bench.gateway.server.certificates
    assert certificates is not None
    for _ in range(2):
        certificates.look()
    assert await house.status("S1", own) == 0


async def test_the_organisation_is_compared_where_one_is_configured(house: House) -> None:
    own, _ = house.ca.station("S1", organization="Acme")
    other, _ = house.ca.station("S1", organization="Other")
    await house.restart(tls_client_organization="Acme")
    assert await house.status("S1", other) == 403
    async with house.station("S1", own) as station:
        assert "currentTime" in await station.call("Heartbeat", {})


async def test_a_deleted_station_does_not_come_in_with_its_certificate(house: House) -> None:
    own, _ = house.ca.station("gone")
    assert await house.status("gone", own) == 401


async def test_without_a_ca_no_certificate_counts(bench: Bench, tmp_path: Path) -> None:
    house = House(bench, Authority(tmp_path), tmp_path)
    certificate, key = station_certificate(tmp_path, "ec")
    await bench.restart(tls_certificate=str(certificate), tls_key=str(key))
    await bench.register("S1", security_profile=3)
    own, _ = house.ca.station("S1")
    assert await house.status("S1", own) == 401
    assert await house.status("S1", own, password=PASSWORD) == 403


def test_a_file_without_certificates_is_refused_at_the_start(tmp_path: Path) -> None:
    certificate, key = station_certificate(tmp_path, "ec")
    (tmp_path / "empty.pem").write_text("")
    settings = GatewaySettings(
        tls_certificate=str(certificate),
        tls_key=str(key),
        tls_client_ca=str(tmp_path / "empty.pem"),
    )
    with pytest.raises(UnusableTlsFiles):
        station_certificates(settings, lambda _: None)


def test_certificates_among_the_revoked_ones_are_not_trusted(tmp_path: Path) -> None:
    certificate, key = station_certificate(tmp_path, "ec")
    settings = GatewaySettings(
        tls_certificate=str(certificate),
        tls_key=str(key),
        tls_client_ca=Authority(tmp_path).file,
        tls_client_crl=Authority(tmp_path, "Other CA").file,
    )
    with pytest.raises(UnusableTlsFiles, match="tls_client_crl"):
        station_certificates(settings, lambda _: None)
