"""Flaws in the answers to commands: each does what its name says, and nothing else."""

from simulator.behaviour import Behaviour, Combined
from simulator.charger.model import Event
from simulator.config import Cable
from simulator.flaws import (
    AnswersCallError,
    DoesNothing,
    DropsBeforeAnswer,
    EventsBeforeAnswers,
    Late,
    Mute,
    RebootsInMidCommand,
    Silent,
    Slow,
    UnknownStatusWord,
)
from tests.unit.simulator.central_system import CentralSystem
from tests.unit.simulator.stations import (
    EVERY,
    charges,
    connected,
    hears_end,
    hears_status,
    order,
    reserve_call,
    reset_call,
    start,
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
        assert station.reservations == []


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
        assert len(station.reservations) == 1


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
        assert station.reservations == []
        assert station.connections == 1


@EVERY
async def test_slow_does_and_answers_after_its_time(version: str) -> None:
    async with connected(version, Slow(0.2)) as (system, station):
        command = await system.send(*reserve_call(version))
        await answers_a_question(system)
        assert system.answers(command) == []
        assert station.reservations == []
        assert await system.answered(command) == ACCEPTED


@EVERY
async def test_late_does_at_once_and_answers_after_its_time(version: str) -> None:
    async with connected(version, Late(0.2)) as (system, _station):
        command = await system.send(*reserve_call(version))
        await hears_status(system, version, "Reserved")
        assert system.answers(command) == []
        assert await system.answered(command) == ACCEPTED


class SeesRestarts(Behaviour):
    """Counts the restarts of its charger."""

    restarts = 0

    def rebooting(self, charger: object, now: object) -> list[Event]:
        self.restarts += 1
        return []


@EVERY
async def test_events_may_come_before_the_answer(version: str) -> None:
    async with connected(version, EventsBeforeAnswers(), cable=Cable.FIRST) as (system, _station):
        assert await start(system, version) == ACCEPTED
        begun = "StartTransaction" if version == "1.6" else "TransactionEvent"
        assert order(system).index(begun) < order(system).index("answer")


@EVERY
async def test_a_boot_may_come_before_the_answer_to_its_reset(version: str) -> None:
    seen = SeesRestarts()
    flaws = Combined([seen, EventsBeforeAnswers()])
    async with connected(version, flaws, cable=Cable.FIRST) as (system, station):
        await charges(system, station)
        reset = await system.send(*reset_call(version))
        assert await system.answered(reset) == ACCEPTED
        assert await hears_end(system, version) in ("HardReset", "ImmediateReset")
        written = order(system)
        assert written.count("BootNotification") == 2
        assert written[-1] == "answer"
        assert (station.connections, seen.restarts) == (1, 1)


@EVERY
async def test_the_connection_may_be_lost_before_the_answer(version: str) -> None:
    async with connected(version, DropsBeforeAnswer()) as (system, station):
        command = await system.send(*reserve_call(version))
        await system.sees_connections(2)
        await hears_status(system, version, "Reserved")
        assert system.answers(command) == []
        assert station.sent["BootNotification"] == 1


@EVERY
async def test_it_may_reboot_in_mid_command(version: str) -> None:
    async with connected(version, RebootsInMidCommand()) as (system, station):
        command = await system.send(*reserve_call(version))
        boot = await system.hears("BootNotification", 2)
        assert boot.get("reason", "Watchdog") == "Watchdog"
        assert system.answers(command) == []
        assert station.reservations == []


@EVERY
async def test_a_status_word_may_be_unknown(version: str) -> None:
    async with connected(version, UnknownStatusWord("Nearly"), lawful=False) as (system, station):
        assert await system.ask(*reserve_call(version)) == {"status": "Nearly"}
        assert len(station.reservations) == 1


@EVERY
async def test_a_command_may_be_answered_with_any_call_error(version: str) -> None:
    async with connected(version, AnswersCallError("SecurityError")) as (system, station):
        assert await system.ask(*reserve_call(version)) == {"error": "SecurityError"}
        await answers_a_question(system)
        assert station.reservations == []
