"""A station's own record tells what it did apart from what it answered."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from simulator.behaviour import IncomingCall
from simulator.charger.model import DriverToken, SimulatedReservation
from tests.chaos.record import StationRecord, Waits
from tests.chaos.stations.chargers import RecordedStation, honest_cast, made, mixed_cast

START = {"idTag": "T1", "connectorId": 1}
RESERVE = {
    "connectorId": 1,
    "idTag": "T2",
    "reservationId": 9,
    "expiryDate": "2020-01-01T00:00:00Z",
}


def station(flaw: str) -> RecordedStation:
    """One of OCPP 1.6 that is not connected."""
    return made({"CP": flaw}, ["ws://127.0.0.1:1/ocpp"], {"CP": ""}, Waits())[0]


async def asked(flaw: str, action: str, payload: dict[str, object]) -> StationRecord:
    """Its record after it was asked for this, and had its time."""
    one = station(flaw)
    call = IncomingCall(one.station, action, payload)

    async def honestly(call: IncomingCall) -> object:
        return call.honest()

    answer = await one.station.behaviour.answer(call, honestly)  # type: ignore[arg-type]
    if answer is not None:
        one.station.carry_out(answer)
    await asyncio.sleep(0)
    return one.record()


@pytest.mark.parametrize(
    ("flaw", "did", "said"),
    [
        ("", "Accepted", "Accepted"),
        ("mute", "Accepted", ""),
        ("silent", "", ""),
        ("call-error", "", "InternalError"),
        ("unknown-status-word", "Accepted", "Perhaps"),
        ("refuses-and-begins", "Accepted", "Rejected"),
    ],
)
async def test_it_writes_down_what_it_did_and_what_it_said(flaw: str, did: str, said: str) -> None:
    record = await asked(flaw, "RemoteStartTransaction", dict(START))
    assert [(one.action, one.did, one.said) for one in record.frames] == [
        ("RemoteStartTransaction", did, said)
    ]
    assert record.honest == (not flaw)


async def test_it_writes_down_its_reservations() -> None:
    record = await asked("", "ReserveNow", dict(RESERVE))
    assert record.held == {9}


def test_it_writes_down_when_the_time_of_a_reservation_is_over() -> None:
    one = station("")
    over = SimulatedReservation(9, DriverToken("T2"), datetime.now(UTC))
    assert not one.station.behaviour.keeps(over)
    assert set(one.record().let_go) == {9}


@pytest.mark.parametrize("cast", [honest_cast, lambda: mixed_cast(1)])
def test_a_cast_is_the_same_for_the_same_seed(cast: Callable[[], dict[str, str]]) -> None:
    assert cast() == cast()


def test_a_mixed_cast_has_honest_stations_and_flawed_ones() -> None:
    flaws = mixed_cast(1).values()
    assert "" in flaws
    assert len(set(flaws)) > 1
