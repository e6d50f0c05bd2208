"""Stations of OCPP 2.x whose counter of transaction ids begins again, at a running gateway."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from fleet.transactions.rows import Transaction
from tests.support.benches.gateway_bench import Bench, now
from tests.support.stations.scripted_station import ScriptedStation


async def tell(
    station: ScriptedStation, type: str, seq_no: int, time: datetime, **info: Any
) -> dict[str, Any]:
    """By TAG1 at EVSE 1, unless `token` and `evse_id` say otherwise."""
    token, evse_id = info.pop("token", "TAG1"), info.pop("evse_id", 1)
    answer: dict[str, Any] = await station.call(
        "TransactionEvent",
        {
            "eventType": type,
            "timestamp": time.isoformat(),
            "triggerReason": "RemoteStart",
            "seqNo": seq_no,
            "transactionInfo": {"transactionId": "1", **info},
            "evse": {"id": evse_id, "connectorId": 1},
            "idToken": {"idToken": token, "type": "ISO14443"},
        },
    )
    return answer


async def sessions(bench: Bench) -> list[Transaction]:
    return sorted(await bench.transactions(), key=lambda row: row.id)


async def test_a_start_under_the_id_of_an_ended_session_begins_another_one(bench: Bench) -> None:
    long_ago, just_now = now() - timedelta(days=1), now()
    async with bench.station("S1", subprotocol="ocpp2.0.1") as station:
        first = await tell(station, "Started", 0, long_ago)
        await tell(station, "Ended", 1, long_ago + timedelta(hours=1))
        request = await bench.start_request()
        sending = bench.sending(request)
        asked = await station.accept("RequestStartTransaction")
        await sending
        ours = {"remoteStartId": asked["remoteStartId"], "chargingState": "Charging"}
        second = await tell(station, "Started", 0, just_now, **ours)
        await tell(station, "Started", 0, just_now, **ours)
        await tell(station, "Started", 0, long_ago)
        await tell(station, "Ended", 1, long_ago + timedelta(hours=1))
        old, new = await sessions(bench)
        assert (old.state, new.state) == ("ENDED", "ACTIVE")
        assert (new.ocpp_transaction_id, new.remote_start_id) == ("1", asked["remoteStartId"])
        await tell(station, "Ended", 1, now() + timedelta(seconds=1))
    old, new = await sessions(bench)
    assert (old.stop_time, new.state) == (long_ago + timedelta(hours=1), "ENDED")
    assert first["idTokenInfo"]["status"] == "Invalid"
    assert second["idTokenInfo"]["status"] == "Accepted"


@pytest.mark.parametrize("seq_no", [0, 1])
@pytest.mark.parametrize("names_ours", [False, True])
async def test_the_start_of_an_ended_session_that_is_stamped_anew_may_be_a_repeat(
    bench: Bench, seq_no: int, names_ours: bool
) -> None:
    long_ago = now() - timedelta(days=1)
    async with bench.station("S1", subprotocol="ocpp2.0.1") as station:
        await tell(station, "Started", 0, long_ago)
        await tell(station, "Ended", 1, long_ago + timedelta(hours=1))
        request = await bench.start_request()
        sending = bench.sending(request)
        asked = await station.accept("RequestStartTransaction")
        await sending
        ours = {"remoteStartId": asked["remoteStartId"]} if names_ours else {}
        await tell(station, "Started", seq_no, now(), **ours)
        await tell(station, "Updated", 2, now(), chargingState="Charging")
    old, new = await sessions(bench)
    assert (old.state, old.may_repeat) == ("ENDED", False)
    assert (new.state, new.may_repeat) == ("ACTIVE", not names_ours)


@pytest.mark.parametrize("evse_id", [1, 2])
async def test_a_running_session_whose_id_another_driver_gets_has_ended(
    bench: Bench, evse_id: int
) -> None:
    """A power cut took the end of the first one, and the counter of the ids."""
    earlier, later = now() - timedelta(minutes=10), now()
    async with bench.station("S1", subprotocol="ocpp2.0.1") as station:
        await tell(station, "Started", 0, earlier)
        await tell(station, "Updated", 1, earlier + timedelta(minutes=1), token="TAG1")
        await tell(station, "Started", 0, later, token="TAG2", evse_id=evse_id)
        old, new = await sessions(bench)
        assert (old.state, old.end_unreported, new.state) == ("ENDED", True, "ACTIVE")
        assert (new.ocpp_transaction_id, new.token_masked) == ("1", "****G2")
        await tell(station, "Ended", 2, earlier + timedelta(minutes=3))
    old, new = await sessions(bench)
    assert (old.stop_time, new.state) == (earlier + timedelta(minutes=3), "ACTIVE")
