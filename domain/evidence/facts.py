"""All that is known about a command at one moment, and what can be done about it next."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from domain.evidence.frames import FirstStop, HoldFrame
from domain.evidence.restart import RestartFacts
from domain.evidence.sessions import Connector, Frame, Rival, Session
from domain.model.command import Outcome, SessionFacts


@dataclass(frozen=True)
class Asked:
    """What the station said when it was asked. None: it did not say.

    times: how often it was asked for this command so far.
    """

    at: datetime
    times: int
    replied: bool
    ongoing: bool | None = None
    messages_in_queue: bool | None = None
    detail: str = ""


@dataclass(frozen=True)
class Facts:
    """What the fleet knows that may concern a command.

    frame: the newest one of the command that may have been on the wire, None when there is none.
    frames: how many of them there are. unanswered: how many before the newest got no answer.
    undos: those that stop an unwanted session.
    tried: the transaction ids that were sent in stops.
    connected_since: of the station's present connection, None when it has none.
    connection_timeout_s: how long the station waits for the cable, None when it did not tell.
    asks: the frames of the command's own kind with their answers. cancels: those that cancel the
        hold that a ReserveNow may have made.
    first_stop: the stops that an unlock has sent before itself. restart: for a reset.
    """

    frame: Frame | None = None
    frames: int = 0
    unanswered: int = 0
    tried: tuple[str, ...] = ()
    undos: tuple[Frame, ...] = ()
    undo_refused: bool = False
    sessions: tuple[Session, ...] = ()
    rivals: tuple[Rival, ...] = ()
    connectors: tuple[Connector, ...] = ()
    ocpp_version: str = ""
    connected_since: datetime | None = None
    connection_timeout_s: float | None = None
    asked: Asked | None = None
    asks: tuple[HoldFrame, ...] = ()
    cancels: tuple[HoldFrame, ...] = ()
    first_stop: FirstStop = field(default_factory=FirstStop)
    restart: RestartFacts = field(default_factory=RestartFacts)

    @property
    def can_ask_status(self) -> bool:
        """OCPP 2.x has GetTransactionStatus; 1.6 can only be made to repeat what it reported."""
        return self.ocpp_version.startswith("2")


class Act(StrEnum):
    """What to do next.

    WAIT: until `look_again`, or until woken. CONCLUDE: the outcome is decided. ASK: the station.
    SEND_AGAIN: the frame (a stop: with `wire_id`). UNDO: stop `session`, or cancel the hold: nobody
    wants it. UNDONE: it ended. UNDO_FAILED: it cannot be ended. SETTLE: nothing is left to undo.
    """

    WAIT = "WAIT"
    CONCLUDE = "CONCLUDE"
    ASK = "ASK"
    SEND_AGAIN = "SEND_AGAIN"
    UNDO = "UNDO"
    UNDONE = "UNDONE"
    UNDO_FAILED = "UNDO_FAILED"
    SETTLE = "SETTLE"


@dataclass(frozen=True)
class Decision:
    """What to do next, and with what. look_again: None means when woken, or never."""

    act: Act
    look_again: datetime | None = None
    outcome: Outcome | None = None
    session: Session | None = None
    wire_id: str = ""
    progress: str = ""
    reason: str = ""


def told(session: Session) -> SessionFacts:
    """The session as the caller is told about it."""
    return SessionFacts(
        transaction=session.name,
        transaction_id=session.transaction_id,
        evse_id=session.evse_id,
        start_time=session.start_time,
        stop_time=session.stop_time,
        meter_start_wh=session.meter_start_wh,
        meter_stop_wh=session.meter_stop_wh,
        stop_reason=session.stop_reason,
    )
