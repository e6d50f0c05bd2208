"""StartSession from acceptance to the truth, with time skipped."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from contract.questions import AskStationResult
from domain.model.answers import StationAnswer, Verdict
from domain.model.command import Code, Command, CompensationState, State, WaitFor
from domain.model.outcomes import Cause
from tests.support.benches.command_bench import Bench, rejected
from tests.support.scripted_gateway import (
    Held,
    Play,
    accepted,
    answers,
    call_error,
    is_ending,
    loses,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

CABLE_S = 60
MARGIN_S = 15


async def submitted(bench: Bench, *plays: Play, **changed: object) -> Command:
    """A start for which the station's part is written in `plays`, answered or lost by now."""
    bench.gateway.plays = list(plays)
    command = await bench.start_command(**changed)
    await bench.submit(command, WaitFor.STATION_ANSWER)
    return command


async def test_start_succeeds_with_the_transaction_id_of_its_session(bench: Bench) -> None:
    command = await submitted(bench, answers(accepted()))
    session = await bench.session_starts()
    outcome = await bench.outcome(command)
    assert is_ending(outcome, Code.SUCCEEDED, Cause.SESSION_STARTED)
    assert outcome.session is not None
    assert outcome.session.transaction == session.name
    assert outcome.session.ocpp_transaction_id == session.ocpp_transaction_id


async def test_accepted_and_then_nothing_is_no_effect_at_the_stations_own_timeout(
    bench: Bench,
) -> None:
    command = await submitted(bench, answers(accepted()))
    await bench.skip(CABLE_S + MARGIN_S - 2)
    assert (await bench.seen(command)).state is State.AWAITING_EFFECT
    await bench.skip(3)
    outcome = await bench.outcome(command)
    assert is_ending(outcome, Code.NO_EFFECT, Cause.NO_CABLE_OR_NO_TRANSACTION)


async def test_rejected_start_ends_with_the_stations_own_words(bench: Bench) -> None:
    command = await submitted(bench, answers(rejected("NoCable")))
    outcome = await bench.outcome(command)
    assert is_ending(outcome, Code.REJECTED, Cause.STATION_REJECTED)
    assert "NoCable" in outcome.message


@pytest.mark.parametrize(
    ("code", "verdict", "ends"),
    [
        ("InternalError", Verdict.FAILED, (Code.UNKNOWN, Cause.STATION_ERROR)),
        ("FormationViolation", Verdict.REJECTED, (Code.REJECTED, Cause.CALL_ERROR)),
        ("SecurityError", Verdict.REJECTED, (Code.REJECTED, Cause.CALL_ERROR)),
        (
            "NotImplemented",
            Verdict.NOT_SUPPORTED,
            (Code.NOT_SUPPORTED, Cause.COMMAND_NOT_SUPPORTED),
        ),
    ],
)
async def test_call_error_of_each_class_is_told_with_its_code(
    bench: Bench, code: str, verdict: Verdict, ends: tuple[Code, Cause]
) -> None:
    command = await submitted(bench, answers(call_error(code, verdict)))
    await bench.skip(MARGIN_S + 1)  # an error of its own is not believed at once
    outcome = await bench.outcome(command)
    assert is_ending(outcome, *ends)
    assert code in outcome.message


async def test_unreadable_answer_is_unknown_unless_facts_say_more(bench: Bench) -> None:
    command = await submitted(bench, answers(StationAnswer(Verdict.UNREADABLE)))
    assert (await bench.seen(command)).state is State.AWAITING_EFFECT
    await bench.skip(CABLE_S + MARGIN_S + 1)
    assert is_ending(await bench.outcome(command), Code.UNKNOWN, Cause.ANSWER_UNREADABLE)


async def test_unreadable_answer_is_resolved_by_the_session(bench: Bench) -> None:
    command = await submitted(bench, answers(StationAnswer(Verdict.UNREADABLE)))
    await bench.session_starts()
    assert is_ending(await bench.outcome(command), Code.SUCCEEDED, Cause.SESSION_STARTED)


async def test_start_transaction_before_the_answer_counts(bench: Bench) -> None:
    play = answers(accepted(), before=bench.session_starts)
    command = await submitted(bench, play)
    assert is_ending(await bench.outcome(command), Code.SUCCEEDED, Cause.SESSION_STARTED)


