"""The vocabulary of a reservation: an EVSE kept for a driver, from the request to the end.

A reservation outlives the command that made it. It moves forward only: REQUESTED while its
ReserveNow is under way, HELD once the station said yes, then to exactly one end. An end is told
anew only when a session, or its token, is reported after it (`CORRECTIONS`). The contract keeps a
further state, STATE_SCHEDULED, for reservations that begin later; there are none yet.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.model.specs import IdToken


class ReservationState(StrEnum):
    """Where a reservation stands. Every state after HELD is an end."""

    REQUESTED = "REQUESTED"
    HELD = "HELD"
    USED = "USED"
    EXPIRED = "EXPIRED"
    NO_SHOW = "NO_SHOW"
    CANCELLED = "CANCELLED"
    LOST = "LOST"
    REFUSED = "REFUSED"


class ChangeState(StrEnum):
    """How a change of a reservation went: PENDING while the station is being asked."""

    PENDING = "PENDING"
    ACCEPTED = "ACCEPTED"
    REFUSED = "REFUSED"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True)
class ReservationChange:
    """The latest change that was asked for: another end, another EVSE. None: left as it is.

    request_id: makes repeats of the request one change.
    attempt: number of the first frame that asks the station for it.
    cause, message: why it was refused, in the station's own words if there are any.
    """

    request_id: str
    state: ChangeState
    attempt: int = 1
    expire_time: datetime | None = None
    evse_id: int | None = None
    request_time: datetime | None = None
    cause: str = ""
    message: str = ""


@dataclass(frozen=True)
class Reservation:
    """A reservation as it is now: the snapshot that the event log keeps and the API shows.

    name: the resource id without its collection: 24 hexadecimal digits, so never a command's.
    wire_id: what the station knows it by. command: that made it.
    evse_id: None while any EVSE may serve it. expire_time: our timer's, and what the station has.
    cause: why it ended, a stable word; message: the same for a human.
    progress: what is being done about it now, one sentence.
    transaction: our id of the session that used it.
    start_time: when the station first said yes to it. hold_time: when it last did.
    doubt_time: since when the station's word for it has to be had again; None: its word stands.
    doubt_attempt: number of the first frame that can bring that word.
    """

    name: str
    tenant: str
    station: str
    wire_id: int
    id_token: IdToken
    state: ReservationState
    create_time: datetime
    expire_time: datetime
    workflow_id: str
    command: str
    group_id_token: IdToken | None = None
    evse_id: int | None = None
    connector_id: int | None = None
    connector_type: str = ""
    cause: str = ""
    message: str = ""
    progress: str = ""
    caller: str = ""
    cancel_reason: str | None = None
    start_time: datetime | None = None
    hold_time: datetime | None = None
    end_time: datetime | None = None
    transaction: str | None = None
    change: ReservationChange | None = None
    doubt_time: datetime | None = None
    doubt_attempt: int = 1
    revision: int = 0

    @property
    def ended(self) -> bool:
        """Whether the reservation has come to its one end."""
        return self.state in ENDS

    @property
    def digests(self) -> tuple[str, ...]:
        """Of the tokens that may use it: the driver's, then that of the driver's group."""
        tokens = (self.id_token, self.group_id_token)
        return tuple(token.digest for token in tokens if token is not None)


ENDS = frozenset(
    {
        ReservationState.USED,
        ReservationState.EXPIRED,
        ReservationState.NO_SHOW,
        ReservationState.CANCELLED,
        ReservationState.LOST,
        ReservationState.REFUSED,
    }
)
"""The states of a reservation that has ended. It is never held again."""

TRANSITIONS: dict[ReservationState, frozenset[ReservationState]] = {
    ReservationState.REQUESTED: frozenset(
        {
            ReservationState.HELD,
            ReservationState.USED,
            ReservationState.EXPIRED,
            ReservationState.CANCELLED,
            ReservationState.LOST,
            ReservationState.REFUSED,
        }
    ),
    ReservationState.HELD: ENDS - {ReservationState.REFUSED},
    **{end: frozenset() for end in ENDS},
}


CORRECTIONS: dict[ReservationState, frozenset[ReservationState]] = {
    ReservationState.USED: frozenset({ReservationState.LOST}),
    ReservationState.EXPIRED: frozenset(
        {ReservationState.USED, ReservationState.LOST, ReservationState.EXPIRED}
    ),
    **{
        end: frozenset({ReservationState.USED, ReservationState.LOST})
        for end in (ReservationState.NO_SHOW, ReservationState.CANCELLED, ReservationState.LOST)
    },
}
"""How an end may be told anew when a session is reported after it: it was used, by its driver or by
another, or nobody knows. USED is told anew only when the token of the session is told later."""


def may_be_corrected(told: ReservationState, proven: ReservationState) -> bool:
    """Whether a reservation that was told to have ended as `told` may turn out as `proven`."""
    return proven in CORRECTIONS.get(told, frozenset())


def may_become(now: ReservationState, then: ReservationState) -> bool:
    """Whether a reservation may move from `now` to `then`."""
    return then in TRANSITIONS[now]
