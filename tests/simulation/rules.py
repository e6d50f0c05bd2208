"""What counts as a lie: every command's word, held against what the station really did.

Theory. A command makes three promises: it ends, it ends in time, and what it says is so. "So" is
judged by the station's own record of what really happened (`truth.py`), never by what it reported.

I1  Every accepted command reaches DONE, and its workflow closes without failing.
I2  A start reaches the station at most once, whatever died meanwhile. A stop of the same session is
    written again only while its end had not been told to us.
I3  It is DONE at the latest GRACE_S (and the time of all disturbances) after its last deadline.
I4  In its whole history a definite outcome never changes and its state never goes back.
I11 No lie:
    start SUCCEEDED   names a session that really ran at this station with the command's token, on
                      the EVSE that was asked for, begun neither before its frame (as far as
                      clocks can tell) nor after its time; no other start claims the same
                      session, unless its station said too late whose it is.
    start NOT_SENT    the station never got its frame.
    start REJECTED,   no session that followed its frame runs on. It may have been ended by anybody;
     NO_EFFECT,       if it still runs when the guard ends, compensation says so (FAILED), unless
     CANCELLED        nobody can know: the station never reported it, or another start for the same
                      token has claimed it, and the station does not say whose it is.
    start REJECTED    and the station really refused: its answer was not Accepted.
     or NOT_SUPPORTED
    stop SUCCEEDED    the session that it meant has been, and has ended.
    stop NOT_SENT,    the station never got its frame.
     CANCELLED
    stop REJECTED,    no stop of it ended the session (unless that happened after the outcome).
     NO_EFFECT
    compensation      names a session that has been; DONE: and has ended.
Never stop what is not ours:
    a stop that a start sends (undo) only ever hits a session that followed this start's frame, or
    one that cannot be told apart from it: the same token, a fitting EVSE, begun after the frame
    left, and the station did not name another request for it. A session that another start has
    claimed as its success is never hit. A stop only ever hits the session that it was to stop.
UNKNOWN is always true, and is counted: in a calm world (nothing fails, the station does what it is
asked, and no two starts are for the same token) there is none, and the outcome is exactly what
happened.
"""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from fleet.transactions import Transaction
from tests.simulation.temporal_server import TASK_TIMEOUT_S
from tests.simulation.truth import FrameSeen, TrueSession
from tests.simulation.world import TIMING, Ran, Told
from workflows.domain.evidence import CLOCK_TOLERANCE
from workflows.domain.model import Code, Command, CompensationState, Kind, State
from workflows.domain.states import is_definite

GRACE_S = 5.0
"""I3's own words."""

ROUGHLY = timedelta(seconds=3)
"""Clocks of our machines differ, and words take their time on the wire."""

DEFINITE_WITHOUT_SESSION = {Code.REJECTED, Code.NOT_SUPPORTED, Code.NO_EFFECT, Code.CANCELLED}

_ORDER = [State.QUEUED, State.SENT, State.AWAITING_EFFECT, State.COMPENSATING, State.DONE]


def lies(ran: Ran) -> list[str]:
    """Every broken promise of a world, as sentences; none when all is well."""
    found = [
        f"{told.command.name}: {lie}"
        for told in ran.told
        for rule in _RULES
        for lie in rule(ran, told)
    ]
    return found + ran.troubles + [f"world: {lie}" for lie in _one_claim_per_session(ran)]


# --- I1 to I4


def _ends(_ran: Ran, told: Told) -> Iterator[str]:
    if told.execution.failure is not None:
        yield f"I1 its workflow failed: {told.execution.failure}"
    elif not told.execution.closed or told.last.state is not State.DONE:
        yield f"I1 it never ended: {told.last.state.value}"


def _sent_once(ran: Ran, told: Told) -> Iterator[str]:
    if told.command.kind is not Kind.START_SESSION:
        return
    arrived = [
        frame
        for send in told.sends
        if not send.undo
        for frame in ran.truth.frames
        if frame.message_id == send.message_id
    ]
    if len(arrived) > 1:
        yield f"I2 the station got {len(arrived)} start frames"