async def test_answer_after_timeout_is_used(bench: Bench) -> None:
    command = await submitted(bench, loses("ANSWER_TIMEOUT"))
    await bench.skip(10)
    frame, send = bench.gateway.frames[0], bench.gateway.sent[0]
    await bench.gateway.answer(frame, send, rejected(), late=True)
    outcome = await bench.outcome(command)
    assert is_ending(outcome, Code.REJECTED, Cause.STATION_REJECTED)


async def test_lost_answer_is_resolved_by_facts_and_the_frame_is_not_sent_again(
    bench: Bench,
) -> None:
    command = await submitted(bench, loses())
    shown = await bench.seen(command)
    assert is_ending(shown.outcome, Code.UNKNOWN, Cause.CONNECTION_LOST_AFTER_SEND)
    assert shown.state is State.AWAITING_EFFECT
    await bench.skip(20)
    await bench.session_starts()
    assert is_ending(await bench.outcome(command), Code.SUCCEEDED, Cause.SESSION_STARTED)
    assert len(bench.gateway.frames) == 1


async def test_lost_answer_without_any_fact_stays_unknown_on_1_6(bench: Bench) -> None:
    bench.gateway.reply = AskStationResult(asked=True, detail="The connector is Preparing.")
    command = await submitted(bench, loses())
    await bench.skip(CABLE_S + MARGIN_S + 1)
    outcome = await bench.outcome(command)
    assert is_ending(outcome, Code.UNKNOWN, Cause.CONNECTION_LOST_AFTER_SEND)
    assert "Preparing" in outcome.message
    assert len(bench.gateway.asked) == 1


async def test_lost_answer_is_disproved_on_2_0_1_by_asking(bench: Bench) -> None:
    await bench.connect("2.0.1")
    bench.gateway.reply = AskStationResult(asked=True, messages_in_queue=False)
    command = await submitted(bench, loses())
    await bench.skip(CABLE_S + MARGIN_S + 1)
    outcome = await bench.outcome(command)
    assert is_ending(outcome, Code.NO_EFFECT, Cause.NO_CABLE_OR_NO_TRANSACTION)


async def test_offline_replay_with_a_1970_clock_does_not_satisfy_a_new_command(
    bench: Bench,
) -> None:
    command = await submitted(bench, answers(accepted()))
    await bench.session_starts(started=datetime(1970, 1, 1, tzinfo=UTC), clock_suspect=True)
    await bench.skip(CABLE_S + MARGIN_S + 1)
    outcome = await bench.outcome(command)
    assert is_ending(outcome, Code.UNKNOWN, Cause.SESSION_DOUBTFUL)


@pytest.mark.parametrize(
    ("slack_s", "code", "cause"),
    [
        pytest.param(2.0, Code.NO_EFFECT, Cause.NO_CABLE_OR_NO_TRANSACTION, id="a known clock"),
        pytest.param(None, Code.UNKNOWN, Cause.SESSION_DOUBTFUL, id="a clock that may be behind"),
    ],
)
async def test_an_old_replayed_session_that_ended_does_not_matter_where_the_clock_is_known(
    bench: Bench, slack_s: float | None, code: Code, cause: Cause
) -> None:
    command = await submitted(bench, answers(accepted()))
    hour_ago = await bench.now() - timedelta(hours=1)
    session = await bench.session_starts(started=hour_ago, start_slack_s=slack_s)
    await bench.session_ends(session, stopped=hour_ago + timedelta(minutes=5))
    await bench.skip(CABLE_S + MARGIN_S + 1)
    assert is_ending(await bench.outcome(command), code, cause)


async def test_a_session_that_we_refused_is_no_effect(bench: Bench) -> None:
    command = await submitted(bench, answers(accepted()))
    session = await bench.session_starts(authorized=False)
    await bench.session_ends(session, "Local")
    outcome = await bench.outcome(command)
    assert is_ending(outcome, Code.NO_EFFECT, Cause.AUTHORIZATION_REFUSED)


async def test_a_session_that_goes_on_although_its_token_was_refused_is_not_denied(
    bench: Bench,
) -> None:
    command = await submitted(bench, answers(accepted()))
    session = await bench.session_starts(authorized=False)
    await bench.skip(16)
    assert is_ending(await bench.outcome(command), Code.UNKNOWN, Cause.SESSION_DOUBTFUL)
    await bench.session_ends(session, "Local")
    await bench.skip(1)
    assert is_ending(await bench.outcome(command), Code.UNKNOWN, Cause.SESSION_DOUBTFUL)


