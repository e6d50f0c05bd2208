"""The life of a reservation on a server that skips time: every end, and what repairs a hold."""

from datetime import timedelta

import pytest

from contract.reservations import ChangeInput
from domain.model.answers import StationAnswer, Verdict
from domain.model.command import Code, Command, WaitFor
from domain.model.outcomes import Cause
from domain.model.specs import IdToken, Kind
from domain.reservations.reservation import ChangeState, Reservation, ReservationState
from domain.reservations.transitions import EndCause
from tests.support.benches.command_bench import Bench, rejected
from tests.support.benches.hold_bench import (
    cancel_command,
    change,
    handle,
    passes,
    reboots,
    reports,
    reservation,
    reserve_command,
    run_ends,
    until,
)
from tests.support.scripted_gateway import accepted, answers, call_error, has_code, loses, not_sent

pytestmark = pytest.mark.asyncio(loop_scope="session")


def is_end(known: Reservation, state: ReservationState, cause: str) -> bool:
    return (known.state, known.cause) == (state, cause)


async def held(bench: Bench, *, ttl: timedelta = timedelta(hours=1)) -> Command:
    """A reservation that the station has accepted."""
    bench.gateway.plays = [answers(accepted())]
    command = await reserve_command(bench, ttl=ttl)
    await bench.submit(command, WaitFor.OUTCOME)
    await until(bench, command, lambda r: r.state is ReservationState.HELD)
    return command


async def test_reserve_now_that_is_accepted_is_held(bench: Bench) -> None:
    command = await held(bench)
    done = await bench.seen(command)
    assert done.outcome is not None
    assert (done.outcome.code, done.outcome.cause) == (Code.SUCCEEDED, Cause.RESERVED.value)
    known = await reservation(bench, command)
    assert known.start_time is not None
    assert known.evse_id == 1


@pytest.mark.parametrize("word", ["Occupied", "Faulted", "Unavailable", "Rejected"])
async def test_reserve_now_that_is_refused_makes_no_reservation(bench: Bench, word: str) -> None:
    bench.gateway.plays = [answers(rejected_with(word))]
    command = await reserve_command(bench)
    await bench.submit(command, WaitFor.OUTCOME)
    known = await until(bench, command, lambda r: r.ended)
    outcome = (await bench.seen(command)).outcome
    assert outcome is not None
    assert outcome.code is Code.REJECTED
    assert is_end(known, ReservationState.REFUSED, outcome.cause)


async def test_a_reservation_of_72_hours_expires_on_time(bench: Bench) -> None:
    command = await held(bench, ttl=timedelta(hours=72))
    bench.gateway.plays = [answers(rejected())]
    ended = await run_ends(bench, command, 72 * 3_600)
    known = await reservation(bench, command)
    assert is_end(known, ReservationState.EXPIRED, EndCause.TIME_OVER)
    assert ended.state == "EXPIRED"
    assert known.end_time is not None
    assert timedelta(0) <= known.end_time - known.expire_time < timedelta(seconds=1)
    assert bench.gateway.frames[-1].kind is Kind.CANCEL_RESERVATION


@pytest.mark.parametrize(
    ("token", "state", "cause"),
    [
        (None, ReservationState.USED, EndCause.SESSION_USED_IT),
        (
            IdToken("ISO14443", "****9999", "sealed", "digest-of-9999"),
            ReservationState.LOST,
            EndCause.USED_BY_ANOTHER,
        ),
    ],
    ids=["its driver", "a driver with another token"],
)
async def test_a_session_that_names_the_reservation_ends_it(
    bench: Bench, token: IdToken | None, state: ReservationState, cause: EndCause
) -> None:
    command = await held(bench)
    assert command.reserve is not None
    driver = token or command.reserve.id_token
    session = await bench.session_starts(token=driver, reservation_id=command.reserve.wire_id)
    known = await until(bench, command, lambda r: r.ended)
    assert is_end(known, state, cause)
    assert known.transaction == session.name
    await run_ends(bench, command)


