"""What can be written about a reservation: pure functions from one snapshot to the next.

As with commands, a step that cannot happen any more, or that was written already, returns the very
same object, and then nothing is written. Who writes depends on the state: the command that asks for
the reservation while it is REQUESTED, and the reservation's own workflow from HELD on. A
CancelReservation that succeeded ends it when it is HELD.
"""

from dataclasses import replace
from datetime import datetime
from enum import StrEnum

from domain.model.command import Code, Command, CompensationState, State
from domain.model.specs import required
from domain.reservations.reservation import (
    ChangeState,
    Reservation,
    ReservationChange,
    ReservationState,
    may_be_corrected,
    may_become,
)


class EndCause(StrEnum):
    """Why a reservation ended. The words are stable: clients branch on them.

    A reservation that was REFUSED has the cause of its command's outcome.
    """

    SESSION_USED_IT = "SESSION_USED_IT"
    SESSION_OF_ITS_TOKEN = "SESSION_OF_ITS_TOKEN"  # noqa: S105  a word, no secret
    TIME_OVER = "TIME_OVER"
    USE_NOT_KNOWN = "USE_NOT_KNOWN"
    NO_TRANSACTION = "NO_TRANSACTION"
    CANCELLED_BY_CALLER = "CANCELLED_BY_CALLER"
    CANCELLED_BY_OPERATOR = "CANCELLED_BY_OPERATOR"
    UNKNOWN_HOLD_UNDONE = "UNKNOWN_HOLD_UNDONE"
    CANCEL_DENIED = "CANCEL_DENIED"
    REMOVED_BY_STATION = "REMOVED_BY_STATION"
    CONNECTOR_FAULTED = "CONNECTOR_FAULTED"
    CONNECTOR_UNAVAILABLE = "CONNECTOR_UNAVAILABLE"
    EVSE_TAKEN = "EVSE_TAKEN"
    USED_BY_ANOTHER = "USED_BY_ANOTHER"
    LOST_AT_REBOOT = "LOST_AT_REBOOT"
    HOLD_VANISHED = "HOLD_VANISHED"
    CHANGE_LOST_IT = "CHANGE_LOST_IT"
    CANCELLED_BY_BACK_END = "CANCELLED_BY_BACK_END"


ENDINGS: dict[EndCause, tuple[ReservationState, str]] = {
    EndCause.SESSION_USED_IT: (
        ReservationState.USED,
        "The driver came: a charging session used the reservation.",
    ),
    EndCause.SESSION_OF_ITS_TOKEN: (
        ReservationState.USED,
        "The driver came: a session of the reservation's token began, though the station did not "
        "name the reservation.",
    ),
    EndCause.TIME_OVER: (
        ReservationState.EXPIRED,
        "Its time is over, and no session was seen to use it.",
    ),
    EndCause.USE_NOT_KNOWN: (
        ReservationState.EXPIRED,
        "Its time is over. Whether a session used it is not known: the station is away, reported "
        "something that may be one, or never said whether it held it.",
    ),
    EndCause.NO_TRANSACTION: (
        ReservationState.NO_SHOW,
        "The driver identified at the station, but no session was started.",
    ),
    EndCause.CANCELLED_BY_CALLER: (ReservationState.CANCELLED, "The reservation was cancelled."),
    EndCause.CANCELLED_BY_OPERATOR: (
        ReservationState.CANCELLED,
        "An operator cancelled the reservation.",
    ),
    EndCause.UNKNOWN_HOLD_UNDONE: (
        ReservationState.CANCELLED,
        "Whether the station held it was not known, so it was cancelled there.",
    ),
    EndCause.CANCEL_DENIED: (
        ReservationState.CANCELLED,
        "It was cancelled. The station knows no such reservation, and still shows its place as "
        "reserved.",
    ),
    EndCause.REMOVED_BY_STATION: (ReservationState.LOST, "The station removed the reservation."),
    EndCause.CONNECTOR_FAULTED: (ReservationState.LOST, "The reserved connector is out of order."),
    EndCause.CONNECTOR_UNAVAILABLE: (
        ReservationState.LOST,
        "The reserved connector was taken out of service.",
    ),
    EndCause.EVSE_TAKEN: (
        ReservationState.LOST,
        "The station let somebody else charge at the reserved place.",
    ),
    EndCause.USED_BY_ANOTHER: (
        ReservationState.LOST,
        "A session of another token used the reservation; its driver did not come.",
    ),
    EndCause.LOST_AT_REBOOT: (
        ReservationState.LOST,
        "The station restarted and would not hold the reservation again.",
    ),
    EndCause.HOLD_VANISHED: (
        ReservationState.LOST,
        "The station let the reservation go and would not hold it again.",
    ),
    EndCause.CHANGE_LOST_IT: (
        ReservationState.LOST,
        "The station refused a change and did not hold the reservation any longer.",
    ),
    EndCause.CANCELLED_BY_BACK_END: (
        ReservationState.LOST,
        "The station's own back end cancelled the reservation, or used its number for another one.",
    ),
}
"""Every end of a reservation: its state and a sentence for a human."""

