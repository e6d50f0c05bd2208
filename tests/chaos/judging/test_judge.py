"""The judge of chaos can fail: each kind of lie is planted once, in a record that is true."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.chaos.judging.judge import findings
from tests.chaos.plan import Break, Fault
from tests.chaos.record import (
    CommandAsked,
    CommandSeen,
    Disturbance,
    FrameSeen,
    Record,
    ReservationSeen,
    ReservationTold,
    SessionRun,
    StationRecord,
)

BEGAN = datetime(2026, 5, 1, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


def command(
    kind: str, asked_s: float, code: str, transaction_id: str = "", **known: str
) -> CommandAsked:
    """A command that was answered and told at once, three revisions in all."""
    sent, ended = at(asked_s + 0.1), at(asked_s + 0.5)
    first = CommandSeen(at(asked_s), 1, "QUEUED")
    second = CommandSeen(sent, 2, "SENT", send_time=sent)
    done = replace(second, seen=ended, revision=3, state="DONE", answer_time=sent)
    last = replace(
        done, code=code, cause="BECAUSE", outcome_time=ended, transaction_id=transaction_id
    )
    return CommandAsked(
        f"{kind}-{asked_s:.0f}",
        "CP",
        kind,
        at(asked_s),
        at(asked_s + 20),
        told=[first, second, last],
        **known,  # type: ignore[arg-type]
    )


def frame(action: str, at_s: float, word: str = "Accepted", **payload: object) -> FrameSeen:
    return FrameSeen(at(at_s + 0.2), action, payload, word, word)


def true_record() -> Record:
    """One of each command at one station, told as it was."""
    commands = [
        command("START_SESSION", 0, "SUCCEEDED", "7", token="T1"),
        command("STOP_SESSION", 10, "SUCCEEDED", started="T1"),
        command("UNLOCK_CONNECTOR", 20, "SUCCEEDED"),
        command("RESET", 30, "SUCCEEDED"),
        command("RESERVE_NOW", 40, "SUCCEEDED", token="T2"),
        command("CANCEL_RESERVATION", 50, "SUCCEEDED", reservation="reservations/r"),
        command("START_SESSION", 60, "REJECTED", token="T3"),
    ]
    station = StationRecord(
        "CP",
        frames=(
            frame("RemoteStartTransaction", 0, idTag="T1"),
            frame("RemoteStopTransaction", 10, transactionId=7),
            frame("UnlockConnector", 20, "Unlocked"),
            frame("Reset", 30),
            frame("ReserveNow", 40, idToken={"idToken": "T2"}, id=9),
            frame("CancelReservation", 50, reservationId=9),
            frame("RemoteStartTransaction", 60, "Rejected", idTag="T3"),
        ),
        sessions=(SessionRun("T1", frozenset({"7", "own"}), at(0.3), at(10.3), "Remote"),),
        boots=(at(30.3),),
    )
    held = ReservationSeen(at(40), 1, "HELD")
    ended = ReservationSeen(at(50), 2, "CANCELLED", "CANCELLED_BY_CALLER", at(50.4))
    reservation = ReservationTold("reservations/r", "CP", 9, at(100), [held, ended])
    return Record(BEGAN, at(300), commands=commands, reservations=[reservation], stations=[station])


def asked(record: Record, kind: str) -> CommandAsked:
    return next(one for one in record.commands if one.kind == kind)


def tell(record: Record, kind: str, **change: object) -> None:
    """The last thing that is told of the first command of this kind is something else."""
    told = asked(record, kind).told
    told[-1] = replace(told[-1], **change)  # type: ignore[arg-type]


def station(record: Record, **change: object) -> None:
    record.stations[0] = replace(record.stations[0], **change)  # type: ignore[arg-type]


def without(record: Record, action: str) -> None:
    station(record, frames=tuple(one for one in record.stations[0].frames if one.action != action))


def again(record: Record, action: str) -> None:
    """The station gets the first frame of this action twice."""
    frames = record.stations[0].frames
    first = next(one for one in frames if one.action == action)
    later = replace(first, at=first.at + timedelta(seconds=1))
    station(record, frames=(*frames, later))


def lost(record: Record) -> None:
    asked(record, "RESET").forgotten = at(100)


def lost_reservation(record: Record) -> None:
    record.reservations[0].forgotten = at(100)


def failed_call(record: Record) -> None:
    record.commands.append(CommandAsked("x", "CP", "RESET", at(90), at(100), refused="INTERNAL"))


def sent_although_refused(record: Record) -> None:
    start = asked(record, "START_SESSION")
    start.told.clear()
    start.refused = "FAILED_PRECONDITION"


def never_ended(record: Record) -> None:
    asked(record, "UNLOCK_CONNECTOR").told.pop()


def late(record: Record) -> None:
    tell(record, "UNLOCK_CONNECTOR", outcome_time=at(20 + 120))


def late_after_a_fault(record: Record) -> None:
    kill = Disturbance(Fault(21, Break.KILL, "worker-1", 1), at(21), at(24))
    record.disturbances.append(kill)
    tell(record, "UNLOCK_CONNECTOR", outcome_time=at(20 + 120))


def changed(record: Record) -> None:
    told = asked(record, "START_SESSION").told
    told.append(replace(told[-1], revision=4, code="UNKNOWN"))


def went_back(record: Record) -> None:
    told = asked(record, "RESET").told
    told.append(replace(told[-1], revision=4, state="SENT"))


def told_twice_differently(record: Record) -> None:
    told = asked(record, "RESET").told
    told.append(replace(told[-1], code="REJECTED"))


def numbered_twice(record: Record) -> None:
    more = frame("ReserveNow", 41, idToken={"idToken": "T2"}, id=10)
    station(record, frames=(*record.stations[0].frames, more))


def another_end(record: Record) -> None:
    told = record.reservations[0].told
    told.append(ReservationSeen(at(60), 3, "EXPIRED", "TIME_OVER", at(60)))


def an_end_at_another_time(record: Record) -> None:
    told = record.reservations[0].told
    told.append(replace(told[-1], revision=3, end_time=at(55)))


def reservation_without_end(record: Record) -> None:
    record.reservations[0].told.pop()


def reservation_ended_late(record: Record) -> None:
    told = record.reservations[0].told
    told[-1] = replace(told[-1], end_time=at(130))


def expired_early(record: Record) -> None:
    told = record.reservations[0].told
    told[-1] = replace(told[-1], state="EXPIRED", cause="TIME_OVER")


def expired_before_the_station_let_it_go(record: Record) -> None:
    expired_early(record)
    station(record, let_go={9: at(52)})


def other_transaction(record: Record) -> None:
    tell(record, "START_SESSION", transaction_id="8")


def no_session(record: Record) -> None:
    station(record, sessions=())


def session_later_than_told(record: Record) -> None:
    late_one = replace(record.stations[0].sessions[0], begun=at(5))
    station(record, sessions=(late_one,))


def denied_session(record: Record) -> None:
    tell(record, "START_SESSION", code="NO_EFFECT")


def unwanted_session_charges(record: Record) -> None:
    running = SessionRun("T3", frozenset({"8"}), at(61))
    station(record, sessions=(*record.stations[0].sessions, running))


def rejected_session_was_stopped(record: Record) -> None:
    ran = SessionRun("T3", frozenset({"8"}), at(61), at(65), "Remote")
    station(record, sessions=(*record.stations[0].sessions, ran))


def session_goes_on(record: Record) -> None:
    running = replace(record.stations[0].sessions[0], ended=None, why="")
    station(record, sessions=(running,))


def ended_later_than_told(record: Record) -> None:
    slow = replace(record.stations[0].sessions[0], ended=at(19))
    station(record, sessions=(slow,))


def stopped_after_all(record: Record) -> None:
    tell(record, "STOP_SESSION", code="NO_EFFECT")


def strangers_session_stopped(record: Record) -> None:
    record.commands.remove(asked(record, "STOP_SESSION"))


def nothing_unlocked(record: Record) -> None:
    without(record, "UnlockConnector")


def unlocked_after_all(record: Record) -> None:
    tell(record, "UNLOCK_CONNECTOR", code="REJECTED")


def not_restarted(record: Record) -> None:
    station(record, boots=())


def got_no_reset(record: Record) -> None:
    without(record, "Reset")


def restarted_after_all(record: Record) -> None:
    tell(record, "RESET", code="NO_EFFECT")


def nothing_held(record: Record) -> None:
    without(record, "ReserveNow")


def held_after_all(record: Record) -> None:
    tell(record, "RESERVE_NOW", code="REJECTED")
    station(record, held=frozenset({9}))


def held_although_cancelled(record: Record) -> None:
    station(record, held=frozenset({9}))


def accepted_after_all(record: Record) -> None:
    frames = record.stations[0].frames
    station(record, frames=(*frames[:-1], replace(frames[-1], did="Accepted", said="Accepted")))


def sent_after_all(kind: str) -> Callable[[Record], None]:
    def lie(record: Record) -> None:
        tell(record, kind, code="NOT_SENT")

    lie.__name__ = f"{kind.lower()}_sent_after_all"
    return lie


def sent_twice(action: str) -> Callable[[Record], None]:
    def lie(record: Record) -> None:
        again(record, action)

    lie.__name__ = f"{action}_twice"
    return lie


def crashed(record: Record) -> None:
    record.crashes.append("worker-1: a stack trace")


def let_in(record: Record) -> None:
    record.intruders.append("HONEST-1")


Lie = Callable[[Record], None]

LIES: dict[str, list[Lie]] = {
    "I1": [lost, lost_reservation, never_ended],
    "I2": [
        *(sent_twice("RemoteStartTransaction"), sent_twice("UnlockConnector")),
        *(sent_twice("Reset"), numbered_twice),
    ],
    "I3": [late, late_after_a_fault, reservation_ended_late],
    "I4": [changed, went_back, told_twice_differently],
    "I5": [
        *(another_end, an_end_at_another_time, reservation_without_end),
        *(expired_early, expired_before_the_station_let_it_go),
    ],
    "I11": [
        *(other_transaction, no_session, session_later_than_told, denied_session),
        *(unwanted_session_charges, rejected_session_was_stopped, session_goes_on),
        *(ended_later_than_told, stopped_after_all, strangers_session_stopped),
        *(nothing_unlocked, unlocked_after_all, not_restarted, got_no_reset),
        *(
            accepted_after_all,
            restarted_after_all,
            nothing_held,
            held_after_all,
            held_although_cancelled,
        ),
        *(sent_after_all("START_SESSION"), sent_after_all("STOP_SESSION")),
        *(sent_after_all("UNLOCK_CONNECTOR"), sent_after_all("RESET")),
        *(sent_after_all("RESERVE_NOW"), sent_after_all("CANCEL_RESERVATION")),
    ],
    "call": [failed_call, sent_although_refused],
    "alive": [crashed],
    "S4": [let_in],
}


def test_a_true_record_has_no_finding() -> None:
    assert findings(true_record()) == []


@pytest.mark.parametrize(
    ("invariant", "lie"),
    [(invariant, lie) for invariant, lies in LIES.items() for lie in lies],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_each_lie_is_found(invariant: str, lie: Lie) -> None:
    record = true_record()
    lie(record)
    assert invariant in {one.invariant for one in findings(record)}


def test_unknown_is_no_lie_whatever_happened() -> None:
    record = true_record()
    for kind in ("START_SESSION", "UNLOCK_CONNECTOR", "RESET", "RESERVE_NOW"):
        tell(record, kind, code="UNKNOWN")
    assert findings(record) == []


def test_what_was_undone_and_says_so_is_no_lie() -> None:
    record = true_record()
    rejected_session_was_stopped(record)
    record.commands[-1].told[-1] = replace(record.commands[-1].told[-1], compensation="DONE")
    assert findings(record) == []


def test_unknown_may_be_raised() -> None:
    record = true_record()
    told = asked(record, "START_SESSION").told
    told.insert(2, replace(told[-1], code="UNKNOWN", cause="ANSWER_TIMEOUT"))
    told[-1] = replace(told[-1], revision=4)
    assert findings(record) == []


def test_a_late_session_may_correct_the_end_of_a_reservation() -> None:
    record = true_record()
    told = record.reservations[0].told
    told.append(replace(told[-1], revision=3, state="USED", cause="SESSION_USED_IT"))
    assert findings(record) == []


def test_a_reservation_may_expire_by_the_clock_of_its_station() -> None:
    record = true_record()
    expired_early(record)
    station(record, let_go={9: at(49)})
    assert findings(record) == []


def test_a_cancel_was_not_sent_when_the_reservation_had_ended_and_was_cleared_away() -> None:
    record = true_record()
    tell(record, "CANCEL_RESERVATION", code="NOT_SENT")
    told = record.reservations[0].told
    told[-1] = replace(told[-1], state="EXPIRED", cause="TIME_OVER", end_time=at(50.1))
    station(record, let_go={9: at(50)})
    assert findings(record) == []
