"""What is told of the station itself, and what the station is told, by its own record."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from tests.simulation.rules.station_record.words import ARRIVED, Case, Words
from tests.simulation.station.truth import TrueSession

OLD = timedelta(seconds=30)
"""A time that is further off is another one: a gateway's clock is right to two seconds, and an
answer may take twenty-five."""

METERED_WH = 10
"""How far a session's meter goes; its number is the first reading."""

TALKED = timedelta(seconds=50)
"""A station that has been connected and talking for so long has booted, whatever it has said."""


def still_running(case: Case) -> Iterator[str]:
    """No session that has ended stands as running, once the station has shown that it has ended."""
    for shown in case.words.sessions:
        session = case.session_called(shown.get("transactionId"))
        if shown["state"] != "STATE_ACTIVE" or session is None or session.ended is None:
            continue
        readable = case.undisturbed and case.usable and not _may_be_of_another(case, session)
        told = session.end_told
        if told is not None and case.was_read(told) and readable:
            yield f"session {session.number} stands as running; its end was reported at {told:%X}"
        later = _later_on_its_plug(case, session)
        if later is not None:
            yield (
                f"session {session.number} stands as running, and {later.number} runs on its plug"
            )
        if _lost_its_power(session) and _shown_as_free(case, session) and case.undisturbed:
            yield f"session {session.number} stands as running; power went, its plug is free"


def _lost_its_power(session: TrueSession) -> bool:
    """Whether the power cut that ended it took the report of its end with it."""
    return session.end_cause == "power" and session.ended is not None


def _shown_as_free(case: Case, session: TrueSession) -> bool:
    """Whether its plug was shown as free afterwards, and callers can know that it is its plug.

    One that was reported on no connector may be on any: all of them have to be free.
    """
    its_own = [case.record.statuses.get(session.evse, (session.begun, ""))]
    shown = its_own if case.placed else list(case.record.statuses.values())
    return (
        bool(shown)
        and session.ended is not None
        and all(word == "Available" and session.ended < at for at, word in shown)
        and not _may_have_begun_after_the_boot(case, session, max(at for at, _ in shown))
    )


def _may_have_begun_after_the_boot(case: Case, session: TrueSession, shown: datetime) -> bool:
    """Whether nothing says that it began before the boot that its plug was shown as free after.

    It was reported only on the connection of that boot, as something that did not happen offline,
    by a clock of another age; or its cable was in first, and its times tell no zone.
    """
    ended = session.ended or session.begun
    is_late = session.begin_told is None or session.begin_told > ended
    only_one = sum(ended < begun <= shown for begun in case.record.connections) == 1
    was_connected = any(begun <= session.begun for begun in case.record.connections)
    bare = not case.clocked or (session.opened is not None and not case.zoned)
    return bare and is_late and only_one and was_connected


def _may_be_of_another(case: Case, session: TrueSession) -> bool:
    """Whether its end may as well be that of another session of its token.

    The end names no session, the other one ran then as far as callers can know, and its register
    did not stand higher.
    """
    end_wh = session.number + METERED_WH
    return case.nameless and any(
        one is not session
        and (one.token, one.number <= end_wh) == (session.token, True)
        and session.ended is not None
        and one.begun <= session.ended
        and (one.ended is None or one.ended > session.ended or _seems_to_run(case, one))
        for one in case.record.sessions
    )


def _seems_to_run(case: Case, session: TrueSession) -> bool:
    """Whether a power cut ended it, and nobody can know that, for no start tells its connector."""
    return _lost_its_power(session) and not case.placed and not _shown_as_free(case, session)


def _later_on_its_plug(case: Case, session: TrueSession) -> TrueSession | None:
    """A later session there that callers can see, and whose begin could be read.

    A start without a time may be one from before, told late. Two that are told on connector 0 of a
    station with several may as well be on two of them.
    """
    placed = case.placed or len(case.record.statuses) < 2
    # One without an id is nobody's that can be told: the station does not know its id either.
    seen = {id for shown in case.words.sessions if (id := shown.get("transactionId"))}
    later = [
        one
        for one in case.record.sessions
        if one.evse == session.evse
        and session.ended is not None
        and one.begun >= session.ended
        and one.ocpp_transaction_id in seen
    ]
    readable = case.undisturbed and case.usable and case.dated
    return later[0] if later and readable and placed else None


def told_the_time(case: Case) -> Iterator[str]:
    """A heartbeat is answered with the time, and every message with its own answer."""
    if not case.soon:
        return
    wrong = [
        (at, told)
        for at, told in case.record.heartbeats
        if abs(datetime.fromisoformat(told) - at) > OLD
    ]
    for at, told in wrong[:1]:
        yield f"a heartbeat was told {told} at {at:%X}, and {len(wrong) - 1} more"
    yield from sorted(set(case.record.wrong_answers))


def shown_as_it_is(case: Case) -> Iterator[str]:
    """A connector is shown as the station last reported it."""
    if not case.undisturbed:
        return
    for evse, (at, word) in case.record.statuses.items():
        shown = case.words.connectors.get(evse)
        confirmed = case.record.last_said.get(evse) == word
        if confirmed and shown is not None and shown != word:
            yield f"connector {evse} is shown as {shown}; the station said {word} at {at:%X}"


def heard_while_it_talks(case: Case) -> Iterator[str]:
    """A station that is connected and talks has booted: nothing waits for its boot."""
    for command in case.words.commands:
        outcome: Words = command.said.get("outcome", {})
        if outcome.get("cause") != "BOOT_NOT_ACCEPTED" or not (case.undisturbed and case.soon):
            continue
        at = datetime.fromisoformat(command.said["outcomeTime"])
        since = [one for one in case.record.connections if one + ARRIVED < at]
        if since and since[-1] + TALKED < at:
            yield f"{command.name}: BOOT_NOT_ACCEPTED, and it is connected since {since[-1]:%X}"


RULES = (still_running, told_the_time, shown_as_it_is, heard_while_it_talks)