async def test_a_session_of_its_token_without_the_number_uses_it(bench: Bench) -> None:
    command = await held(bench)
    bench.gateway.plays = [answers(rejected())]
    session = await bench.session_starts()
    known = await until(bench, command, lambda r: r.ended)
    assert is_end(known, ReservationState.USED, EndCause.SESSION_OF_ITS_TOKEN)
    assert known.transaction == session.name
    await run_ends(bench, command)
    assert bench.gateway.frames[-1].kind is Kind.CANCEL_RESERVATION


async def test_somebody_elses_session_at_the_place_makes_it_lost(bench: Bench) -> None:
    command = await held(bench)
    bench.gateway.plays = [answers(accepted())]
    await bench.skip(20)
    await bench.session_starts(token=IdToken("ISO14443", "****9999", "sealed", "another"))
    known = await until(bench, command, lambda r: r.ended)
    assert is_end(known, ReservationState.LOST, EndCause.EVSE_TAKEN)
    await run_ends(bench, command)


@pytest.mark.parametrize(
    ("word", "state", "cause"),
    [
        ("Removed", ReservationState.LOST, EndCause.REMOVED_BY_STATION),
        ("NoTransaction", ReservationState.NO_SHOW, EndCause.NO_TRANSACTION),
    ],
)
async def test_what_a_station_reports_ends_a_reservation(
    bench: Bench, word: str, state: ReservationState, cause: EndCause
) -> None:
    command = await held(bench)
    bench.gateway.plays = [answers(rejected())]
    await bench.skip(1)
    await reports(bench, command, word)
    assert is_end(await until(bench, command, lambda r: r.ended), state, cause)
    await run_ends(bench, command)


async def test_a_hold_that_a_station_lets_expire_too_early_is_made_again(bench: Bench) -> None:
    command = await held(bench)
    bench.gateway.plays = [answers(accepted())]
    await bench.skip(60)
    await reports(bench, command, "Expired")
    await until(bench, command, lambda r: len(bench.gateway.frames) == 2 and r.doubt_time is None)
    assert (await reservation(bench, command)).state is ReservationState.HELD
    assert_same_hold(bench)


async def test_a_faulted_connector_ends_a_reservation_when_it_stays_faulted(bench: Bench) -> None:
    command = await held(bench)
    bench.gateway.plays = [answers(rejected())]
    await bench.skip(1)
    await bench.connector("Faulted")
    known = await passes(bench, command, lambda r: r.ended)
    assert is_end(known, ReservationState.LOST, EndCause.CONNECTOR_FAULTED)
    await run_ends(bench, command)


async def test_a_reboot_in_mid_reservation_makes_the_hold_again(bench: Bench) -> None:
    command = await held(bench)
    bench.gateway.plays = [answers(accepted())]
    await bench.skip(60)
    await reboots(bench)
    await until(bench, command, lambda r: len(bench.gateway.frames) == 2 and r.doubt_time is None)
    assert (await reservation(bench, command)).state is ReservationState.HELD
    assert_same_hold(bench)


async def test_a_hold_that_is_refused_after_a_reboot_is_lost(bench: Bench) -> None:
    command = await held(bench)
    bench.gateway.plays = [answers(rejected_with("Occupied")), answers(rejected())]
    await bench.skip(60)
    await reboots(bench)
    known = await until(bench, command, lambda r: r.ended)
    assert is_end(known, ReservationState.LOST, EndCause.LOST_AT_REBOOT)
    await run_ends(bench, command)
    assert bench.gateway.frames[-1].kind is Kind.CANCEL_RESERVATION


async def test_a_station_that_shows_the_hold_but_refuses_it_again_keeps_it(bench: Bench) -> None:
    command = await held(bench)
    bench.gateway.plays = [
        answers(rejected_with("Occupied"), before=lambda: bench.connector("Reserved"))
    ]
    await bench.skip(60)
    await reboots(bench)
    await until(bench, command, lambda r: len(bench.gateway.frames) == 2 and r.doubt_time is None)
    assert (await reservation(bench, command)).state is ReservationState.HELD


async def test_a_place_that_is_shown_as_free_is_asked_to_hold_again(bench: Bench) -> None:
    command = await held(bench)
    await bench.connector("Reserved")
    bench.gateway.plays = [answers(accepted())]
    await bench.skip(60)
    await bench.connector("Available")
    repaired = await passes(
        bench, command, lambda r: len(bench.gateway.frames) == 2 and r.doubt_time is None
    )
    assert repaired.state is ReservationState.HELD