async def test_the_connector_that_stops_waiting_ends_the_start_early(bench: Bench) -> None:
    command = await submitted(bench, answers(accepted()))
    await bench.skip(1)
    await bench.connector("Preparing", "Available")
    assert is_ending(await bench.outcome(command), Code.NO_EFFECT, Cause.CABLE_WAIT_ENDED)


async def test_a_session_opened_before_the_cable_waits_for_the_car(bench: Bench) -> None:
    await bench.connect("2.0.1")
    command = await submitted(bench, answers(accepted()))
    told = {"remote_start_id": bench.gateway.sent[0].id}
    await bench.session_event("Started", "T-1", charging_state="Idle", **told)
    waiting = await bench.until(command, lambda c: "cable" in c.progress)
    assert waiting.state is State.AWAITING_EFFECT
    await bench.session_event("Updated", "T-1", charging_state="Charging", **told)
    outcome = await bench.outcome(command)
    assert outcome.session is not None
    assert outcome.session.ocpp_transaction_id == "T-1"


async def test_a_session_that_ends_for_want_of_a_car_is_no_effect(bench: Bench) -> None:
    await bench.connect("2.0.1")
    command = await submitted(bench, answers(accepted()))
    told = {"remote_start_id": bench.gateway.sent[0].id}
    await bench.session_event("Started", "T-2", charging_state="Idle", **told)
    await bench.session_event("Ended", "T-2", stop_reason="Timeout", **told)
    assert is_ending(await bench.outcome(command), Code.NO_EFFECT, Cause.CABLE_WAIT_ENDED)


@pytest.mark.parametrize("reason", ["Timeout", "DeAuthorized"])
async def test_a_session_that_charged_had_begun_whatever_word_ended_it(
    bench: Bench, reason: str
) -> None:
    await bench.connect("2.0.1")
    command = await submitted(bench, answers(accepted()))
    told = {"remote_start_id": bench.gateway.sent[0].id}
    over = {"seq_no": 9, "charging_state": "Idle", "stop_reason": reason}
    await bench.session_event("Ended", "T-2", **over, **told)
    await bench.session_event("Updated", "T-2", seq_no=8, charging_state="Charging", **told)
    outcome = await bench.outcome(command)
    assert is_ending(outcome, Code.SUCCEEDED, Cause.SESSION_STARTED_AND_ENDED)


async def test_cable_first_on_2_0_1_succeeds_with_the_running_transaction(bench: Bench) -> None:
    await bench.connect("2.0.1")
    await bench.session_event("Started", "T-3", token_digest=None, charging_state="EVConnected")
    command = await submitted(bench, answers(accepted(transaction_id="T-3")))
    told = {"remote_start_id": bench.gateway.sent[0].id}
    await bench.session_event("Updated", "T-3", charging_state="Charging", **told)
    outcome = await bench.outcome(command)
    assert is_ending(outcome, Code.SUCCEEDED, Cause.SESSION_STARTED)


async def test_a_session_that_names_no_request_of_ours_forbids_to_say_nothing(bench: Bench) -> None:
    await bench.connect("2.0.1")
    command = await submitted(bench, answers(accepted()))
    wrong = bench.gateway.sent[0].id + 1_000
    await bench.session_event("Started", "T-4", charging_state="Charging", remote_start_id=wrong)
    await bench.skip(CABLE_S + MARGIN_S + 1)
    assert is_ending(await bench.outcome(command), Code.UNKNOWN, Cause.SESSION_DOUBTFUL)


async def test_a_station_that_agreed_and_went_offline_is_unknown(bench: Bench) -> None:
    command = await submitted(bench, answers(accepted()))
    await bench.disconnect()
    await bench.skip(CABLE_S + MARGIN_S + 1)
    assert is_ending(await bench.outcome(command), Code.UNKNOWN, Cause.OFFLINE_AT_DEADLINE)


async def test_late_report_of_a_session_within_the_commands_time_raises_unknown(
    bench: Bench,
) -> None:
    command = await submitted(bench, answers(accepted()))
    began = await bench.now() + timedelta(seconds=20)
    await bench.disconnect()
    await bench.skip(CABLE_S + MARGIN_S + 1)
    assert (await bench.outcome(command)).code is Code.UNKNOWN
    await bench.connect()
    await bench.session_starts(started=began)
    raised = await bench.until(
        command, lambda c: c.outcome is not None and c.outcome.code is Code.SUCCEEDED
    )
    assert raised.compensation.state is CompensationState.NONE


