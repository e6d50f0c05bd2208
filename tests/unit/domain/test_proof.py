"""No negative without its proof, whatever is known, for all commands."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.commands import transitions as changes
from domain.commands.judging import apply, judge
from domain.commands.table import COMMANDS
from domain.evidence.facts import Act, Asked, Decision, Facts
from domain.evidence.proof import (
    NEEDS,
    NEGATIVE_CODES,
    SIGNS,
    Proof,
    Sign,
    UntakenReport,
    proven,
)
from domain.evidence.restart import RestartFacts
from domain.evidence.sessions import ConnectorState, Session, TokenState
from domain.model.answers import CallError, StationAnswer, Verdict
from domain.model.command import Code, Command
from domain.model.outcomes import ENDINGS, Cause, ending
from domain.model.specs import Kind
from tests.unit.domain.situations import (
    ACCEPTED,
    REJECTED,
    T0,
    TIMING,
    answered,
    asks,
    at,
    cancel,
    ended,
    facts,
    frame,
    judged,
    lost,
    reserve,
    reset,
    session,
    start,
    stop,
    unlock,
)

ERROR = StationAnswer(Verdict.FAILED, call_error=CallError("InternalError"))
ANSWERS = (ACCEPTED, REJECTED, ERROR, StationAnswer(Verdict.UNREADABLE), None)
LATE_S = 5_000


def test_every_negative_cause_has_what_it_needs_and_every_sign_its_sentence() -> None:
    negative = {cause for cause, told in ENDINGS.items() if told.code in NEGATIVE_CODES}
    assert set(NEEDS) == negative
    assert set(SIGNS) == set(Sign)
    assert all(NEEDS.values())


@given(st.sets(st.sampled_from(Sign)), st.sampled_from(sorted(NEEDS)))
def test_a_sign_in_the_way_makes_every_negative_unknown(present: set[Sign], cause: Cause) -> None:
    proof = Proof(not_known=tuple(sorted(present)), speaks_against=tuple(Sign))
    told = proven(ending(cause), proof, ending(Cause.ANSWER_TIMEOUT))
    assert told.code is (Code.UNKNOWN if present else ENDINGS[cause].code)
    assert all(SIGNS[sign] in told.message for sign in present)


@pytest.mark.parametrize("cause", sorted(NEEDS))
def test_a_negative_without_what_it_needs_is_unknown(cause: Cause) -> None:
    beside = tuple(sign for sign in Sign if sign not in NEEDS[cause])
    told = proven(ending(cause), Proof(speaks_against=beside), ending(Cause.ANSWER_TIMEOUT))
    assert told.code is Code.UNKNOWN


@pytest.mark.parametrize("command", [start(), stop(), reset()])
def test_a_command_that_was_not_sent_proves_nothing(command: Command) -> None:
    assert COMMANDS[command.kind].proof(command, Facts(), TIMING, at(0)) == Proof()


def test_what_speaks_against_an_unlock_is_the_stations_word_or_that_it_was_never_sent() -> None:
    proof = COMMANDS[Kind.UNLOCK_CONNECTOR].proof
    refused = proof(answered(unlock(), REJECTED), facts(), TIMING, at(5))
    assert refused.speaks_against == (Sign.REFUSED,)
    failed = StationAnswer(Verdict.FAILED, "UnlockFailed")
    assert proof(answered(unlock(), failed), facts(), TIMING, at(5)).speaks_against == (
        Sign.SAID_FAILED,
    )
    never = proof(unlock(stop_first=True), facts(), TIMING, at(5))
    assert never.speaks_against == (Sign.NEVER_SENT,)


def test_a_refused_reset_is_weighed_against_what_the_station_reported() -> None:
    weighed = changes.answered(changes.sent(reset(), T0), REJECTED, at(1), decides=False)
    known = facts(restart=RestartFacts(same_socket=True, connected=True))
    assert judged(weighed, known, 2) == "WAIT"
    assert judged(weighed, known, 6) == "STATION_REJECTED"
    unread = replace(known, untaken=(UntakenReport("BootNotification", at(2)),))
    assert judged(weighed, unread, 3) == "WAIT"
    assert judged(weighed, unread, 17) == "REPORT_NOT_USABLE"


NOS = (
    REJECTED,
    StationAnswer(Verdict.NOT_SUPPORTED, call_error=CallError("NotImplemented")),
    StationAnswer(Verdict.REJECTED, call_error=CallError("FormationViolation")),
)
REFUSALS = {"STATION_REJECTED", "COMMAND_NOT_SUPPORTED", "CALL_ERROR", "UNLOCK_FAILED"}


def weighing(command: Command, answer: StationAnswer) -> Command:
    """A command that was refused, and whose no is weighed."""
    return changes.answered(changes.sent(command, T0), answer, at(1), decides=False)


@pytest.mark.parametrize("no", NOS)
def test_a_reset_that_was_refused_and_cut_its_socket_is_not_refused(no: StationAnswer) -> None:
    command = weighing(reset(), no)
    gone = facts(restart=RestartFacts(connected=False), connected_since=None)
    assert judged(command, gone, 6) == "WAIT"
    assert judged(command, gone, 17) == "OFFLINE_AT_DEADLINE"
    back = facts(restart=RestartFacts(connected=True, connected_time=at(4)))
    assert judged(command, back, 6) == "WAIT"
    assert judged(command, back, 17) in REFUSALS
    boot = RestartFacts(
        at(40), "PowerUp", boot_is_newer=True, connected=True, connected_time=at(30)
    )
    down = replace(boot, down_time=at(2))
    told = changes.concluded(command, ending(Cause.OFFLINE_AT_DEADLINE), at(17))
    assert judged(told, facts(restart=down), 80) == "STATION_RESTARTED"


def left(before: str, after: str, at_s: float = 1.5) -> Facts:
    """A charging place that was shown so and so."""
    return facts(connectors=(ConnectorState(1, after, before, at(at_s)),))


@pytest.mark.parametrize(
    ("before", "after", "sign"),
    [
        ("Finishing", "Available", Sign.EVSE_FREE),
        ("Occupied", "Available", Sign.EVSE_FREE),
        ("Charging", "Finishing", Sign.EVSE_NOT_CHARGING),
    ],
)
@pytest.mark.parametrize("no", [*NOS, StationAnswer(Verdict.FAILED, "UnlockFailed")])
def test_a_place_that_is_left_after_an_unlock_was_refused_forbids_to_say_that_it_was(
    no: StationAnswer, before: str, after: str, sign: Sign
) -> None:
    command = weighing(unlock(), no)
    assert judged(command, facts(), 5) == "WAIT"
    assert judged(command, facts(), 6) in REFUSALS
    assert judged(command, left(before, after, -5), 6) in REFUSALS
    decision = judge(command, left(before, after), TIMING, at(6))
    assert decision.outcome is not None
    assert decision.outcome.cause == "EFFECT_NOT_EXCLUDED"
    assert SIGNS[sign] in decision.outcome.message


@pytest.mark.parametrize("no", NOS)
@pytest.mark.parametrize("ours", [True, False])
def test_a_place_that_is_reserved_no_longer_after_a_cancel_was_refused_forbids_to_say_so(
    no: StationAnswer, *, ours: bool
) -> None:
    command = weighing(cancel(ours=ours), no)
    silent = facts(asks=asks(no))
    if ours and no.said_no_such:
        assert judged(command, silent, 2) == "RESERVATION_GONE"
        return
    assert judged(command, silent, 5) == "WAIT"
    assert judged(command, silent, 6) in {*REFUSALS, "RESERVATION_UNKNOWN"}
    freed = replace(left("Reserved", "Available"), asks=asks(no))
    assert judged(command, freed, 6) == "EFFECT_NOT_EXCLUDED"
    before = replace(left("Reserved", "Available", -5), asks=asks(no))
    assert judged(command, before, 6) == judged(command, silent, 6)


@pytest.mark.parametrize("no", [*NOS, StationAnswer(Verdict.REJECTED, "Occupied")])
def test_a_place_that_becomes_reserved_after_a_reservation_was_refused_is_cancelled(
    no: StationAnswer,
) -> None:
    command, silent = weighing(reserve(), no), facts(asks=asks(no))
    assert judged(command, silent, 5) == "WAIT"
    assert judged(command, silent, 6) in {*REFUSALS, "EVSE_OCCUPIED"}
    before = replace(left("Available", "Reserved", -5), asks=asks(no))
    assert judged(command, before, 6) == judged(command, silent, 6)
    held = replace(left("Available", "Reserved"), asks=asks(no))
    assert COMMANDS[Kind.RESERVE_NOW].proof(command, held, TIMING, at(2)).speaks_for == (
        Sign.HOLD_SHOWN,
    )
    decision = judge(command, held, TIMING, at(2))
    assert decision.act is Act.UNDO
    undoing = apply(command, decision, at(2))
    assert judged(undoing, held, 3) == "UNDO"
    for answer, cause in ((ACCEPTED, {"HOLD_UNDONE"}), (REJECTED, {*REFUSALS, "EVSE_OCCUPIED"})):
        settled = replace(left("Reserved", "Available"), asks=asks(no), cancels=asks(answer))
        done = judge(undoing, settled, TIMING, at(4))
        assert done.act is Act.UNDONE
        assert done.outcome is not None
        assert done.outcome.cause in cause


def test_a_session_that_ended_by_a_reset_speaks_for_the_restart() -> None:
    session_over = ended("ImmediateReset", start_time=at(-60), received_time=at(-60))
    over = RestartFacts(same_socket=True, running=(session_over,))
    proof = COMMANDS[Kind.RESET].proof(answered(reset()), facts(restart=over), TIMING, at(700))
    assert proof.speaks_for == (Sign.ENDED_BY_RESET,)
    assert not proof.holds(Cause.STATION_DID_NOT_RESTART)


# --- All commands, over generated evidence

SESSIONS = st.lists(
    st.builds(
        lambda over, changed: (ended if over else session)(**changed),
        st.booleans(),
        st.fixed_dictionaries(
            {
                "evse_id": st.sampled_from([1, 2, 0, None]),
                "token_digest": st.sampled_from(["token", "other", None]),
                "remote_start_id": st.sampled_from([None, None, 5, 6]),
                "token_state": st.sampled_from(TokenState),
                "clock_suspect": st.booleans(),
                "start_time": st.sampled_from([at(-90), at(-5), at(10), at(400)]),
                "received_time": st.sampled_from([at(-60), at(2), at(12), at(200)]),
                "reservation_id": st.sampled_from([None, None, 42]),
                "charging_state": st.sampled_from(["", "Charging", "EVConnected"]),
                "alive_time": st.sampled_from([None, at(-30), at(60)]),
            }
        ),
    ),
    max_size=2,
)
REPORTS = st.lists(
    st.builds(
        UntakenReport,
        st.sampled_from(["StartTransaction", "StopTransaction", ""]),
        st.just(at(3)),
        st.sampled_from([1, 2, None]),
    ),
    max_size=1,
)
STATUS = st.lists(
    st.builds(
        ConnectorState,
        st.sampled_from([1, 2, 0]),
        st.sampled_from(["Available", "Charging", "Finishing", "Occupied", "Faulted", "Reserved"]),
        st.sampled_from(["Preparing", "Available", "Occupied", "Reserved", ""]),
        st.sampled_from([at(-5), at(4)]),
        st.sampled_from([None, at(5)]),
    ),
    max_size=2,
)
REPLIES = st.none() | st.builds(
    Asked,
    at=st.sampled_from([at(2), at(61), at(4_900)]),
    times=st.integers(1, 3),
    replied=st.booleans(),
    ongoing=st.sampled_from([None, True, False]),
    messages_in_queue=st.sampled_from([None, True, False]),
)
RESTARTS = st.builds(
    RestartFacts,
    boot_time=st.sampled_from([None, at(9)]),
    boot_reason=st.sampled_from(["", "PowerUp", "Triggered", "RemoteReset"]),
    boot_is_newer=st.booleans(),
    same_socket=st.booleans(),
    connected=st.booleans(),
    running=SESSIONS.map(tuple),
)
SENT = (start(), stop(), unlock(), unlock(stop_first=True), reset(), reserve(), cancel())


def _apart(sessions: list[Session]) -> list[Session]:
    """The same sessions with ids of their own; a stop is about the first one."""
    ids = ("7", "8")
    return [
        replace(session, name=f"tx{number}", ocpp_transaction_id=number)
        for session, number in zip(sessions, ids, strict=False)
    ]


@st.composite
def situations(draw: st.DrawFn) -> tuple[Command, Facts, float]:
    """A command that was sent, all that is known, and the time."""
    command, answer = draw(st.sampled_from(SENT)), draw(st.sampled_from(ANSWERS))
    weighed = draw(st.booleans())
    if answer is None:
        sent, last = lost(command), frame(answer_time=None)
    else:
        before = changes.sent(command, T0)
        decides = False if weighed else None
        sent, last = changes.answered(before, answer, at(1), decides=decides), frame()
    known = facts(
        *_apart(draw(SESSIONS)),
        frame=last,
        untaken=tuple(draw(REPORTS)),
        connectors=tuple(draw(STATUS)),
        asked=draw(REPLIES),
        ocpp_version=draw(st.sampled_from(["1.6", "2.0.1"])),
        connected_since=draw(st.sampled_from([None, at(-1_000), at(15), at(LATE_S - 3)])),
        restart=draw(RESTARTS),
        boot_time=draw(st.sampled_from([None, None, at(-5), at(9)])),
        asks=asks(answer),
    )
    return sent, known, draw(st.sampled_from([2.0, 20.0, 76.0, 130.0, float(LATE_S)]))


def is_new_negative(command: Command, decision: Decision) -> bool:
    told = decision.outcome
    return told is not None and told != command.outcome and told.code in NEGATIVE_CODES


def is_certain_anyway(command: Command, known: Facts) -> bool:
    """Whether no report can change it.

    None tells about a bolt. A refused ReserveNow reserved nothing. A use was reported already.
    """
    used = any(each.reservation_id == 42 for each in known.sessions)
    plain_no = command.reserve is not None and known.asks[0].refused
    ends_used = command.cancel_reservation is not None and used
    return command.unlock is not None or plain_no or ends_used


def may_be_ours(each: Session) -> bool:
    """Whether a session may be the start's, by the plainest reading of what it says."""
    if each.remote_start_id is not None:
        return each.remote_start_id == 5
    fits = each.evse_id in {1, None} and each.token_digest in {"token", None}
    return fits and each.received_time >= T0


