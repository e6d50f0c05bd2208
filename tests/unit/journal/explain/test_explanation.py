"""The explanation of a command, from rows that were made by hand."""

import random
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.commands import UnsentAttempt
from domain.commands import transitions as changes
from domain.evidence.facts import Act, Asked, Decision, Facts
from domain.evidence.proof import Proof, Sign, UntakenReport
from domain.model.command import Command
from domain.model.outcomes import Cause, ending
from fleet.log.notes import MORE_KEY, Note
from fleet.sends import Send
from journal.commands.waking import StationEvent
from journal.explain.changes import LoggedChange
from journal.explain.notes import (
    ExplainNote,
    decision,
    question,
    retry,
    route,
    settled,
    without_result,
)
from journal.explain.ordering import explain
from journal.explain.step import Actor, ExplainStep, StepKind
from journal.explain.words import human
from journal.station_events import evidence
from tests.unit.domain.situations import ACCEPTED, T0, at, start


def frame(attempt: int = 1, sent_at: datetime = T0, **changed: Any) -> Send:
    row = Send(
        id=40 + attempt,
        command="c1",
        tenant="acme",
        workflow_id="command/acme/c1",
        station="CP1",
        kind="START_SESSION",
        attempt=attempt,
        state="INTENT",
        message_id=f"m-{attempt}",
        epoch=3,
        undo=False,
        evse_id=1,
        connector_id=None,
        token_digest="d",
        group_digest=None,
        named_id=None,
        send_time=sent_at,
        answer=None,
        answer_time=None,
        closed=False,
        action="RemoteStartTransaction",
        frame={"idTag": "****1234", "connectorId": 1},
    )
    return replace(row, **changed)


def noted(note: ExplainNote | None, time: datetime, number: int = 1, **changed: Any) -> Note:
    assert note is not None
    row = Note(
        id=number,
        tenant="acme",
        command="c1",
        key=note.key,
        time=time,
        what=note.what.value,
        text=note.text,
        facts=dict(note.facts),
    )
    return replace(row, **changed)


def change(key: str, time: datetime, command: Command, revision: int) -> LoggedChange:
    return LoggedChange(key, time, replace(command, revision=revision))


def kinds(steps: tuple[ExplainStep, ...]) -> list[str]:
    return [step.kind.value for step in steps]


def of_kind(steps: tuple[ExplainStep, ...], kind: StepKind) -> ExplainStep:
    (only,) = (step for step in steps if step.kind is kind)
    return only


ASKED = start(caller="desk", trace_id="f" * 32, labels={"case": "7"})
SENT = changes.sent(ASKED, T0)
AGREED = changes.answered(SENT, ACCEPTED, at(0.5))
STARTED = changes.concluded(AGREED, ending(Cause.SESSION_STARTED), at(4))
SAW_START = StationEvent(
    "CP1",
    "transaction",
    evse_id=1,
    ocpp_transaction_id="42",
    message="StartTransaction",
    station_time=at(3),
    told={"event": "Started", "id_token": "****1234", "transaction": "t-1"},
)
HISTORY = [
    change("queued", at(-1), ASKED, 1),
    change("sent:1", T0, SENT, 2),
    change("answered:1", at(0.5), AGREED, 3),
    change("conclude:3", at(4), STARTED, 4),
]
ANSWERED = frame(state="ANSWERED", answer={"verdict": "ACCEPTED", "status": "Accepted"})
SENDS = [replace(ANSWERED, answer_time=at(0.5))]
NOTES = [
    noted(route("CP1", "gw-1", "1.6", None), at(-0.5), 1),
    noted(evidence(SAW_START, at(3.5)), at(3.5), 2),
    noted(decision(AGREED, Decision(Act.CONCLUDE, outcome=STARTED.outcome), Facts()), at(4), 3),
]


def test_a_session_that_starts_is_explained_from_who_asked_to_how_it_ended() -> None:
    steps = explain(HISTORY, SENDS, NOTES)
    assert kinds(steps) == [
        "ASKED",
        "ROUTE",
        "FRAME_SENT",
        "ANSWERED",
        "EVIDENCE",
        "DECIDED",
        "OUTCOME",
    ]
    assert [step.actor for step in steps] == [
        Actor.CALLER,
        Actor.WORKER,
        Actor.GATEWAY,
        Actor.STATION,
        Actor.STATION,
        Actor.WORKER,
        Actor.WORKER,
    ]


