"""The small tables: kinds, causes, sending, deadlines, guarding, words; and the page of them."""

import subprocess
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from domain import limits
from domain.commands import sending, timing, wording
from domain.commands import transitions as changes
from domain.commands.judging import is_guarded
from domain.commands.sending import SendAct, Whereabouts, before_sending
from domain.commands.table import COMMANDS
from domain.model.answers import StationAnswer, Verdict
from domain.model.command import Code, Command, State
from domain.model.outcomes import ENDINGS, Cause, cause_of, ending
from domain.model.specs import Kind, OfflinePolicy, StartSpec, StopSpec
from domain.model.states import COMPENSATIONS, STATES, CommandStep
from tests.unit.domain.situations import (
    ACCEPTED,
    REJECTED,
    TIMING,
    TOKEN,
    answered,
    at,
    facts,
    frame,
    lost,
    reset,
    start,
    stop,
    unlock,
)

_ROOT = Path(__file__).parents[4]
READY = Whereabouts(registered=True, gateway="g1", boot_state="ACCEPTED")


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_has_its_rules(kind: Kind) -> None:
    rules = COMMANDS[kind]
    assert rules.not_after > timedelta(0)
    assert rules.offline_policy in OfflinePolicy
    assert rules.priority >= 0
    assert bool(rules.effect_progress) is rules.awaits_effect


def test_start_unlock_and_reset_are_never_repeated() -> None:
    never = {kind for kind in Kind if not COMMANDS[kind].repeatable}
    assert never == {Kind.START_SESSION, Kind.UNLOCK_CONNECTOR, Kind.RESET}


@pytest.mark.parametrize("cause", Cause)
def test_every_cause_has_one_ending_and_a_sentence(cause: Cause) -> None:
    assert ENDINGS[cause].sentence.endswith(".")
    assert cause.value == cause.name
    assert ending(cause, "More.").message == f"{ENDINGS[cause].sentence} More."


def test_every_code_has_a_cause() -> None:
    assert {entry.code for entry in ENDINGS.values()} == set(Code)


def test_a_word_of_another_code_is_not_taken_for_a_cause() -> None:
    assert (
        cause_of("STATION_OFFLINE", Code.NOT_SENT, Cause.GATEWAY_UNREACHABLE) == "STATION_OFFLINE"
    )
    assert cause_of("SESSION_STARTED", Code.UNKNOWN, Cause.ANSWER_TIMEOUT) == "ANSWER_TIMEOUT"
    assert cause_of("of tomorrow", Code.UNKNOWN, Cause.ANSWER_TIMEOUT) == "ANSWER_TIMEOUT"


def test_the_tables_are_complete_and_done_is_the_end() -> None:
    assert set(STATES) == set(State)
    assert STATES[State.DONE] == {}
    assert all(
        CommandStep.CONCLUDE in steps for state, steps in STATES.items() if state != State.DONE
    )
    assert {after for afters in COMPENSATIONS.values() for after in afters} <= set(COMPENSATIONS)


@pytest.mark.parametrize(
    ("where", "policy", "now_s", "course", "cause"),
    [
        (READY, OfflinePolicy.FAIL_FAST, 0, SendAct.SEND, None),
        (READY, OfflinePolicy.FAIL_FAST, 300, SendAct.CONCLUDE, Cause.NOT_AFTER_PASSED),
        (
            replace(READY, registered=False),
            OfflinePolicy.WAIT,
            0,
            SendAct.CONCLUDE,
            Cause.STATION_UNKNOWN,
        ),
        (
            replace(READY, gateway=None),
            OfflinePolicy.FAIL_FAST,
            0,
            SendAct.CONCLUDE,
            Cause.STATION_OFFLINE,
        ),
        (replace(READY, gateway=None), OfflinePolicy.WAIT, 0, SendAct.WAIT, None),
        (
            replace(READY, gateway=None),
            OfflinePolicy.WAIT,
            300,
            SendAct.CONCLUDE,
            Cause.NOT_AFTER_PASSED,
        ),
        (replace(READY, boot_state="PENDING"), OfflinePolicy.FAIL_FAST, 0, SendAct.WAIT, None),
        (
            replace(READY, boot_state=""),
            OfflinePolicy.FAIL_FAST,
            300,
            SendAct.CONCLUDE,
            Cause.BOOT_NOT_ACCEPTED,
        ),
    ],
)
def test_where_a_command_heads_for(
    where: Whereabouts, policy: OfflinePolicy, now_s: float, course: SendAct, cause: Cause | None
) -> None:
    way = before_sending(start(offline_policy=policy), where, at(now_s))
    assert way.act is course
    assert (way.outcome.cause if way.outcome else None) == cause
    assert bool(way.progress) is (course is SendAct.WAIT)


def test_what_was_not_sent_is_tried_again_within_limits() -> None:
    assert sending.may_try_again(1, True, at(0), at(1))
    assert not sending.may_try_again(1, False, at(0), at(1))
    assert not sending.may_try_again(1, True, at(1), at(1))
    assert not sending.may_try_again(limits.MAX_ATTEMPTS, True, at(0), at(1))
    assert sending.pause_before(1) == limits.RETRY_PAUSE
    assert sending.pause_before(40) == limits.LONGEST_RETRY_PAUSE


