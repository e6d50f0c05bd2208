"""Stops, unlocks, resets and reservations, by the station's own record."""

from collections.abc import Iterator
from datetime import timedelta

from tests.simulation.rules.station_record.words import (
    ARRIVED,
    ROUGHLY,
    Case,
    CommandWords,
    Ended,
    moment,
    tail,
)
from tests.simulation.station.truth import TrueRestart, TrueSession

DEAD_UNNOTICED = timedelta(seconds=60)
"""How long a dead connection may look alive to the gateway, and a little more."""

NOTHING = {"NO_EFFECT", "REJECTED", "NOT_SUPPORTED", "NOT_SENT"}


def stopped(case: Case) -> Iterator[str]:
    """SUCCEEDED: the session has ended by then. No effect, refused: it had not, as far as told."""
    for command, end in case.of_kind("STOP_SESSION"):
        session = case.session_called(command.said["stopSession"].get("resolvedTransactionId"))
        if session is None:
            continue
        if end.code == "SUCCEEDED" and not _ended_by(session, end):
            yield f"{command.name}: SUCCEEDED ({end.cause}), and session {session.number} ran on"
        if end.code in {"NO_EFFECT", "REJECTED"} and _was_known_to_end(case, session, end):
            yield (
                f"{command.name}: {end.code} ({end.cause}), and session {session.number} "
                f"had ended at {session.ended:%X}"
            )


def _ended_by(session: TrueSession, end: Ended) -> bool:
    return session.ended is not None and session.ended <= end.at + ROUGHLY


def _was_known_to_end(case: Case, session: TrueSession, end: Ended) -> bool:
    """Its end was reported; or the power was cut, and its connector was shown as free later."""
    if not case.undisturbed or session.ended is None:
        return False
    if session.end_told is not None:
        return session.end_told + ARRIVED < end.at
    at, word = case.record.statuses.get(session.evse, (end.at, ""))
    shown = word == "Available" and session.ended < at and at + ARRIVED < end.at
    return session.end_cause == "power" and shown


def unlocked(case: Case) -> Iterator[str]:
    """SUCCEEDED: our frame unlocked it. Otherwise: it did not, and did not end a session unsaid."""
    for command, end in case.of_kind("UNLOCK_CONNECTOR"):
        really = [one for one in case.record.unlocks if one.cause in command.frames]
        if end.code == "SUCCEEDED" and not really:
            yield f"{command.name}: SUCCEEDED, and nothing was unlocked"
        if end.code in NOTHING and really:
            yield f"{command.name}: {end.code} ({end.cause}), and the station unlocked"
        if end.cause == "STOP_FIRST_NOT_CONFIRMED" and end.code in NOTHING:
            yield from _stopped_first(case, command, end)


def _stopped_first(case: Case, command: CommandWords, end: Ended) -> Iterator[str]:
    for session in case.record.sessions:
        if session.end_cause in command.frames and _was_known_to_end(case, session, end):
            yield f"{command.name}: {end.cause}, and session {session.number} had ended"


def restarted(case: Case) -> Iterator[str]:
    """SUCCEEDED: it restarted after our frame left. Otherwise: our frame did not restart it.

    A frame that got no answer may have gone into a dead connection. Then nobody saw a restart just
    before it that nobody had asked for: only the boot after it was told.
    """
    for command, end in case.of_kind("RESET"):
        restarts = case.record.restarts
        if end.code == "SUCCEEDED" and not any(_may_be_its(one, command, end) for one in restarts):
            yield f"{command.name}: SUCCEEDED, and the station did not restart"
        if end.code in NOTHING and any(one.cause in command.frames for one in restarts):
            yield f"{command.name}: {end.code} ({end.cause}), and the station restarted"


def _may_be_its(restart: TrueRestart, command: CommandWords, end: Ended) -> bool:
    unseen = restart.cause == "" and "stationAnswer" not in command.said
    left = moment(command.said, "sendTime") - (DEAD_UNNOTICED if unseen else ROUGHLY)
    return left <= restart.at <= end.at + ROUGHLY


def reserved(case: Case) -> Iterator[str]:
    """ReserveNow SUCCEEDED: it was held. USED: the driver came. Over: he had not come."""
    for command, end in case.of_kind("RESERVE_NOW"):
        number = command.said["reserveNow"].get("wireId")
        if end.code == "SUCCEEDED" and not case.record.held_as(number):
            yield f"{command.name}: SUCCEEDED, and the station never held {number}"
    for known in case.words.reservations:
        number, state = known.get("wireId"), known["state"].removeprefix("STATE_")
        came = [one for one in case.record.sessions if one.hold == number]
        its = [one for one in case.record.sessions if tail(known["idToken"]) in one.token]
        if state == "USED" and not came and not its and "groupIdToken" not in known:
            yield f"reservation {number}: USED, and its driver never came"
        if state in {"EXPIRED", "NO_SHOW"} and case.undisturbed and case.usable:
            ended = moment(known, "endTime") - ROUGHLY
            for one in came:
                told = one.begin_told
                if one.hold_named and told is not None and told + ARRIVED < ended:
                    yield f"reservation {number}: {state}, and session {one.number} used it"


RULES = (stopped, unlocked, restarted, reserved)