def test_every_id_that_stands_elsewhere_stands_in_the_explanation() -> None:
    steps = explain(HISTORY, SENDS, NOTES)
    asked, sent = of_kind(steps, StepKind.ASKED), of_kind(steps, StepKind.FRAME_SENT)
    assert asked.facts["workflow_id"] == "command/acme/c1"
    assert asked.facts["trace_id"] == "f" * 32
    assert asked.facts["label.case"] == "7"
    assert (sent.facts["message_id"], sent.facts["attempt"]) == ("m-1", "1")
    assert of_kind(steps, StepKind.ANSWERED).facts["message_id"] == "m-1"
    assert of_kind(steps, StepKind.EVIDENCE).facts["transaction_id"] == "42"


def test_a_frame_is_shown_as_it_was_written_with_its_token_masked() -> None:
    sent = of_kind(explain(HISTORY, SENDS, NOTES), StepKind.FRAME_SENT)
    assert sent.facts["frame"] == '{"idTag": "****1234", "connectorId": 1}'
    assert sent.summary == "RemoteStartTransaction was written to CP1 (frame 1)."


def test_an_answer_says_how_long_it_took_and_what_the_station_said() -> None:
    answer = of_kind(explain(HISTORY, SENDS, NOTES), StepKind.ANSWERED)
    assert answer.summary == "CP1 answered frame 1 after 0.50 s: Accepted."
    refused = {"verdict": "FAILED", "call_error": {"code": "GenericError", "description": "no"}}
    rows = [frame(state="ANSWERED", answer=refused, answer_time=at(75))]
    answer = of_kind(explain(HISTORY, rows, []), StepKind.ANSWERED)
    assert answer.summary == "CP1 answered frame 1 after 1 min 15 s: GenericError (no)."


def test_an_answer_after_it_was_given_up_is_shown_as_late() -> None:
    row = frame(state="ANSWERED", answer={"status": "Accepted"}, answer_time=at(40))
    steps = explain(HISTORY[:2], [replace(row, lost_time=at(30), cause="ANSWER_TIMEOUT")], [])
    assert kinds(steps) == ["ASKED", "FRAME_SENT", "NO_ANSWER", "ANSWERED"]
    assert steps[2].summary == "No answer to frame 1 after 30 s: ANSWER_TIMEOUT."
    assert "when nobody waited for it any longer" in steps[3].summary


def test_what_happened_at_the_same_time_stands_in_the_order_of_cause_and_effect() -> None:
    at_once = [replace(each, time=T0) for each in HISTORY]
    rows = [replace(each, answer_time=T0) for each in SENDS]
    notes = [replace(each, time=T0) for each in NOTES]
    unhurried = kinds(explain(HISTORY, SENDS, NOTES))
    assert kinds(explain(at_once, rows, notes)) == unhurried
    random.Random(7).shuffle(notes)
    assert kinds(explain(list(reversed(at_once)), rows, notes)) == unhurried


def test_a_decision_that_sends_a_frame_stands_before_it() -> None:
    undo = Decision(Act.UNDO, reason="The command was cancelled.")
    rows = [*SENDS, frame(2, at(9), undo=True, kind="STOP_SESSION", action="RemoteStopTransaction")]
    steps = explain(HISTORY, rows, [noted(decision(STARTED, undo, Facts()), at(9))])
    assert kinds(steps)[-2:] == ["DECIDED", "FRAME_SENT"]
    assert "to undo what nobody wants" in steps[-1].summary


@given(st.lists(st.floats(-3600, 3600), min_size=4, max_size=4))
def test_a_commands_own_changes_keep_their_order_whatever_the_clocks_say(
    skews: list[float],
) -> None:
    skewed = [
        replace(each, time=each.time + timedelta(seconds=skew))
        for each, skew in zip(HISTORY, skews, strict=True)
    ]
    own = [step.kind for step in explain(skewed, [], [])]
    assert own == [StepKind.ASKED, StepKind.OUTCOME]