@given(situations())
def test_no_negative_is_told_that_is_not_proven(situation: tuple[Command, Facts, float]) -> None:
    command, known, now_s = situation
    decision = judge(command, known, TIMING, at(now_s))
    if not is_new_negative(command, decision):
        return
    assert decision.outcome is not None
    assert decision.proof is not None
    assert decision.proof.holds(Cause(decision.outcome.cause))
    # The rest knows nothing of proofs: it reads the facts themselves.
    if not is_certain_anyway(command, known):
        where = known.sessions[0].evse_id if command.stop and known.sessions else 1
        there = {where, None}
        assert not [each for each in known.untaken if where is None or each.evse_id in there]
    if known.asked is not None and command.start is not None:
        assert known.asked.messages_in_queue is not True
    if command.stop is not None:
        assert known.boot_time is None or known.boot_time <= T0
        place = known.sessions[0].evse_id if known.sessions else 1
        shown = [each for each in known.connectors if each.evse_id == place]
        since = {each.status for each in shown if each.status_time > T0}
        assert not since & {"Available", "Finishing", "Faulted"}
        lives = [each for each in known.sessions if each.ocpp_transaction_id == "7" and each.active]
        ongoing = known.asked is not None and known.asked.ongoing is True
        charges = any(each.evse_id == place and each.status == "Charging" for each in shown)
        alive = any(each.alive_time == at(60) for each in lives)
        # OCPP 1.6: nobody gave the station this id before the stop.
        begun = any(each.received_time > at(1) for each in lives) and known.gives_ids
        assert not lives or ongoing or charges or alive or begun
    if command.start is not None:
        ours = [each for each in known.sessions if may_be_ours(each)]
        assert all(each.is_refused or each.stop_reason == "Timeout" for each in ours)
        # More than an error for an answer prove a session that names the start and was refused, and
        # the station's word that it has nothing left to report.
        no_more = known.asked is not None and known.asked.messages_in_queue is False
        failed = command.station_answer is not None and command.station_answer.is_error
        assert ours or no_more or not failed
        if not ours and command.station_answer == ACCEPTED:
            asked_late = known.asked is not None and known.asked.messages_in_queue is False
            returned = {known.connected_since, known.boot_time} & {at(15), at(9)}
            assert asked_late or not returned or at(now_s) >= at(309)


@given(situations(), st.timedeltas(timedelta(0), timedelta(hours=1)))
def test_a_report_that_could_not_be_used_forbids_every_negative_that_facts_decide(
    situation: tuple[Command, Facts, float], later: timedelta
) -> None:
    command, known, now_s = situation
    if is_certain_anyway(command, known):
        return
    report = UntakenReport("", at(2))
    decision = judge(command, replace(known, untaken=(report,)), TIMING, at(now_s) + later)
    assert not is_new_negative(command, decision)


@pytest.mark.parametrize("command", [start(), stop(), unlock(), reset(), reserve(), cancel()])
@pytest.mark.parametrize("answer", [REJECTED, ACCEPTED])
def test_no_negative_is_proven_while_the_station_contradicts_its_own_answer(
    command: Command, answer: StationAnswer
) -> None:
    no = answer.verdict is Verdict.REJECTED
    second = UntakenReport("AnyAction", at(1.2), contradicts=True)
    known = facts(frame=frame(refused=no), asks=asks(answer), untaken=(second,), asked=None)
    proof = COMMANDS[command.kind].proof(answered(command, answer), known, TIMING, at(LATE_S))
    assert Sign.REPORT_NOT_TAKEN in proof.not_known