def _stops_again_only_what_runs(ran: Ran, told: Told) -> Iterator[str]:
    seen: set[str | None] = {None}
    for send in (one for one in told.sends if one.state != "VOID"):
        ended = _row_of_wire_id(ran, send.wire_id or "") if send.wire_id in seen else None
        told_at = ended.stop_received_time if ended else None
        if told_at is not None and told_at + timedelta(seconds=15) < send.send_time:
            yield f"I2 stop {send.attempt} was written long after the end was told"
        seen.add(send.wire_id)


def _ends_in_time(ran: Ran, told: Told) -> Iterator[str]:
    done = next((one for one in told.history if one.state is State.DONE), None)
    reached = done.outcome_time if done else None
    if reached is None:
        return
    lost_s = ran.disturbed_s + told.execution.deaths * TASK_TIMEOUT_S
    limit = _last_deadline(ran, told) + timedelta(seconds=GRACE_S + lost_s)
    if reached > limit:
        yield f"I3 it ended at {reached:%H:%M:%S}, later than {limit:%H:%M:%S}"


def _last_deadline(ran: Ran, told: Told) -> datetime:
    command = told.command
    sent = [send for send in told.sends if send.state != "VOID" and not send.undo]
    latest = command.not_after
    patience_s = max(TIMING.connection_timeout_s, ran.temper.connection_timeout_s)
    for send in sent:
        heard = max(send.send_time, send.answer_time or send.send_time)
        effect_s = patience_s if command.kind is Kind.START_SESSION else TIMING.stop_effect_s
        effect_s += TIMING.answer_timeout_s + TIMING.effect_margin_s
        latest = max(latest, heard + timedelta(seconds=effect_s))
    return latest


def _never_goes_back(_ran: Ran, told: Told) -> Iterator[str]:
    for before, after in zip(told.history, told.history[1:], strict=False):
        if is_definite(before.outcome) and before.outcome != after.outcome:
            yield f"I4 {before.outcome} became {after.outcome}"
        if _ORDER.index(after.state) < _ORDER.index(before.state):
            yield f"I4 {before.state.value} became {after.state.value}"
        if after.revision != before.revision + 1:
            yield f"I4 revision {after.revision} follows {before.revision}"


# --- I11: starts


def _start_succeeded(ran: Ran, told: Told) -> Iterator[str]:
    command = told.last
    if command.start is None or not _ended_as(command, Code.SUCCEEDED):
        return
    session = _claimed(ran, command)
    if session is None:
        yield "I11 SUCCEEDED without a session that ever was"
        return
    if told_token(command) not in session.token:
        yield f"I11 SUCCEEDED with the session of {session.token}"
    if command.start.evse_id not in (None, session.evse):
        yield f"I11 SUCCEEDED with a session on EVSE {session.evse}"
    if command.send_time is not None and session.begun < command.send_time - CLOCK_TOLERANCE:
        yield "I11 SUCCEEDED with a session that ran before its frame left"
    if session.begun > _last_deadline(ran, told) + ROUGHLY:
        yield "I11 SUCCEEDED with a session that began after its time"


def told_token(command: Command) -> str:
    """The readable end of the command's token."""
    assert command.start is not None
    return command.start.id_token.masked.strip("*")


def _start_not_sent(ran: Ran, told: Told) -> Iterator[str]:
    if _ended_as(told.last, Code.NOT_SENT) and _arrived(ran, told):
        yield "I11 NOT_SENT, and the station got its frame"


def _start_refused(ran: Ran, told: Told) -> Iterator[str]:
    command = told.last
    if command.start is None or not _ended_as(command, Code.REJECTED, Code.NOT_SUPPORTED):
        return
    said = [frame.said for frame in _arrived(ran, told)]
    if not said or said[0] in {"", "Accepted", "nonsense"}:
        yield f"I11 {command.outcome.code.value if command.outcome else ''}, and it said {said}"


