"""All that is known about a command at one moment, and what can be done about it next."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from domain.evidence.frames import FirstStop, ReservationFrame
from domain.evidence.matching import (
    classify,
    may_hide_a_start,
)
from domain.evidence.proof import Proof, UntakenReport, is_negative, proven
from domain.evidence.restart import RestartFacts
from domain.evidence.sessions import (
    ConnectorState,
    Match,
    Rival,
    SentFrame,
    Session,
    cable_wait_ended,
    running_first,
)
from domain.model.answers import StationAnswer
from domain.model.command import Command, Outcome, ReservationFacts, SessionFacts
from domain.model.outcomes import Cause, ending, refusal
from domain.model.specs import required
from domain.ocpp_words import capabilities_of


@dataclass(frozen=True)
class Asked:
    """What the station said when it was asked. None means that it did not say.

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

    frame: the newest frame of the command that may have been on the wire; None: there is none.
    frames: how many of them there are. unanswered: how many before the newest got no answer.
    undos: the frames that stop an unwanted session.
    tried: the transaction ids that were sent in stops.
    rivals: the other starts that may be the cause of a session, or have claimed one.
    contested: our ids of the sessions for which there are more rivals than were read.
    connected_since: of the station's present connection; None: it has none.
    connection_timeout_s: how long the station waits for the cable; None: it did not tell.
    asks: the frames of the command's own kind with their answers. cancels: the frames that cancel
        the reservation that a ReserveNow may have made.
    first_stop: the stops that an unlock has sent before itself. restart: for a reset.
    stops: the stops, of any command and of the station's own back end, that the station accepted
        and that have ended a session of the command's EVSE since its frame.
    untaken: what the station reported since the command's first frame and could not be used.
    gaps: when something was passed on between the station and its back end that was not kept.
    boot_time: of the station's latest boot, by our clock, unless it was only asked to tell it.
    """

    frame: SentFrame | None = None
    frames: int = 0
    unanswered: int = 0
    tried: tuple[str, ...] = ()
    undos: tuple[SentFrame, ...] = ()
    undo_refused: bool = False
    sessions: tuple[Session, ...] = ()
    rivals: tuple[Rival, ...] = ()
    contested: frozenset[str] = frozenset()
    connectors: tuple[ConnectorState, ...] = ()
    ocpp_version: str = ""
    connected_since: datetime | None = None
    connection_timeout_s: float | None = None
    asked: Asked | None = None
    asks: tuple[ReservationFrame, ...] = ()
    cancels: tuple[ReservationFrame, ...] = ()
    first_stop: FirstStop = field(default_factory=FirstStop)
    restart: RestartFacts = field(default_factory=RestartFacts)
    stops: tuple[SentFrame, ...] = ()
    untaken: tuple[UntakenReport, ...] = ()
    gaps: tuple[datetime, ...] = ()
    boot_time: datetime | None = None

    @property
    def can_ask_status(self) -> bool:
        """Whether the station's version has a question about one transaction."""
        capabilities = capabilities_of(self.ocpp_version)
        return capabilities is not None and capabilities.transaction_status

    @property
    def gives_ids(self) -> bool:
        """Whether we give a session its id, in the answer to the report of its start (OCPP 1.6)."""
        return capabilities_of(self.ocpp_version) is not None and not self.names_requests

    @property
    def names_requests(self) -> bool:
        """Whether a session of the station's version names the request that it came from."""
        capabilities = capabilities_of(self.ocpp_version)
        return capabilities is not None and capabilities.names_requests