def test_waiting_cancelling_and_undoing_are_explained() -> None:
    waiting = changes.waiting(ASKED, "The station is offline; waiting for it to connect.")
    cancelled = changes.cancelled(changes.cancel_asked(AGREED, "driver left"), at(2))
    undoing = changes.undoing(cancelled, "It was cancelled.", "t-1", "42", at(3))
    done = changes.settled(changes.undone(undoing, at(5)), at(5))
    steps = explain(
        [
            change("queued", at(-9), ASKED, 1),
            change("waiting:1", at(-8), waiting, 2),
            change("cancelled", at(2), cancelled, 3),
            change("undo:3", at(3), undoing, 4),
            change("undone:4", at(5), done, 5),
        ],
        [],
        [],
    )
    assert kinds(steps) == [
        *("ASKED", "QUEUED", "CANCEL_ASKED", "OUTCOME"),
        *("COMPENSATION", "OUTCOME", "COMPENSATION"),
    ]
    assert steps[2].summary == "It is to be taken back: driver left."
    assert steps[3].summary.startswith("CANCELLED so far, CANCELLED_BY_CALLER: ")
    assert (steps[4].facts["transaction_id"], steps[4].facts["state"]) == ("42", "PENDING")
    assert steps[-1].summary == "Undone: It was cancelled."


@pytest.mark.parametrize("id", ["-1", "-1~3"])
def test_an_unwanted_session_to_which_no_back_end_gave_an_id_is_told_without_one(id: str) -> None:
    undoing = changes.undoing(
        changes.cancelled(AGREED, at(2)), "It was cancelled.", "t-1", id, at(3)
    )
    steps = explain([change("queued", at(-9), ASKED, 1), change("undo", at(3), undoing, 4)], [], [])
    step = of_kind(steps, StepKind.COMPENSATION)
    assert (step.facts.get("transaction_id"), step.facts["transaction"]) == (None, "t-1")


def test_tries_questions_and_silent_gateways_are_explained() -> None:
    tried = UnsentAttempt(1, "STATION_OFFLINE", at(1))
    asked = Asked(at(3), times=1, replied=True, ongoing=False, messages_in_queue=True)
    tellings = [
        retry(tried),
        settled(2, sent=True, cancelled=False),
        question("CP1", asked),
    ]
    steps = explain([], [], [noted(each, at(n), n) for n, each in enumerate(tellings)])
    assert [step.summary for step in steps] == [
        "Attempt 1 sent nothing (STATION_OFFLINE): the way is looked up again.",
        "The gateway of attempt 2 fell silent: its intent is written down, so the frame was"
        " perhaps sent and is not sent blindly again.",
        "CP1 was asked what became of it: the session is not running, and it still has messages"
        " to deliver.",
    ]


@pytest.mark.parametrize(
    ("line", "way", "told"),
    [
        ("USED", "DIRECT_LINE", "(frame 1, by the direct line)."),
        (
            *("NO_LINE", "TASK_QUEUE"),
            "(frame 1, over the task queue, as the gateway has no direct line (NO_LINE)).",
        ),
        ("NOT_OFFERED", "TASK_QUEUE", "(frame 1, over the task queue)."),
        ("", None, "(frame 1)."),
    ],
)
def test_each_frame_is_shown_with_its_way(line: str, way: str | None, told: str) -> None:
    (sent,) = explain([], [frame(line=line)], [])
    assert sent.summary == f"RemoteStartTransaction was written to CP1 {told}"
    assert (sent.facts.get("way"), sent.facts.get("line", "")) == (way, line)


