"""No lie (I11): what a definite outcome says, beside what its station really did.

UNKNOWN is always true. A station's record knows what the charger did (`did`) apart from what it
answered (`said`), as some answer nothing, or something else.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta

from tests.chaos.judging.finding import Finding
from tests.chaos.judging.keeping import frames_of, number_of
from tests.chaos.judging.lateness import ACTIONS
from tests.chaos.record import CommandAsked, CommandSeen, FrameSeen, Record, SessionRun

SLIP = timedelta(seconds=2)
"""How far the clocks of stations and house may be apart: 1.6 tells whole seconds."""

NOTHING = frozenset({"NOT_SENT", "REJECTED", "NOT_SUPPORTED", "NO_EFFECT"})
"""The outcomes that say: the effect did not happen."""

_STOPS = ACTIONS["STOP_SESSION"]


def true(record: Record) -> Iterator[Finding]:
    """Every definite outcome is what happened."""
    for command in record.commands:
        last = command.last
        if last is None or not last.done:
            continue
        for rule in (_frame, _LIES[command.kind]):
            for says in rule(record, command, last):
                told = f"{last.code} ({last.cause}): {says}"
                name = f"commands/{command.request_id}"
                yield Finding("I11", name, command.station, command.kind, told)


def _frame(record: Record, command: CommandAsked, last: CommandSeen) -> Iterator[str]:
    """What was not sent has not arrived, and what was rejected has been refused."""
    frames = frames_of(record, command)
    if last.code == "NOT_SENT" and frames:
        yield "the station got its frame"
    if last.code == "REJECTED" and all(one.said in {"", *_YES} for one in frames):
        yield "the station has refused nothing"


_YES = ("Accepted", "Unlocked")


def _start(record: Record, command: CommandAsked, last: CommandSeen) -> Iterator[str]:
    sessions = _sessions(record, command.station, command.token)
    if last.code == "SUCCEEDED":
        named = [one for one in sessions if last.transaction_id in one.ids]
        if not named:
            yield f"the station had no session {last.transaction_id!r} for its token"
        elif last.outcome_time and named[0].begun > last.outcome_time + SLIP:
            yield f"its session began only at {named[0].begun:%X}"
    elif last.code in NOTHING | {"CANCELLED"}:
        for one in sessions:
            if one.ended is None and last.compensation != "FAILED":
                yield "its session charges"
            elif not last.compensation and one.why in {"", "Remote"}:
                yield f"its session ran from {one.begun:%X}, and nothing is told of that"


def _stop(record: Record, command: CommandAsked, last: CommandSeen) -> Iterator[str]:
    sessions = _sessions(record, command.station, command.started)
    if last.code == "SUCCEEDED":
        if not sessions:
            yield "there was no session to stop"
        elif any(one.ended is None for one in sessions):
            yield "its session charges"
        for one in sessions:
            if one.ended and last.outcome_time and one.ended > last.outcome_time + SLIP:
                yield f"its session ended only at {one.ended:%X}"
    elif last.code in NOTHING:
        for one in sessions:
            by_us = one.ended if one.why == "Remote" else None
            if by_us and last.outcome_time and by_us < last.outcome_time:
                yield "its session was stopped by us"


def _unlock(record: Record, command: CommandAsked, last: CommandSeen) -> Iterator[str]:
    frames = frames_of(record, command)
    if last.code == "SUCCEEDED" and not _word(frames, "Unlocked"):
        yield "the station unlocked nothing"
    if last.code in NOTHING and any(one.did == "Unlocked" for one in frames):
        yield "the station unlocked the connector"


def _reset(record: Record, command: CommandAsked, last: CommandSeen) -> Iterator[str]:
    frames = frames_of(record, command)
    if last.code == "SUCCEEDED" and last.outcome_time and frames:
        boots = record.station(command.station).boots
        if not any(frames[0].at - SLIP <= boot <= last.outcome_time for boot in boots):
            yield "the station did not restart"
    if last.code == "SUCCEEDED" and not frames:
        yield "the station got no reset"
    if last.code in NOTHING and any(one.did == "Accepted" for one in frames):
        yield "the station restarted because of it"


def _reserve(record: Record, command: CommandAsked, last: CommandSeen) -> Iterator[str]:
    frames = frames_of(record, command)
    if last.code == "SUCCEEDED" and not _word(frames, "Accepted"):
        yield "the station held nothing for its token"
    if last.code in NOTHING | {"CANCELLED"} and last.compensation != "FAILED":
        held = record.station(command.station).held & {number_of(one) for one in frames}
        if held:
            yield f"the station still holds {sorted(held)}"


def _cancel(record: Record, command: CommandAsked, last: CommandSeen) -> Iterator[str]:
    told = [one for one in record.reservations if one.name == command.reservation]
    held = record.station(command.station).held & {one.wire_id for one in told}
    if last.code == "SUCCEEDED" and held:
        yield f"the station still holds {sorted(held)}"


def stopped_by_right(record: Record) -> Iterator[Finding]:
    """A session is only told to stop if a caller asked for that, or its start has not succeeded."""
    for station in record.stations:
        for frame in station.frames:
            if frame.action not in _STOPS:
                continue
            named = str(frame.payload.get("transactionId", ""))
            for session in station.sessions:
                if named in session.ids and not _may_be_stopped(record, session):
                    says = f"a stop came at {frame.at:%X} for a session that nobody wanted stopped"
                    yield Finding("I11", f"session {named}", station.id, "STOP_SESSION", says)


def _may_be_stopped(record: Record, session: SessionRun) -> bool:
    for command in record.commands:
        if command.kind == "STOP_SESSION" and command.started == session.token:
            return True
        if command.kind == "START_SESSION" and command.token == session.token:
            last = command.last
            if last is None or last.code != "SUCCEEDED":
                return True
    return False


def _sessions(record: Record, station: str, token: str) -> list[SessionRun]:
    return [one for one in record.station(station).sessions if one.token == token]


def _word(frames: list[FrameSeen], word: str) -> bool:
    return any(word in {one.did, one.said} for one in frames)


_LIES: dict[str, Callable[[Record, CommandAsked, CommandSeen], Iterator[str]]] = {
    "START_SESSION": _start,
    "STOP_SESSION": _stop,
    "UNLOCK_CONNECTOR": _unlock,
    "RESET": _reset,
    "RESERVE_NOW": _reserve,
    "CANCEL_RESERVATION": _cancel,
}

RULES = (true, stopped_by_right)
