"""What became of a reset: proofs in any order, phases, and deadlines without a proof."""

from dataclasses import replace
from typing import Any

import pytest

from domain.commands import transitions as changes
from domain.commands.judging import judge
from domain.commands.table import COMMANDS
from domain.evidence.facts import Act, Decision, Facts
from domain.evidence.restart import ConnectorReport, RestartFacts
from domain.model.answers import StationAnswer, Verdict
from domain.model.command import Code, Command, State
from domain.model.specs import Kind
from tests.unit.domain.situations import (
    ACCEPTED,
    REJECTED,
    T0,
    TIMING,
    answered,
    asked,
    at,
    ended,
    facts,
    frame,
    lost,
    reset,
    session,
)

SCHEDULED = StationAnswer(Verdict.SCHEDULED, "Scheduled")
UNANSWERED = frame(answer_time=None)
DAY_S = 86_400
RAN: dict[str, Any] = {"start_time": at(-60), "received_time": at(-60)}


def reported(at_s: float, **changed: Any) -> ConnectorReport:
    """EVSE 1 told its status then."""
    return replace(ConnectorReport(1, "Available", at(at_s), "Unavailable", at(at_s)), **changed)


def restart(**changed: Any) -> Facts:
    """Down after 5 s, back after 20 s on a new socket, booted after 21 s, reported after 22 s."""
    known = RestartFacts(
        boot_time=at(21),
        boot_is_newer=True,
        connected=True,
        connected_time=at(20),
        down_time=at(5),
        connectors=(reported(22),),
    )
    asked_then, sent = changed.pop("asked", None), changed.pop("frame", frame())
    return replace(facts(frame=sent, asked=asked_then), restart=replace(known, **changed))


def unmoved(**changed: Any) -> Facts:
    """The station is connected all the time, on the socket of the frame."""
    still = {"boot_time": None, "boot_is_newer": False, "same_socket": True, "down_time": None}
    return restart(**{**still, "connectors": (reported(-50),), **changed})


def away(**changed: Any) -> Facts:
    """The station went down and did not come back."""
    gone = {"boot_time": None, "boot_is_newer": False, "connected": False}
    return restart(**{**gone, "connectors": (), **changed})


def reconnected(**changed: Any) -> Facts:
    """The station came back without a boot."""
    return restart(**{"boot_time": None, "boot_is_newer": False, **changed})


def decided(command: Command, known: Facts, now_s: float) -> Decision:
    return judge(command, known, TIMING, at(now_s))


def said(command: Command, known: Facts, now_s: float) -> str:
    decision = decided(command, known, now_s)
    return decision.outcome.cause if decision.outcome else decision.act.value


AGREED, LOST = answered(reset()), lost(reset(), "CONNECTION_LOST_AFTER_SEND")


@pytest.mark.parametrize("command", [AGREED, LOST, answered(reset(), SCHEDULED)])
def test_a_boot_on_a_newer_socket_is_proof_whatever_was_answered(command: Command) -> None:
    sent = UNANSWERED if command is LOST else frame()
    assert said(command, restart(frame=sent), 22) == "STATION_RESTARTED"


@pytest.mark.parametrize(
    ("command", "reason", "expected"),
    [
        pytest.param(AGREED, "", "STATION_RESTARTED", id="1.6 gives no reason"),
        pytest.param(AGREED, "RemoteReset", "STATION_RESTARTED", id="ours"),
        pytest.param(answered(reset(), SCHEDULED), "ScheduledReset", "STATION_RESTARTED", id="put"),
        pytest.param(AGREED, "PowerUp", "WAIT", id="another reason on the old socket"),
        pytest.param(AGREED, "Triggered", "WAIT", id="somebody asked for it"),
        pytest.param(LOST, "RemoteReset", "WAIT", id="it never agreed"),
    ],
)
def test_a_boot_on_the_old_socket_needs_a_yes_and_a_reason(
    command: Command, reason: str, expected: str
) -> None:
    sent = UNANSWERED if command is LOST else frame()
    known = restart(boot_is_newer=False, same_socket=True, boot_reason=reason, frame=sent)
    assert said(command, known, 22) == expected