def test_a_line_that_was_of_no_use_is_explained() -> None:
    tried = UnsentAttempt(1, "STATION_OFFLINE", at(1), why="STALE_EPOCH", line="USED")
    tellings = [
        route("CP1", "gw-1", "1.6", None, "USED"),
        retry(tried),
        route("CP1", "gw-2", "1.6", tried, "KEY_REFUSED"),
        without_result("gw-2", 2, "PENDING", at(5)),
    ]
    steps = explain([], [], [noted(each, at(n), n) for n, each in enumerate(tellings)])
    assert [step.summary for step in steps] == [
        "CP1 is connected to gateway gw-1 with OCPP 1.6: handed to it by the direct line.",
        "Attempt 1, by the direct line, sent nothing (STATION_OFFLINE, STALE_EPOCH): the way is"
        " looked up again.",
        "CP1 is connected to gateway gw-2 with OCPP 1.6: handed to it over the task queue, as the"
        " gateway refused the key of its direct line (KEY_REFUSED).",
        "Frame 2 was offered to gateway gw-2: its result comes over the task queue, as the direct"
        " line gave no result in time (PENDING).",
    ]
    assert [step.facts.get("way") for step in steps] == [
        *("DIRECT_LINE", "DIRECT_LINE", "TASK_QUEUE", "TASK_QUEUE"),
    ]
    assert steps[1].facts["why"] == "STALE_EPOCH"


def test_a_negative_is_shown_with_its_proof() -> None:
    proof = Proof(speaks_against=(Sign.REFUSED,), not_known=(Sign.REPORT_NOT_TAKEN,))
    decided = Decision(Act.CONCLUDE, outcome=ending(Cause.REPORT_NOT_USABLE), proof=proof)
    reports = (UntakenReport("StartTransaction", T0), UntakenReport("", T0))
    note = decision(SENT, decided, Facts(untaken=reports))
    assert note is not None
    assert note.facts["speaks_against"] == "REFUSED"
    assert note.facts["not_known"] == "REPORT_NOT_TAKEN"
    assert note.facts["reports_not_taken"] == "StartTransaction, unreadable"


def test_a_decision_that_stays_what_it_was_is_noted_under_the_same_key() -> None:
    asks = Decision(Act.ASK)
    first, same = decision(SENT, asks, Facts(frames=1)), decision(SENT, asks, Facts(frames=1))
    other = decision(SENT, asks, Facts(frames=1, asked=Asked(T0, 1, replied=False)))
    assert first and same and other
    assert first.key == same.key != other.key
    assert decision(SENT, Decision(Act.WAIT), Facts()) is None


def test_a_repeated_message_is_one_piece_of_evidence_and_a_new_one_another() -> None:
    first, again = evidence(SAW_START, at(3)), evidence(SAW_START, at(9))
    ended = evidence(replace(SAW_START, told={"event": "Ended"}), at(9))
    assert first and again and ended
    assert first.key == again.key != ended.key
    assert first.text == (
        "CP1 reported the start of session 42 on EVSE 1, token ****1234 (StartTransaction)."
    )


def test_notes_beyond_the_limit_are_shown_as_so_many_more() -> None:
    more = noted(evidence(SAW_START, at(3)), at(3), key=MORE_KEY, times=12)
    (step,) = explain([], [], [more])
    assert step.summary.startswith("12 more notes are not kept; the newest: CP1 reported")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0.00 s"),
        (0.254, "0.25 s"),
        (1.5, "1.5 s"),
        (12, "12 s"),
        (60, "1 min"),
        (200, "3 min 20 s"),
        (3720, "1 h 2 min"),
        (183_600, "2 d 3 h"),
        (-5, "-5.0 s"),
    ],
)
def test_durations_are_shown_in_words(seconds: float, words: str) -> None:
    assert human(timedelta(seconds=seconds)) == words


@pytest.mark.parametrize(
    ("began", "text"),
    [
        ("2026-05-01T12:00:00+00:00", "the session that began at 2026-05-01T12:00:00+00:00"),
        (None, "a session without an id"),
    ],
)
def test_a_session_without_an_id_is_told_by_its_start(began: str | None, text: str) -> None:
    told = {"event": "Started", "began": began, "transaction": "tx"}
    event = StationEvent("CP1", "transaction", evse_id=2, ocpp_transaction_id="-1", told=told)
    note = evidence(event, T0)
    assert note is not None
    assert note.text == f"CP1 reported the start of {text} on EVSE 2."
    assert "transaction_id" not in note.facts
    named = evidence(replace(event, ocpp_transaction_id="7"), T0)
    assert named is not None
    assert named.text == "CP1 reported the start of session 7 on EVSE 2."
    assert "began" not in named.facts