async def test_a_session_that_starts_after_giving_up_is_stopped(bench: Bench) -> None:
    command = await submitted(bench, answers(accepted()), answers(accepted()))
    await bench.skip(CABLE_S + MARGIN_S + 1)
    assert (await bench.outcome(command)).code is Code.NO_EFFECT
    session = await bench.session_starts()
    await bench.until(command, lambda c: c.compensation.state is CompensationState.PENDING)
    await bench.session_ends(session)
    ended = await bench.until(command, lambda c: c.compensation.state is CompensationState.DONE)
    assert ended.compensation.ocpp_transaction_id == session.ocpp_transaction_id
    assert ended.outcome is not None
    assert ended.outcome.code is Code.NO_EFFECT
    undo = bench.gateway.frames[1]
    assert undo.undo
    assert undo.stop is not None
    assert undo.stop.found_ocpp_transaction_id == session.ocpp_transaction_id


async def test_an_unwanted_session_that_will_not_stop_is_told_as_failed(bench: Bench) -> None:
    command = await submitted(bench, answers(accepted()), *[answers(rejected())] * 5)
    await bench.skip(CABLE_S + MARGIN_S + 1)
    await bench.outcome(command)
    await bench.session_starts()
    await bench.until(command, lambda c: c.compensation.state is CompensationState.PENDING)
    result = await bench.end_of(command)
    assert result.compensation.state is CompensationState.FAILED
    assert len(bench.gateway.frames) == 6


async def test_the_session_of_a_newer_command_is_never_stopped_by_an_older_one(
    bench: Bench,
) -> None:
    older = await submitted(bench, answers(accepted()))
    await bench.skip(CABLE_S + MARGIN_S + 1)
    await bench.outcome(older)
    newer = await submitted(bench, answers(accepted()))
    await bench.session_starts()
    assert (await bench.outcome(newer)).code is Code.SUCCEEDED
    await bench.end_of(older)
    assert (await bench.seen(older)).compensation.state is CompensationState.NONE
    assert len(bench.gateway.frames) == 2


async def test_the_guard_ends_and_nothing_is_open_any_longer(bench: Bench) -> None:
    command = await submitted(bench, answers(accepted()))
    result = await bench.end_of(command)
    assert is_ending(result.outcome, Code.NO_EFFECT, Cause.NO_CABLE_OR_NO_TRANSACTION)
    assert await bench.open_sends() == []


async def test_the_same_request_by_20_callers_at_once_and_afterwards_is_one_frame(
    real_bench: Bench,
) -> None:
    real_bench.gateway.plays = [answers(rejected())]
    command = await real_bench.start_command()
    await asyncio.gather(*(real_bench.submit(command, WaitFor.STATION_ANSWER) for _ in range(20)))
    await real_bench.handle(command).result()
    await real_bench.submit(command, WaitFor.STATION_ANSWER)
    assert len(real_bench.gateway.frames) == 1


async def test_a_session_that_is_reported_while_the_answer_is_out_is_told(bench: Bench) -> None:
    held = Held(intend_first=True, answer=accepted())
    bench.gateway.plays = [held]
    command = await bench.start_command()
    await bench.submit(command, WaitFor.SUBMITTED)
    await held.reached.wait()
    session = await bench.session_starts()
    await bench.skip(1)
    outcome = await bench.outcome(command)
    held.go_on.set()
    assert is_ending(outcome, Code.SUCCEEDED, Cause.SESSION_STARTED)
    assert outcome.session is not None
    assert outcome.session.ocpp_transaction_id == session.ocpp_transaction_id


async def test_a_session_that_begins_after_a_refusal_is_stopped_by_a_run_of_its_own(
    bench: Bench,
) -> None:
    command = await submitted(bench, answers(rejected()), answers(accepted()))
    assert (await bench.outcome(command)).code is Code.REJECTED
    await bench.end_of(command)
    session = await bench.session_starts()
    await bench.until(command, lambda c: c.compensation.state is CompensationState.PENDING)
    await bench.session_ends(session)
    ended = await bench.until(command, lambda c: c.compensation.state is CompensationState.DONE)
    assert ended.outcome is not None
    assert ended.outcome.code is Code.REJECTED
    stop = bench.gateway.frames[1]
    assert stop.undo
    assert stop.attempt > bench.gateway.frames[0].attempt
