"""Commands are kept, end in time, are sent once, and a definite outcome stays (I1 to I4)."""

from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise

from tests.chaos.judging.finding import Finding
from tests.chaos.judging.lateness import ACTIONS, must_be_done
from tests.chaos.record import CommandAsked, FrameSeen, Record

_ORDER = ("QUEUED", "SENT", "AWAITING_EFFECT", "COMPENSATING", "DONE")
_ONCE = ("UNLOCK_CONNECTOR", "RESET")


def kept(record: Record) -> Iterator[Finding]:
    """I1: what a broker has shown once exists for ever, and ends."""
    for command in record.commands:
        if command.forgotten is not None:
            yield _about(command, "I1", f"a broker did not know it at {command.forgotten:%X}")
        last, limit = command.last, must_be_done(record, command)
        if last is not None and not last.done and record.ended > limit:
            yield _about(command, "I1", f"{last.state} at the end; it was due at {limit:%X}")


def answered(record: Record) -> Iterator[Finding]:
    """A request is taken or refused for a reason of its own, and what is refused is not sent."""
    for command in record.commands:
        if command.refused in _FAILURES:
            yield _about(command, "call", f"its request was answered with {command.refused}")
        known_by_token = command.kind in {"START_SESSION", "RESERVE_NOW"}
        if command.refused and known_by_token and frames_of(record, command):
            yield _about(command, "call", f"{command.refused}, and the station got its frame")


_FAILURES = frozenset({"INTERNAL", "UNKNOWN", "ALREADY_EXISTS", "NOT_FOUND", "DATA_LOSS"})
"""None of these is a true answer to what the callers of a run ask for."""


def ends_in_time(record: Record) -> Iterator[Finding]:
    """I3: every command has its outcome, at the latest some seconds after its last deadline."""
    for command in record.commands:
        last, limit = command.last, must_be_done(record, command)
        if last and command.first_end is not None and command.first_end > limit:
            late_s = (command.first_end - limit).total_seconds()
            says = f"{last.code} ({last.cause}), {late_s:.1f} s after {limit:%X}"
            yield _about(command, "I3", says)


def sent_once(record: Record) -> Iterator[Finding]:
    """I2: starts, unlocks and resets reach a station once; a reservation has one number."""
    for command in record.commands:
        frames = frames_of(record, command)
        if command.kind == "START_SESSION" and len(frames) > 1:
            yield _about(command, "I2", f"the station got {len(frames)} start frames")
        if command.kind in _ONCE and len(frames) > 1:
            yield _about(command, "I2", f"the station got {len(frames)} such frames")
        if command.kind == "RESERVE_NOW":
            numbers = {number_of(frame) for frame in frames}
            if len(numbers) > 1:
                yield _about(command, "I2", f"the station got the numbers {sorted(numbers)}")


def stays(record: Record) -> Iterator[Finding]:
    """I4: of what was told, in the order of revisions, nothing definite changes, nothing goes back.

    A revision has one content, whichever broker shows it.
    """
    for command in record.commands:
        ordered = sorted(command.told, key=lambda one: one.revision)
        for before, after in pairwise(ordered):
            said, says = (before.code, before.cause), (after.code, after.cause)
            if before.revision == after.revision and (before.state, said) != (after.state, says):
                yield _about(command, "I4", f"revision {after.revision} is told as {said}, {says}")
            elif before.code not in {"", "UNKNOWN"} and said != says:
                yield _about(command, "I4", f"{' '.join(said)} became {' '.join(says)}")
            elif _ORDER.index(after.state) < _ORDER.index(before.state):
                yield _about(command, "I4", f"{before.state} became {after.state}")


def frames_of(record: Record, command: CommandAsked) -> list[FrameSeen]:
    """The frames that a station got for a command.

    Those with a token are known by it. Others are those that came before the next command for the
    station was asked for. After the end of a reservation its own workflow clears it away.
    """
    mine = [
        frame
        for frame in record.station(command.station).frames
        if frame.action in ACTIONS[command.kind]
    ]
    if command.kind in {"START_SESSION", "RESERVE_NOW"}:
        return [frame for frame in mine if token_of(frame) == command.token]
    until = min(record.until(command), _over(record, command))
    return [frame for frame in mine if command.asked <= frame.at < until]


def _over(record: Record, command: CommandAsked) -> datetime:
    """When the reservation that a command cancels has ended without it."""
    ends = (
        seen.end_time
        for one in record.reservations
        if one.name == command.reservation
        for seen in one.told
        if seen.end_time and seen.cause != "CANCELLED_BY_CALLER"
    )
    return min(ends, default=record.ended)


def token_of(frame: FrameSeen) -> str:
    """The token that a frame carries, as OCPP 1.6 and as 2.x name it."""
    given = frame.payload.get("idTag", frame.payload.get("idToken", ""))
    return str(given.get("idToken", "") if isinstance(given, dict) else given)


def number_of(frame: FrameSeen) -> int:
    """The number of a reservation that a frame is about."""
    return int(frame.payload.get("reservationId", frame.payload.get("id", 0)))


def _about(command: CommandAsked, invariant: str, says: str) -> Finding:
    return Finding(invariant, f"commands/{command.request_id}", command.station, command.kind, says)


RULES = (kept, answered, ends_in_time, sent_once, stays)