@pytest.mark.parametrize("reason", ["", "RemoteReset"])
def test_a_boot_before_the_answer_counts_on_a_newer_socket_alone(reason: str) -> None:
    early: dict[str, Any] = {"boot_time": at(0.5), "boot_reason": reason}
    assert said(AGREED, restart(**early), 22) == "STATION_RESTARTED"
    same = restart(**early, boot_is_newer=False, same_socket=True)
    assert said(AGREED, same, 22) == "WAIT"
    assert said(AGREED, same, 601) == "RESTART_NOT_CONFIRMED"


def test_a_boot_that_was_triggered_or_came_before_the_frame_left_is_none() -> None:
    assert said(AGREED, restart(boot_reason="Triggered"), 22) == "WAIT"
    assert said(AGREED, restart(boot_time=at(-1)), 22) == "WAIT"
    assert said(AGREED, restart(boot_time=at(-1)), 601) == "RESTART_NOT_CONFIRMED"


def test_a_boot_that_an_earlier_reset_is_owed_is_no_proof_for_a_frame_without_an_answer() -> None:
    lost_too = restart(frame=UNANSWERED, boot_owed=True, boot_reason="RemoteReset")
    assert [said(LOST, lost_too, s) for s in (22, 601)] == ["WAIT", "CONNECTION_LOST_AFTER_SEND"]
    assert said(AGREED, restart(boot_owed=True), 22) == "STATION_RESTARTED"


# --- after the boot


def test_silent_connectors_are_waited_for_asked_about_and_then_left() -> None:
    silent = restart(connectors=(reported(22), reported(-5)))
    assert decided(AGREED, silent, 22).look_again == at(26)
    assert said(AGREED, silent, 26) == "ASK"
    then = replace(silent, asked=asked(27))
    assert decided(AGREED, then, 28).look_again == at(51)
    assert said(AGREED, then, 51) == "STATION_RESTARTED"
    gone = restart(connectors=(reported(-5),), connected=False)
    assert said(AGREED, gone, 26) == "WAIT"


def test_what_ran_before_is_looked_at_again() -> None:
    running, over = session(**RAN), ended(**RAN, name="tx2")
    decision = decided(AGREED, restart(running=(running, over)), 30)
    assert (decision.act, decision.look_again) == (Act.WAIT, at(51))
    assert "again" in decision.progress
    outcome = decided(AGREED, restart(running=(running, over)), 51).outcome
    assert outcome is not None
    assert outcome.reset is not None
    assert outcome.reset.running == ("tx",)
    assert outcome.reset.ended == ("tx2",)
    assert said(AGREED, restart(running=(over,)), 30) == "STATION_RESTARTED"


def test_the_outcome_tells_how_the_restart_went() -> None:
    outcome = decided(answered(reset(), SCHEDULED), restart(boot_reason="ScheduledReset"), 30)
    assert outcome.outcome is not None
    told = outcome.outcome.reset
    assert told is not None
    assert (told.scheduled, told.down_time, told.boot_time) == (True, at(5), at(21))
    assert (told.boot_reason, told.evse_id) == ("ScheduledReset", None)


@pytest.mark.parametrize(
    ("down", "boot", "told"),
    [
        pytest.param(5, 21, 5, id="lost, then booted"),
        pytest.param(21, 21, 21, id="in one moment"),
        pytest.param(30, 21, None, id="lost again after the boot"),
        pytest.param(None, 21, None, id="no loss was seen"),
    ],
)
def test_the_loss_that_is_told_led_to_the_boot(
    down: int | None, boot: int, told: int | None
) -> None:
    lost = None if down is None else at(down)
    decision = decided(AGREED, restart(down_time=lost, boot_time=at(boot)), 40)
    assert decision.outcome is not None
    assert decision.outcome.cause == "STATION_RESTARTED"
    assert decision.outcome.reset is not None
    assert decision.outcome.reset.down_time == (None if told is None else at(told))


# --- without a proof


@pytest.mark.parametrize(
    ("known", "cause", "code"),
    [
        pytest.param(unmoved(), "STATION_DID_NOT_RESTART", Code.NO_EFFECT, id="it stayed"),
        pytest.param(reconnected(), "RESTART_NOT_CONFIRMED", Code.UNKNOWN, id="no boot"),
        pytest.param(away(), "OFFLINE_AT_DEADLINE", Code.UNKNOWN, id="offline"),
    ],
)
def test_an_accepted_reset_without_a_boot_is_decided_at_the_deadline(
    known: Facts, cause: str, code: Code
) -> None:
    assert said(AGREED, known, 600) == "WAIT"
    outcome = decided(AGREED, known, 601).outcome
    assert outcome is not None
    assert (outcome.cause, outcome.code) == (cause, code)


