"""What stations report about reservations and boots: recorded with our clock, only of their own."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from domain.model.specs import ResetMode, ResetSpec
from domain.reservations.reservation import ReservationState
from fleet import connections, stations, tokens
from fleet.connectors import StationConnector
from fleet.stations import Station
from telemetry import metrics
from tests.support.benches.gateway_bench import TENANT, Bench, now
from tests.support.stations.scripted_station import BOOTS, ScriptedStation, found

NEWER = ["ocpp2.0.1", "ocpp2.1"]
every_newer = pytest.mark.parametrize("version", NEWER)
every_version = pytest.mark.parametrize("version", ["ocpp1.6", *NEWER])
CLOCKS = [
    (now() + timedelta(hours=24)).isoformat(),
    (now() - timedelta(hours=24)).isoformat(),
    "1970-01-01T00:00:07Z",
    "222222017-01-01T00:00:00Z",
    now().replace(tzinfo=None).isoformat(),
]
every_clock = pytest.mark.parametrize(
    "clock", CLOCKS, ids=["ahead", "behind", "1970", "year 222222017", "no offset"]
)


async def tell(station: ScriptedStation, status: str, wire_id: int = 7) -> dict[str, Any]:
    return await station.call(
        "ReservationStatusUpdate", {"reservationId": wire_id, "reservationUpdateStatus": status}
    )


async def station_of(bench: Bench, name: str = "S1") -> Station:
    async with bench.db.read() as tx:
        known = await stations.get(tx, name)
    assert known is not None
    return known


# --- the station reports the end of a reservation


@every_newer
@pytest.mark.parametrize("status", ["Expired", "Removed", "NoTransaction", "Vendor"])
async def test_the_end_of_a_hold_is_kept_in_the_stations_own_word(
    bench: Bench, version: str, status: str
) -> None:
    async with bench.station("S1", subprotocol=version) as station:
        await bench.reserved("S1")
        assert await tell(station, status) == {}
        assert await tell(station, status) == {}
    assert await bench.report() == status


@every_newer
async def test_the_end_of_a_hold_wakes_the_command_whose_answer_was_lost(
    bench: Bench, version: str
) -> None:
    async with bench.station("S1", subprotocol=version) as station:
        await bench.reserved("S1", wire_id=7)
        for wire_id in (7, 8):
            request = await bench.request(bench.reserve_spec(wire_id=wire_id), answer_timeout_s=0.1)
            sending = bench.sending(request)
            await station.called("ReserveNow")
            await sending
        await tell(station, "Removed")
    woken = {each.workflow_id for each in await bench.wakeups()}
    assert f"command/{TENANT}/command-1" in woken
    assert f"command/{TENANT}/command-2" not in woken


@every_newer
async def test_a_hold_of_another_station_is_not_ended_and_it_is_told(
    bench: Bench, version: str
) -> None:
    alarm = metrics.SECURITY_EVENTS.labels(event="foreign_reservation")
    before = alarm._value.get()
    async with bench.station("S1", subprotocol=version) as station:
        await bench.register("S2")
        await bench.reserved("S2")
        with capture_logs() as lines:
            assert await tell(station, "Removed") == {}
    assert (await bench.report(station="S1"), await bench.report(station="S2")) == (None, None)
    assert alarm._value.get() == before + 1
    assert [line["event_type"] for line in lines if line["event"] == "security_event"] == [
        "foreign_reservation"
    ]


@every_newer
async def test_a_hold_that_nobody_knows_is_confirmed_and_not_kept(
    bench: Bench, version: str
) -> None:
    async with bench.station("S1", subprotocol=version) as station:
        assert await tell(station, "Expired", wire_id=4711) == {}
    assert await bench.report(4711) is None


@pytest.mark.parametrize("payload", [{}, {"reservationId": -1}, {"reservationId": 2**31}])
@every_newer
async def test_an_end_without_a_usable_number_is_refused_and_the_station_lives(
    bench: Bench, version: str, payload: dict[str, Any]
) -> None:
    async with bench.station("S1", subprotocol=version) as station:
        told = {"reservationUpdateStatus": "Expired", **payload}
        assert "error" in await station.call("ReservationStatusUpdate", told)
        assert await station.call("Heartbeat", {})


# --- sessions that name a reservation


@pytest.mark.parametrize(("holder", "kept"), [("S1", 7), ("S2", None), (None, 7)])
@every_version
async def test_a_session_can_only_use_a_hold_of_its_own_station(
    bench: Bench, version: str, holder: str | None, kept: int | None
) -> None:
    await bench.register("S2")
    async with bench.station("S1", subprotocol=version) as station:
        if holder:
            await bench.reserved(holder)
        await begin(station, version, reservation_id=7)
    [session] = await bench.transactions("S1")
    assert session.reservation_id == kept


async def begin(
    station: ScriptedStation, version: str, tag: str = "TAG1", reservation_id: int | None = None
) -> str:
    """Start a session; what its token is worth."""
    extra = {} if reservation_id is None else {"reservationId": reservation_id}
    if version == "ocpp1.6":
        started = {"connectorId": 1, "idTag": tag, "meterStart": 5, "timestamp": now().isoformat()}
        answer = await station.call("StartTransaction", {**started, **extra})
        return str(answer["idTagInfo"]["status"])
    event = {
        "eventType": "Started",
        "timestamp": now().isoformat(),
        "triggerReason": "Authorized",
        "seqNo": 0,
        "transactionInfo": {"transactionId": "TX-1"},
        "evse": {"id": 1, "connectorId": 1},
        "idToken": {"idToken": tag, "type": "ISO14443"},
        **extra,
    }
    answer = await station.call("TransactionEvent", event)
    return str(answer["idTokenInfo"]["status"])


async def test_a_transaction_id_of_another_station_ends_nothing_and_it_is_told(
    bench: Bench,
) -> None:
    alarm = metrics.SECURITY_EVENTS.labels(event="foreign_transaction")
    before = alarm._value.get()
    async with bench.station("S2") as other, bench.station("S1") as station:
        await begin(other, "ocpp1.6")
        [theirs] = await bench.transactions("S2")
        stop = {
            "transactionId": int(theirs.ocpp_transaction_id),
            "meterStop": 9,
            "timestamp": now().isoformat(),
        }
        assert await station.call("StopTransaction", stop) == {}
        metered = {"timestamp": now().isoformat(), "sampledValue": [{"value": "17"}]}
        values = {
            "connectorId": 1,
            "transactionId": int(theirs.ocpp_transaction_id),
            "meterValue": [metered],
        }
        assert await station.call("MeterValues", values) == {}
    assert [session.state for session in await bench.transactions("S2")] == ["ACTIVE"]
    assert await bench.transactions("S1") == []
    assert alarm._value.get() == before + 2


# --- who may charge


@every_version
async def test_the_token_of_a_hold_is_good_at_its_station(bench: Bench, version: str) -> None:
    async with bench.station("S1", subprotocol=version) as station:
        assert await begin(station, version) == "Invalid"
    async with bench.station("S1", subprotocol=version) as station:
        await bench.reserved("S1")
        assert await authorized(station, version, "TAG1") == "Accepted"
        assert await authorized(station, version, "TAG2") == "Invalid"


async def authorized(station: ScriptedStation, version: str, tag: str) -> str:
    if version == "ocpp1.6":
        return str((await station.call("Authorize", {"idTag": tag}))["idTagInfo"]["status"])
    token = {"idToken": tag, "type": "ISO14443"}
    return str((await station.call("Authorize", {"idToken": token}))["idTokenInfo"]["status"])


async def test_the_group_of_a_hold_is_good_too(bench: Bench) -> None:
    async with bench.station("S1") as station:
        await bench.reserved("S1", tag="TAG1", group="FLEET")
        assert await authorized(station, "ocpp1.6", "FLEET") == "Accepted"


@pytest.mark.parametrize(
    "reserved",
    [
        {"station": "S2"},
        {"state": ReservationState.CANCELLED},
        {"state": ReservationState.REQUESTED},
        {"within_s": -1.0},
    ],
)
async def test_a_hold_elsewhere_or_not_held_makes_no_token_good(
    bench: Bench, reserved: dict[str, Any]
) -> None:
    await bench.register("S2")
    async with bench.station("S1") as station:
        await bench.reserved(**reserved)
        assert await authorized(station, "ocpp1.6", "TAG1") == "Invalid"


@pytest.mark.parametrize(
    ("status", "said"), [("BLOCKED", "Blocked"), ("EXPIRED", "Expired"), ("INVALID", "Invalid")]
)
async def test_a_hold_makes_no_token_good_that_the_table_forbids(
    bench: Bench, status: str, said: str
) -> None:
    await bench.write(
        lambda tx: tokens.put(
            tx,
            tenant=TENANT,
            value="TAG1",
            type="ISO14443",
            status=status,
            group=None,
            expire_time=None,
            now=now(),
        )
    )
    async with bench.station("S1") as station:
        await bench.reserved("S1")
        sending = bench.sending(await bench.request(bench.reserve_spec()))
        await station.accept("ReserveNow")
        await sending
        assert await authorized(station, "ocpp1.6", "TAG1") == said


# --- boots and sockets


@every_version
async def test_a_boot_is_kept_with_its_reason_and_its_connection(
    bench: Bench, version: str
) -> None:
    async with bench.station("S1", subprotocol=version):
        known = await station_of(bench)
        held = bench.gateway.registry.get("S1")
        assert held is not None
    assert known.boot_reason == ("" if version == "ocpp1.6" else "PowerUp")
    assert known.boot_connection_id == held.peer.connection_id


@every_newer
async def test_a_boot_notification_that_was_asked_for_is_no_boot(
    bench: Bench, version: str
) -> None:
    async with bench.station("S1", subprotocol=version) as station:
        before = await station_of(bench)
        sending = bench.sending(await bench.request(ResetSpec(ResetMode.HARD)))
        await station.called("Reset")
        station.drop()
        await sending
    async with bench.station("S1", subprotocol=version, boot=False) as station:
        woken = await bench.wakeups()
        triggered = {**BOOTS[version], "reason": "Triggered"}
        assert (await station.call("BootNotification", triggered))["status"] == "Accepted"
        after = await station_of(bench)
        assert (after.boot_time, after.boot_reason) == (before.boot_time, "PowerUp")
        assert await bench.wakeups() == woken
        await station.call("BootNotification", {**BOOTS[version], "reason": "RemoteReset"})
        assert (await station_of(bench)).boot_reason == "RemoteReset"


@every_newer
async def test_the_first_boot_notification_of_a_station_counts_whatever_its_reason(
    bench: Bench, version: str
) -> None:
    async with bench.station("S1", subprotocol=version, boot=False) as station:
        await station.call("BootNotification", {**BOOTS[version], "reason": "Triggered"})
        assert (await station_of(bench)).boot_state == "ACCEPTED"


async def test_the_time_of_a_lost_socket_is_kept(bench: Bench) -> None:
    async with bench.station("S1") as station:
        station.drop()
        lost = await found(lambda: lost_time(bench))
    assert abs(now() - lost) < timedelta(seconds=5)


async def lost_time(bench: Bench) -> Any:
    async with bench.db.read() as tx:
        return await connections.lost_time(tx, "S1")


# --- whatever the station's clock says


@every_clock
@every_version
async def test_a_status_is_reported_when_we_heard_it(
    bench: Bench, version: str, clock: str
) -> None:
    async with bench.station("S1", subprotocol=version) as station:
        await station.call("StatusNotification", status_of(version, "Reserved", clock))
        connector = await connector_of(bench)
        await station.call("StatusNotification", status_of(version, "Reserved", clock))
        again = await connector_of(bench)
    assert connector.reported_time is not None
    assert abs(now() - connector.reported_time) < timedelta(seconds=5)
    assert again.status_time == connector.status_time
    assert again.reported_time is not None
    assert again.reported_time > connector.reported_time


def status_of(version: str, status: str, clock: str) -> dict[str, Any]:
    if version == "ocpp1.6":
        return {"connectorId": 1, "errorCode": "NoError", "status": status, "timestamp": clock}
    return {"evseId": 1, "connectorId": 1, "connectorStatus": status, "timestamp": clock}


async def connector_of(bench: Bench) -> StationConnector:
    async with bench.db.read() as tx:
        [connector] = await stations.connectors(tx, "S1")
    return connector


@every_clock
@every_version
async def test_a_session_that_uses_a_hold_keeps_its_number_by_any_clock(
    bench: Bench, version: str, clock: str
) -> None:
    async with bench.station("S1", subprotocol=version) as station:
        await bench.reserved("S1")
        if version == "ocpp1.6":
            started = {"connectorId": 1, "idTag": "TAG1", "meterStart": 5, "timestamp": clock}
            await station.call("StartTransaction", {**started, "reservationId": 7})
        else:
            event = {
                "eventType": "Started",
                "timestamp": clock,
                "triggerReason": "Authorized",
                "seqNo": 0,
                "transactionInfo": {"transactionId": "TX-1"},
                "reservationId": 7,
            }
            await station.call("TransactionEvent", event)
    [session] = await bench.transactions("S1")
    assert session.reservation_id == 7
    assert abs(now() - session.received_time) < timedelta(seconds=5)


async def test_drops_under_a_reset_and_boots_in_any_order_keep_the_newest_boot(
    bench: Bench,
) -> None:
    async with bench.station("S1") as station:
        sending = bench.sending(await bench.request(ResetSpec(ResetMode.HARD)))
        await station.called("Reset")
        station.drop()
        async with bench.station("S1") as back:
            result = await asyncio.wait_for(sending, 1)
            assert result.cause == "CONNECTION_LOST_AFTER_SEND"
            held = bench.gateway.registry.get("S1")
            assert held is not None
            assert (await station_of(bench)).boot_connection_id == held.peer.connection_id
            assert await back.call("Heartbeat", {})
    (wakeup,) = await bench.wakeups()
    assert (wakeup.reason, wakeup.told) == ("booted", 2)  # connected and booted
