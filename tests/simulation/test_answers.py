"""Answers late, twice, out of order and unasked for: none is taken for the answer to another CALL.

EVCOMMAND_ANSWER_FRAMES: how many frames of a station are read; a million in `make test`.
"""

import json
import os
import random

import pytest

from station_gateway.dialects import v16, v21, v201
from station_gateway.dialects.interface import Dialect
from station_gateway.session.engine import OcppSession, SessionLimits
from station_gateway.session.events import AnswerMissing, AnswerReceived, Event

FRAMES = int(os.environ.get("EVCOMMAND_ANSWER_FRAMES", "1000000"))
TIMEOUT_S = 10.0
DIALECTS = {"1.6": v16, "2.0.1": v201, "2.1": v21}


class Mismatches:
    """One session whose station answers as it likes; every answer carries the id it is for."""

    def __init__(self, dialect: Dialect, seed: int) -> None:
        self.session = OcppSession(dialect, SessionLimits())
        self.chance = random.Random(seed)
        self.now = 0.0
        self.asked: list[str] = []
        self.settled: set[str] = set()
        self.wrong: list[str] = []
        self.taken = 0

    def ask(self) -> None:
        """A CALL of ours, unless one is out."""
        if self.session.busy:
            return
        message_id = f"m{len(self.asked)}"
        self.asked.append(message_id)
        self.session.call(message_id, "CancelReservation", {"reservationId": 1}, self.now, 10.0)
        self.session.data_to_send()

    def hear(self) -> None:
        """A frame of the station: the right one, an old one, a double, or one that nobody asked."""
        which = self.chance.choices(("now", "old", "never"), (6, 3, 1))[0]
        known = self.asked[-1:] if which == "now" else self.asked[-40:]
        message_id = self.chance.choice(known) if which != "never" else "stranger"
        frame = [4, message_id, "InternalError", message_id, {}]
        for event in self.session.receive(json.dumps(frame), self.now):
            self._judge(event, message_id)

    def pass_time(self) -> None:
        """Now and then more than a CALL may take."""
        self.now += self.chance.choice((0.1, 0.1, 1.0, TIMEOUT_S))
        for event in self.session.check_timeouts(self.now):
            if not isinstance(event, AnswerMissing) or event.message_id != self.asked[-1]:
                self.wrong.append(f"timeout told as {event}")

    def _judge(self, event: Event, message_id: str) -> None:
        if not isinstance(event, AnswerReceived):
            return
        self.taken += 1
        said = getattr(event.answer, "description", None)
        if event.message_id != message_id or said != message_id:
            self.wrong.append(f"{message_id} told as {event}")
        if event.message_id in self.settled:
            self.wrong.append(f"{message_id} told twice")
        self.settled.add(event.message_id)


@pytest.mark.parametrize("version", DIALECTS)
def test_no_answer_is_taken_for_another_call(version: str) -> None:
    talk = Mismatches(DIALECTS[version], seed=len(version))
    for _ in range(FRAMES // len(DIALECTS)):
        talk.ask()
        talk.hear()
        talk.pass_time()
    assert talk.wrong == []
    assert talk.taken > FRAMES // 20
