"""Many starts and sessions at one station, judged in any order: one session, one claim."""

from dataclasses import dataclass, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.commands import transitions as changes
from domain.commands.judging import apply, claim_of, judge, keeps_claim
from domain.evidence.facts import Act, Decision, Facts
from domain.evidence.sessions import Rival, SentFrame, Session
from domain.model.command import Command
from domain.model.outcomes import Cause, ending
from tests.unit.domain.situations import (
    ACCEPTED,
    REJECTED,
    TIMING,
    answered,
    at,
    facts,
    frame,
    lost,
    session,
    start,
)

TOKENS = st.sampled_from(["token", "token", "other"])
EVSES = st.sampled_from([None, 1, 1, 2])


@dataclass(frozen=True)
class Start:
    """One start: what the station said, what it named, and how it was given up before."""

    sent: SentFrame
    answer: str  # "yes", "no", "lost"
    names: int | None
    fate: str  # "waits", "NO_EFFECT", "UNKNOWN", "CANCELLED"

    def command(self, number: int) -> Command:
        """Where it stands before any session was looked at."""
        named = None if self.names is None else str(self.names)
        yes = replace(ACCEPTED, ocpp_transaction_id=named)
        begun = replace(start(), name=f"start-{number}")
        if self.answer == "lost":
            known = lost(begun)
        else:
            known = answered(begun, yes if self.answer == "yes" else REJECTED)
        match self.fate:
            case "NO_EFFECT":
                return changes.concluded(known, ending(Cause.NO_CABLE_OR_NO_TRANSACTION), at(80))
            case "UNKNOWN":
                return changes.concluded(known, ending(Cause.OFFLINE_AT_DEADLINE), at(80))
            case "CANCELLED":
                return changes.cancelled(known, at(3))
            case _:
                return known


@st.composite
def starts(draw: st.DrawFn) -> Start:
    answer = draw(st.sampled_from(["yes", "yes", "no", "lost"]))
    sent_s = draw(st.integers(0, 60))
    return Start(
        sent=frame(
            send_time=at(sent_s),
            answer_time=None if answer == "lost" else at(sent_s + 1),
            evse_id=draw(EVSES),
            token_digest=draw(TOKENS),
            group_digest=draw(st.sampled_from([None, None, "group"])),
            refused=answer == "no",
        ),
        answer=answer,
        names=draw(st.none() | st.integers(0, 3)),
        fate=draw(st.sampled_from(["waits", "waits", "NO_EFFECT", "UNKNOWN", "CANCELLED"])),
    )


@st.composite
def sessions(draw: st.DrawFn) -> Session:
    begun_s = draw(st.integers(-20, 120))
    received_s = max(begun_s + draw(st.sampled_from([-5, 0, 0, 30])), 0)
    return session(
        start_time=at(begun_s),
        received_time=at(received_s),
        evse_id=draw(EVSES),
        token_digest=draw(TOKENS),
        group_digest=draw(st.sampled_from([None, None, "group"])),
        remote_start_id=draw(st.sampled_from([None, None, 100, 101])),
        active=draw(st.booleans()),
    )


@dataclass(frozen=True)
class Judged:
    """Which start is judged next, when, and whether it sees the claims of a moment ago."""

    number: int
    now_s: int
    stale: bool


class Station:
    """Judges starts as the journal does: a claim is taken, or all is judged again."""

    def __init__(self, given_starts: list[Start], reported: list[Session]) -> None:
        self.starts = [
            replace(each, sent=replace(each.sent, id=100 + number))
            for number, each in enumerate(given_starts)
        ]
        self.sessions = [
            replace(each, name=f"session-{number}", ocpp_transaction_id=str(number))
            for number, each in enumerate(reported)
        ]
        self.commands = [each.command(number) for number, each in enumerate(self.starts)]
        self.claims: dict[str, int] = {}
        self.told: set[tuple[str, int]] = set()
        self.stopped: set[tuple[str, int]] = set()

    def judge(self, turn: Judged) -> None:
        number = turn.number % len(self.starts)
        seen: dict[str, int] = {} if turn.stale else self.claims
        decision = self._decided(number, turn.now_s, seen)
        session = claim_of(self.commands[number], decision)
        if session is not None and self.claims.get(session, number) != number:
            decision = self._decided(number, turn.now_s, self.claims)
            session = claim_of(self.commands[number], decision)
        if session is not None:
            assert self.claims.setdefault(session, number) == number
        after = apply(self.commands[number], decision, at(turn.now_s))
        if session is not None:
            assert keeps_claim(after, decision)
        self.commands[number] = after
        self._notice(number, decision)

    def _notice(self, number: int, decision: Decision) -> None:
        command = self.commands[number]
        if command.outcome is not None and command.outcome.session is not None:
            self.told.add((command.outcome.session.transaction, number))
        if decision.act is Act.UNDO and decision.session is not None:
            self.stopped.add((decision.session.name, number))

    def _decided(self, number: int, now_s: int, claims: dict[str, int]) -> Decision:
        known = self._facts(number, now_s, claims)
        return judge(self.commands[number], known, TIMING, at(now_s))

    def _facts(self, number: int, now_s: int, claims: dict[str, int]) -> Facts:
        others = [each for each in range(len(self.starts)) if each != number]
        have = set(claims.values())
        causes = [self._rival(each) for each in others if each not in have]
        taken = [
            Rival(at(0), claimed=session) for session, owner in claims.items() if owner != number
        ]
        heard = [each for each in self.sessions if each.received_time <= at(now_s)]
        return facts(*heard, frame=self.starts[number].sent, rivals=(*causes, *taken))

    def _rival(self, number: int) -> Rival:
        sent = self.starts[number].sent
        return Rival(
            sent.send_time,
            sent.token_digest,
            sent.group_digest,
            sent.evse_id,
            refused=sent.refused,
        )


@settings(max_examples=300, deadline=None)
@given(
    st.lists(starts(), min_size=2, max_size=4),
    st.lists(sessions(), min_size=1, max_size=4),
    st.lists(
        st.builds(Judged, st.integers(0, 3), st.integers(61, 400), st.booleans()),
        min_size=2,
        max_size=10,
    ),
)
def test_no_session_is_told_or_stopped_as_the_effect_of_two_commands(
    given_starts: list[Start], reported: list[Session], turns: list[Judged]
) -> None:
    station = Station(given_starts, reported)
    for turn in turns:
        station.judge(turn)
    for each in station.sessions:
        owners = {who for name, who in station.told | station.stopped if name == each.name}
        assert len(owners) <= 1
