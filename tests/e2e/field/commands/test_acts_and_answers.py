"""Stations that do what they were asked before they answer, after a no, or without any answer.

Stops, resets, unlocks, reservations and their ends: the words and the deeds of a station come in
either order, and its deeds count. Starts have files of their own.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from evcommand.v1 import remote_command_pb2 as command_pb

from tests.e2e.field.commands.asking import (
    ORDERS,
    SILENT,
    Case,
    Outcome,
    acts_and_answers,
    ask,
    each_case,
    name_of,
    reserve,
    showing,
    shows,
    start_action,
    stop_action,
)
from tests.e2e.field.crowd import calling
from tests.e2e.field.raw_station import RawStation, raw_station
from tests.e2e.field.starting import FieldSession, start
from tests.e2e.foreign_system import System

pytestmark = pytest.mark.e2e

AT_ONCE = 24
"""Cases that run beside each other; they mostly wait."""


async def stopped(system: System, case: Case) -> tuple[str, bool]:
    """The cause of a stop, and whether it was told within seconds of the end."""
    version, identity = case[0], name_of("stop", case)
    clock = asyncio.get_running_loop().time
    async with raw_station(system.ocpp_url, identity, version) as station:
        session = FieldSession(version, identity)
        await session.begins(station)
        ended = acts_and_answers(station, stop_action(version), case, session.ends)
        stopping = asyncio.create_task(ask(system, "StopSession", identity, evse_id=1))
        await asyncio.wait_for(ended.wait(), 40)
        since = clock()
        return (await stopping).cause, clock() - since < 25


async def restarted(system: System, case: Case) -> tuple[str, bool]:
    """The cause of a reset whose answer is lost with the socket, and whether its times are right.

    The boot comes on the next socket.
    """
    version, identity = case[0], name_of("reset", case)

    async def cut(station: RawStation) -> None:
        await station.close()

    async with raw_station(system.ocpp_url, identity, version) as station:
        await shows(station, "Available")
        down = acts_and_answers(station, "Reset", case, cut)
        mode = command_pb.RESET_MODE_HARD
        resetting = asyncio.create_task(ask(system, "Reset", identity, mode=mode))
        await asyncio.wait_for(down.wait(), 40)
    await asyncio.sleep(case[2] / 1000)  # until the station is back
    async with raw_station(system.ocpp_url, identity, version) as station:
        await shows(station, "Available")
        outcome = await resetting
    down_time, boot_time = outcome.reset.down_time, outcome.reset.boot_time
    return outcome.cause, 0 < down_time.ToSeconds() <= boot_time.ToSeconds()


async def unlocked(system: System, case: Case) -> str:
    """The code of an unlock that is refused at a place that is left all the same."""
    version, identity = case[0], name_of("unlock", case)

    async with raw_station(system.ocpp_url, identity, version) as station:
        await shows(station, "Finishing")
        acts_and_answers(station, "UnlockConnector", case, showing("Available"))
        outcome = await ask(system, "UnlockConnector", identity, evse_id=1)
        return Outcome.Code.Name(outcome.code)


async def held(system: System, case: Case) -> bool:
    """Whether the station is asked to let the place go: before the outcome is told, or just after.

    Where the time to tell it is near, a cancel whose answer may be late goes out afterwards.
    """
    version, identity = case[0], name_of("reserve", case)

    async with raw_station(system.ocpp_url, identity, version) as station:
        await shows(station, "Available")
        undone = station.answers("CancelReservation", lambda _: {"status": "Accepted"})
        acts_and_answers(station, "ReserveNow", case, showing("Reserved"))
        await reserve(system, identity)
        await asyncio.wait_for(undone.wait(), 20)
        return undone.is_set()


async def let_go(system: System, case: Case) -> str:
    """The code of a cancel that is refused at a place that is let go all the same."""
    version, identity = case[0], name_of("cancel", case)

    async with raw_station(system.ocpp_url, identity, version) as station:
        station.answers("ReserveNow", lambda _: {"status": "Accepted"})
        made = (await reserve(system, identity)).reservation
        assert made.reservation
        assert made.wire_id
        await shows(station, "Reserved")
        freed = acts_and_answers(station, "CancelReservation", case, showing("Available"))
        outcome = await ask(system, "CancelReservation", identity, reservation=made.reservation)
        await asyncio.wait_for(freed.wait(), 40)
        assert outcome.reservation.wire_id == made.wire_id
        return Outcome.Code.Name(outcome.code)


async def let_go_unknown(system: System, case: Case) -> str:
    """The code of a refused cancel of a number that is not ours, at a place that is let go."""
    version, identity = case[0], name_of("cancel-unknown", case)

    async with raw_station(system.ocpp_url, identity, version) as station:
        await shows(station, "Reserved")
        acts_and_answers(station, "CancelReservation", case, showing("Available"))
        number = command_pb.WireReservation(station=f"stations/{identity}", wire_id=4711)
        outcome = await ask(system, "CancelReservation", identity, wire_reservation=number)
        return Outcome.Code.Name(outcome.code)


async def unanswered(system: System, case: Case) -> tuple[str, bool]:
    """The cause of a start without an answer, and whether it is told soon after the session."""
    version, identity = case[0], name_of("start", case)
    clock, number = asyncio.get_running_loop().time, list[int | None]()

    async def begins(station: RawStation) -> None:
        number.append(station.requests[-1][1].get("remoteStartId"))
        await FieldSession(version, identity, number[0]).begins(station)

    async with raw_station(system.ocpp_url, identity, version) as station:
        begun = acts_and_answers(station, start_action(version), case, begins)
        starting = calling(lambda: start(system, identity))
        await asyncio.wait_for(begun.wait(), 40)
        since = clock()
        return (await starting).outcome.cause, clock() - since < 25


Told = dict[Case, Any]
SCENARIOS: dict[str, tuple[Callable[[System, Case], Awaitable[Any]], list[Case]]] = {
    "stop": (
        stopped,
        [
            *each_case("Accepted", "Rejected", orders=ORDERS[:1]),
            *each_case(SILENT, orders=ORDERS[1:])[::2],
        ],
    ),
    "reset": (restarted, each_case(SILENT, orders=ORDERS[1:])),
    "unlock": (unlocked, each_case("UnlockFailed", "NotImplemented", "InternalError")[::2]),
    "reserve": (held, each_case("Rejected", "Occupied", "NotImplemented", "Faulted")[1::2]),
    "cancel": (let_go, each_case("Rejected", "Accepted")[::2]),
    "cancel of another": (let_go_unknown, each_case("Rejected", "NotImplemented")[1::2]),
    "start": (unanswered, each_case(SILENT, orders=ORDERS[1:])),
}
"""What is tried: each scenario, and its cases. Some take every second one, to save time."""


async def all_told(system: System) -> dict[str, Told]:
    """What each case of each scenario came to: they mostly wait, so they run beside each other."""
    places = asyncio.Semaphore(AT_ONCE)

    async def one(name: str, case: Case) -> Any:
        async with places:
            return await SCENARIOS[name][0](system, case)

    tried = [(name, case) for name, (_, cases) in SCENARIOS.items() for case in cases]
    ended = await asyncio.gather(*(one(*each) for each in tried), return_exceptions=True)
    told: dict[str, Told] = {name: {} for name in SCENARIOS}
    for (name, case), result in zip(tried, ended, strict=True):
        told[name][case] = repr(result) if isinstance(result, BaseException) else result
    return told


@pytest.fixture(scope="module")
def told(impatient: System) -> dict[str, Told]:
    """The system waits for seconds: a negative would be told within this time."""
    return asyncio.run(all_told(impatient))


def expect(told: dict[str, Told], name: str, result: object) -> None:
    """Every case of a scenario came to this."""
    wrong = {case: found for case, found in told[name].items() if found != result}
    assert not wrong


def test_a_session_that_ends_before_or_without_an_answer_is_told_as_stopped(
    told: dict[str, Told],
) -> None:
    """The time for an answer is 30 s: an end that is reported does not wait for it."""
    expect(told, "stop", ("SESSION_STOPPED", True))


def test_a_station_that_restarts_without_an_answer_is_told_as_restarted(
    told: dict[str, Told],
) -> None:
    """It went down before it booted."""
    expect(told, "reset", ("STATION_RESTARTED", True))


def test_a_place_that_is_left_forbids_to_say_that_it_was_not_unlocked(
    told: dict[str, Told],
) -> None:
    expect(told, "unlock", "CODE_UNKNOWN")


def test_a_place_that_is_reserved_after_a_refusal_is_let_go(told: dict[str, Told]) -> None:
    expect(told, "reserve", True)


def test_a_place_that_is_let_go_after_a_refused_cancel_is_told_so(told: dict[str, Told]) -> None:
    expect(told, "cancel", "CODE_SUCCEEDED")


def test_a_place_that_is_let_go_forbids_to_say_that_nothing_was_cancelled(
    told: dict[str, Told],
) -> None:
    expect(told, "cancel of another", "CODE_UNKNOWN")


def test_a_session_is_told_without_the_answer_to_its_start_whatever_the_delay(
    told: dict[str, Told],
) -> None:
    expect(told, "start", ("SESSION_STARTED", True))