class Need(StrEnum):
    """A group of facts that some commands are judged by, and others are not.

    SESSIONS_SINCE_FRAMES: all sessions that may be the effect of the command's frames.
    RUNNING_SESSIONS: those of the whole station, once a frame was sent.
    RUNNING_SESSIONS_OF_EVSE: those of the EVSE that the command names.
    SESSIONS_OF_RESERVATION: those that name the reservation's number.
    RIVALS: the other starts at the station. CONNECTORS: the status of the EVSE's connectors, and of
        the station itself.
    ALL_CONNECTORS: the same of the whole station. RESERVED_CONNECTORS: of the reservation that the
        command ends, as long as no other reservation explains what they show.
    RESERVATION_FRAMES: the command's frames with their answers. RESTART: the station's boots.
    STOPS_OF_EVSE: those that have ended a session of the EVSE since the command's frame.
    """

    SESSIONS_SINCE_FRAMES = "SESSIONS_SINCE_FRAMES"
    RUNNING_SESSIONS = "RUNNING_SESSIONS"
    RUNNING_SESSIONS_OF_EVSE = "RUNNING_SESSIONS_OF_EVSE"
    SESSIONS_OF_RESERVATION = "SESSIONS_OF_RESERVATION"
    RIVALS = "RIVALS"
    CONNECTORS = "CONNECTORS"
    ALL_CONNECTORS = "ALL_CONNECTORS"
    RESERVED_CONNECTORS = "RESERVED_CONNECTORS"
    RESERVATION_FRAMES = "RESERVATION_FRAMES"
    RESTART = "RESTART"
    STOPS_OF_EVSE = "STOPS_OF_EVSE"


@dataclass(frozen=True)
class NeededFacts:
    """Which facts one command is judged by, besides its own frames and its station.

    evse_id: of the EVSE that the command names; None: the whole station, or any EVSE.
    reservation_number: the station's number of the reservation; 0: the command is about none.
    """

    needs: frozenset[Need] = frozenset()
    evse_id: int | None = None
    reservation_number: int = 0


class Act(StrEnum):
    """What to do next.

    WAIT: until `look_again`, or until woken. CONCLUDE: the outcome is decided. ASK: the station.
    SEND_AGAIN: the frame (a stop: with `ocpp_transaction_id`). UNDO: stop `session`, or cancel
        `reservation`:
    nobody wants it. UNDONE: it ended. UNDO_FAILED: it cannot be ended. SETTLE: nothing is left to
    undo.
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
    """What to do next, and with what.

    look_again: when; None means when woken, or never. Of UNDO: until when its frame may wait.
    session: what is to be stopped, or what has used the reservation.
    reservation: what is to be cancelled; None when a session is undone, or nothing.
    by_another: the session that has used the reservation is of another token.
    proof: of a negative outcome, or why it is not said; None: nothing had to be proven.
    """

    act: Act
    look_again: datetime | None = None
    outcome: Outcome | None = None
    session: Session | None = None
    ocpp_transaction_id: str = ""
    progress: str = ""
    reason: str = ""
    reservation: ReservationFacts | None = None
    by_another: bool = False
    proof: Proof | None = None


def told_at(due: datetime, outcome: Outcome, now: datetime) -> Decision:
    """The outcome as soon as that time has come; until then a sign may still speak against it."""
    if now < due:
        return Decision(Act.WAIT, look_again=due)
    return Decision(Act.CONCLUDE, outcome=outcome)


def as_proven(
    decision: Decision, prove: Callable[[], Proof], otherwise: Callable[[], Outcome]
) -> Decision:
    """The decision, its outcome only as definite as its proof: the one door of every negative.

    otherwise: the outcome UNKNOWN when no sign in the way has a cause of its own.
    """
    outcome = decision.outcome
    if outcome is None or not is_negative(outcome):
        return decision
    proof = prove()
    return replace(decision, outcome=proven(outcome, proof, otherwise()), proof=proof)


def given_answer(command: Command, frame: SentFrame) -> StationAnswer | None:
    """The station's answer to this very frame; None when it answered another one, or none."""
    return command.station_answer if frame.answer_time else None


def agreed(command: Command, frame: SentFrame) -> bool:
    """Whether the station answered this frame with yes."""
    answer = given_answer(command, frame)
    return answer is not None and answer.verdict.is_yes


def refused(command: Command, frame: SentFrame) -> bool:
    """Whether the station answered this frame with a no that it would say again."""
    answer = given_answer(command, frame)
    return answer is not None and answer.verdict.is_lasting_no


def token_was_refused(command: Command, frame: SentFrame) -> bool:
    """Whether the station agreed, asked about the token of a start, and was told no alone.

    What it was told counts after its yes: before that, somebody may have shown a card with the same
    token.
    """
    return agreed(command, frame) and frame.token_was_refused