@pytest.mark.parametrize(
    "connector", [reported(9), reported(9, status="Unavailable", previous_status="Available")]
)
def test_a_connector_that_was_down_forbids_to_say_that_nothing_restarted(
    connector: ConnectorReport,
) -> None:
    known = unmoved(connectors=(reported(-50), connector))
    outcome = decided(AGREED, known, 601).outcome
    assert outcome is not None
    assert (outcome.cause, outcome.code) == ("RESTART_NOT_CONFIRMED", Code.UNKNOWN)
    assert "out of service" in outcome.message


@pytest.mark.parametrize(
    ("known", "cause"),
    [
        (unmoved(frame=UNANSWERED), "STATION_DID_NOT_RESTART"),
        (reconnected(frame=UNANSWERED), "CONNECTION_LOST_AFTER_SEND"),
        (away(frame=UNANSWERED), "OFFLINE_AT_DEADLINE"),
    ],
)
def test_a_lost_answer_is_never_sent_again_and_decided_at_the_deadline(
    known: Facts, cause: str
) -> None:
    assert said(LOST, known, 300) == "WAIT"
    assert said(LOST, known, 600) == cause


def test_a_refusal_is_the_outcome() -> None:
    refused = answered(reset(), REJECTED)
    assert refused.state is State.DONE
    assert refused.outcome is not None
    assert refused.outcome.code is Code.REJECTED


def test_each_phase_is_told() -> None:
    phases = [
        decided(answered(reset(), SCHEDULED), unmoved(), 2),
        decided(AGREED, unmoved(), 2),
        decided(AGREED, away(), 10),
        decided(AGREED, reconnected(), 20),
        decided(AGREED, restart(connectors=(reported(-5),)), 22),
    ]
    told = [phase.progress for phase in phases]
    assert len(set(told)) == len(told)
    assert all(told)
    assert decided(lost(reset()), unmoved(frame=UNANSWERED), 40).progress == ""


def test_a_scheduled_reset_is_followed_for_days_in_growing_steps() -> None:
    put_off, now, looks = answered(reset(), SCHEDULED), 1.0, 0
    while now < 7 * DAY_S:
        decision = decided(put_off, unmoved(), now)
        assert decision.act is Act.WAIT
        assert decision.look_again is not None
        now, looks = (decision.look_again - T0).total_seconds(), looks + 1
    assert looks < 50
    assert said(put_off, unmoved(), 7 * DAY_S + 1) == "STATION_DID_NOT_RESTART"
    late = restart(boot_time=at(6 * DAY_S), connectors=())
    assert said(put_off, late, 6 * DAY_S) == "STATION_RESTARTED"


@pytest.mark.parametrize("answer", [ACCEPTED, SCHEDULED, None])
def test_a_reset_is_looked_at_soon(answer: StationAnswer | None) -> None:
    look = COMMANDS[Kind.RESET].first_look(UNANSWERED, answer, TIMING, None)
    assert look == at(5)


# --- late


def unknown(known: Facts) -> Command:
    outcome = decided(AGREED, known, 601).outcome
    assert outcome is not None
    return changes.concluded(AGREED, outcome, at(601))


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        pytest.param({"connected_time": at(900)}, "STATION_RESTARTED", id="away all the while"),
        pytest.param({"boot_reason": "RemoteReset"}, "STATION_RESTARTED", id="it says so"),
        pytest.param({"down_time": at(880), "connected_time": at(900)}, "WAIT", id="switched off"),
        pytest.param({"down_time": None, "connected_time": at(900)}, "WAIT", id="nobody knows"),
    ],
)
def test_a_late_boot_raises_an_unknown_reset_when_it_can_be_its_effect(
    changed: dict[str, Any], expected: str
) -> None:
    booted = {"boot_time": at(901), "connectors": (reported(902),)}
    command = unknown(away())
    assert said(command, restart(**{**booted, **changed}), 903) == expected
    assert said(AGREED, restart(**{**booted, **changed}), 903) in {
        expected,
        "RESTART_NOT_CONFIRMED",
    }


