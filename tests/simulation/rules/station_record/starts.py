"""Starts, by the station's own record."""

from collections.abc import Iterator
from datetime import timedelta

from tests.simulation.rules.station_record.words import (
    ARRIVED,
    ROUGHLY,
    Case,
    CommandWords,
    Ended,
    compensated,
    moment,
    tail,
)
from tests.simulation.station.truth import TrueSession

NOTHING = {"NO_EFFECT", "REJECTED", "NOT_SUPPORTED", "NOT_SENT"}
START = ("RemoteStartTransaction", "RequestStartTransaction")
AT_ONCE = timedelta(seconds=8)
"""No station has been given its time to begin before that."""
AWAITED = timedelta(seconds=5)
"""So long the answer of a back end to a report is awaited before the report is in doubt."""
BEFORE = timedelta(seconds=35)
"""How far our clocks and a station's may be apart before a session counts as an earlier one."""


def nothing_happened(case: Case) -> Iterator[str]:
    """NO_EFFECT, REJECTED, NOT_SUPPORTED, NOT_SENT: no session was begun, or none that was told."""
    for command, end in case.of_kind("START_SESSION"):
        if end.code not in NOTHING:
            continue
        if end.code == "NOT_SENT" and case.arrived(command, *START):
            yield f"{command.name}: NOT_SENT, and the station got it"
        for session in case.began(command):
            if _was_refused(session, end):
                continue
            told = session.begin_told
            if case.undisturbed and told is not None and told + ARRIVED < end.at:
                yield (
                    f"{command.name}: {end.code} ({end.cause}) at {end.at:%X}, and the station "
                    f"had reported session {session.number} at {told:%X}"
                )
            elif end.code == "NO_EFFECT" and _too_early(case, command, session, end):
                yield (
                    f"{command.name}: NO_EFFECT ({end.cause}) at {end.at:%X}, and its session "
                    f"{session.number} had begun at {session.begun:%X}"
                )


def _was_refused(session: TrueSession, end: Ended) -> bool:
    """Its token was refused, or no car came: those are true words for no effect."""
    refused = session.refused or session.end_cause == "deauthorized"
    refused = refused and end.cause == "AUTHORIZATION_REFUSED"
    return refused or (session.end_cause == "timeout" and end.cause == "CABLE_WAIT_ENDED")


def _too_early(case: Case, command: CommandWords, session: TrueSession, end: Ended) -> bool:
    got = [frame.at for frame in case.record.frames if frame.message_id == session.cause]
    del command
    return bool(got) and session.begun <= end.at < got[0] + AT_ONCE


def runs_on(case: Case) -> Iterator[str]:
    """A start that did not succeed leaves no session behind, or says that it could not end it."""
    for command, end in case.of_kind("START_SESSION"):
        if end.code not in NOTHING | {"CANCELLED"} or compensated(command.said) == "FAILED":
            continue
        for session in case.began(command):
            known = session.begin_told is not None and case.undisturbed
            may_know = case.usable or end.code in {"CANCELLED", "NO_EFFECT"}
            if session.running and known and may_know and not _is_anothers(case, command, session):
                yield (
                    f"{command.name}: {end.code} ({end.cause}), undone: "
                    f"{compensated(command.said)}, and its session {session.number} charges"
                )


def _is_anothers(case: Case, command: CommandWords, session: TrueSession) -> bool:
    """Whether another start has told its caller that this is his session."""
    for other, end in case.of_kind("START_SESSION"):
        named = end.outcome.get("session", {}).get("transactionId")
        if other is not command and end.code == "SUCCEEDED":
            alike = other.said["startSession"]["idToken"] == command.said["startSession"]["idToken"]
            if alike and named in {session.ocpp_transaction_id, None}:
                return True
    return False


def succeeded(case: Case) -> Iterator[str]:
    """SUCCEEDED: the station began a session for that token, there, by then."""
    for command, end in case.of_kind("START_SESSION"):
        if end.code != "SUCCEEDED":
            continue
        fitting = [one for one in case.record.sessions if _fits(command, one, end)]
        if not fitting:
            yield f"{command.name}: SUCCEEDED, and the station began no such session"
        named = case.session_called(end.outcome.get("session", {}).get("transactionId"))
        if named is not None and fitting and named not in fitting:
            yield f"{command.name}: SUCCEEDED with session {named.number}, which is another one"


def _fits(command: CommandWords, session: TrueSession, end: Ended) -> bool:
    spec = command.said["startSession"]
    there = spec.get("evseId") in (None, session.evse)
    its = tail(spec["idToken"]) in session.token or "groupIdToken" in spec
    after = session.cause in command.frames or (
        session.begun >= moment(command.said, "sendTime") - BEFORE
    )
    return there and its and after and session.begun <= end.at + ROUGHLY


def ended_by_us(case: Case) -> Iterator[str]:
    """What was told as started is not ended by our refusing the token that was asked for.

    Where a session of the same driver was told that had begun just before, that one is meant.
    Where a back end judges the token, its answer is awaited for a while, and no longer.
    """
    for command, end in case.of_kind("START_SESSION"):
        if end.code != "SUCCEEDED" or case.renames:
            continue
        named = case.session_called(end.outcome.get("session", {}).get("transactionId"))
        began = case.began(command)
        for session in began if named is None or named in began else ():
            refused = session.end_cause == "deauthorized" and session.ended is not None
            told = session.begin_told
            awaited = told is not None and told <= end.at <= told + AWAITED
            if not (case.answers or awaited):
                continue
            if refused and session.ended and session.ended > end.at:
                yield (
                    f"{command.name}: SUCCEEDED at {end.at:%X}, and session {session.number} "
                    f"ended at {session.ended:%X}, because its token was refused"
                )


RULES = (nothing_happened, runs_on, succeeded, ended_by_us)
