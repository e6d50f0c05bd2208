"""What became of a StartSession: one table per moment, a row per situation."""

import pytest

from domain.commands import transitions as changes
from domain.commands.judging import apply, judge
from domain.commands.table import COMMANDS
from domain.evidence.facts import Facts, session_facts
from domain.evidence.proof import UntakenReport
from domain.evidence.sessions import TokenState
from domain.model.answers import StationAnswer, Verdict
from domain.model.command import Command, CompensationState, State
from domain.model.outcomes import Cause, ending
from domain.model.specs import Kind
from tests.unit.domain.situations import (
    ACCEPTED,
    NAMED,
    TIMING,
    answered,
    asked,
    at,
    available,
    cable_first,
    ended,
    facts,
    frame,
    judged,
    lost,
    rival,
    session,
    start,
)

UNANSWERED = frame(answer_time=None)
ON_2X = {"ocpp_version": "2.0.1"}
REFUSED_2X = {"token_state": TokenState.REFUSED, "charging_state": "EVConnected"}


@pytest.mark.parametrize(
    ("known", "now_s", "expected"),
    [
        pytest.param(facts(frame=None), 10, "WAIT", id="nothing was sent"),
        pytest.param(facts(session()), 10, "SESSION_STARTED", id="it started"),
        pytest.param(facts(ended()), 30, "SESSION_STARTED_AND_ENDED", id="it is over already"),
        pytest.param(
            facts(ended(token_state=TokenState.REFUSED)), 20, "AUTHORIZATION_REFUSED", id="by us"
        ),
        pytest.param(
            facts(ended("DeAuthorized")), 30, "AUTHORIZATION_REFUSED", id="by the station"
        ),
        pytest.param(facts(ended("Timeout")), 30, "CABLE_WAIT_ENDED", id="for want of a car"),
        pytest.param(facts(session(charging_state="Idle")), 10, "WAIT", id="no car yet"),
        pytest.param(
            facts(session(charging_state="Idle")), 77, "SESSION_OPEN_WITHOUT_CABLE", id="no car"
        ),
        pytest.param(
            facts(ended(ocpp_transaction_id="1"), session()),
            30,
            "SESSION_STARTED",
            id="running first",
        ),
        pytest.param(
            facts(connectors=(available(),)), 25, "CABLE_WAIT_ENDED", id="back to Available"
        ),
        pytest.param(facts(), 75, "WAIT", id="before the deadline"),
        pytest.param(facts(), 76, "NO_CABLE_OR_NO_TRANSACTION", id="nothing by the deadline"),
        pytest.param(facts(connection_timeout_s=20.0), 36, "NO_CABLE_OR_NO_TRANSACTION", id="own"),
        pytest.param(facts(connected_since=None), 76, "OFFLINE_AT_DEADLINE", id="offline then"),
        pytest.param(facts(connected_since=at(70)), 76, "OFFLINE_AT_DEADLINE", id="just back"),
        pytest.param(
            facts(session(clock_suspect=True)), 76, "SESSION_DOUBTFUL", id="only a doubtful one"
        ),
        pytest.param(facts(session(clock_suspect=True)), 30, "WAIT", id="doubtful is no success"),
        pytest.param(
            facts(session(clock_suspect=True), session(clock_suspect=True, evse_id=None)),
            30,
            "WAIT",
            id="two doubtful ones are no success either",
        ),
    ],
)
def test_an_accepted_start_is_judged_by_facts(known: Facts, now_s: float, expected: str) -> None:
    assert judged(answered(start()), known, now_s) == expected