def test_the_station_is_looked_for_in_growing_steps_until_not_after() -> None:
    assert sending.next_route_look(0, at(0), at(999)) == at(30)
    assert sending.next_route_look(1, at(0), at(999)) == at(60)
    assert sending.next_route_look(9, at(0), at(999)) == at(999)


@pytest.mark.parametrize(
    ("kind", "answer_time", "own", "expected_s"),
    [
        (Kind.START_SESSION, at(1), None, 76),
        (Kind.START_SESSION, None, None, 75),
        (Kind.START_SESSION, at(1), 20.0, 36),
        (Kind.STOP_SESSION, at(1), None, 61),
        (Kind.STOP_SESSION, None, None, 90),
    ],
)
def test_deadlines(kind: Kind, answer_time: object, own: float | None, expected_s: float) -> None:
    sent = frame(answer_time=answer_time)
    assert COMMANDS[kind].first_look(sent, ACCEPTED, TIMING, own) == at(expected_s)


def test_facts_are_looked_at_in_growing_steps_while_an_answer_is_missing() -> None:
    unanswered = frame(answer_time=None)
    looks = [timing.next_look(unanswered, at(now), at(60)) for now in (0, 5, 12, 21, 41)]
    assert looks == [at(5), at(10), at(20), at(40), at(60)]
    assert timing.next_look(frame(), at(5), at(60)) == at(60)


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


def concluded(command: Command, cause: Cause) -> Command:
    return changes.concluded(command, ending(cause), at(90))


@pytest.mark.parametrize(
    ("command", "guarded"),
    [
        (answered(start()), False),
        (answered(start(), REJECTED), False),
        (concluded(answered(start()), Cause.SESSION_STARTED), False),
        (concluded(answered(start()), Cause.NO_CABLE_OR_NO_TRANSACTION), True),
        (concluded(answered(start()), Cause.AUTHORIZATION_REFUSED), False),
        (concluded(lost(start()), Cause.ANSWER_TIMEOUT), True),
        (concluded(start(), Cause.CANCELLED_BY_CALLER), False),
        (concluded(answered(stop()), Cause.STOP_NOT_CONFIRMED), True),
        (concluded(answered(stop()), Cause.SESSION_STOPPED), False),
        (concluded(answered(reset()), Cause.OFFLINE_AT_DEADLINE), True),
        (concluded(answered(reset()), Cause.STATION_DID_NOT_RESTART), False),
        (concluded(lost(unlock()), Cause.ANSWER_TIMEOUT), True),
        (answered(unlock()), False),
    ],
)
def test_who_stays_on_guard(command: Command, guarded: bool) -> None:
    assert is_guarded(command) is guarded


def test_titles_name_station_evse_and_masked_token() -> None:
    assert wording.title(start()) == "Start session at CP1, EVSE 1, token ****1234"
    anywhere = replace(start(), start=StartSpec(TOKEN))
    assert wording.title(anywhere) == "Start session at CP1, token ****1234"
    assert wording.title(stop()) == "Stop session at CP1, transaction 7"
    by_token = replace(stop(), stop=StopSpec(evse_id=2, id_token=TOKEN, wire_id="7"))
    assert wording.title(by_token).endswith("EVSE 2, token ****1234, transaction 7")
    assert wording.title(unlock()) == "Unlock connector at CP1, EVSE 1, connector 1"
    assert wording.title(unlock(stop_first=True)).endswith("its session is stopped first")
    assert wording.title(reset()) == "Reset at CP1, the whole station, SOFT"
    assert wording.title(reset(evse_id=2)) == "Reset at CP1, EVSE 2, SOFT"
    assert wording.frame_title(start(), 1, "g1", False).endswith("(frame 1, by g1)")
    assert "unwanted" in wording.frame_title(start(), 2, "g1", True)


def test_the_origin_tells_who_asked_until_when_and_in_which_trace() -> None:
    text = wording.origin(replace(start(), caller="desk", trace_id="abc"))
    for words in ("desk", "acme", "2026-05-01 12:05:00", "FAIL_FAST", "abc"):
        assert words in text
    assert "without credentials" in wording.origin(start())


def test_details_tell_state_outcome_and_compensation() -> None:
    waiting = changes.waiting(start(), "The station is offline.")
    assert "Now: The station is offline." in wording.details(waiting)
    done = changes.undoing(
        changes.cancel_asked(concluded(answered(start()), Cause.ANSWER_TIMEOUT), ""),
        *("late", "tx", "7", at(91)),
    )
    text = wording.details(done)
    for words in ("DONE", "ANSWER_TIMEOUT", "PENDING", "no reason given"):
        assert words in text


def test_2x_can_be_asked_for_the_status_of_a_transaction() -> None:
    assert facts(ocpp_version="2.0.1").can_ask_status
    assert facts(ocpp_version="2.1").can_ask_status
    assert not facts().can_ask_status


def test_the_page_of_states_is_what_the_tables_say() -> None:
    subprocess.run([_ROOT / "scripts" / "print_states", "--check"], check=True)


def test_a_mask_and_a_stations_words_stay_what_they_are_in_markdown() -> None:
    words = "The station said: [free](https://example.com) **power**."
    outcome = ending(Cause.STATION_REJECTED, words)
    text = wording.details(start(state=State.DONE, outcome=outcome))
    assert r"\[free\](https://example.com) \*\*power\*\*" in text
    assert r"token \*\*\*\*" in text