async def test_cancel_reservation_ends_a_held_reservation(bench: Bench) -> None:
    command = await held(bench)
    bench.gateway.plays = [answers(accepted())]
    cancel = await cancel_command(bench, command)
    await bench.submit(cancel, WaitFor.OUTCOME)
    known = await until(bench, command, lambda r: r.ended)
    assert is_end(known, ReservationState.CANCELLED, EndCause.CANCELLED_BY_CALLER)
    assert known.cancel_reason == "plans changed"
    await run_ends(bench, command)
    assert len(bench.gateway.frames) == 2


async def test_a_cancel_that_the_station_does_not_know_of_ends_it_all_the_same(
    bench: Bench,
) -> None:
    command = await held(bench)
    bench.gateway.plays = [answers(rejected())]
    cancel = await cancel_command(bench, command)
    await bench.submit(cancel, WaitFor.OUTCOME)
    outcome = await bench.outcome(cancel)
    assert (outcome.code, outcome.cause) == (Code.SUCCEEDED, Cause.RESERVATION_GONE.value)
    assert (await until(bench, command, lambda r: r.ended)).state is ReservationState.CANCELLED


async def test_a_refused_cancel_of_a_place_that_is_shown_as_reserved_is_unknown(
    bench: Bench,
) -> None:
    command = await held(bench)
    await bench.connector("Reserved")
    bench.gateway.plays = [answers(rejected())]
    cancel = await cancel_command(bench, command)
    await bench.submit(cancel, WaitFor.STATION_ANSWER)
    await bench.skip(11)
    outcome = await bench.outcome(cancel)
    assert (outcome.code, outcome.cause) == (Code.UNKNOWN, Cause.FACTS_STILL_ON_STATION.value)
    assert "still shows connector 1 of EVSE 1 as Reserved" in outcome.message
    await bench.connector("Available")
    await bench.until(cancel, lambda c: has_code(c, Code.SUCCEEDED))
    assert (await bench.outcome(cancel)).cause == Cause.RESERVATION_GONE


async def test_a_cancel_of_an_ended_reservation_sends_nothing(bench: Bench) -> None:
    command = await held(bench)
    assert command.reserve is not None
    await bench.session_starts(reservation_id=command.reserve.wire_id)
    await until(bench, command, lambda r: r.ended)
    cancel = await cancel_command(bench, command)
    await bench.submit(cancel, WaitFor.OUTCOME)
    outcome = await bench.outcome(cancel)
    assert outcome.cause == Cause.RESERVATION_ALREADY_ENDED
    assert len(bench.gateway.frames) == 1


async def test_a_longer_reservation_is_asked_for_with_the_same_number(bench: Bench) -> None:
    command = await held(bench)
    bench.gateway.plays = [answers(accepted())]
    before = await reservation(bench, command)
    later = before.expire_time + timedelta(hours=1)
    known = await change(bench, command, ChangeInput("change-1", expire_time=later))
    assert known.expire_time == later
    assert known.change is not None
    assert known.change.state is ChangeState.ACCEPTED
    assert bench.gateway.frames[1].reserve is not None
    assert bench.gateway.frames[1].reserve.wire_id == before.wire_id


async def test_a_refused_change_keeps_the_old_hold(bench: Bench) -> None:
    command = await held(bench)
    bench.gateway.plays = [answers(rejected_with("Occupied")), answers(accepted())]
    known = await change(bench, command, ChangeInput("change-1", evse_id=2))
    assert known.change is not None
    assert known.change.state is ChangeState.REFUSED
    kept = await until(
        bench, command, lambda r: len(bench.gateway.frames) == 3 and r.doubt_time is None
    )
    assert (kept.state, kept.evse_id) == (ReservationState.HELD, 1)


async def test_a_refused_change_that_cost_the_hold_says_lost(bench: Bench) -> None:
    command = await held(bench)
    bench.gateway.plays = [
        answers(rejected_with("Occupied")),
        answers(rejected_with("Occupied")),
        answers(rejected()),
    ]
    await change(bench, command, ChangeInput("change-1", evse_id=2))
    known = await until(bench, command, lambda r: r.ended)
    assert is_end(known, ReservationState.LOST, EndCause.CHANGE_LOST_IT)
    await run_ends(bench, command)


