"""StopSession from acceptance to the truth, with time skipped."""

import pytest

from contract.questions import AskStationResult
from domain.evidence.proof import SIGNS, Sign
from domain.model.command import Code, Command, State, WaitFor
from domain.model.outcomes import Cause
from domain.model.specs import OfflinePolicy
from fleet.transactions.rows import Transaction
from tests.support.benches.command_bench import Bench, rejected
from tests.support.scripted_gateway import Play, accepted, answers, has_code, is_ending, loses

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def running_session(bench: Bench) -> Transaction:
    return await bench.session_starts()


async def stopping(bench: Bench, wire_id: str, *plays: Play) -> Command:
    """A stop for which the station's part is written in `plays`, answered or lost by now."""
    bench.gateway.plays = list(plays)
    command = await bench.stop_command(wire_id, offline_policy=OfflinePolicy.WAIT)
    await bench.submit(command, WaitFor.STATION_ANSWER)
    return command


async def test_stop_succeeds_when_the_session_ends(bench: Bench) -> None:
    session = await running_session(bench)
    command = await stopping(bench, session.ocpp_transaction_id, answers(accepted()))
    await bench.session_ends(session)
    outcome = await bench.outcome(command)
    assert is_ending(outcome, Code.SUCCEEDED, Cause.SESSION_STOPPED)
    assert outcome.session is not None
    assert outcome.session.meter_stop_wh == 2000


async def test_a_session_that_ended_before_is_success_and_nothing_is_sent(bench: Bench) -> None:
    session = await running_session(bench)
    await bench.session_ends(session, "Local")
    command = await stopping(bench, session.ocpp_transaction_id)
    assert is_ending(await bench.outcome(command), Code.SUCCEEDED, Cause.ALREADY_ENDED)
    assert bench.gateway.frames == []


async def test_accepted_and_still_running_is_no_effect(bench: Bench) -> None:
    session = await running_session(bench)
    command = await stopping(bench, session.ocpp_transaction_id, answers(accepted()))
    await bench.skip(20)
    await bench.session_lives(session)
    await bench.skip(41)
    assert is_ending(await bench.outcome(command), Code.NO_EFFECT, Cause.SESSION_KEEPS_RUNNING)


async def test_rejected_stop_of_a_session_that_ended_meanwhile_is_success(bench: Bench) -> None:
    session = await running_session(bench)

    async def ends() -> None:
        await bench.session_ends(session, "EVDisconnected")

    command = await stopping(bench, session.ocpp_transaction_id, answers(rejected(), before=ends))
    assert (await bench.outcome(command)).code is Code.SUCCEEDED


async def test_rejected_stop_asks_the_station_before_it_is_rejected(bench: Bench) -> None:
    bench.gateway.reply = AskStationResult(asked=True)
    session = await running_session(bench)
    command = await stopping(bench, session.ocpp_transaction_id, answers(rejected()))
    await bench.skip(12)
    await bench.session_lives(session)
    await bench.skip(6)
    assert is_ending(await bench.outcome(command), Code.REJECTED, Cause.STATION_REJECTED)
    assert len(bench.gateway.asked) == 2


async def test_a_session_metered_under_another_id_is_stopped_by_its_real_id(
    bench: Bench,
) -> None:
    session = await running_session(bench)

    async def meters() -> None:
        await bench.metered("77")

    bench.gateway.reply, bench.gateway.on_ask = AskStationResult(asked=True), meters
    command = await stopping(
        bench, session.ocpp_transaction_id, answers(rejected()), answers(accepted())
    )
    await bench.until(command, lambda c: len(bench.gateway.frames) == 2)
    await bench.session_ends_by_id("77")
    assert is_ending(await bench.outcome(command), Code.SUCCEEDED, Cause.SESSION_STOPPED)
    assert [
        frame.stop.found_ocpp_transaction_id for frame in bench.gateway.frames if frame.stop
    ] == [
        session.ocpp_transaction_id,
        "77",
    ]


async def test_lost_answer_of_a_stop_is_repeated_while_the_session_runs(bench: Bench) -> None:
    session = await running_session(bench)
    command = await stopping(bench, session.ocpp_transaction_id, loses(), answers(accepted()))
    assert has_code(await bench.seen(command), Code.UNKNOWN)
    await bench.skip(6)
    await bench.until(command, lambda c: len(bench.gateway.frames) == 2)
    await bench.session_ends(session)
    assert is_ending(await bench.outcome(command), Code.SUCCEEDED, Cause.SESSION_STOPPED)


