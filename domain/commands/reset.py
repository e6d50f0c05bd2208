"""What became of a reset: followed as a process, until the station is back and was looked at again.

An accepted reset has done nothing yet. Its proof is a boot: a BootNotification on a socket that was
opened after our frame left, or on the old one if the station had agreed and gives a reason that
fits. A station that only lost its network comes back without one, and one that is asked for it says
"Triggered": neither is a restart. The proof counts whatever was answered and whenever it came, also
when the answer was lost, as many stations drop their socket before they answer. It does not count
when it came after the deadline, unless the station names the reset as its reason or was away all
the while: somebody may have switched it off and on hours later.

After the boot the connectors and the sessions that ran before are looked at again, for a named time
at most. One EVSE restarts without a boot: there its connector's status is the proof,
told anew or after it was Unavailable; a car that comes or goes is none. A reset is
never repeated. Without a proof, "it did not restart" is said only when the socket that carried the
frame is still the station's socket; else the outcome is UNKNOWN, and a late boot raises it.
"""

from datetime import datetime, timedelta

from domain.commands.deadlines import next_look
from domain.commands.start_session import agreed, given_answer
from domain.commands.timing import Timing
from domain.evidence.facts import Act, Decision, Facts
from domain.evidence.restart import Reported, RestartFacts
from domain.evidence.sessions import Frame
from domain.model.answers import Verdict
from domain.model.command import Code, Command, Outcome, ResetFacts, State
from domain.model.outcomes import Cause, cause_of, ending
from domain.model.specs import ResetSpec

ASK_AFTER = timedelta(seconds=5)
"""How long after its boot a station may report its connectors before it is asked to."""

LONGEST_LOOK = timedelta(hours=6)
"""The longest time between two looks at a station that has put its reset off."""

_BY_OUR_RESET = {"RemoteReset", "ScheduledReset"}
_NO_BOOT = "Triggered"


def judge_reset(command: Command, facts: Facts, timing: Timing, now: datetime) -> Decision:
    """The next step of a reset that was sent: awaited, or DONE as UNKNOWN and on guard."""
    spec, frame = command.reset, facts.frame
    if spec is None or frame is None:
        return Decision(Act.WAIT)
    deadline = reset_deadline(command, frame, timing)
    if _has_booted(command, facts.restart, frame, deadline):
        return _reconcile(command, spec, facts, timing, now)
    if spec.evse_id is not None and _evse_is_back(command, facts, frame):
        return _conclude(command, spec, facts, Cause.EVSE_RESTARTED)
    if command.state is State.DONE:
        return Decision(Act.WAIT)
    if now >= deadline:
        return _conclude(command, spec, facts, _not_restarted(command, spec, facts, frame))
    return _wait(command, facts, frame, deadline, now)


def is_scheduled(command: Command) -> bool:
    """Whether the station said that it waits for its last session."""
    answer = command.station_answer
    return answer is not None and answer.verdict is Verdict.SCHEDULED


def reset_deadline(command: Command, frame: Frame, timing: Timing) -> datetime:
    """When a reset without a proof is given up."""
    answer = given_answer(command, frame)
    scheduled = answer is not None and answer.verdict is Verdict.SCHEDULED
    wait_s = timing.reset_scheduled_s if scheduled else timing.reset_effect_s
    return (frame.answer_time or frame.send_time) + timedelta(seconds=wait_s)


def _has_booted(command: Command, restart: RestartFacts, frame: Frame, deadline: datetime) -> bool:
    booted = restart.boot_time
    if booted is None or booted <= frame.send_time or restart.boot_reason == _NO_BOOT:
        return False
    by_reset = restart.boot_reason in _BY_OUR_RESET
    if booted > deadline and not by_reset and not _was_away(restart, deadline):
        return False
    if restart.boot_is_newer:
        return True
    return agreed(command, frame) and (by_reset or restart.boot_reason == "")


def _was_away(restart: RestartFacts, deadline: datetime) -> bool:
    """Whether the station was offline from before the deadline until it booted."""
    down, back = restart.down_time, restart.connected_time
    return down is not None and back is not None and down <= deadline <= back


