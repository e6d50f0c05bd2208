"""The hostile mode: each flaw does what its name says, and nothing else."""

from datetime import UTC, datetime
from typing import Any

import pytest

from simulator.config import Cable
from simulator.flaws import (
    CallError,
    DoesNothing,
    DoubleSocket,
    DropsBeforeAnswer,
    DuplicateAnswers,
    DuplicateMessages,
    EventsBeforeAnswers,
    ExtraFields,
    ForgetsReservations,
    IdsAsStrings,
    KeepsReservations,
    Late,
    LosesHoldOnRefusedChange,
    MinusOneIds,
    Mute,
    NeverBootsAfterReset,
    NoReservationId,
    RebootsInMidCommand,
    RefusesSameReservationId,
    ReportsSessionsAfterBoot,
    RevivesReservations,
    Silent,
    Slow,
    UnknownStatusWord,
    WrongClock,
)
from simulator.dialects.messages import parse_time
from tests.unit.simulator.central_system import CentralSystem
from tests.unit.simulator.stations import (
    EVERY,
    OTHER,
    cancel_call,
    charges,
    connected,
    hears_end,
    hears_session,
    hears_status,
    order,
    reserve_call,
    reset_call,
    start,
    start_call,
    stop_call,
    unlock_call,
)

STATUS = {"requestedMessage": "StatusNotification"}
ACCEPTED = {"status": "Accepted"}


async def answers_a_question(system: CentralSystem) -> None:
    """Later than the command: a command that is answered at all has been answered by now."""
    assert await system.ask("TriggerMessage", STATUS) == ACCEPTED


@EVERY
async def test_silent_neither_does_nor_answers(version: str) -> None:
    async with connected(version, Silent()) as (system, station):
        command = await system.send(*reserve_call(version))
        await answers_a_question(system)
        assert system.answers(command) == []
        assert station.holds == []


@EVERY
async def test_silent_may_be_so_for_one_command_only(version: str) -> None:
    silent = Silent(only=frozenset({"ReserveNow"}))
    async with connected(version, silent) as (system, _station):
        await system.send(*reserve_call(version))
        assert await system.ask(*unlock_call(version)) == {"status": "Unlocked"}


@EVERY
async def test_mute_does_and_never_answers(version: str) -> None:
    async with connected(version, Mute()) as (system, station):
        command = await system.send(*reserve_call(version))
        await hears_status(system, version, "Reserved")
        await answers_a_question(system)
        assert system.answers(command) == []
        assert len(station.holds) == 1


@EVERY
async def test_does_nothing_says_yes_only(version: str) -> None:
    async with connected(version, DoesNothing(), cable=Cable.FIRST) as (system, station):
        assert await start(system, version) == ACCEPTED
        assert await system.ask(*reset_call(version)) == ACCEPTED
        assert await system.ask(*unlock_call(version)) == {"status": "Unlocked"}
        await answers_a_question(system)
        assert station.charger.sessions == []
        assert station.connections == 1


@EVERY
async def test_does_nothing_says_what_it_is_told_to(version: str) -> None:
    async with connected(version, DoesNothing("Rejected")) as (system, station):
        assert await system.ask(*reserve_call(version)) == {"status": "Rejected"}
        assert await system.ask(*reset_call(version)) == {"status": "Rejected"}
        assert station.holds == []
        assert station.connections == 1


@EVERY
async def test_slow_does_and_answers_after_its_time(version: str) -> None:
    async with connected(version, Slow(0.2)) as (system, station):
        command = await system.send(*reserve_call(version))
        await answers_a_question(system)
        assert system.answers(command) == []
        assert station.holds == []
        assert await system.answered(command) == ACCEPTED


@EVERY
async def test_late_does_at_once_and_answers_after_its_time(version: str) -> None:
    async with connected(version, Late(0.2)) as (system, _station):
        command = await system.send(*reserve_call(version))
        await hears_status(system, version, "Reserved")
        assert system.answers(command) == []
        assert await system.answered(command) == ACCEPTED


@EVERY
async def test_events_may_come_before_the_answer(version: str) -> None:
    async with connected(version, EventsBeforeAnswers(), cable=Cable.FIRST) as (system, _station):
        assert await start(system, version) == ACCEPTED
        begun = "StartTransaction" if version == "1.6" else "TransactionEvent"
        assert order(system).index(begun) < order(system).index("answer")


@EVERY
async def test_a_boot_may_come_before_the_answer_to_its_reset(version: str) -> None:
    async with connected(version, EventsBeforeAnswers(), cable=Cable.FIRST) as (system, station):
        await charges(system, station)
        reset = await system.send(*reset_call(version))
        assert await system.answered(reset) == ACCEPTED
        assert await hears_end(system, version) in ("HardReset", "ImmediateReset")
        written = order(system)
        assert written.count("BootNotification") == 2
        assert written[-1] == "answer"
        assert station.connections == 1


