"""Signs of life by a station whose clock is ahead: an old reading is not taken for one of now."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.support.benches.gateway_bench import Bench, now
from tests.support.stations.scripted_station import ScriptedStation

AHEAD_S = 20
OLD_S = 15
STATUS = {
    "1.6": {"connectorId": 1, "errorCode": "NoError", "status": "Charging"},
    "2.0.1": {"evseId": 1, "connectorId": 1, "connectorStatus": "Occupied"},
}


def told(age_s: float) -> str:
    """By the station's clock: what was so that many seconds ago."""
    return (now() + timedelta(seconds=AHEAD_S - age_s)).isoformat()


async def begins_16(station: ScriptedStation) -> Callable[[float], Any]:
    start = {"connectorId": 1, "idTag": "TAG1", "meterStart": 5, "timestamp": told(0)}
    session = (await station.call("StartTransaction", start))["transactionId"]

    async def meters(age_s: float) -> None:
        sampled = [{"timestamp": told(age_s), "sampledValue": [{"value": "7"}]}]
        metered = {"connectorId": 1, "transactionId": session, "meterValue": sampled}
        await station.call("MeterValues", metered)

    return meters


async def begins_2(station: ScriptedStation) -> Callable[[float], Any]:
    async def event(age_s: float, kind: str = "Updated", seq: int = 1) -> None:
        await station.call(
            "TransactionEvent",
            {
                "eventType": kind,
                "timestamp": told(age_s),
                "triggerReason": "MeterValuePeriodic",
                "seqNo": seq,
                "evse": {"id": 1, "connectorId": 1},
                "transactionInfo": {"transactionId": "T1"},
            },
        )

    await event(0, "Started", 0)
    return event


BEGINS = {"1.6": begins_16, "2.0.1": begins_2}


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
@pytest.mark.parametrize(
    ("statuses", "age_s", "shown_ago_s"),
    [
        pytest.param(2, OLD_S, OLD_S, id="a known clock, an old reading"),
        pytest.param(2, 0, 0, id="a known clock, a reading of now"),
        pytest.param(0, OLD_S, None, id="nothing is learned"),
    ],
)
async def test_a_reading_of_a_clock_that_is_ahead_is_as_old_as_it_is(
    bench: Bench, version: str, statuses: int, age_s: float, shown_ago_s: float | None
) -> None:
    async with bench.station("S1", subprotocol=f"ocpp{version}") as station:
        for _ in range(statuses):
            await station.call("StatusNotification", STATUS[version] | {"timestamp": told(0)})
        reading = await BEGINS[version](station)
        await reading(age_s)
    [session] = await bench.transactions()
    alive = session.alive_time
    if shown_ago_s is None or alive is None:
        assert (shown_ago_s, alive) == (None, None)
    else:
        assert abs((now() - alive).total_seconds() - shown_ago_s) < OLD_S / 2
