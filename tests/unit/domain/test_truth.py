"""Random stations, random orders of evidence: the outcome against what the station really did."""

from dataclasses import dataclass, replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.commands import transitions as changes
from domain.commands.judging import apply, judge
from domain.evidence.facts import Act, Asked, Facts
from domain.evidence.sessions import SentFrame, Session
from domain.model.command import Code, Command, CompensationState, State
from domain.model.states import is_definite
from tests.unit.domain.situations import (
    ACCEPTED,
    REJECTED,
    TIMING,
    answered,
    at,
    ended,
    facts,
    frame,
    lost,
    session,
    start,
)

END_S = 900


@dataclass(frozen=True)
class Station:
    """What a station really does; times in seconds after our frame left.

    starts: None when no session ever begins. offline: from, until. A report of what happened
    comes `lag` seconds later, or that long after the connection is back.
    """

    version: str
    answer: str  # "yes", "no", "lost"
    starts: float | None
    lag: float
    offline: tuple[float, float] | None
    replays: bool
    cancelled_at: float | None
    unplugs_at: float | None

    def reported(self, happened: float) -> float:
        report = happened + self.lag
        if self.offline and self.offline[0] <= report < self.offline[1]:
            return self.offline[1] + self.lag
        return report

    def connected_since(self, now: float) -> float | None:
        if self.offline is None or now < self.offline[0]:
            return -1000
        return None if now < self.offline[1] else self.offline[1]


def _maybe(low: float, high: float) -> st.SearchStrategy[float | None]:
    return st.none() | st.integers(int(low), int(high)).map(float)


@st.composite
def stations(draw: st.DrawFn) -> Station:
    gone = draw(_maybe(2, 200))
    away = draw(st.integers(1, 200))
    answer = draw(st.sampled_from(["yes", "yes", "no", "lost"]))
    starts = None if answer == "no" else draw(_maybe(2, 300))
    return Station(
        version=draw(st.sampled_from(["1.6", "2.0.1"])),
        answer=answer,
        starts=starts,
        lag=draw(st.sampled_from([0.1, 1.0, 8.0])),
        offline=None if gone is None else (gone, gone + away),
        replays=draw(st.booleans()),
        cancelled_at=draw(_maybe(2, 100)),
        unplugs_at=draw(_maybe(301, 500)),
    )


class World:
    """Runs the domain's decisions against one station, in virtual time."""

    def __init__(self, station: Station) -> None:
        self.station = station
        self.command: Command = self._begun()
        self.frame = frame(answer_time=None if station.answer == "lost" else at(1))
        self.undos: tuple[SentFrame, ...] = ()
        self.asked: Asked | None = None
        self.stopped_at: float | None = None

    def _begun(self) -> Command:
        if self.station.answer == "lost":
            return lost(start())
        return answered(start(), ACCEPTED if self.station.answer == "yes" else REJECTED)

    def run(self) -> Command:
        now, wake = 1.0, set(self._moments())
        while now < END_S:
            wake = {moment for moment in wake if moment > now}
            if self.station.cancelled_at is not None and now >= self.station.cancelled_at:
                self._follow(changes.cancelled(self.command, at(now)))
            look_again = self._decide(now)
            wake |= {look_again, *self._moments()}
            now = min((moment for moment in wake if moment > now), default=END_S)
        return self.command

    def _moments(self) -> list[float]:
        """When something reaches us."""
        happened = [self.station.starts, self.stopped_at, self.station.unplugs_at]
        moments = [self.station.reported(when) for when in happened if when is not None]
        moments += [40.0, self.station.cancelled_at or 0.0]
        return moments + [moment + 0.2 for moment in self.station.offline or ()]

    def _decide(self, now: float) -> float:
        for _ in range(10):
            decision = judge(self.command, self._facts(now), TIMING, at(now))
            self._follow(apply(self.command, decision, at(now)))
            match decision.act:
                case Act.ASK:
                    self._ask(now)
                case Act.UNDO:
                    self._stop(now)
                case _:
                    when = decision.look_again
                    return (when - at(0)) / timedelta(seconds=1) if when else END_S
        raise AssertionError("the decisions run in a circle")

    def _follow(self, after: Command) -> None:
        if is_definite(self.command.outcome):
            assert after.outcome == self.command.outcome
        self.command = after

    def _ask(self, now: float) -> None:
        started = self.station.starts is not None and self.station.starts <= now
        held_back = started and self.station.reported(self.station.starts or 0) > now
        times = (self.asked.times if self.asked else 0) + 1
        two = self.station.version == "2.0.1"
        self.asked = Asked(at(now), times, True, messages_in_queue=held_back if two else None)

    def _stop(self, now: float) -> None:
        assert self._real(now) is not None, "only a session that was reported can be stopped"
        stop = frame(attempt=len(self.undos) + 2, send_time=at(now), answer_time=at(now + 0.1))
        self.undos = (*self.undos, stop)
        self.stopped_at = now + 0.5

    def _ends(self) -> tuple[float, str] | None:
        if self.stopped_at is not None:
            return self.stopped_at, "Remote"
        if self.station.unplugs_at is not None and self.station.starts is not None:
            return self.station.unplugs_at, "EVDisconnected"
        return None

    def _real(self, now: float) -> Session | None:
        starts = self.station.starts
        if starts is None or self.station.reported(starts) > now:
            return None
        told = {
            "name": "real",
            "start_time": at(starts),
            "received_time": at(self.station.reported(starts)),
            "remote_start_id": 5 if self.station.version == "2.0.1" else None,
        }
        over = self._ends()
        if over is not None and self.station.reported(over[0]) <= now:
            return ended(over[1], over[0], **told)
        return session(**told)

    def _facts(self, now: float) -> Facts:
        sessions = [real] if (real := self._real(now)) else []
        if self.station.replays and now >= 40:
            old = at(-86_400)
            sessions.append(
                ended(
                    name="old",
                    ocpp_transaction_id="1",
                    start_time=old,
                    stop_time=old,
                    received_time=at(40),
                )
            )
        since = self.station.connected_since(now)
        return replace(
            facts(*sessions),
            frame=self.frame,
            undos=self.undos,
            ocpp_version=self.station.version,
            connected_since=None if since is None else at(since),
            asked=self.asked,
        )


@settings(max_examples=1500, deadline=None)
@given(stations())
def test_the_outcome_is_what_the_station_really_did(station: Station) -> None:
    world = World(station)
    command = world.run()
    outcome, real = command.outcome, world._real(END_S)
    assert command.state is State.DONE
    assert outcome is not None
    undone = command.compensation.state is CompensationState.DONE
    if outcome.code is Code.SUCCEEDED:
        assert real is not None
        assert outcome.session is not None
        assert outcome.session.transaction == "real"
        assert station.starts is not None
        assert station.starts <= 76, "later than the command's own time"
        assert not world.undos, "what succeeded is never stopped"
    elif real is not None and station.starts is not None and station.starts < 375:
        # It did not count as a success: then it does not run on unknown to anybody.
        assert undone or not real.active
    if real is None:
        assert not undone
        assert outcome.code is not Code.SUCCEEDED
    if outcome.code is Code.CANCELLED:
        assert station.cancelled_at is not None