LETS_GO = frozenset(
    {
        EndCause.SESSION_USED_IT,
        EndCause.USED_BY_ANOTHER,
        EndCause.NO_TRANSACTION,
        EndCause.CANCELLED_BY_CALLER,
        EndCause.UNKNOWN_HOLD_UNDONE,
        EndCause.CANCELLED_BY_BACK_END,
    }
)
"""The ends that the station itself reported: nothing is held there afterwards."""


def requested(command: Command, name: str, workflow_id: str) -> Reservation:
    """The reservation that a ReserveNow asks for. Raises: ValueError when it is another command."""
    spec = required(command.reserve)
    return Reservation(
        name=name,
        tenant=command.tenant,
        station=command.station,
        wire_id=spec.wire_id,
        id_token=spec.id_token,
        group_id_token=spec.group_id_token,
        state=ReservationState.REQUESTED,
        create_time=command.create_time,
        expire_time=spec.expire_time,
        workflow_id=workflow_id,
        command=command.name,
        evse_id=spec.evse_id,
        connector_id=spec.connector_id,
        connector_type=spec.connector_type,
        caller=command.caller,
        progress="The station is being asked.",
    )


def follow_request(known: Reservation, command: Command, at: datetime) -> Reservation:
    """The reservation after a change of its ReserveNow; from HELD on nothing changes."""
    if known.state is not ReservationState.REQUESTED:
        return known
    outcome, undoing = command.outcome, command.compensation.state
    user = command.compensation.transaction
    if undoing is CompensationState.FAILED and user is not None:
        another = command.compensation.used_by_another
        cause = EndCause.USED_BY_ANOTHER if another else EndCause.SESSION_USED_IT
        return ended(known, cause, at, user)
    if command.state is not State.DONE or outcome is None:
        return _saying(known, command)
    match outcome.code:
        case Code.SUCCEEDED:
            return held(known, command.answer_time or at)
        case Code.REJECTED | Code.NOT_SUPPORTED | Code.NOT_SENT:
            return _moved(known, ReservationState.REFUSED, outcome.cause, outcome.message, at)
        case Code.UNKNOWN | Code.CANCELLED if undoing is CompensationState.FAILED:
            over = at >= known.expire_time
            return ended(
                replace(known, cancel_reason=command.cancel_reason),
                EndCause.USE_NOT_KNOWN if over else EndCause.CANCEL_DENIED,
                at,
            )
        # A station that holds nothing by now may have let a session use it: a report was lost.
        case Code.UNKNOWN if undoing is not CompensationState.PENDING and at >= known.expire_time:
            return ended(known, EndCause.USE_NOT_KNOWN, at)
        case Code.CANCELLED if undoing is not CompensationState.PENDING:
            reason = command.cancel_reason
            return ended(replace(known, cancel_reason=reason), EndCause.CANCELLED_BY_CALLER, at)
        case Code.NO_EFFECT:
            return ended(known, EndCause.UNKNOWN_HOLD_UNDONE, at)
        case _:
            return _saying(known, command)


def states_with_work(command: Command) -> frozenset[ReservationState]:
    """The states in which a reservation's own workflow goes on with what its command has left."""
    if command.state is not State.DONE:
        return frozenset()
    denied = command.compensation.state is CompensationState.FAILED
    ends = {ReservationState.CANCELLED} if denied else set()
    return frozenset({ReservationState.HELD, ReservationState.EXPIRED} | ends)


def _saying(known: Reservation, command: Command) -> Reservation:
    """The reservation with the progress of its command."""
    words = _WHILE_UNDOING.get(command.compensation.state, command.progress)
    return known if not words or words == known.progress else replace(known, progress=words)


_WHILE_UNDOING: dict[CompensationState, str] = {
    CompensationState.PENDING: "The hold is being cancelled at the station.",
    CompensationState.DONE: (
        "The station holds nothing. Whether a session has used the reservation is not known."
    ),
}


def held(known: Reservation, at: datetime, attempt: int = 0) -> Reservation:
    """The station said yes, for the first time or again. attempt: the frame that it answered."""
    if known.state is ReservationState.HELD:
        sure = known.doubt_time is not None and attempt >= known.doubt_attempt
        newer = known.hold_time is None or at > known.hold_time
        if not newer and not sure:
            return known
        doubt = None if sure else known.doubt_time
        progress = HOLDING if doubt is None else known.progress
        return replace(known, hold_time=at, doubt_time=doubt, progress=progress)
    if not may_become(known.state, ReservationState.HELD):
        return known
    return replace(
        known, state=ReservationState.HELD, start_time=at, hold_time=at, progress=HOLDING
    )