@pytest.mark.parametrize(
    ("known", "now_s", "expected"),
    [
        pytest.param(facts(frame=UNANSWERED), 30, "WAIT", id="facts may still come"),
        pytest.param(facts(session(), frame=UNANSWERED), 30, "SESSION_STARTED", id="they came"),
        pytest.param(facts(connectors=(available(),), frame=UNANSWERED), 30, "WAIT", id="no proof"),
        pytest.param(facts(frame=UNANSWERED), 61, "ASK", id="the station is asked"),
        pytest.param(facts(frame=UNANSWERED, connected_since=None), 61, "WAIT", id="nobody to ask"),
        pytest.param(facts(frame=UNANSWERED, asked=asked()), 65, "WAIT", id="asked already"),
        pytest.param(
            facts(frame=UNANSWERED, asked=asked(replied=False)), 72, "ASK", id="no reply, again"
        ),
        pytest.param(
            facts(frame=UNANSWERED, asked=asked(replied=False)), 65, "WAIT", id="not at once"
        ),
        pytest.param(
            facts(frame=UNANSWERED, asked=asked(replied=False, times=3)), 72, "WAIT", id="enough"
        ),
        pytest.param(
            facts(frame=UNANSWERED, asked=asked(), connected_since=at(62)),
            70,
            "ASK",
            id="it is back",
        ),
        pytest.param(
            facts(frame=UNANSWERED, asked=asked()), 75, "ANSWER_TIMEOUT", id="1.6 no proof"
        ),
        pytest.param(
            facts(frame=UNANSWERED, asked=asked(messages_in_queue=False), **ON_2X),
            75,
            "NO_CABLE_OR_NO_TRANSACTION",
            id="2.x proves it",
        ),
        pytest.param(
            facts(frame=UNANSWERED, asked=asked(messages_in_queue=True), **ON_2X),
            75,
            "FACTS_STILL_ON_STATION",
            id="2.x holds facts back",
        ),
        pytest.param(
            facts(
                frame=UNANSWERED,
                asked=asked(messages_in_queue=False),
                **ON_2X,
                connected_since=at(74),
            ),
            75,
            "ANSWER_TIMEOUT",
            id="an old reply proves nothing",
        ),
    ],
)
def test_a_start_without_an_answer_is_judged_by_facts(
    known: Facts, now_s: float, expected: str
) -> None:
    assert judged(lost(start()), known, now_s) == expected


def test_a_start_without_an_answer_or_any_word_of_it_is_a_timeout() -> None:
    sent = changes.sent(start(), at(0))
    assert judged(sent, facts(frame=UNANSWERED, connected_since=None), 75) == "ANSWER_TIMEOUT"


def test_the_running_transaction_of_the_answer_counts() -> None:
    running = session(ocpp_transaction_id="9", received_time=at(-60), start_time=at(-60))
    assert judged(answered(start(), NAMED), facts(running), 10) == "SESSION_STARTED"


DOUBTFUL = session(clock_suspect=True)


def given_up(cause: Cause = Cause.NO_CABLE_OR_NO_TRANSACTION) -> Command:
    return changes.concluded(answered(start()), ending(cause), at(76))


def undoing(command: Command) -> Command:
    return changes.undoing(command, "late", "tx", "7", at(80))


def left_unsure(command: Command) -> Command:
    return changes.left_running(command, "It is not known.", "", "", at(80))


UNTAKEN = (UntakenReport("TransactionEvent", at(70)),)
OF_A_PLUG = (UntakenReport("StatusNotification", at(70), evse_id=1),)
UNKNOWN_END = Cause.OFFLINE_AT_DEADLINE
UNDO_1 = frame(attempt=2, send_time=at(80), answer_time=at(81))