def in_its_words(command: Command, facts: Facts, frame: SentFrame) -> Outcome | None:
    """The end of a start that the station told: its wait is over, or it refused; None: none."""
    if not agreed(command, frame):
        return refusal(required(command.station_answer)) if refused(command, frame) else None
    asked = frame.token_refused_time if frame.token_was_refused else None
    if asked is not None and cable_wait_ended(facts.connectors, frame, since=asked):
        return ending(Cause.AUTHORIZATION_REFUSED)
    return ending(Cause.CABLE_WAIT_ENDED) if cable_wait_ended(facts.connectors, frame) else None


def without_session(command: Command, facts: Facts) -> Outcome:
    """What is said of a start at its deadline when no session is known, if it is proven."""
    if facts.frame is not None and token_was_refused(command, facts.frame):
        return ending(Cause.AUTHORIZATION_REFUSED)
    return ending(Cause.NO_CABLE_OR_NO_TRANSACTION, facts.asked.detail if facts.asked else "")


def named_by_answer(command: Command, frame: SentFrame) -> str | None:
    """The transaction id that the station's yes to this frame carried; None: it carried none."""
    answer = given_answer(command, frame)
    return answer.ocpp_transaction_id if answer and answer.verdict.is_yes else None


def session_facts(session: Session) -> SessionFacts:
    """The session as its command's outcome shows it to the caller."""
    return SessionFacts(
        transaction=session.name,
        ocpp_transaction_id=session.ocpp_transaction_id,
        evse_id=session.evse_id,
        start_time=session.start_time,
        stop_time=session.stop_time,
        meter_start_wh=session.meter_start_wh,
        meter_stop_wh=session.meter_stop_wh,
        stop_reason=session.stop_reason,
        end_reported=session.end_reported,
    )


def over(session: Session, cause: Cause) -> Outcome:
    """The end of a start whose session came to nothing: for want of a car, or for that cause."""
    cause = Cause.CABLE_WAIT_ENDED if session.timed_out else cause
    return ending(cause, session=session_facts(session))


def told_as_refused(session: Session, deadline: datetime, now: datetime) -> Decision:
    """The next step of a start whose session has a token that was refused.

    Its station has a while to end it. One that goes on is not denied: energy may flow in it.
    """
    due = min(session.ends_by, deadline)
    if session.active and now < due:
        progress = "The token was refused; waiting for the station to end the session."
        return Decision(Act.WAIT, look_again=due, progress=progress)
    doubt = ending(Cause.SESSION_DOUBTFUL) if session.has_defied else None
    return Decision(Act.CONCLUDE, outcome=doubt or over(session, Cause.AUTHORIZATION_REFUSED))


def best_of(
    command: Command, facts: Facts, frame: SentFrame, late_after: datetime
) -> tuple[Session | None, Match]:
    """The session that is the effect of the frame, else one that may be, else none.

    A station may begin again after a session that came to nothing: then that session is the effect
    only while no other one, which came to something, may be.

    late_after: when the command's own time is over.
    """
    named = named_by_answer(command, frame)
    found: dict[Match, list[Session]] = {match: [] for match in Match}
    for session in sorted(facts.sessions, key=running_first):
        if has_another(command, session, facts):
            continue
        match = classify(
            session,
            frame,
            named=named,
            rivals=facts.rivals,
            late_after=late_after,
            more_rivals=session.name in facts.contested or may_hide_a_start(session, facts.gaps),
        )
        found[match].append(session)
    ours, doubtful = found[Match.MATCH], found[Match.DOUBTFUL]
    began, may_be = ([one for one in some if not one.is_nothing] for some in (ours, doubtful))
    if began or (ours and not may_be):
        return (began or ours)[0], Match.MATCH
    return ((may_be or doubtful)[0], Match.DOUBTFUL) if doubtful else (None, Match.NO_MATCH)


def has_another(command: Command, session: Session, facts: Facts) -> bool:
    """Whether the command has told another session: a start begins one, unless it is named again.

    Another one with the same token is the driver's own. Where sessions name their requests, one
    that names none may be the effect all the same after a session that was refused.
    """
    outcome = command.outcome
    told = outcome.session if outcome else None
    if outcome is None or told is None or told.transaction == session.name:
        return False
    if facts.names_requests and outcome.cause == Cause.AUTHORIZATION_REFUSED:
        return False
    return facts.frame is None or session.remote_start_id != facts.frame.number
