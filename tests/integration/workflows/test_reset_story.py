"""Reset followed as a process: accepted, down, booted, reconciled; for days when it is put off."""

import pytest

from contract.questions import AskStationResult
from domain.model.answers import StationAnswer, Verdict
from domain.model.command import Code, Command, ResetFacts, State, WaitFor
from domain.model.outcomes import Cause
from domain.model.specs import OfflinePolicy
from tests.support.benches.command_bench import Bench, rejected
from tests.support.scripted_gateway import (
    Play,
    accepted,
    answers,
    dies,
    has_code,
    is_ending,
    loses,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

SCHEDULED = StationAnswer(Verdict.SCHEDULED, "Scheduled")
DAY_S = 86_400.0


async def resetting(bench: Bench, *plays: Play, evse_id: int | None = None) -> Command:
    """A reset that is answered or lost by now; the station's connector has reported before."""
    bench.gateway.plays = list(plays)
    await bench.connector("Available")
    command = await bench.reset_command(evse_id=evse_id, offline_policy=OfflinePolicy.WAIT)
    await bench.submit(command, WaitFor.STATION_ANSWER)
    return command


async def restarts(bench: Bench, reason: str = "") -> None:
    """The station goes down, comes back on a new socket and boots."""
    await bench.disconnect()
    await bench.skip(20)
    await bench.connect(bench.version, boot=None)
    await bench.boots(reason)


async def restarted(bench: Bench, command: Command) -> ResetFacts:
    """How the restart went, once the command says that there was one."""
    outcome = await bench.outcome(command)
    assert is_ending(outcome, Code.SUCCEEDED, Cause.STATION_RESTARTED), outcome
    assert outcome.reset is not None
    return outcome.reset


async def test_reset_succeeds_after_boot_and_reconciliation(bench: Bench) -> None:
    session = await bench.session_starts()
    command = await resetting(bench, answers(accepted()))
    await restarts(bench)
    seen = await bench.until(command, lambda c: "again" in c.progress)
    assert seen.state is State.AWAITING_EFFECT
    await bench.session_ends(session, "SoftReset")
    await bench.connector("Available")
    facts = await restarted(bench, command)
    assert (facts.running, facts.ended) == ((), (session.name,))
    assert None not in {facts.down_time, facts.boot_time}
    assert len(bench.gateway.frames) == 1


async def test_each_phase_of_a_reset_is_shown(bench: Bench) -> None:
    command = await resetting(bench, answers(accepted()))
    assert "agreed" in (await bench.seen(command)).progress
    await bench.disconnect()
    await bench.skip(6)
    await bench.until(command, lambda c: "is down" in c.progress)
    await bench.connect(boot=None)
    await bench.skip(30)
    await bench.until(command, lambda c: "waiting for its boot" in c.progress)
    await bench.boots()
    await bench.until(command, lambda c: "has restarted" in c.progress)
    await bench.connector("Available")
    await restarted(bench, command)


async def test_a_boot_on_a_newer_socket_before_the_answer_of_a_reset_counts(bench: Bench) -> None:
    async def boots() -> None:
        await restarts(bench)
        await bench.connector("Available")

    command = await resetting(bench, answers(accepted(), before=boots))
    await bench.skip(6)
    await restarted(bench, command)


@pytest.mark.parametrize(
    ("told_before", "idle_s", "cause"),
    [
        pytest.param(False, 10, Cause.RESTART_NOT_CONFIRMED, id="perhaps of the power cut before"),
        pytest.param(True, 10, Cause.STATION_RESTARTED, id="a second one on this socket"),
        pytest.param(False, 400, Cause.STATION_RESTARTED, id="long after it connected"),
    ],
)
async def test_a_boot_on_the_socket_of_a_reset_may_be_told_late(
    bench: Bench, told_before: bool, idle_s: float, cause: Cause
) -> None:
    """OCPP 1.6: a boot gives no reason. The station had lost its socket just before."""
    await bench.disconnect()
    await bench.connect(bench.version, boot=None)
    if told_before:
        await bench.boots()
    await bench.skip(idle_s)
    command = await resetting(bench, answers(accepted()))
    await bench.skip(2)
    await bench.boots()
    await bench.skip(601)
    assert (await bench.outcome(command)).cause == cause


async def test_connectors_that_do_not_report_are_asked_about(bench: Bench) -> None:
    async def reports() -> None:
        await bench.connector("Available")

    bench.gateway.reply, bench.gateway.on_ask = AskStationResult(asked=True), reports
    command = await resetting(bench, answers(accepted()))
    await restarts(bench)
    await bench.skip(6)
    await restarted(bench, command)
    assert len(bench.gateway.asked) == 1


async def test_a_station_that_does_not_report_has_restarted_all_the_same(bench: Bench) -> None:
    session = await bench.session_starts()
    command = await resetting(bench, answers(accepted()))
    await restarts(bench)
    await bench.skip(31)
    facts = await restarted(bench, command)
    assert (facts.running, facts.ended) == ((session.name,), ())


async def test_lost_answer_of_a_reset_is_resolved_by_the_boot_and_never_sent_again(
    bench: Bench,
) -> None:
    command = await resetting(bench, loses())
    assert has_code(await bench.seen(command), Code.UNKNOWN)
    await restarts(bench)
    await bench.connector("Available")
    await restarted(bench, command)
    assert len(bench.gateway.frames) == 1


async def test_a_restart_that_an_earlier_reset_brought_is_not_that_of_a_lost_one(
    bench: Bench,
) -> None:
    first = await resetting(bench, answers(accepted()), loses())
    await bench.disconnect()
    await bench.skip(20)
    await bench.connect(bench.version, boot=None)
    second = await bench.reset_command(offline_policy=OfflinePolicy.WAIT)
    await bench.submit(second, WaitFor.STATION_ANSWER)
    await restarts(bench)
    await bench.connector("Available")
    await restarted(bench, first)
    await bench.skip(700)
    outcome = await bench.outcome(second)
    assert outcome.code is Code.UNKNOWN, outcome


async def test_a_gateway_that_dies_with_a_reset_loses_nothing(bench: Bench) -> None:
    command = await resetting(bench, dies(after_intent=True))
    await restarts(bench)
    await bench.connector("Available")
    await restarted(bench, command)
    assert len(bench.gateway.frames) == 1


async def test_a_rejected_reset_ends_with_the_stations_word(bench: Bench) -> None:
    command = await resetting(bench, answers(rejected("Busy")))
    outcome = await bench.outcome(command)
    assert is_ending(outcome, Code.REJECTED, Cause.STATION_REJECTED)


async def test_an_accepted_reset_of_a_station_that_stays_is_no_effect(bench: Bench) -> None:
    command = await resetting(bench, answers(accepted()))
    await bench.skip(601)
    outcome = await bench.outcome(command)
    assert is_ending(outcome, Code.NO_EFFECT, Cause.STATION_DID_NOT_RESTART)


async def test_a_reconnect_without_a_boot_confirms_nothing(bench: Bench) -> None:
    command = await resetting(bench, answers(accepted()))
    await bench.disconnect()
    await bench.skip(20)
    await bench.connect(boot=None)
    await bench.skip(600)
    outcome = await bench.outcome(command)
    assert is_ending(outcome, Code.UNKNOWN, Cause.RESTART_NOT_CONFIRMED)


async def test_a_boot_that_was_triggered_is_no_restart(bench: Bench) -> None:
    await bench.connect("2.0.1")
    command = await resetting(bench, answers(accepted()))
    await bench.boots("Triggered")
    await bench.skip(601)
    outcome = await bench.outcome(command)
    assert is_ending(outcome, Code.NO_EFFECT, Cause.STATION_DID_NOT_RESTART)


async def test_a_late_boot_raises_an_unknown_reset(bench: Bench) -> None:
    command = await resetting(bench, answers(accepted()))
    await bench.disconnect()
    await bench.skip(601)
    done = await bench.until(command, lambda c: c.state is State.DONE)
    assert is_ending(done.outcome, Code.UNKNOWN, Cause.OFFLINE_AT_DEADLINE)
    await bench.connect(boot=None)
    await bench.boots()
    await bench.connector("Available")
    await bench.until(command, lambda c: has_code(c, Code.SUCCEEDED))
    assert (await bench.end_of(command)).outcome.cause == Cause.STATION_RESTARTED


async def test_a_reset_waits_for_an_offline_station(bench: Bench) -> None:
    await bench.disconnect()
    bench.gateway.plays = [answers(accepted())]
    command = await bench.reset_command(offline_policy=OfflinePolicy.WAIT)
    await bench.submit(command)
    assert (await bench.seen(command)).state is State.QUEUED
    await bench.connect()
    await bench.until(command, lambda c: c.state is State.AWAITING_EFFECT)
    await restarts(bench)
    await restarted(bench, command)


async def test_cancelling_a_reset_after_it_was_sent_is_noted(bench: Bench) -> None:
    command = await resetting(bench, answers(accepted()))
    await bench.cancel(command)
    seen = await bench.seen(command)
    assert (seen.state, seen.cancel_reason) == (State.AWAITING_EFFECT, "driver left")
    await restarts(bench)
    await bench.connector("Available")
    await restarted(bench, command)


async def test_a_scheduled_reset_is_followed_for_days(bench: Bench) -> None:
    await bench.connect("2.0.1")
    session = await bench.session_event("Started", "T-1")
    command = await resetting(bench, answers(SCHEDULED))
    await bench.skip(6)
    await bench.until(command, lambda c: "last session" in c.progress)
    await bench.skip(5 * DAY_S)
    assert (await bench.seen(command)).state is State.AWAITING_EFFECT
    await bench.session_event("Ended", "T-1", stop_reason="EVDisconnected")
    await restarts(bench, "ScheduledReset")
    await bench.connector("Available")
    facts = await restarted(bench, command)
    assert (facts.scheduled, facts.boot_reason) == (True, "ScheduledReset")
    assert facts.ended == (session.name,)
    assert len((await bench.handle(command).fetch_history()).events) < 250


async def test_one_evse_restarts_without_a_boot(bench: Bench) -> None:
    await bench.connect("2.0.1")
    command = await resetting(bench, answers(accepted()), evse_id=1)
    await bench.connector("Unavailable", "Available")
    outcome = await bench.outcome(command)
    assert is_ending(outcome, Code.SUCCEEDED, Cause.EVSE_RESTARTED)
    assert outcome.reset is not None
    assert outcome.reset.evse_id == 1


async def test_one_evse_that_tells_nothing_is_unknown(bench: Bench) -> None:
    await bench.connect("2.0.1")
    command = await resetting(bench, answers(accepted()), evse_id=1)
    await bench.skip(601)
    outcome = await bench.outcome(command)
    assert is_ending(outcome, Code.UNKNOWN, Cause.RESTART_NOT_CONFIRMED)