async def test_lost_answer_of_a_stop_is_resolved_by_the_end_of_the_session(bench: Bench) -> None:
    session = await running_session(bench)
    command = await stopping(bench, session.ocpp_transaction_id, loses())
    await bench.session_ends(session)
    assert (await bench.outcome(command)).code is Code.SUCCEEDED
    assert len(bench.gateway.frames) == 1


async def test_an_id_that_we_never_heard_of_is_sent_and_stays_unknown_without_facts(
    bench: Bench,
) -> None:
    command = await stopping(bench, "4711", answers(accepted()))
    await bench.skip(61)
    assert is_ending(await bench.outcome(command), Code.UNKNOWN, Cause.STOP_NOT_CONFIRMED)


async def test_the_late_end_of_a_session_raises_an_unknown_stop(bench: Bench) -> None:
    command = await stopping(bench, "4712", answers(accepted()))
    await bench.skip(61)
    assert (await bench.outcome(command)).code is Code.UNKNOWN
    await bench.session_ends_by_id("4712")
    await bench.until(command, lambda c: has_code(c, Code.SUCCEEDED))


async def test_a_stop_on_2_0_1_believes_the_station_that_nothing_is_running(
    bench: Bench,
) -> None:
    await bench.connect("2.0.1")
    await bench.session_event("Started", "T-9")
    bench.gateway.reply = AskStationResult(asked=True, ongoing=False, messages_in_queue=False)
    command = await stopping(bench, "T-9", answers(rejected()))
    assert is_ending(await bench.outcome(command), Code.SUCCEEDED, Cause.ALREADY_ENDED)


async def test_a_refused_stop_of_a_session_that_nobody_knows_is_no_success(bench: Bench) -> None:
    await bench.connect("2.0.1")
    bench.gateway.reply = AskStationResult(asked=True, ongoing=False, messages_in_queue=False)
    command = await stopping(bench, "T-8", answers(rejected()))
    assert is_ending(await bench.outcome(command), Code.REJECTED, Cause.STATION_REJECTED)


async def test_cancelling_a_stop_after_it_was_sent_changes_nothing(bench: Bench) -> None:
    session = await running_session(bench)
    command = await stopping(bench, session.ocpp_transaction_id, answers(accepted()))
    await bench.cancel(command)
    seen = await bench.seen(command)
    assert (seen.state, seen.cancel_reason) == (State.AWAITING_EFFECT, "driver left")
    await bench.session_ends(session)
    assert (await bench.outcome(command)).code is Code.SUCCEEDED


async def test_a_boot_after_an_accepted_stop_makes_its_effect_unknown(bench: Bench) -> None:
    session = await running_session(bench)
    command = await stopping(bench, session.ocpp_transaction_id, answers(accepted()))
    await bench.boots("PowerUp")
    await bench.skip(61)
    outcome = await bench.outcome(command)
    assert is_ending(outcome, Code.UNKNOWN, Cause.STOP_NOT_CONFIRMED)
    assert SIGNS[Sign.BOOTED] in outcome.message


async def test_a_boot_that_was_asked_for_says_nothing_about_a_session(bench: Bench) -> None:
    session = await running_session(bench)
    command = await stopping(bench, session.ocpp_transaction_id, answers(accepted()))
    await bench.boots("Triggered")
    await bench.skip(12)
    await bench.session_lives(session)
    await bench.skip(50)
    assert is_ending(await bench.outcome(command), Code.NO_EFFECT, Cause.SESSION_KEEPS_RUNNING)


async def test_a_place_that_is_finishing_makes_a_stop_without_an_end_unknown(bench: Bench) -> None:
    session = await running_session(bench)
    command = await stopping(bench, session.ocpp_transaction_id, answers(accepted()))
    await bench.connector("Charging", "Finishing")
    await bench.skip(61)
    outcome = await bench.outcome(command)
    assert is_ending(outcome, Code.UNKNOWN, Cause.STOP_NOT_CONFIRMED)


async def test_an_end_that_follows_the_question_at_the_deadline_is_success(bench: Bench) -> None:
    session = await running_session(bench)

    async def ends() -> None:
        await bench.session_ends(session)

    bench.gateway.reply, bench.gateway.on_ask = AskStationResult(asked=True), ends
    command = await stopping(bench, session.ocpp_transaction_id, answers(accepted()))
    await bench.skip(62)
    assert is_ending(await bench.outcome(command), Code.SUCCEEDED, Cause.SESSION_STOPPED)
    assert len(bench.gateway.asked) == 1