def _evse_is_back(command: Command, facts: Facts, frame: Frame) -> bool:
    """Whether the EVSE told its status after the restart that the station agreed to."""
    if not agreed(command, frame):
        return False
    if not is_scheduled(command):
        return any(_is_proof(each, frame.send_time) for each in facts.restart.connectors)
    ends = [session.stop_received_time for session in facts.restart.running if not session.active]
    idle = max((end for end in ends if end is not None), default=frame.send_time)
    if any(session.active for session in facts.restart.running):
        return False
    return any(
        _came_back(each, idle) and each.previous_status == "Unavailable"
        for each in facts.restart.connectors
    )


def _is_proof(connector: Reported, sent: datetime) -> bool:
    """Whether its status is told for a restart, and not because a car came or went."""
    anew = connector.status_time <= sent or connector.previous_status == "Unavailable"
    return anew and _came_back(connector, sent)


def _came_back(connector: Reported, since: datetime) -> bool:
    """Whether it told its status since then, and is not just going down."""
    told = connector.reported_time
    going_down = connector.status == "Unavailable" and connector.status_time > since
    return told is not None and told > since and not going_down


# --- after the boot


def _reconcile(
    command: Command, spec: ResetSpec, facts: Facts, timing: Timing, now: datetime
) -> Decision:
    """The station is back: its connectors and what ran before are looked at again."""
    booted = facts.restart.boot_time or now
    over = booted + timedelta(seconds=timing.reconcile_s)
    silent = [each for each in facts.restart.connectors if not _told_since(each, booted)]
    running = any(session.active for session in facts.restart.running)
    if now >= over or not (silent or running):
        return _conclude(command, spec, facts, Cause.STATION_RESTARTED)
    asked = facts.asked is not None and facts.asked.at >= booted
    if silent and not asked and facts.restart.connected and now >= booted + ASK_AFTER:
        return Decision(Act.ASK)
    look = min(over, booted + ASK_AFTER) if now < booted + ASK_AFTER else over
    progress = "The station has restarted; looking at its connectors and sessions again."
    return Decision(Act.WAIT, look_again=look, progress=progress)


def _told_since(connector: Reported, booted: datetime) -> bool:
    return connector.reported_time is not None and connector.reported_time >= booted


# --- without a proof


def _wait(
    command: Command, facts: Facts, frame: Frame, deadline: datetime, now: datetime
) -> Decision:
    look = next_look(Frame(frame.id, frame.attempt, frame.send_time), now, deadline)
    look = min(look, now + LONGEST_LOOK)
    return Decision(Act.WAIT, look_again=look, progress=_phase(command, facts, frame))


def _phase(command: Command, facts: Facts, frame: Frame) -> str:
    if not facts.restart.connected:
        return "The station is down; waiting for it to come back."
    if not facts.restart.same_socket:
        return "The station has reconnected; waiting for its boot."
    if is_scheduled(command):
        return "The station will restart when its last session has ended."
    if agreed(command, frame):
        return "The station agreed; waiting for it to restart."
    return ""


def _not_restarted(command: Command, spec: ResetSpec, facts: Facts, frame: Frame) -> Cause:
    if not facts.restart.connected:
        return Cause.OFFLINE_AT_DEADLINE
    if facts.restart.same_socket and spec.evse_id is None:
        return Cause.STATION_DID_NOT_RESTART
    if agreed(command, frame):
        return Cause.RESTART_NOT_CONFIRMED
    known = command.outcome.cause if command.outcome else ""
    return cause_of(known, Code.UNKNOWN, Cause.RESTART_NOT_CONFIRMED)


def _conclude(command: Command, spec: ResetSpec, facts: Facts, cause: Cause) -> Decision:
    return Decision(Act.CONCLUDE, outcome=_told(command, spec, facts, cause))


def _told(command: Command, spec: ResetSpec, facts: Facts, cause: Cause) -> Outcome:
    restart, booted = facts.restart, cause is Cause.STATION_RESTARTED
    sessions = restart.running
    return ending(
        cause,
        reset=ResetFacts(
            evse_id=spec.evse_id,
            scheduled=is_scheduled(command),
            down_time=restart.down_time,
            boot_time=restart.boot_time if booted else None,
            boot_reason=restart.boot_reason if booted else "",
            running=tuple(session.name for session in sessions if session.active),
            ended=tuple(session.name for session in sessions if not session.active),
        ),
    )
