"""What the back end (CSMS) asks of a station is kept without tokens, with what came of it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from fleet import reports
from fleet.back_end import calls
from fleet.back_end.calls import KeptCall
from fleet.tables import sends
from journal.back_end.reading import may_hold_there
from tests.support.benches.gateway_bench import Bench, now
from tests.support.relay.back_end import BackEnd
from tests.support.stations.scripted_station import ScriptedStation, connected, found

TIME = "2026-01-01T00:00:00Z"
START_16 = '[2,"theirs","RemoteStartTransaction",{"idTag":"TAG1","connectorId":1}]'
ONCE_16 = {
    START_16: ("START_SESSION", 1, "", None),
    '[2,"theirs","RemoteStopTransaction",{"transactionId":5}]': ("STOP_SESSION", None, "5", None),
    '[2,"theirs","UnlockConnector",{"connectorId":2}]': ("UNLOCK_CONNECTOR", 2, "", None),
    '[2,"theirs","Reset",{"type":"Soft"}]': ("RESET", None, "", None),
    '[2,"theirs","ReserveNow",{"connectorId":1,"reservationId":9,"idTag":"TAG1",'
    '"expiryDate":"2026-01-01T00:00:00Z"}]': ("RESERVE_NOW", 1, "", 9),
    '[2,"theirs","CancelReservation",{"reservationId":9}]': ("CANCEL_RESERVATION", None, "", 9),
}
Fits = Callable[[KeptCall], bool]


async def kept(relay: Bench, fits: Fits = lambda _: True) -> KeptCall:
    """The newest command of the back end, as soon as it is as the test waits for it."""

    async def look() -> KeptCall | None:
        async with relay.db.read() as tx:
            rows = await calls.of_station(tx, "S1", now() - timedelta(minutes=1), now())
        return rows[-1] if rows and fits(rows[-1]) else None

    return await found(look)


async def answer(station: ScriptedStation, payload: dict[str, Any]) -> None:
    """Answer the next CALL of the back end, whatever it is."""
    message_id, _, _ = await station.calls.get()
    await station.answer(message_id, payload)


@pytest.mark.parametrize("frame", ONCE_16)
async def test_each_command_of_the_back_end_is_kept_without_its_token(
    relay: Bench, back_end: BackEnd, frame: str
) -> None:
    async with connected(relay.url("S1")) as station:
        await station.boot()
        await back_end.say(frame)
        message_id, _, _ = await station.calls.get()
        await station.send([4, message_id, "NotSupported", "", {}])
        row = await kept(relay, lambda row: row.code != "")
    assert (row.kind, row.evse_id, row.named_id, row.number) == ONCE_16[frame]
    assert (row.code, row.tenant, row.message_id) == (
        "NOT_SUPPORTED",
        "default",
        "theirs",
    )
    assert "TAG1" not in repr(row)


async def test_a_start_and_a_stop_of_16_are_told_by_the_session(
    relay: Bench, back_end: BackEnd
) -> None:
    begin = {"connectorId": 1, "idTag": "TAG1", "meterStart": 5}
    async with connected(relay.url("S1")) as station:
        await station.boot()
        await back_end.say(START_16)
        await answer(station, {"status": "Accepted"})
        await station.call("StartTransaction", begin | {"timestamp": now().isoformat()})
        started = await kept(relay, lambda row: row.code != "")
        await back_end.say('[2,"stop","RemoteStopTransaction",{"transactionId":4711}]')
        await answer(station, {"status": "Accepted"})
        end = {"transactionId": 4711, "meterStop": 9, "timestamp": now().isoformat()}
        await station.call("StopTransaction", end)
        stopped = await kept(relay, lambda row: row.message_id == "stop" and row.code != "")
    assert (started.code, started.cause) == ("SUCCEEDED", "SESSION_STARTED")
    assert (stopped.code, stopped.cause) == ("SUCCEEDED", "SESSION_STOPPED")


@pytest.mark.parametrize("subprotocol", ["ocpp2.0.1", "ocpp2.1"])
async def test_a_start_and_a_stop_of_2x_are_told_by_the_session(
    relay: Bench, back_end: BackEnd, subprotocol: str
) -> None:
    token = '{"idToken":"TAG1","type":"ISO14443"}'

    def event(type_: str, seq_no: int, **info: Any) -> dict[str, Any]:
        return {
            "eventType": type_,
            "timestamp": now().isoformat(),
            "triggerReason": "RemoteStart" if type_ == "Started" else "RemoteStop",
            "seqNo": seq_no,
            "transactionInfo": {"transactionId": "T-1", **info},
            "evse": {"id": 1, "connectorId": 1},
        }

    async with connected(relay.url("S1"), subprotocol=subprotocol) as station:
        await station.boot()
        request = f'{{"idToken":{token},"evseId":1,"remoteStartId":77}}'
        await back_end.say(f'[2,"theirs","RequestStartTransaction",{request}]')
        await answer(station, {"status": "Accepted"})
        await station.call("TransactionEvent", event("Started", 0, remoteStartId=77))
        charging = event("Updated", 1, remoteStartId=77, chargingState="Charging")
        await station.call("TransactionEvent", charging)
        started = await kept(relay, lambda row: row.code != "")
        await back_end.say('[2,"stop","RequestStopTransaction",{"transactionId":"T-1"}]')
        await answer(station, {"status": "Accepted"})
        await station.call("TransactionEvent", event("Ended", 2, stoppedReason="Remote"))
        stopped = await kept(relay, lambda row: row.message_id == "stop" and row.code != "")
    assert (started.number, started.code, started.cause) == (77, "SUCCEEDED", "SESSION_STARTED")
    assert (stopped.code, stopped.cause) == ("SUCCEEDED", "SESSION_STOPPED")


async def test_a_start_whose_token_nobody_can_read_is_kept_and_is_a_doubt(
    relay: Bench, back_end: BackEnd
) -> None:
    async with connected(relay.url("S1")) as station:
        await station.boot()
        await back_end.say('[2,"theirs","RemoteStartTransaction",{"idTag":7,"connectorId":1}]')
        assert (await kept(relay)).kind == "START_SESSION"

        async def doubts() -> list[reports.UntakenRow]:
            async with relay.db.read() as tx:
                return await reports.untaken_since(tx, "S1", now() - timedelta(minutes=1))

        (doubt,) = await found(doubts)
    assert doubt.reason == "relay_gap"


RESERVE_16 = (
    '[2,"waits","ReserveNow",{"connectorId":1,"reservationId":9,"idTag":"TAG1",'
    '"expiryDate":"2099-01-01T00:00:00Z"}]'
)


@pytest.mark.parametrize("frame", [START_16.replace("theirs", "waits"), RESERVE_16])
async def test_what_waited_for_its_turn_when_the_station_left_explains_nothing(
    relay: Bench, back_end: BackEnd, frame: str
) -> None:
    """It was never written: what the station does later is not due to it."""
    await relay.restart(upstream_url=back_end.url, upstream_mode="command")
    async with connected(relay.url("S1")) as station:
        await station.boot()
        await back_end.say('[2,"out","ClearCache",{}]')
        await station.called("ClearCache")
        await back_end.say(frame)
        await kept(relay, lambda row: row.message_id == "waits")
    row = await kept(relay, lambda row: row.code != "")
    async with relay.db.read() as tx:
        rivals = await tx.execute(select(sends.c.message_id).where(sends.c.message_id == "waits"))
        assert rivals.all() == []
        assert not await may_hold_there(tx, "S1", now(), 1)
    assert (row.message_id, row.code, row.cause) == ("waits", "NOT_SENT", "STATION_OFFLINE")
