"""ReserveNow and CancelReservation that go wrong: lost, late, refused, cancelled. Nothing stays."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from contract.commands import SendFrameInput
from domain.model.answers import StationAnswer, Verdict
from domain.model.command import Code, Command, CompensationState, State, WaitFor
from domain.model.outcomes import Cause
from domain.model.specs import CancelReservationSpec, Kind, OfflinePolicy
from domain.reservations.reservation import ReservationState
from domain.reservations.transitions import EndCause
from fleet import reports
from fleet.reports import UntakenRow
from tests.support.benches.command_bench import Bench, rejected
from tests.support.benches.hold_bench import (
    cancel_command,
    passes,
    reservation,
    reserve_command,
    until,
)
from tests.support.scripted_gateway import (
    Held,
    Play,
    accepted,
    answers,
    call_error,
    has_code,
    loses,
    not_sent,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

OCCUPIED = StationAnswer(Verdict.REJECTED, "Occupied")


async def begun(bench: Bench, *plays: Play, **changed: Any) -> Command:
    bench.gateway.plays = list(plays)
    command = await reserve_command(bench, **changed)
    await bench.submit(command)
    return command


def kinds(bench: Bench) -> list[Kind]:
    return [frame.kind for frame in bench.gateway.frames]


async def test_a_lost_answer_is_asked_for_again_with_the_same_number(bench: Bench) -> None:
    command = await begun(bench, loses(), answers(accepted()))
    await passes(bench, command, lambda r: r.state is ReservationState.HELD, step_s=6)
    first, again = (frame.reserve for frame in bench.gateway.frames)
    assert first is not None
    assert again is not None
    assert first.wire_id == again.wire_id
    assert has_code(await bench.seen(command), Code.SUCCEEDED)


async def test_a_repeat_of_which_only_the_note_is_left_is_followed_by_another(bench: Bench) -> None:
    noted = not_sent(Cause.GATEWAY_UNREACHABLE.value, after_intent=True)
    command = await begun(bench, loses(), noted, answers(accepted()))
    await passes(bench, command, lambda r: r.state is ReservationState.HELD, step_s=10)
    assert has_code(await bench.seen(command), Code.SUCCEEDED)


async def test_an_answer_that_stays_lost_is_undone_at_the_station(bench: Bench) -> None:
    command = await begun(bench, loses(), loses(), loses(), answers(accepted()))
    known = await passes(bench, command, lambda r: r.ended)
    seen = await bench.seen(command)
    assert (known.state, known.cause) == (
        ReservationState.CANCELLED,
        EndCause.UNKNOWN_HOLD_UNDONE.value,
    )
    assert seen.outcome is not None
    assert seen.outcome.cause == Cause.HOLD_UNDONE
    assert seen.compensation.state is CompensationState.DONE
    assert kinds(bench) == [Kind.RESERVE_NOW] * 3 + [Kind.CANCEL_RESERVATION]


async def test_a_repeat_that_is_refused_is_not_believed_before_a_cancel(bench: Bench) -> None:
    command = await begun(bench, loses(), answers(OCCUPIED), answers(rejected()))
    known = await passes(bench, command, lambda r: r.ended, step_s=6)
    seen = await bench.seen(command)
    assert known.state is ReservationState.REFUSED
    assert seen.outcome is not None
    assert (seen.outcome.code, seen.outcome.cause) == (Code.REJECTED, Cause.EVSE_OCCUPIED.value)
    assert seen.compensation.state is CompensationState.DONE


async def test_a_refused_repeat_that_hid_a_hold_is_undone_and_says_so(bench: Bench) -> None:
    command = await begun(bench, loses(), answers(OCCUPIED), answers(accepted()))
    await passes(bench, command, lambda r: r.ended, step_s=6)
    seen = await bench.seen(command)
    assert seen.outcome is not None
    assert (seen.outcome.code, seen.outcome.cause) == (Code.NO_EFFECT, Cause.HOLD_UNDONE.value)


async def test_an_unknown_hold_is_cancelled_until_the_station_says_so(bench: Bench) -> None:
    lost = [loses(), loses(), loses()]
    command = await begun(
        bench,
        *lost,
        loses("ANSWER_TIMEOUT"),
        answers(call_error("InternalError")),
        answers(rejected()),
    )
    await passes(bench, command, lambda r: r.ended, step_s=20)
    seen = await bench.seen(command)
    assert seen.compensation.state is CompensationState.DONE
    assert kinds(bench).count(Kind.CANCEL_RESERVATION) == 3


async def test_an_unknown_hold_at_a_station_that_stays_away_is_not_told_as_undone(
    bench: Bench,
) -> None:
    command = await begun(bench, loses(), ttl=timedelta(minutes=30))
    await bench.until(command, lambda c: has_code(c, Code.UNKNOWN))
    await bench.disconnect()
    await bench.skip(70)
    seen = await bench.until(command, lambda c: c.state is State.DONE)
    assert has_code(seen, Code.UNKNOWN)
    assert seen.compensation.state is CompensationState.PENDING
    assert (await reservation(bench, command)).state is ReservationState.REQUESTED
    known = await passes(bench, command, lambda r: r.ended, step_s=600)
    assert (known.state, known.cause) == (ReservationState.EXPIRED, EndCause.USE_NOT_KNOWN.value)
    seen = await bench.seen(command)
    assert has_code(seen, Code.UNKNOWN)
    assert seen.compensation.state is CompensationState.FAILED
    bench.gateway.plays = [answers(accepted())]
    await bench.connect()
    await passes(bench, command, lambda _: kinds(bench)[-1] is Kind.CANCEL_RESERVATION)


async def test_a_hold_that_a_lost_report_may_have_used_ends_at_its_time(bench: Bench) -> None:
    async def is_reported_unreadably() -> None:
        report = UntakenRow("TransactionEvent", "invalid_payload", "", None, "", await bench.now())
        async with bench.db.write() as tx:
            await reports.add_untaken(tx, station=command.station, key="k1", report=report)

    command = await reserve_command(bench)
    no_such = answers(rejected(), before=is_reported_unreadably)
    bench.gateway.plays = [loses(), answers(OCCUPIED), no_such]
    await bench.submit(command)
    known = await passes(bench, command, lambda r: "holds nothing" in r.progress, step_s=6)
    assert known.state is ReservationState.REQUESTED
    seen = await bench.seen(command)
    assert has_code(seen, Code.UNKNOWN)
    assert seen.compensation.state is CompensationState.DONE
    known = await passes(bench, command, lambda r: r.ended, step_s=600)
    assert (known.state, known.cause) == (ReservationState.EXPIRED, EndCause.USE_NOT_KNOWN.value)
    assert known.end_time is not None
    assert known.end_time >= known.expire_time


async def test_a_station_that_comes_back_is_told_to_let_the_unknown_hold_go(bench: Bench) -> None:
    command = await begun(bench, loses(), answers(accepted()))
    await bench.until(command, lambda c: has_code(c, Code.UNKNOWN))
    await bench.disconnect()
    await bench.skip(70)
    await bench.until(command, lambda c: c.state is State.DONE)
    await bench.connect()
    known = await passes(bench, command, lambda r: r.ended)
    assert known.state is ReservationState.CANCELLED
    assert kinds(bench) == [Kind.RESERVE_NOW, Kind.CANCEL_RESERVATION]
    raised = await bench.seen(command)
    assert has_code(raised, Code.NO_EFFECT)


async def test_a_yes_that_comes_after_giving_up_is_undone(bench: Bench) -> None:
    command = await begun(bench, loses("ANSWER_TIMEOUT"), answers(rejected()), answers(accepted()))
    await bench.until(command, lambda c: c.state is State.AWAITING_EFFECT)
    await bench.cancel(command)
    await passes(bench, command, lambda r: r.ended)
    await bench.gateway.answer(request_of(bench, 0), bench.gateway.sent[0], accepted(), late=True)
    await passes(bench, command, lambda _: kinds(bench).count(Kind.CANCEL_RESERVATION) == 2)
    assert has_code(await bench.seen(command), Code.CANCELLED)


async def _cancelled_where_the_place_is_shown(bench: Bench, *plays: Play) -> Command:
    command = await begun(bench, loses("ANSWER_TIMEOUT"), *plays)
    await bench.until(command, lambda c: c.state is State.AWAITING_EFFECT)
    await bench.connector("Reserved")
    await bench.cancel(command)
    return command


async def test_a_cancel_that_is_refused_for_what_is_still_shown_is_not_told_as_undone(
    bench: Bench,
) -> None:
    no = answers(rejected())
    command = await _cancelled_where_the_place_is_shown(bench, no, no, no, no)
    known = await passes(bench, command, lambda r: r.ended, step_s=11)
    assert (known.state, known.cause) == (ReservationState.CANCELLED, EndCause.CANCEL_DENIED)
    seen = await bench.seen(command)
    assert has_code(seen, Code.CANCELLED)
    assert seen.compensation.state is CompensationState.FAILED
    assert "still shows connector 1 of EVSE 1 as Reserved" in seen.compensation.reason
    await passes(bench, command, lambda _: kinds(bench).count(Kind.CANCEL_RESERVATION) == 4)


async def test_a_place_that_is_let_go_soon_after_the_refusal_is_undone(bench: Bench) -> None:
    command = await _cancelled_where_the_place_is_shown(bench, answers(rejected()))
    await bench.until(command, lambda _: kinds(bench)[-1] is Kind.CANCEL_RESERVATION)
    await bench.connector("Available")
    known = await passes(bench, command, lambda r: r.ended, step_s=11)
    assert (known.state, known.cause) == (
        ReservationState.CANCELLED,
        EndCause.CANCELLED_BY_CALLER.value,
    )
    assert (await bench.seen(command)).compensation.state is CompensationState.DONE


async def test_a_place_that_another_reservation_keeps_says_nothing_of_a_refused_cancel(
    bench: Bench,
) -> None:
    other = await begun(bench, answers(accepted()))
    await until(bench, other, lambda r: r.state is ReservationState.HELD)
    command = await _cancelled_where_the_place_is_shown(bench, answers(rejected()))
    known = await until(bench, command, lambda r: r.ended)
    assert known.cause == EndCause.CANCELLED_BY_CALLER
    assert (await bench.seen(command)).compensation.state is CompensationState.DONE


async def test_cancel_while_reserve_now_is_in_flight_is_undone_once(bench: Bench) -> None:
    held = Held(intend_first=True, answer=accepted())
    command = await begun(bench, held, answers(accepted()))
    await held.reached.wait()
    await bench.cancel(command)
    held.go_on.set()
    known = await until(bench, command, lambda r: r.ended)
    seen = await bench.seen(command)
    assert known.state is ReservationState.CANCELLED
    assert has_code(seen, Code.CANCELLED)
    assert seen.compensation.state is CompensationState.DONE
    assert kinds(bench) == [Kind.RESERVE_NOW, Kind.CANCEL_RESERVATION]


async def test_cancel_before_reserve_now_is_sent_sends_nothing(bench: Bench) -> None:
    await bench.disconnect()
    command = await begun(bench, offline_policy=OfflinePolicy.WAIT)
    await bench.cancel(command)
    known = await until(bench, command, lambda r: r.ended)
    assert known.state is ReservationState.CANCELLED
    assert bench.gateway.frames == []


async def test_a_session_that_uses_an_unknown_hold_proves_it(bench: Bench) -> None:
    command = await begun(bench, loses())
    assert command.reserve is not None
    session = await bench.session_starts(reservation_id=command.reserve.wire_id)
    seen = await bench.until(command, lambda c: c.state is State.DONE)
    assert has_code(seen, Code.SUCCEEDED)
    known = await until(bench, command, lambda r: r.ended)
    assert (known.state, known.transaction) == (ReservationState.USED, session.name)


async def test_a_station_that_cannot_reserve_says_not_supported(bench: Bench) -> None:
    answer = call_error("NotImplemented", Verdict.NOT_SUPPORTED)
    command = await begun(bench, answers(answer))
    known = await until(bench, command, lambda r: r.ended)
    assert has_code(await bench.seen(command), Code.NOT_SUPPORTED)
    assert known.state is ReservationState.REFUSED


async def test_an_offline_station_ends_a_fail_fast_reservation_at_once(bench: Bench) -> None:
    await bench.disconnect()
    command = await begun(bench, offline_policy=OfflinePolicy.FAIL_FAST)
    known = await until(bench, command, lambda r: r.ended)
    assert (known.state, known.cause) == (
        ReservationState.REFUSED,
        Cause.STATION_OFFLINE.value,
    )


async def test_a_cancel_whose_answer_is_lost_is_repeated(bench: Bench) -> None:
    command = await begun(bench, answers(accepted()))
    await until(bench, command, lambda r: r.state is ReservationState.HELD)
    bench.gateway.plays = [loses(), answers(rejected())]
    cancel = await cancel_command(bench, command)
    await bench.submit(cancel)
    known = await passes(bench, command, lambda r: r.ended, step_s=6)
    assert known.state is ReservationState.CANCELLED
    assert (await bench.outcome(cancel)).cause == Cause.RESERVATION_GONE


async def test_a_cancel_of_a_number_that_nobody_knows_is_refused(bench: Bench) -> None:
    command = await reserve_command(bench)
    cancel = await cancel_command(bench, command)
    unknown = CancelReservationSpec(wire_id=4711)
    bench.gateway.plays = [answers(rejected())]
    foreign = replace(cancel, cancel_reservation=unknown)
    await bench.submit(foreign, WaitFor.OUTCOME)
    outcome = await bench.outcome(foreign)
    assert (outcome.code, outcome.cause) == (Code.REJECTED, Cause.RESERVATION_UNKNOWN.value)


@pytest.mark.parametrize("answer", [rejected(), accepted()], ids=["refused", "accepted"])
async def test_a_cancel_of_a_used_reservation_says_that_it_was_used(
    bench: Bench, answer: StationAnswer
) -> None:
    command = await begun(bench, answers(accepted()))
    await until(bench, command, lambda r: r.state is ReservationState.HELD)

    async def is_used() -> None:
        assert command.reserve is not None
        await bench.session_starts(reservation_id=command.reserve.wire_id, silently=True)

    bench.gateway.plays = [answers(answer, before=is_used)]
    cancel = await cancel_command(bench, command)
    await bench.submit(cancel, WaitFor.OUTCOME)
    outcome = await bench.outcome(cancel)
    assert (outcome.code, outcome.cause) == (Code.REJECTED, Cause.RESERVATION_USED.value)


def request_of(bench: Bench, number: int) -> SendFrameInput:
    return bench.gateway.frames[number]