async def test_a_revived_hold_is_cancelled_again(bench: Bench) -> None:
    command = await held(bench)
    bench.gateway.plays = [answers(accepted())]
    await bench.submit(await cancel_command(bench, command), WaitFor.OUTCOME)
    await until(bench, command, lambda r: r.ended)
    await run_ends(bench, command)
    bench.gateway.plays = [answers(accepted())]
    await bench.skip(60)
    await bench.connector("Reserved")
    await passes(bench, command, lambda _: len(bench.gateway.frames) == 3)
    await run_ends(bench, command)
    assert bench.gateway.frames[-1].command == (await reservation(bench, command)).name
    assert len(bench.gateway.frames) == 3


async def test_a_revived_hold_whose_station_goes_away_is_cancelled_when_it_is_back(
    bench: Bench,
) -> None:
    command = await held(bench)
    bench.gateway.plays = [answers(accepted())]
    await bench.submit(await cancel_command(bench, command), WaitFor.OUTCOME)
    await until(bench, command, lambda r: r.ended)
    await run_ends(bench, command)
    await bench.skip(60)
    await bench.connector("Reserved")
    bench.gateway.plays = [answers(accepted())]
    await passes(bench, command, lambda _: len(bench.gateway.frames) == 3)
    await run_ends(bench, command)
    await bench.skip(60)
    await bench.connector("Reserved")
    await bench.disconnect()
    await bench.skip(60)
    bench.gateway.plays = [answers(accepted())]
    await bench.connect()
    await passes(bench, command, lambda _: len(bench.gateway.frames) == 4)
    await run_ends(bench, command)
    assert len(bench.gateway.frames) == 4


async def test_an_operator_who_cancels_the_workflow_cancels_the_reservation(bench: Bench) -> None:
    command = await held(bench)
    bench.gateway.plays = [answers(accepted())]
    await handle(bench, command).cancel()
    known = await until(bench, command, lambda r: r.ended)
    assert is_end(known, ReservationState.CANCELLED, EndCause.CANCELLED_BY_OPERATOR)
    await run_ends(bench, command)
    assert bench.gateway.frames[-1].kind is Kind.CANCEL_RESERVATION


async def test_an_expired_hold_is_cancelled_until_the_station_answers(bench: Bench) -> None:
    command = await held(bench, ttl=timedelta(minutes=10))
    bench.gateway.plays = [
        loses("ANSWER_TIMEOUT"),
        answers(call_error("InternalError")),
        answers(accepted()),
    ]
    await bench.skip(600)
    await passes(bench, command, lambda _: len(bench.gateway.frames) == 4)
    await run_ends(bench, command)


async def test_a_cancel_of_which_only_the_note_is_left_is_sent_again(bench: Bench) -> None:
    command = await held(bench, ttl=timedelta(minutes=10))
    noted = not_sent(Cause.GATEWAY_UNREACHABLE.value, after_intent=True)
    bench.gateway.plays = [noted, answers(accepted())]
    await bench.skip(600)
    await passes(bench, command, lambda _: len(bench.gateway.frames) == 3)
    await run_ends(bench, command)


async def test_a_hold_that_ran_out_while_its_station_was_away_is_cancelled_when_it_returns(
    bench: Bench,
) -> None:
    command = await held(bench, ttl=timedelta(minutes=10))
    await bench.disconnect()
    await bench.skip(600)
    known = await until(bench, command, lambda r: r.ended)
    assert is_end(known, ReservationState.EXPIRED, EndCause.USE_NOT_KNOWN)
    bench.gateway.plays = [answers(accepted())]
    await bench.connect()
    await run_ends(bench, command)
    assert [frame.kind for frame in bench.gateway.frames[1:]] == [Kind.CANCEL_RESERVATION]


def rejected_with(word: str) -> StationAnswer:
    return StationAnswer(Verdict.REJECTED, word)


def assert_same_hold(bench: Bench) -> None:
    first, again = (frame.reserve for frame in bench.gateway.frames[:2])
    assert first is not None
    assert again is not None
    assert (again.wire_id, again.expire_time) == (first.wire_id, first.expire_time)