def test_nothing_is_decided_before_a_frame_was_sent() -> None:
    assert said(reset(), replace(facts(), frame=None), 1) == "WAIT"


def test_a_reset_without_its_spec_is_an_error_and_no_other_command() -> None:
    with pytest.raises(ValueError, match="no spec of its kind"):
        said(replace(AGREED, reset=None), facts(), 1)


# --- one EVSE


PLACE = answered(reset(evse_id=1))


def place(*connectors: ConnectorReport, **changed: Any) -> Facts:
    return unmoved(connectors=connectors, **changed)


def test_one_evse_is_back_when_it_tells_its_status() -> None:
    assert said(PLACE, place(reported(-5)), 2) == "WAIT"
    assert said(PLACE, place(reported(3)), 4) == "EVSE_RESTARTED"
    outcome = decided(PLACE, place(reported(3)), 4).outcome
    assert outcome is not None
    assert outcome.reset is not None
    assert outcome.reset.evse_id == 1


def test_one_evse_that_goes_down_is_not_back() -> None:
    down = reported(3, status="Unavailable", previous_status="Available")
    assert said(PLACE, place(down), 4) == "WAIT"
    was_down_before = replace(down, status_time=at(-99))
    assert said(PLACE, place(was_down_before), 4) == "EVSE_RESTARTED"


ANEW = reported(9, status_time=at(-99), previous_status="Available")
CAME_BACK = reported(9)


@pytest.mark.parametrize(
    "connectors",
    [
        pytest.param((ANEW,), id="told anew"),
        pytest.param((CAME_BACK, reported(-5)), id="another connector came back"),
        pytest.param((ANEW, ANEW), id="all told anew"),
    ],
)
def test_one_evse_whose_session_runs_on_has_not_restarted(
    connectors: tuple[ConnectorReport, ...],
) -> None:
    runs_on = place(*connectors, running=(session(**RAN),))
    assert said(PLACE, runs_on, 10) == "WAIT"
    assert said(PLACE, runs_on, 601) == "RESTART_NOT_CONFIRMED"
    by_it = ended(**RAN, at_s=5, stop_reason="ImmediateReset")
    over_before = place(*connectors, running=(by_it,))
    assert said(PLACE, over_before, 10) == "EVSE_RESTARTED"
    assert said(PLACE, place(*connectors, running=(ended(**RAN, at_s=20),)), 30) == "WAIT"


@pytest.mark.parametrize(
    "connectors",
    [
        pytest.param((), id="none is known"),
        pytest.param((ANEW, reported(-5)), id="one of two"),
        pytest.param((ANEW, reported(9, previous_status="Occupied")), id="car"),
        pytest.param((replace(ANEW, reported_time=at(0.5)),), id="before the answer"),
        pytest.param((replace(ANEW, reported_time=None),), id="never told"),
    ],
)
def test_one_evse_is_back_when_one_was_down_or_all_tell_their_status_anew(
    connectors: tuple[ConnectorReport, ...],
) -> None:
    assert said(PLACE, place(*connectors), 10) == "WAIT"
    assert said(PLACE, place(*connectors), 601) == "RESTART_NOT_CONFIRMED"


def test_one_evse_without_a_yes_or_a_word_is_unknown() -> None:
    unheard = lost(reset(evse_id=1))
    assert said(unheard, place(reported(3), frame=UNANSWERED), 4) == "WAIT"
    assert said(unheard, place(reported(3), frame=UNANSWERED), 600) == "ANSWER_TIMEOUT"
    assert said(PLACE, place(reported(-5)), 601) == "RESTART_NOT_CONFIRMED"


def test_one_evse_that_waits_for_its_session_is_back_after_that() -> None:
    put_off = answered(reset(evse_id=1), SCHEDULED)
    assert said(put_off, place(reported(9), running=(session(**RAN),)), 10) == "WAIT"
    over = ended(**RAN)
    assert said(put_off, place(reported(19), running=(over,)), 30) == "WAIT"
    assert said(put_off, place(reported(25), running=(over,)), 30) == "EVSE_RESTARTED"
    unplugged = reported(25, previous_status="Occupied")
    assert said(put_off, place(unplugged, running=(over,)), 30) == "WAIT"


def test_a_station_that_restarts_as_a_whole_has_restarted_its_evse() -> None:
    assert said(PLACE, restart(), 22) == "STATION_RESTARTED"