@EVERY
async def test_the_connection_may_be_lost_before_the_answer(version: str) -> None:
    async with connected(version, DropsBeforeAnswer()) as (system, station):
        command = await system.send(*reserve_call(version))
        await system.sees_connections(2)
        await hears_status(system, version, "Reserved")
        assert system.answers(command) == []
        assert station.said["BootNotification"] == 1


@EVERY
async def test_it_may_reboot_in_mid_command(version: str) -> None:
    async with connected(version, RebootsInMidCommand()) as (system, station):
        command = await system.send(*reserve_call(version))
        boot = await system.hears("BootNotification", 2)
        assert boot.get("reason", "Watchdog") == "Watchdog"
        assert system.answers(command) == []
        assert station.holds == []


@EVERY
async def test_a_status_word_may_be_unknown(version: str) -> None:
    async with connected(version, UnknownStatusWord("Nearly"), lawful=False) as (system, station):
        assert await system.ask(*reserve_call(version)) == {"status": "Nearly"}
        assert len(station.holds) == 1


@EVERY
async def test_a_command_may_be_answered_with_any_call_error(version: str) -> None:
    async with connected(version, CallError("SecurityError")) as (system, station):
        assert await system.ask(*reserve_call(version)) == {"error": "SecurityError"}
        await answers_a_question(system)
        assert station.holds == []


@EVERY
async def test_answers_may_come_twice(version: str) -> None:
    async with connected(version, DuplicateAnswers()) as (system, _station):
        command = await system.send(*unlock_call(version))
        assert await system.answered(command, 2) == {"status": "Unlocked"}


@EVERY
async def test_messages_may_come_twice_with_the_same_id(version: str) -> None:
    async with connected(version, DuplicateMessages()) as (system, _station):
        boots = [frame for frame in system.frames if "BootNotification" in frame]
        assert len(boots) == 2
        assert boots[0] == boots[1]


async def test_ids_may_be_minus_one() -> None:
    quick: dict[str, Any] = {"cable": Cable.FIRST, "meter_interval_s": 0.02}
    async with connected("1.6", MinusOneIds(), **quick) as (system, station):
        await charges(system, station)
        await system.hears("MeterValues", transactionId=-1)
        assert await system.ask(*stop_call(station)) == ACCEPTED
        await system.hears("StopTransaction", transactionId=-1)


@EVERY
async def test_the_reservation_id_may_be_missing(version: str) -> None:
    async with connected(version, NoReservationId()) as (system, station):
        await system.ask(*reserve_call(version))
        await charges(system, station)
        assert "reservationId" not in await hears_session(system, version)
        assert station.active_sessions[0].reservation_id == 5


@EVERY
async def test_ids_may_be_strings_with_leading_zeros(version: str) -> None:
    async with connected(version, IdsAsStrings(), lawful=False) as (system, station):
        await system.ask(*reserve_call(version))
        await charges(system, station)
        begun = await hears_session(system, version)
        assert begun["reservationId"] == "005"
        if version != "1.6":
            assert begun["transactionInfo"]["remoteStartId"] == "007"


@EVERY
async def test_fields_may_be_unknown(version: str) -> None:
    async with connected(version, ExtraFields(), lawful=False) as (system, _station):
        assert "xModem" in await system.ask(*unlock_call(version))
        assert "xModem" in await system.hears("BootNotification")
        assert system.violations != []


async def stamp_of(version: str, how: str, *, lawful: bool = True) -> str:
    async with connected(version, WrongClock(how), lawful=lawful) as (system, _station):
        return str((await system.hears("StatusNotification"))["timestamp"])


@EVERY
@pytest.mark.parametrize("seconds", [86_400, -86_400])
async def test_the_clock_may_be_ahead_or_behind(version: str, seconds: int) -> None:
    error = parse_time(await stamp_of(version, str(seconds))) - datetime.now(UTC)
    assert abs(error.total_seconds() - seconds) < 60


@EVERY
async def test_the_clock_may_be_in_1970(version: str) -> None:
    assert (await stamp_of(version, "1970")).startswith("1970-")


@EVERY
async def test_the_year_may_be_222222017(version: str) -> None:
    assert (await stamp_of(version, "222222017", lawful=False)).startswith("222222017-")


@EVERY
async def test_times_may_have_no_offset(version: str) -> None:
    assert not (await stamp_of(version, "no-offset", lawful=False)).endswith("Z")


@EVERY
async def test_with_a_fast_clock_holds_end_early(version: str) -> None:
    async with connected(version, WrongClock("7200")) as (system, station):
        assert await system.ask(*reserve_call(version, lasts_s=3600)) == ACCEPTED
        await station.until(lambda: not station.holds)