def _start_without_session(ran: Ran, told: Told) -> Iterator[str]:
    command = told.last
    if command.start is None or command.outcome is None:
        return
    if command.outcome.code not in DEFINITE_WITHOUT_SESSION:
        return
    for session in ran.truth.caused_by(_message_ids(told)):
        if not session.running or not _was_reported(ran, session):
            continue
        if _claimed_by_another(ran, told, session) and not session.names_its_start:
            continue
        if command.compensation.state is not CompensationState.FAILED:
            yield (
                f"I11 {command.outcome.code.value} ({command.outcome.cause}), compensation "
                f"{command.compensation.state.value}, and its session {session.number} runs on"
            )


def _compensated(ran: Ran, told: Told) -> Iterator[str]:
    known = told.last.compensation
    if known.state is not CompensationState.NONE and not _true_session(ran, known.transaction):
        yield f"I11 compensation {known.state.value} of a session that never was"
    if known.state is CompensationState.PENDING:
        yield "I11 its compensation is PENDING for ever"
    if known.state is not CompensationState.DONE:
        return
    session = _true_session(ran, known.transaction)
    if session is None or session.running:
        yield f"I11 compensation DONE, and session {session and session.number} runs"


def _one_claim_per_session(ran: Ran) -> Iterator[str]:
    claims: dict[int, str] = {}
    for told in ran.told:
        command = told.last
        if command.start is None or not _ended_as(command, Code.SUCCEEDED):
            continue
        session = _claimed(ran, command)
        if session is None or session.named_late:
            continue
        if session.number in claims:
            yield f"I11 {command.name} and {claims[session.number]} claim one session"
        claims[session.number] = command.name


# --- I11: stops


def _stop_succeeded(ran: Ran, told: Told) -> Iterator[str]:
    command = told.last
    if command.stop is None or not _ended_as(command, Code.SUCCEEDED):
        return
    session = _meant(ran, told)
    if session is None:
        yield "I11 SUCCEEDED with a session that never was"
    elif session.ended is None:
        yield f"I11 SUCCEEDED, and session {session.number} runs on"


def _stop_not_sent(ran: Ran, told: Told) -> Iterator[str]:
    command = told.last
    if command.stop is None or not _ended_as(command, Code.NOT_SENT, Code.CANCELLED):
        return
    if _arrived(ran, told):
        yield f"I11 {command.outcome and command.outcome.code.value}, and the station got it"


def _stop_without_effect(ran: Ran, told: Told) -> Iterator[str]:
    command = told.last
    if command.stop is None or not _ended_as(command, Code.REJECTED, Code.NO_EFFECT):
        return
    ours = _message_ids(told)
    for session in ran.truth.sessions:
        if session.end_cause not in ours or session.ended is None:
            continue
        if command.outcome_time is not None and session.ended < command.outcome_time:
            code = command.outcome.code.value if command.outcome else ""
            yield f"I11 {code}, and it has ended session {session.number}"


def _hits_only_its_own(ran: Ran, told: Told) -> Iterator[str]:
    ours = _message_ids(told)
    for session in ran.truth.sessions:
        if session.end_cause in ours:
            if told.command.kind is Kind.STOP_SESSION:
                meant = _meant(ran, told)
                if meant is not None and meant is not session and meant.evse != session.evse:
                    yield f"it stopped session {session.number} instead of {meant.number}"
            else:
                yield from _undo_hits(ran, told, session)


def _undo_hits(ran: Ran, told: Told, session: TrueSession) -> Iterator[str]:
    mine = _message_ids(told)
    other = _claimed_by_another(ran, told, session)
    if other is not None:
        yield f"it undid session {session.number}, the success of {other.command.name}"
    if session.cause in mine:
        return
    command = told.command
    left = [send.send_time for send in told.sends if not send.undo and send.state != "VOID"]
    alike = (
        command.start is not None
        and told_token(command) in session.token
        and command.start.evse_id in (None, session.evse)
        and bool(left)
        and session.begun >= left[0] - ROUGHLY
        and not (session.cause and session.names_its_start and not session.named_late)
    )
    if not alike:
        yield f"it undid session {session.number}, which was not its own"


