"""Resets, when a session's end was inferred a moment ago and may be taken back."""

from dataclasses import replace
from typing import Any

from domain.commands.judging import judge
from domain.evidence.facts import Act, Decision, Facts
from domain.evidence.restart import ConnectorReport, RestartFacts
from domain.evidence.sessions import Session
from domain.model.command import Command, ResetFacts
from tests.unit.domain.situations import TIMING, answered, at, ended, facts, frame, reset, session

RAN: dict[str, Any] = {"start_time": at(-60), "received_time": at(-60)}
BACK = ConnectorReport(1, "Available", at(22), "Unavailable", at(22))
WHOLE, PLACE = answered(reset()), answered(reset(evse_id=1))


def inferred(at_s: float) -> Session:
    """Nobody reported its end: the station booted, and its plug was shown as free then."""
    return ended("", at_s, **RAN, stop_time=None, end_reported=False)


def booted(*running: Session) -> Facts:
    """Back and booted after 21 s."""
    known = RestartFacts(
        boot_time=at(21),
        boot_is_newer=True,
        connected=True,
        connected_time=at(20),
        down_time=at(5),
        running=running,
        connectors=(BACK,),
    )
    return replace(facts(frame=frame()), restart=known)


def evse_back(*running: Session) -> Facts:
    """Connected all the time; EVSE 1 came back after 22 s."""
    known = RestartFacts(connected=True, same_socket=True, running=running, connectors=(BACK,))
    return replace(facts(frame=frame()), restart=known)


def decided(command: Command, known: Facts, now_s: float) -> Decision:
    return judge(command, known, TIMING, at(now_s))


def told(command: Command, known: Facts, now_s: float) -> ResetFacts:
    outcome = decided(command, known, now_s).outcome
    assert outcome is not None
    assert outcome.reset is not None
    return outcome.reset


def test_a_reset_holds_its_outcome_until_an_inferred_end_stands() -> None:
    known = booted(inferred(22))
    waiting = decided(WHOLE, known, 27)
    assert (waiting.act, waiting.look_again) == (Act.WAIT, at(32))
    assert told(WHOLE, known, 32).ended == ("tx",)
    assert told(WHOLE, booted(ended(**RAN, at_s=22)), 22).ended == ("tx",)


def test_a_session_that_was_taken_back_is_named_as_running() -> None:
    named = told(WHOLE, booted(session(**RAN)), 51)
    assert (named.running, named.ended) == (("tx",), ())


def test_an_end_that_does_not_stand_when_all_was_looked_at_is_not_named() -> None:
    known = booted(session(**RAN, name="tx2"), inferred(45))
    assert decided(WHOLE, known, 46).look_again == at(51)
    named = told(WHOLE, known, 51)
    assert (named.running, named.ended) == (("tx2",), ())


def test_one_evse_has_not_restarted_while_its_session_may_run_on() -> None:
    known = evse_back(inferred(20))
    waiting = decided(PLACE, known, 23)
    assert (waiting.act, waiting.look_again) == (Act.WAIT, at(30))
    assert told(PLACE, known, 30).ended == ("tx",)