@pytest.mark.parametrize(
    ("command", "known", "now_s", "expected"),
    [
        pytest.param(given_up(), facts(), 90, "WAIT", id="quiet"),
        pytest.param(given_up(), facts(frame=None), 90, "WAIT", id="no frame"),
        pytest.param(
            given_up(),
            facts(session(start_time=at(80), received_time=at(80))),
            90,
            "UNDO",
            id="late",
        ),
        pytest.param(given_up(), facts(session()), 90, "UNDO", id="reported late"),
        pytest.param(given_up(), facts(DOUBTFUL), 90, "WAIT", id="doubtful, perhaps soon clear"),
        pytest.param(given_up(), facts(DOUBTFUL), 106, "UNDO_FAILED", id="doubtful for good"),
        pytest.param(
            given_up(),
            facts(session(clock_suspect=True, received_time=at(400))),
            500,
            "WAIT",
            id="doubtful, and hours on",
        ),
        pytest.param(
            given_up(), facts(ended(clock_suspect=True)), 106, "WAIT", id="doubtful and over"
        ),
        pytest.param(given_up(), facts(untaken=UNTAKEN), 90, "UNDO_FAILED", id="unusable report"),
        pytest.param(given_up(), facts(untaken=OF_A_PLUG), 90, "WAIT", id="unusable status"),
        pytest.param(
            given_up(), facts(untaken=(*OF_A_PLUG, *UNTAKEN)), 90, "UNDO_FAILED", id="both"
        ),
        pytest.param(
            given_up(UNKNOWN_END), facts(untaken=UNTAKEN), 90, "WAIT", id="unusable, and unknown"
        ),
        pytest.param(
            left_unsure(given_up()), facts(untaken=UNTAKEN), 90, "WAIT", id="unusable, as told"
        ),
        pytest.param(
            left_unsure(given_up()), facts(session()), 90, "UNDO", id="readable in the end"
        ),
        pytest.param(given_up(), facts(session(), rivals=(rival(),)), 90, "WAIT", id="somebody's"),
        pytest.param(given_up(), facts(ended()), 90, "WAIT", id="over by itself"),
        pytest.param(given_up(UNKNOWN_END), facts(session()), 90, "SESSION_STARTED", id="raised"),
        pytest.param(
            given_up(UNKNOWN_END),
            facts(session(start_time=at(80), received_time=at(80))),
            90,
            "UNDO",
            id="too late",
        ),
        pytest.param(given_up(UNKNOWN_END), facts(), 90, "WAIT", id="1.6 cannot tell"),
        pytest.param(given_up(UNKNOWN_END), facts(**ON_2X), 90, "ASK", id="2.x can be asked"),
        pytest.param(
            given_up(UNKNOWN_END),
            facts(asked=asked(80, messages_in_queue=False), **ON_2X),
            90,
            "NO_CABLE_OR_NO_TRANSACTION",
            id="2.x disproves it",
        ),
        pytest.param(
            given_up(UNKNOWN_END),
            facts(DOUBTFUL, asked=asked(80, messages_in_queue=False), **ON_2X),
            200,
            "WAIT",
            id="2.x holds nothing back, and has told of a doubtful one",
        ),
        pytest.param(
            given_up(UNKNOWN_END), facts(asked=asked(80), **ON_2X), 90, "WAIT", id="2.x is silent"
        ),
        pytest.param(undoing(given_up()), facts(session()), 90, "UNDO", id="first stop"),
        pytest.param(undoing(given_up()), facts(), 90, "WAIT", id="its session is not known"),
        pytest.param(undoing(given_up()), facts(ended()), 90, "UNDONE", id="it ended"),
        pytest.param(
            undoing(given_up()), facts(session(), undos=(UNDO_1,)), 90, "WAIT", id="stop agreed"
        ),
        pytest.param(
            undoing(given_up()), facts(session(), undos=(UNDO_1,)), 141, "UNDO", id="stop again"
        ),
        pytest.param(
            undoing(given_up()),
            facts(session(), undos=(UNDO_1,), undo_refused=True),
            91,
            "UNDO",
            id="stop refused",
        ),
        pytest.param(
            undoing(given_up()),
            facts(session(), undos=(frame(send_time=at(80), answer_time=None),)),
            120,
            "WAIT",
            id="stop without an answer",
        ),
        pytest.param(
            undoing(given_up()), facts(session(), undos=(UNDO_1,) * 5), 999, "UNDO_FAILED", id="no"
        ),
        pytest.param(
            changes.undo_failed(undoing(given_up()), "no", at(99)),
            facts(session()),
            120,
            "WAIT",
            id="a human knows",
        ),
    ],
)
def test_late_evidence_about_a_start(
    command: Command, known: Facts, now_s: float, expected: str
) -> None:
    assert judged(command, known, now_s) == expected


CANCELLED = changes.cancelled(answered(start()), at(5))


@pytest.mark.parametrize(
    ("known", "now_s", "expected"),
    [
        pytest.param(facts(), 20, "WAIT", id="it may still start"),
        pytest.param(facts(), 76, "SETTLE", id="it cannot any more"),
        pytest.param(facts(untaken=UNTAKEN), 20, "WAIT", id="what was unusable may come again"),
        pytest.param(facts(untaken=UNTAKEN), 76, "UNDO_FAILED", id="nobody could read it"),
        pytest.param(facts(untaken=OF_A_PLUG), 76, "SETTLE", id="no session was in it"),
        pytest.param(facts(frame=None), 20, "SETTLE", id="it was never sent"),
        pytest.param(facts(session()), 20, "UNDO", id="it starts"),
        pytest.param(facts(ended()), 30, "SETTLE", id="it started and ended"),
        pytest.param(
            facts(ended(token_state=TokenState.REFUSED)), 20, "SETTLE", id="we refused it"
        ),
        pytest.param(facts(DOUBTFUL), 76, "WAIT", id="doubtful, perhaps soon clear"),
        pytest.param(facts(DOUBTFUL), 106, "UNDO_FAILED", id="doubtful for good"),
        pytest.param(facts(ended(clock_suspect=True)), 20, "WAIT", id="doubtful, over, early"),
        pytest.param(facts(ended(clock_suspect=True)), 76, "SETTLE", id="doubtful and over"),
        pytest.param(
            facts(session(remote_start_id=None), **ON_2X), 20, "UNDO", id="2.x names no request"
        ),
    ],
)
def test_a_cancelled_start_is_watched_and_undone(known: Facts, now_s: float, expected: str) -> None:
    assert judged(CANCELLED, known, now_s) == expected