def _claimed_by_another(ran: Ran, told: Told, session: TrueSession) -> Told | None:
    """The other start that succeeded with this session."""
    for other in ran.told:
        if other is told or not _ended_as(other.last, Code.SUCCEEDED) or not other.last.start:
            continue
        if _claimed(ran, other.last) is session:
            return other
    return None


# --- a calm world


def _calm_is_exact(ran: Ran, told: Told) -> Iterator[str]:
    if not ran.calm or told.last.outcome is None or _has_a_twin(ran, told):
        return
    code, cause = told.last.outcome.code, told.last.outcome.cause
    if code is Code.UNKNOWN:
        yield f"nothing failed, and it is UNKNOWN ({cause})"
    if told.command.kind is Kind.START_SESSION:
        began = ran.truth.caused_by(_message_ids(told))
        if (code is Code.SUCCEEDED) != bool(began) and code is not Code.NO_EFFECT:
            yield f"nothing failed, and it is {code.value} with sessions {began}"


def _has_a_twin(ran: Ran, told: Told) -> bool:
    """Whether another start for the same token makes it hard to tell whose a session is."""
    start = told.command.start
    others = (one.command.start for one in ran.told if one is not told)
    return start is not None and any(
        other is not None and other.id_token.digest == start.id_token.digest for other in others
    )


# --- reading


def _ended_as(command: Command, *codes: Code) -> bool:
    return command.outcome is not None and command.outcome.code in codes


def _message_ids(told: Told) -> set[str]:
    """Of every frame of it that may have been on the wire."""
    return {send.message_id for send in told.sends if send.state != "VOID"}


def _arrived(ran: Ran, told: Told) -> list[FrameSeen]:
    found = [ran.truth.arrived(send.message_id) for send in told.sends if not send.undo]
    return [frame for frame in found if frame is not None]


def _true_session(ran: Ran, transaction: str | None) -> TrueSession | None:
    row = next((row for row in ran.transactions if row.name == transaction), None)
    if row is None:
        return None
    return next((one for one in ran.truth.sessions if _is_record(row, one)), None)


def _is_record(row: Transaction, session: TrueSession) -> bool:
    """Whether this row of the fleet tells of this session."""
    if session.wire_id is not None and session.wire_id.startswith("tx-"):
        return row.ocpp_id == session.wire_id
    meter = row.meter_start_wh if row.meter_start_wh is not None else row.meter_stop_wh
    return meter is not None and meter // 1000 * 1000 == session.number


def _was_reported(ran: Ran, session: TrueSession) -> bool:
    return any(_is_record(row, session) for row in ran.transactions)


def _row_of_wire_id(ran: Ran, wire_id: str) -> Transaction | None:
    return next((row for row in ran.transactions if row.ocpp_id == wire_id), None)


def _claimed(ran: Ran, command: Command) -> TrueSession | None:
    facts = command.outcome.session if command.outcome else None
    return _true_session(ran, facts.transaction) if facts else None


def _meant(ran: Ran, told: Told) -> TrueSession | None:
    """The session that a stop is about."""
    stop = told.command.stop
    if stop is None:
        return None
    row = _row_of_wire_id(ran, stop.wire_id)
    return _true_session(ran, stop.resolved_transaction or (row.name if row else None))


Rule = Callable[[Ran, Told], Iterator[str]]

_RULES: tuple[Rule, ...] = (
    _ends,
    _sent_once,
    _stops_again_only_what_runs,
    _ends_in_time,
    _never_goes_back,
    _start_succeeded,
    _start_not_sent,
    _start_refused,
    _start_without_session,
    _compensated,
    _stop_succeeded,
    _stop_not_sent,
    _stop_without_effect,
    _hits_only_its_own,
    _calm_is_exact,
)
