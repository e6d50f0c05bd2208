"""What became of an unlock: the station's answer is the outcome.

Only the station can feel whether the bolt moved. A lost answer therefore stays UNKNOWN, and that is
told at once; an answer that comes late after all raises it. What an unlock stops before it is sent
is decided in `stop_first.py`.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from domain.commands.timing import Timing
from domain.evidence.facts import Act, Decision, Facts
from domain.model.command import Code, Command, State
from domain.model.outcomes import Cause, cause_of, ending


def judge_unlock(command: Command, facts: Facts, timing: Timing, now: datetime) -> Decision:
    """The next step of an unlock that was sent and whose answer has not decided."""
    frame = facts.frame
    if frame is None or command.state is State.DONE:
        return Decision(Act.WAIT)
    lost = command.outcome is not None and command.outcome.code is Code.UNKNOWN
    given_up = frame.send_time + timedelta(seconds=timing.answer_timeout_s)
    if not lost and now < given_up:
        return Decision(Act.WAIT, look_again=given_up)
    known = command.outcome.cause if command.outcome else ""
    outcome = ending(cause_of(known, Code.UNKNOWN, Cause.ANSWER_TIMEOUT))
    return Decision(Act.CONCLUDE, outcome=replace(outcome, session=command.stopped_first))