def test_a_cancelled_start_tells_of_a_doubtful_session_and_is_done() -> None:
    decision = judge(CANCELLED, facts(DOUBTFUL), TIMING, at(106))
    told = apply(CANCELLED, decision, at(106))
    assert (told.state, told.compensation.state) == (State.DONE, CompensationState.FAILED)
    assert judged(told, facts(DOUBTFUL), 200) == "WAIT"


@pytest.mark.parametrize(
    ("answer", "answer_time", "expected_s"),
    [
        (None, None, 5),
        (ACCEPTED, at(1), 76),
        (StationAnswer(Verdict.UNREADABLE), at(1), 1),
        (StationAnswer(Verdict.UNREADABLE), None, 0),
    ],
)
def test_the_first_look_after_a_frame(
    answer: StationAnswer | None, answer_time: object, expected_s: float
) -> None:
    sent = frame(answer_time=answer_time)
    look = COMMANDS[Kind.START_SESSION].first_look(sent, answer, TIMING, None)
    assert look == at(expected_s)


# --- A session whose token is told later than its start


@pytest.mark.parametrize(
    ("known", "now_s", "expected"),
    [
        pytest.param(cable_first(), 20, "WAIT", id="nobody has judged it yet"),
        pytest.param(cable_first(charging_state="EVConnected"), 20, "WAIT", id="cable only"),
        pytest.param(cable_first(charging_state="Charging"), 20, "SESSION_STARTED", id="energy"),
        pytest.param(cable_first(remote_start_id=5), 20, "SESSION_STARTED", id="our request"),
        pytest.param(
            cable_first(token_state=TokenState.ACCEPTED, token_digest="token"),
            20,
            "SESSION_STARTED",
            id="its token came and was accepted",
        ),
        pytest.param(
            cable_first(**REFUSED_2X),
            20,
            "AUTHORIZATION_REFUSED",
            id="its token came and was refused",
        ),
        pytest.param(
            cable_first(active=False, stop_reason="DeAuthorized"),
            20,
            "AUTHORIZATION_REFUSED",
            id="the station refused it",
        ),
        pytest.param(
            cable_first(active=False, stop_reason="EVDisconnected"), 20, "WAIT", id="unplugged"
        ),
        pytest.param(cable_first(), 76, "SESSION_DOUBTFUL", id="never judged"),
    ],
)
def test_not_judged_yet_is_not_refused(known: Facts, now_s: float, expected: str) -> None:
    assert judged(answered(start(), NAMED), known, now_s) == expected


def test_a_cancelled_start_with_a_report_that_nobody_could_read_asks_a_human_to_look() -> None:
    known = facts(untaken=UNTAKEN)
    done = apply(CANCELLED, judge(CANCELLED, known, TIMING, at(76)), at(76))
    assert (done.state, done.outcome) == (State.DONE, CANCELLED.outcome)
    assert done.compensation.state is CompensationState.FAILED
    assert done.compensation.ocpp_transaction_id == ""
    assert judged(done, known, 90) == "WAIT"
    assert judged(done, facts(session(), untaken=UNTAKEN), 90) == "UNDO"


@pytest.mark.parametrize(
    ("named", "expected"), [(None, "WAIT"), (5, "UNDO")], ids=["the driver's own", "named again"]
)
def test_a_start_that_has_told_its_session_does_not_stop_another_one(
    named: int | None, expected: str
) -> None:
    refused = session(name="tx-refused", token_state=TokenState.REFUSED)
    cause = Cause.AUTHORIZATION_REFUSED
    told = changes.concluded(
        answered(start()), ending(cause, session=session_facts(refused)), at(12)
    )
    known = facts(session(start_time=at(20), received_time=at(20), remote_start_id=named))
    assert judged(told, known, 21) == expected
