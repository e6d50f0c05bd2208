"""A raw station charges and is reserved, however much the fleet has counted before."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from fleet.database import Database
from fleet.keys import load_passwords, load_sealer
from fleet.log import reservations
from tests.support.benches.gateway_bench import TENANT, Bench, now, quick
from tests.support.databases import FAR, count_from, db, fleet_url, postgres_server
from tests.support.stations.scripted_station import ScriptedStation

__all__ = ["db", "fleet_url", "postgres_server"]

INT32_MAX = 2**31 - 1


@pytest.fixture(params=FAR)
async def old_bench(request: pytest.FixtureRequest, db: Database) -> AsyncIterator[Bench]:
    """A gateway whose fleet has counted far, on each database."""
    async with db.write() as tx:
        await count_from(tx, request.param, "sends", "transactions", "wire_ids")
    bench = Bench(db, await load_sealer(db), await load_passwords(db), quick())
    await bench.start()
    yield bench
    await bench.stop()


async def begin(station: ScriptedStation, connector: int = 1) -> int:
    """The id that a new session gets."""
    started = await station.call(
        "StartTransaction",
        {
            "connectorId": connector,
            "idTag": "TAG1",
            "meterStart": 5,
            "timestamp": now().isoformat(),
        },
    )
    return int(started["transactionId"])


def event(number: int, type_: str, seq_no: int) -> dict[str, Any]:
    return {
        "eventType": type_,
        "timestamp": now().isoformat(),
        "triggerReason": "RemoteStart",
        "seqNo": seq_no,
        "transactionInfo": {"transactionId": "TX-1", "remoteStartId": number},
        "evse": {"id": 1, "connectorId": 1},
    }


async def test_a_session_of_16_is_started_metered_and_stopped(old_bench: Bench) -> None:
    bench = old_bench
    async with bench.station("S1") as station:
        sending = bench.sending(await bench.start_request())
        await station.accept("RemoteStartTransaction")
        await sending
        id = await begin(station)
        metered = {"timestamp": now().isoformat(), "sampledValue": [{"value": "17"}]}
        values = {"connectorId": 1, "transactionId": id, "meterValue": [metered]}
        assert await station.call("MeterValues", values) == {}
        sending = bench.sending(await bench.stop_request(wire_id=str(id)))
        assert await station.accept("RemoteStopTransaction") == {"transactionId": id}
        await sending
        stop = {"transactionId": id, "meterStop": 9, "timestamp": now().isoformat()}
        assert await station.call("StopTransaction", stop) == {}
    assert 0 < id <= INT32_MAX
    [session] = await bench.transactions()
    assert (session.state, session.meter_stop_wh) == ("ENDED", 9)


async def test_a_session_of_201_names_the_start_that_it_comes_from(old_bench: Bench) -> None:
    bench = old_bench
    async with bench.station("S1", subprotocol="ocpp2.0.1") as station:
        request = await bench.start_request()
        sending = bench.sending(request)
        number = (await station.accept("RequestStartTransaction"))["remoteStartId"]
        await sending
        await station.call("TransactionEvent", event(number, "Started", 0))
        await station.call("TransactionEvent", event(number, "Ended", 1))
    assert 0 < number <= INT32_MAX
    [send], [session] = await bench.sends(request), await bench.transactions()
    assert send.number == number
    assert send.frame is not None
    assert send.frame["remoteStartId"] == number
    # The session tells no token: it has that of the start.
    assert (session.state, session.token_digest) == ("ENDED", send.token_digest)
    assert request.workflow_id in {each.workflow_id for each in await bench.wakeups()}


@pytest.mark.parametrize("version", ["ocpp1.6", "ocpp2.0.1"])
async def test_a_place_is_reserved_and_the_reservation_is_over(
    old_bench: Bench, version: str
) -> None:
    bench = old_bench
    async with bench.station("S1", subprotocol=version) as station:
        number = await bench.write(
            lambda tx: reservations.mint(
                tx, tenant=TENANT, reservation="one", station="S1", now=now()
            )
        )
        await bench.reserved(wire_id=number)
        sending = bench.sending(await bench.request(bench.reserve_spec(wire_id=number)))
        payload = await station.accept("ReserveNow")
        await sending
        assert payload["reservationId" if version == "ocpp1.6" else "id"] == number
        if version != "ocpp1.6":
            told = {"reservationId": number, "reservationUpdateStatus": "Expired"}
            await station.call("ReservationStatusUpdate", told)
            assert await bench.report(number) == "Expired"
    assert 0 < number <= INT32_MAX


async def test_a_station_that_opens_many_sessions_takes_no_id_from_another(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = [*range(5), *range(5), 5, 6]
    monkeypatch.setattr("secrets.randbelow", lambda _: drawn.pop(0))
    async with bench.station("S1") as hostile, bench.station("S2") as station:
        taken = [await begin(hostile, connector) for connector in range(1, 6)]
        given = [await begin(station, connector) for connector in range(1, 6)]
        assert (await begin(hostile, 6), await begin(station, 6)) == (6, 7)
        stop = {"transactionId": 1, "meterStop": 9, "timestamp": now().isoformat()}
        assert await hostile.call("StopTransaction", stop) == {}
    assert taken == given == [1, 2, 3, 4, 5]
    running = [each for each in await bench.transactions("S2") if each.state == "ACTIVE"]
    assert len(running) == 6