@EVERY
async def test_a_second_socket_may_be_opened_with_the_same_password(version: str) -> None:
    async with connected(version, DoubleSocket(), password="swordfish") as (system, station):
        await system.sees_connections(2)
        await system.hears("Heartbeat")
        assert system.authorizations[0] == system.authorizations[1] is not None
        assert await system.ask(*unlock_call(version)) == {"status": "Unlocked"}
        assert station.connections == 1


@EVERY
async def test_it_may_never_boot_after_a_reset(version: str) -> None:
    async with connected(version, NeverBootsAfterReset()) as (system, station):
        assert await system.ask(*reset_call(version)) == ACCEPTED
        await station.until(lambda: station.stays_down)
        assert station.connections == 1
        station.go_online()
        await system.hears("BootNotification", 2)


@EVERY
async def test_the_end_of_sessions_may_be_told_after_the_boot(version: str) -> None:
    async with connected(version, ReportsSessionsAfterBoot(), cable=Cable.FIRST) as pair:
        system, station = pair
        await charges(system, station)
        before = len(order(system))
        assert await system.ask(*reset_call(version)) == ACCEPTED
        assert await hears_end(system, version) in ("HardReset", "ImmediateReset")
        written = order(system)[before:]
        assert written.index("BootNotification") < len(written) - 1
        assert written[-1] in ("StopTransaction", "TransactionEvent")


@EVERY
async def test_holds_may_be_forgotten_by_a_reboot(version: str) -> None:
    async with connected(version, ForgetsReservations()) as (system, station):
        await system.ask(*reserve_call(version))
        station.reboot()
        await system.hears("BootNotification", 2)
        await station.delivered()
        assert await system.ask(*cancel_call()) == {"status": "Rejected"}
        assert system.matching("ReservationStatusUpdate") == []


@EVERY
async def test_holds_may_stay_past_their_time_until_they_are_cancelled(version: str) -> None:
    async with connected(version, KeepsReservations()) as (system, station):
        assert await system.ask(*reserve_call(version, lasts_s=-60)) == ACCEPTED
        await hears_status(system, version, "Reserved")
        assert await start(system, version, token=OTHER) == {"status": "Rejected"}
        assert await system.ask(*cancel_call()) == ACCEPTED
        assert station.holds == []


@EVERY
@pytest.mark.parametrize("lasts_s", [3600, 0.0])
async def test_an_ended_hold_may_be_there_again_after_a_reboot(
    version: str, lasts_s: float
) -> None:
    async with connected(version, RevivesReservations(), evses=2) as (system, station):
        await system.ask(*reserve_call(version, None, lasts_s=lasts_s))
        await system.ask(*cancel_call())
        await station.until(lambda: not station.holds)
        station.reboot()
        await system.hears("BootNotification", 2)
        await hears_status(system, version, "Reserved")
        assert [hold.id for hold in station.holds] == [5]


@EVERY
async def test_without_an_ended_hold_there_is_nothing_to_revive(version: str) -> None:
    async with connected(version, RevivesReservations()) as (system, station):
        await system.ask(*reserve_call(version))
        station.reboot()
        await system.hears("BootNotification", 2)
        assert [hold.id for hold in station.holds] == [5]


@EVERY
async def test_a_change_of_a_hold_may_be_refused(version: str) -> None:
    async with connected(version, RefusesSameReservationId(), evses=2) as (system, station):
        assert await system.ask(*reserve_call(version, 1)) == ACCEPTED
        assert await system.ask(*reserve_call(version, 2)) == {"status": "Occupied"}
        assert [hold.evse_id for hold in station.holds] == [1]


@EVERY
async def test_a_refused_change_may_lose_the_old_hold(version: str) -> None:
    async with connected(version, LosesHoldOnRefusedChange()) as (system, station):
        assert await system.ask(*reserve_call(version, 1)) == ACCEPTED
        assert await system.ask(*reserve_call(version, 9)) == {"status": "Rejected"}
        await station.until(lambda: station.charger.evses[1].reported_status == "Available")
        assert station.holds == []


@EVERY
async def test_flaws_can_be_combined(version: str) -> None:
    flaws = (Late(0.05), DuplicateAnswers(), NoReservationId())
    async with connected(version, *flaws) as (system, station):
        command = await system.send(*reserve_call(version))
        assert await system.answered(command, 2) == ACCEPTED
        await charges(system, station)
        assert "reservationId" not in await hears_session(system, version)


@EVERY
async def test_a_station_may_be_healed_and_suffer_again(version: str) -> None:
    async with connected(version, Silent()) as (system, station):
        await system.send(*start_call(version))
        station.suffer()
        assert await system.ask(*unlock_call(version)) == {"status": "Unlocked"}
        station.suffer(CallError())
        assert await system.ask(*unlock_call(version)) == {"error": "InternalError"}
