"""Commands, frames, sessions and facts as tests speak of them. T0 is when the frame left."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from domain.commands import transitions as changes
from domain.commands.judging import judge
from domain.commands.timing import Timing
from domain.evidence.facts import Act, Asked, Decision, Facts
from domain.evidence.frames import ReservationFrame
from domain.evidence.sessions import ConnectorState, Rival, SentFrame, Session, TokenState
from domain.model.answers import StationAnswer, Verdict
from domain.model.command import Command, State
from domain.model.specs import (
    CancelReservationSpec,
    IdToken,
    Kind,
    ReserveSpec,
    ResetMode,
    ResetSpec,
    StartSpec,
    StopSpec,
    UnlockSpec,
)

T0 = datetime(2026, 5, 1, 12, tzinfo=UTC)
TIMING = Timing(
    answer_timeout_s=30,
    connection_timeout_s=60,
    effect_margin_s=15,
    stop_effect_s=60,
    guard_s=600,
)
TOKEN = IdToken("ISO14443", "****1234", "sealed", "token")
RESERVATION = "a" * 24
ACCEPTED = StationAnswer(Verdict.ACCEPTED, "Accepted")
NAMED = StationAnswer(Verdict.ACCEPTED, "Accepted", ocpp_transaction_id="9")
REJECTED = StationAnswer(Verdict.REJECTED, "Rejected", reason_code="Busy", additional_info="EVSE")


def at(seconds: float) -> datetime:
    """So many seconds after the frame left."""
    return T0 + timedelta(seconds=seconds)


def start(**changed: Any) -> Command:
    """A StartSession that is QUEUED."""
    return replace(_command(Kind.START_SESSION), start=StartSpec(TOKEN, evse_id=1), **changed)


def stop(**changed: Any) -> Command:
    """A StopSession of wire id "7" that is QUEUED."""
    return replace(
        _command(Kind.STOP_SESSION), stop=StopSpec(found_ocpp_transaction_id="7"), **changed
    )


def unlock(**changed: Any) -> Command:
    """An UnlockConnector of EVSE 1 that is QUEUED."""
    spec = UnlockSpec(1, 1, stop_first=changed.pop("stop_first", False))
    return replace(_command(Kind.UNLOCK_CONNECTOR), unlock=spec, **changed)


def reset(**changed: Any) -> Command:
    """A Reset that is QUEUED: of the whole station, unless `evse_id` says otherwise."""
    spec = ResetSpec(ResetMode.SOFT, changed.pop("evse_id", None))
    return replace(_command(Kind.RESET), reset=spec, **changed)


def reserve(**changed: Any) -> Command:
    """A ReserveNow of EVSE 1, number 42, for an hour, that is QUEUED."""
    spec = ReserveSpec(TOKEN, at(3_600), evse_id=1, reservation=RESERVATION, wire_id=42)
    return replace(_command(Kind.RESERVE_NOW), reserve=spec, **changed)


def cancel(**changed: Any) -> Command:
    """A CancelReservation of our number 42 that is QUEUED, unless `ours` is False."""
    ours = RESERVATION if changed.pop("ours", True) else None
    spec = CancelReservationSpec(42, found_reservation=ours)
    return replace(_command(Kind.CANCEL_RESERVATION), cancel_reservation=spec, **changed)


def asks(*answers: StationAnswer | None, every_s: float = 10) -> tuple[ReservationFrame, ...]:
    """Frames about a reservation, the first at T0, each answered after a second or lost."""
    return tuple(
        ReservationFrame(
            number,
            at((number - 1) * every_s),
            over=True,
            answer=answer,
            answer_time=at((number - 1) * every_s + 1) if answer else None,
        )
        for number, answer in enumerate(answers, start=1)
    )


def _command(kind: Kind) -> Command:
    return Command(
        name="c1",
        tenant="acme",
        kind=kind,
        station="CP1",
        state=State.QUEUED,
        create_time=at(-1),
        not_after=at(300),
        workflow_id="command/acme/c1",
    )


def answered(command: Command, answer: StationAnswer = ACCEPTED, after_s: float = 1) -> Command:
    """Sent at T0, answered soon after."""
    return changes.answered(changes.sent(command, T0), answer, at(after_s))


def lost(command: Command, cause: str = "ANSWER_TIMEOUT") -> Command:
    """Sent at T0, never answered."""
    return changes.lost(changes.sent(command, T0), cause, at(30))


def frame(**changed: Any) -> SentFrame:
    """The frame, answered after a second unless `answer_time` says otherwise."""
    known = SentFrame(5, 1, T0, at(1), evse_id=1, token_digest="token", ocpp_transaction_id="7")
    return replace(known, **changed)


def session(**changed: Any) -> Session:
    """A session of our token on our EVSE that began ten seconds after the frame left."""
    known = Session("tx", "7", at(10), at(10), evse_id=1, token_digest="token")
    return replace(known, **changed)


def ended(reason: str = "Remote", at_s: float = 20, **changed: Any) -> Session:
    """The same session, ended."""
    over = {"active": False, "stop_time": at(at_s), "stop_received_time": at(at_s)}
    return session(**{**over, "stop_reason": reason, **changed})


def facts(*sessions: Session, **changed: Any) -> Facts:
    """What is known: a live 1.6 connection since long ago."""
    known = Facts(
        frame=frame(),
        frames=1,
        tried=("7",),
        sessions=sessions,
        ocpp_version="1.6",
        connected_since=at(-1000),
    )
    return replace(known, **changed)


def asked(at_s: float = 61, **changed: Any) -> Asked:
    """The station was asked once and replied."""
    return replace(Asked(at(at_s), 1, replied=True), **changed)


def rival(**changed: Any) -> Rival:
    """A newer start for the same token and EVSE."""
    return replace(Rival(at(5), "token", None, 1), **changed)


def available(at_s: float = 20, **changed: Any) -> ConnectorState:
    """The connector stopped waiting."""
    return replace(ConnectorState(1, "Available", "Preparing", at(at_s)), **changed)


def said(decision: Decision) -> str:
    """The act, or the cause of the conclusion."""
    if decision.act is Act.CONCLUDE and decision.outcome is not None:
        return decision.outcome.cause
    return decision.act.value


def judged(command: Command, known: Facts, now_s: float) -> str:
    return said(judge(command, known, TIMING, at(now_s)))


def cable_first(**changed: Any) -> Facts:
    """OCPP 2.x: the station names the session of its answer; its token has not been told."""
    known = session(ocpp_transaction_id="9", token_digest=None, token_state=TokenState.NOT_TOLD)
    return facts(replace(known, **changed), ocpp_version="2.0.1")