HOLDING = "Held at the station; waiting for the driver."


def doubted(known: Reservation, since: datetime, attempts: int, why: str) -> Reservation:
    """The station has to be asked for the reservation again. attempts: frames so far."""
    if known.state is not ReservationState.HELD or known.doubt_time is not None:
        return known
    return replace(known, doubt_time=since, doubt_attempt=attempts + 1, progress=why)


def ended(
    known: Reservation, cause: EndCause, at: datetime, transaction: str | None = None
) -> Reservation:
    """The reservation came to its end. No other end follows; `corrected` tells this one anew."""
    state, sentence = ENDINGS[cause]
    after = _moved(known, state, cause.value, sentence, at)
    if after is known:
        return known
    change = known.change
    if change is not None and change.state is ChangeState.PENDING:
        change = replace(change, state=ChangeState.REFUSED, cause=cause.value, message=sentence)
    return replace(after, transaction=transaction, change=change)


_PROVEN_BY_SESSION = frozenset(
    {EndCause.SESSION_USED_IT, EndCause.SESSION_OF_ITS_TOKEN, EndCause.USED_BY_ANOTHER}
)


def corrected(known: Reservation, cause: EndCause, transaction: str | None = None) -> Reservation:
    """A session that was reported after the end tells it otherwise. What a session proved stays.

    But the token of the session that used it may be told later: then it is told whose the use was.
    `USE_NOT_KNOWN` corrects only "nobody came". `end_time` stays.
    transaction: our id of the session.
    """
    state, sentence = ENDINGS[cause]
    whose = known.cause == EndCause.SESSION_USED_IT and cause is EndCause.USED_BY_ANOTHER
    proven = known.cause in _PROVEN_BY_SESSION and not (whose and transaction == known.transaction)
    if proven or not may_be_corrected(known.state, state):
        return known
    if cause is EndCause.USE_NOT_KNOWN and known.cause != EndCause.TIME_OVER:
        return known
    until = "its token was told" if whose else "a session was reported"
    before = f"It was told as {known.state.value} ({known.cause}) until {until}."
    return replace(
        known,
        state=state,
        cause=cause.value,
        message=f"{sentence} {before}",
        transaction=transaction,
    )


def cancelled(known: Reservation, reason: str, at: datetime) -> Reservation:
    """A CancelReservation succeeded. It changes nothing while the reservation is REQUESTED."""
    if known.state is not ReservationState.HELD:
        return known
    return ended(replace(known, cancel_reason=reason), EndCause.CANCELLED_BY_CALLER, at)


def _moved(
    known: Reservation, state: ReservationState, cause: str, message: str, at: datetime
) -> Reservation:
    if not may_become(known.state, state):
        return known
    return replace(
        known,
        state=state,
        cause=cause,
        message=message,
        progress="",
        doubt_time=None,
        end_time=at,
    )


# --- changes of a held reservation


def change_asked(known: Reservation, change: ReservationChange) -> Reservation:
    """A change was asked for. A repeat of the latest one changes nothing, nor does one too late."""
    latest = known.change
    if known.state is not ReservationState.HELD:
        return known
    if latest is not None and latest.request_id == change.request_id:
        return known
    return replace(known, change=change, progress="The station is asked for the change.")


def change_accepted(known: Reservation, at: datetime, attempt: int) -> Reservation:
    """The station took the change: the reservation is as it was asked for."""
    change = known.change
    if change is None or change.state is not ChangeState.PENDING:
        return known
    moved = change.evse_id is not None and change.evse_id != known.evse_id
    return replace(
        held(known, at, attempt),
        expire_time=change.expire_time or known.expire_time,
        evse_id=change.evse_id if moved else known.evse_id,
        connector_id=None if moved else known.connector_id,
        change=replace(change, state=ChangeState.ACCEPTED),
    )


def change_failed(known: Reservation, state: ChangeState, cause: str, message: str) -> Reservation:
    """The change was not made, or nobody knows whether it was."""
    change = known.change
    if change is None or change.state is not ChangeState.PENDING:
        return known
    failed = replace(change, state=state, cause=cause, message=message)
    return replace(known, change=failed, progress=HOLDING)


def withdrawn(known: Reservation, reason: str, at: datetime) -> Reservation:
    """An operator ends it, whatever its station says. It is cancelled at the station afterwards."""
    if known.state is not ReservationState.HELD:
        return known
    return ended(replace(known, cancel_reason=reason), EndCause.CANCELLED_BY_OPERATOR, at)
