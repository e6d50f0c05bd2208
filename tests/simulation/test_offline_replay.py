"""Old sessions told late, with wrong clocks, twice or without ids: never a newer start's."""

import random
from dataclasses import replace
from datetime import timedelta

import pytest

from domain.commands.judging import judge
from domain.evidence.sessions import Rival, Session
from domain.limits import CLOCK_TOLERANCE
from domain.model.command import Code
from tests.unit.domain.situations import T0, TIMING, answered, at, facts, frame, session, start

HISTORIES = 10_000
BLOCK = 2_500
OLDER = CLOCK_TOLERANCE.total_seconds() + 1


class History:
    """What a station tells after a start was sent to it, and which of it is really ours."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.ours = session(name="ours") if self.chance.random() < 0.4 else None
        self.others = [self._other(number) for number in range(self.chance.randint(1, 5))]
        doubles = [one for one in self.others if self.chance.random() < 0.3]
        told = [*self.others, *doubles, *([self.ours] if self.ours else [])]
        self.told = self.chance.sample(told, len(told))

    def _other(self, number: int) -> Session:
        """A session that cannot be ours, as a station with its flaws tells it."""
        chance, received = self.chance, at(self.chance.uniform(1, 70))
        began = T0 - timedelta(seconds=chance.uniform(OLDER, 90_000))
        old = session(
            name=f"old{number}",
            ocpp_transaction_id=chance.choice(("0", "-1", f"{100 + number}")),
            start_time=began,
            received_time=received,
            active=chance.random() < 0.5,
        )
        match chance.choice(("replayed", "1970", "future", "unnamed", "driver", "place", "named")):
            case "replayed":
                return old
            case "1970" | "future":  # as they are read: our time, and a flag
                return replace(old, start_time=received, clock_suspect=True)
            case "unnamed":  # only meter values were heard of it
                return replace(old, start_time=received, observed_only=True, token_digest=None)
            case "driver":
                return replace(old, start_time=received, token_digest="somebody")
            case "place":
                return replace(old, start_time=received, evse_id=2)
            case _:
                return replace(old, start_time=received, remote_start_id=frame().id + 1)


def falsely_matched(seed: int) -> str:
    """The session that the start takes for its own although it is not; "" when there is none."""
    history = History(seed)
    rivals = (Rival(at(-500), "somebody"), Rival(at(-400), "token", evse_id=2))
    for now_s in (30, 75, 200):
        known = facts(*history.told, rivals=rivals, ocpp_version="2.0.1")
        outcome = judge(answered(start()), known, TIMING, at(now_s)).outcome
        if outcome is None or outcome.code is not Code.SUCCEEDED or outcome.session is None:
            continue
        if outcome.session.transaction != "ours":
            return outcome.session.transaction
    return ""


@pytest.mark.parametrize("first", range(0, HISTORIES, BLOCK))
def test_an_old_session_is_never_taken_for_a_newer_starts(first: int) -> None:
    wrong = {seed: falsely_matched(seed) for seed in range(first, first + BLOCK)}
    assert {seed: name for seed, name in wrong.items() if name} == {}


def test_the_right_session_is_found_among_them() -> None:
    found = 0
    for seed in range(1_000):
        history = History(seed)
        decision = judge(answered(start()), facts(*history.told), TIMING, at(30))
        outcome = decision.outcome
        found += outcome is not None and outcome.code is Code.SUCCEEDED
    assert found > 200
