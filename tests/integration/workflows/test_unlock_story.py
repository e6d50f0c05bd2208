"""UnlockConnector from acceptance to the truth, and the session that it stops first."""

import pytest

from contract.commands import SendFrameInput, SendFrameResult
from contract.questions import AskStationResult
from domain.model.answers import StationAnswer, Verdict
from domain.model.command import Code, Command, State, WaitFor
from domain.model.outcomes import Cause
from domain.model.specs import Kind, OfflinePolicy
from fleet.transactions.rows import Transaction
from tests.support.benches.command_bench import Bench, rejected
from tests.support.scripted_gateway import (
    Held,
    Play,
    accepted,
    answers,
    dies,
    has_code,
    is_ending,
    loses,
    not_sent,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

UNLOCKED = StationAnswer(Verdict.ACCEPTED, "Unlocked")
FAILED = StationAnswer(Verdict.FAILED, "UnlockFailed")
RUNNING = StationAnswer(Verdict.REJECTED, "OngoingAuthorizedTransaction")
UNKNOWN_CONNECTOR = StationAnswer(Verdict.REJECTED, "UnknownConnector")
NOT_SUPPORTED = StationAnswer(Verdict.NOT_SUPPORTED, "NotSupported")


async def unlocking(bench: Bench, *plays: Play, stop_first: bool = False) -> Command:
    bench.gateway.plays = list(plays)
    command = await bench.unlock_command(stop_first=stop_first)
    await bench.submit(command)
    return command


def frames(bench: Bench) -> list[Kind]:
    return [frame.kind for frame in bench.gateway.frames]


async def stopping_first(bench: Bench, *plays: Play) -> tuple[Command, Transaction]:
    """An unlock whose session was told to stop by now."""
    session = await bench.session_starts()
    command = await unlocking(bench, *plays, stop_first=True)
    await bench.until(command, lambda c: c.state is not State.QUEUED)
    return command, session


@pytest.mark.parametrize(
    ("answer", "code", "cause"),
    [
        (UNLOCKED, Code.SUCCEEDED, Cause.CONNECTOR_UNLOCKED),
        (FAILED, Code.NO_EFFECT, Cause.UNLOCK_FAILED),
        (RUNNING, Code.REJECTED, Cause.SESSION_RUNNING),
        (UNKNOWN_CONNECTOR, Code.REJECTED, Cause.UNKNOWN_CONNECTOR),
        (NOT_SUPPORTED, Code.NOT_SUPPORTED, Cause.COMMAND_NOT_SUPPORTED),
    ],
    ids=lambda value: value.status if isinstance(value, StationAnswer) else "",
)
async def test_unlock_ends_as_the_station_answers(
    bench: Bench, answer: StationAnswer, code: Code, cause: Cause
) -> None:
    command = await unlocking(bench, answers(answer))
    assert is_ending(await bench.outcome(command), code, cause)
    assert (await bench.seen(command)).station_answer == answer
    assert frames(bench) == [Kind.UNLOCK_CONNECTOR]


async def test_lost_answer_of_an_unlock_is_unknown_at_once_and_never_sent_again(
    bench: Bench,
) -> None:
    command = await unlocking(bench, loses())
    outcome = await bench.outcome(command)
    assert is_ending(outcome, Code.UNKNOWN, Cause.CONNECTION_LOST_AFTER_SEND)
    await bench.end_of(command)
    assert frames(bench) == [Kind.UNLOCK_CONNECTOR]


async def test_late_answer_raises_an_unknown_unlock(bench: Bench) -> None:
    command = await unlocking(bench, loses("ANSWER_TIMEOUT"))
    assert has_code(await bench.until(command, lambda c: c.state is State.DONE), Code.UNKNOWN)
    sent, request = bench.gateway.sent[0], bench.gateway.frames[0]
    await bench.gateway.answer(request, sent, UNLOCKED, late=True)
    raised = await bench.until(command, lambda c: has_code(c, Code.SUCCEEDED))
    assert is_ending(raised.outcome, Code.SUCCEEDED, Cause.CONNECTOR_UNLOCKED)
    assert (await bench.end_of(command)).outcome.code is Code.SUCCEEDED


async def test_cancelling_an_unlock_after_it_was_sent_is_noted(bench: Bench) -> None:
    held = Held(intend_first=True, answer=UNLOCKED)
    command = await unlocking(bench, held)
    await held.reached.wait()
    await bench.cancel(command)
    assert (await bench.seen(command)).cancel_reason == "driver left"
    held.go_on.set()
    assert is_ending(await bench.outcome(command), Code.SUCCEEDED, Cause.CONNECTOR_UNLOCKED)


# --- the session that is stopped first


async def test_stop_first_ends_the_session_and_then_unlocks(bench: Bench) -> None:
    command, session = await stopping_first(bench, answers(accepted()), answers(UNLOCKED))
    await bench.until(command, lambda c: c.progress.startswith("Stopping the session first"))
    await bench.session_ends(session)
    outcome = await bench.outcome(command)
    assert is_ending(outcome, Code.SUCCEEDED, Cause.CONNECTOR_UNLOCKED)
    assert outcome.session is not None
    assert outcome.session.ocpp_transaction_id == session.ocpp_transaction_id
    assert outcome.session.meter_stop_wh == 2000
    assert frames(bench) == [Kind.STOP_SESSION, Kind.UNLOCK_CONNECTOR]
    stop = bench.gateway.frames[0].stop
    assert stop is not None
    assert stop.found_ocpp_transaction_id == session.ocpp_transaction_id


async def test_stop_first_without_a_session_unlocks_straight_away(bench: Bench) -> None:
    command = await unlocking(bench, answers(UNLOCKED), stop_first=True)
    assert (await bench.outcome(command)).code is Code.SUCCEEDED
    assert frames(bench) == [Kind.UNLOCK_CONNECTOR]


async def test_without_stop_first_nothing_is_stopped_by_us(bench: Bench) -> None:
    await bench.session_starts()
    command = await unlocking(bench, answers(UNLOCKED))
    assert (await bench.outcome(command)).code is Code.SUCCEEDED
    assert frames(bench) == [Kind.UNLOCK_CONNECTOR]


async def test_stop_first_leaves_other_evses_alone(bench: Bench) -> None:
    await bench.session_starts(evse_id=2)
    command = await unlocking(bench, answers(UNLOCKED), stop_first=True)
    assert (await bench.outcome(command)).code is Code.SUCCEEDED
    assert frames(bench) == [Kind.UNLOCK_CONNECTOR]


async def test_the_end_of_the_session_before_the_answer_counts(bench: Bench) -> None:
    session = await bench.session_starts()

    async def ends() -> None:
        await bench.session_ends(session)

    stop = answers(rejected(), before=ends)
    command = await unlocking(bench, stop, answers(UNLOCKED), stop_first=True)
    assert (await bench.outcome(command)).code is Code.SUCCEEDED


async def test_lost_answer_of_the_first_stop_is_repeated_while_the_session_runs(
    bench: Bench,
) -> None:
    command, session = await stopping_first(bench, loses(), answers(accepted()), answers(UNLOCKED))
    await bench.until(command, lambda c: len(bench.gateway.frames) == 2)
    await bench.session_ends(session)
    assert (await bench.outcome(command)).code is Code.SUCCEEDED
    assert frames(bench) == [Kind.STOP_SESSION, Kind.STOP_SESSION, Kind.UNLOCK_CONNECTOR]


async def test_a_gateway_that_dies_with_the_first_stop_loses_nothing(bench: Bench) -> None:
    command, session = await stopping_first(bench, dies(after_intent=True), answers(UNLOCKED))
    assert (await bench.seen(command)).outcome is None
    await bench.session_ends(session)
    assert (await bench.outcome(command)).code is Code.SUCCEEDED


async def test_a_session_that_runs_on_keeps_the_connector_locked(bench: Bench) -> None:
    command, session = await stopping_first(bench, answers(accepted()))
    await bench.skip(12)
    await bench.session_lives(session)
    await bench.skip(50)
    outcome = await bench.outcome(command)
    assert is_ending(outcome, Code.NO_EFFECT, Cause.SESSION_KEEPS_RUNNING)
    assert frames(bench) == [Kind.STOP_SESSION]


async def test_a_refused_first_stop_keeps_the_connector_locked(bench: Bench) -> None:
    bench.gateway.reply = AskStationResult(asked=True)
    command, session = await stopping_first(bench, answers(rejected("Busy")))
    await bench.skip(12)
    await bench.session_lives(session)
    await bench.skip(6)
    outcome = await bench.outcome(command)
    assert is_ending(outcome, Code.NO_EFFECT, Cause.SESSION_KEEPS_RUNNING)
    assert "Busy" in outcome.message
    assert [ask.kind for ask in bench.gateway.asked] == [Kind.STOP_SESSION] * 2


async def test_an_unlock_whose_time_is_over_after_the_stop_says_what_was_done(
    bench: Bench,
) -> None:
    command, session = await stopping_first(bench, answers(accepted()))
    await bench.skip(59)
    bench.gateway.plays = [not_sent("NOT_AFTER_PASSED")]
    await bench.session_ends(session)
    outcome = await bench.outcome(command)
    assert is_ending(outcome, Code.NO_EFFECT, Cause.STOPPED_NOT_UNLOCKED)
    assert outcome.session is not None


async def test_a_station_that_is_lost_after_the_stop_is_not_unlocked(bench: Bench) -> None:
    command, session = await stopping_first(bench, answers(accepted()))
    await bench.disconnect()
    await bench.session_ends(session)
    outcome = await bench.outcome(command)
    assert is_ending(outcome, Code.NO_EFFECT, Cause.STOPPED_NOT_UNLOCKED)
    assert frames(bench) == [Kind.STOP_SESSION]


async def test_cancel_while_the_session_is_stopped_first_keeps_the_unlock_from_being_sent(
    bench: Bench,
) -> None:
    command, _ = await stopping_first(bench, answers(accepted()))
    await bench.cancel(command)
    outcome = await bench.outcome(command)
    assert is_ending(outcome, Code.CANCELLED, Cause.CANCELLED_BY_CALLER)
    assert "told to stop" in outcome.message
    assert frames(bench) == [Kind.STOP_SESSION]


async def test_cancel_while_the_first_stop_is_out_keeps_the_unlock_from_being_sent(
    bench: Bench,
) -> None:
    held = Held(intend_first=True, answer=accepted())
    session = await bench.session_starts()
    command = await unlocking(bench, held, stop_first=True)
    await held.reached.wait()
    await bench.cancel(command)
    held.go_on.set()
    outcome = await bench.outcome(command)
    assert is_ending(outcome, Code.CANCELLED, Cause.CANCELLED_BY_CALLER)
    await bench.session_ends(session)
    assert frames(bench) == [Kind.STOP_SESSION]


async def test_a_first_stop_that_nobody_wrote_down_is_still_followed(bench: Bench) -> None:
    async def forgets(gateway: object, request: SendFrameInput) -> SendFrameResult:
        bench.gateway.forgets = True
        sent = await bench.gateway.intend(request)
        result = await bench.gateway.answer(request, sent, accepted())
        bench.gateway.forgets = False
        return result

    command, session = await stopping_first(bench, forgets, answers(UNLOCKED))
    await bench.session_ends(session)
    assert (await bench.outcome(command)).code is Code.SUCCEEDED


async def test_stop_first_waits_for_an_offline_station_when_it_may(bench: Bench) -> None:
    session = await bench.session_starts()
    await bench.disconnect()
    bench.gateway.plays = [answers(accepted()), answers(UNLOCKED)]
    command = await bench.unlock_command(stop_first=True, offline_policy=OfflinePolicy.WAIT)
    await bench.submit(command)
    await bench.connect()
    await bench.until(command, lambda c: len(bench.gateway.frames) == 1)
    await bench.session_ends(session)
    assert (await bench.outcome(command)).code is Code.SUCCEEDED


async def test_the_caller_waits_for_the_answer_to_the_unlock_itself(bench: Bench) -> None:
    session = await bench.session_starts()

    async def ends() -> None:
        await bench.session_ends(session)

    bench.gateway.plays = [answers(accepted(), before=ends), answers(FAILED)]
    command = await bench.unlock_command(stop_first=True)
    await bench.submit(command, WaitFor.STATION_ANSWER)
    assert (await bench.seen(command)).station_answer == FAILED
