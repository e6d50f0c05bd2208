"""Unlocks and resets end the same way, whatever order their evidence comes in."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.commands import transitions as changes
from domain.commands.judging import apply, judge
from domain.evidence.facts import Act, Facts
from domain.evidence.restart import ConnectorReport, RestartFacts
from domain.model.answers import StationAnswer, Verdict
from domain.model.command import Code, Command, Outcome, State
from domain.model.states import is_definite
from tests.unit.domain.situations import (
    ACCEPTED,
    TIMING,
    asked,
    at,
    ended,
    facts,
    frame,
    reset,
    session,
    unlock,
)

RAN: dict[str, Any] = {"start_time": at(-60), "received_time": at(-60)}
END_S = 700


@dataclass(frozen=True)
class News:
    """What reaches us of a reset, and in which order."""

    order: tuple[str, ...]
    gaps: tuple[int, ...]

    def times(self) -> dict[str, float]:
        now, found = 0.0, {}
        for what, gap in zip(self.order, self.gaps, strict=True):
            now += gap
            found[what] = now
        return found


@st.composite
def news(draw: st.DrawFn, *happened: str) -> News:
    """Each of it once, in any order, with gaps; the socket is lost before there is a new one."""
    order = draw(st.permutations(happened))
    if "down" in order and "connected" in order:
        first, second = sorted((order.index("down"), order.index("connected")))
        order[first], order[second] = "down", "connected"
    gaps = draw(st.lists(st.integers(1, 5), min_size=len(order), max_size=len(order)))
    return News(tuple(order), tuple(gaps))


class Reset:
    """Follows one reset in virtual time; the station reports by `times`."""

    def __init__(self, times: dict[str, float], answer: StationAnswer | None) -> None:
        self.times = times
        self.answer = answer
        self.command = changes.sent(reset(), at(0))
        self.outcome: Outcome | None = None

    def run(self) -> Outcome:
        for now in (*sorted(self.times.values()), 60.0, END_S):
            self._hear(now)
            self._judge(now)
        assert self.command.outcome is not None
        return self.command.outcome

    def _hear(self, now: float) -> None:
        if self.times.get("answer", END_S) == now and self.answer is not None:
            self._follow(changes.answered(self.command, self.answer, at(now)))
        if self.times.get("lost", END_S) == now:
            self._follow(
                changes.lost(self.command, "CONNECTION_LOST_AFTER_SEND", at(now)),
            )

    def _judge(self, now: float) -> None:
        if self.command.state is State.SENT:
            return  # the gateway still has the frame
        for _ in range(5):
            decision = judge(self.command, self._facts(now), TIMING, at(now))
            assert decision.act not in {Act.SEND_AGAIN, Act.UNDO}
            self._follow(apply(self.command, decision, at(now)))
            if decision.act is not Act.ASK:
                return
            self.times["asked"] = now
        raise AssertionError("the decisions run in a circle")

    def _follow(self, after: Command) -> None:
        if is_definite(self.command.outcome):
            assert after.outcome == self.command.outcome
        self.command = after

    def _seen(self, what: str, now: float) -> datetime | None:
        when = self.times.get(what)
        return at(when) if when is not None and when <= now else None

    def _facts(self, now: float) -> Facts:
        booted, connected = self._seen("boot", now), self._seen("connected", now)
        down, told = self._seen("down", now), self._seen("status", now)
        over = self._seen("session", now)
        gone = ended("SoftReset", self.times["session"], **RAN) if over else session(**RAN)
        known = RestartFacts(
            boot_time=booted,
            boot_is_newer=bool(booted and connected),
            same_socket=not down and not connected,
            connected=not down or connected is not None,
            connected_time=connected or at(-1000),
            down_time=down,
            running=(gone,),
            connectors=(ConnectorReport(1, "Available", at(-99), "", told),),
        )
        answered = self._seen("answer", now)
        reply = asked(self.times["asked"]) if "asked" in self.times else None
        sent = frame(answer_time=answered)
        return replace(facts(), frame=sent, restart=known, asked=reply)


@settings(max_examples=500, deadline=None)
@given(news("answer", "down", "connected", "boot", "status", "session"))
def test_an_accepted_reset_with_a_boot_succeeds_in_any_order(what: News) -> None:
    outcome = Reset(what.times(), ACCEPTED).run()
    assert (outcome.code, outcome.cause) == (Code.SUCCEEDED, "STATION_RESTARTED")
    assert outcome.reset is not None
    assert outcome.reset.running == ()
    assert outcome.reset.ended == ("tx",)


@settings(max_examples=500, deadline=None)
@given(news("lost", "down", "connected", "boot", "status", "session"))
def test_a_lost_answer_with_a_boot_succeeds_in_any_order(what: News) -> None:
    outcome = Reset(what.times(), None).run()
    assert outcome.code is Code.SUCCEEDED


@settings(max_examples=300, deadline=None)
@given(news("answer", "down", "connected", "status"))
def test_an_accepted_reset_without_a_boot_never_succeeds(what: News) -> None:
    outcome = Reset(what.times(), ACCEPTED).run()
    assert (outcome.code, outcome.cause) == (Code.UNKNOWN, "RESTART_NOT_CONFIRMED")


@settings(max_examples=300, deadline=None)
@given(
    st.permutations(["lost", "judged", "answer"]),
    st.sampled_from([(Verdict.ACCEPTED, "Unlocked"), (Verdict.FAILED, "UnlockFailed")]),
)
def test_an_unlock_ends_as_its_answer_says_in_any_order(
    order: list[str], word: tuple[Verdict, str]
) -> None:
    said, command = StationAnswer(*word), changes.sent(unlock(), at(0))
    for number, what in enumerate(order):
        now = at(31 + number)
        if what == "lost":
            command = changes.lost(command, "ANSWER_TIMEOUT", now)
        elif what == "answer":
            command = changes.answered(command, said, now)
        else:
            known = facts(frame=frame(answer_time=None))
            command = apply(command, judge(command, known, TIMING, now), now)
    assert command.outcome == changes.answered(unlock(), said, at(0)).outcome
