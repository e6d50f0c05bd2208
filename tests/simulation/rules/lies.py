"""What counts as a lie: what a command says, compared with what the station really did.

Theory. A command promises that it ends, that it ends in time, and that its outcome is true. The
judge of "true" is the station's own record of what happened (`station/truth.py`), never what the
station reported. Each broken promise begins with the word of its rule:

ends        Every accepted command reaches DONE, and its workflow closes without failing.
once        A start, an unlock and a reset reach the station at most once, whatever died meanwhile.
            A stop of the same session is written again only while its end had not been reported.
            All frames about a reservation carry one number, and no number is used twice.
newest      No frame is written on a connection of the station that was over when its request came.
in time     It is DONE at the latest GRACE_S (and the time of all disturbances) after its last
            deadline.
final       In its whole history a definite outcome never changes and its state never goes back.
one end     A reservation ends exactly once and in time (a second after its end, and all
            disturbances): USED only if a session used it, EXPIRED never early nor after a session
            that was reported in time had used it. In the end the station does not hold it, unless
            it was cancelled there to no avail, or the station has gone, or knows no
            CancelReservation. Nothing that has ended is asked for again.
true        No lie:
    start SUCCEEDED   names a session that really ran at this station with the command's token, on
                      the EVSE that was asked for, begun neither before its frame (as far as
                      clocks can tell) nor after its time; no other start claims the same
                      session, unless its station said too late whose it is.
    start NOT_SENT    the station never got its frame.
    start REJECTED,   no session that followed its frame runs on. It may have been ended by anybody;
     NO_EFFECT,       if it still runs when the guard ends, compensation says so (FAILED), unless
     CANCELLED        nobody can know: the station never reported it, or another start for the same
                      token has claimed it, and the station does not say whose it is.
    start REJECTED    and the station really refused: its answer was not Accepted.
     or NOT_SUPPORTED
    stop SUCCEEDED    the session that it meant has been, and has ended.
    stop NOT_SENT,    the station never got its frame.
     CANCELLED
    stop REJECTED,    no stop of it ended the session (unless that happened after the outcome).
     NO_EFFECT
    compensation      names a session that has been; DONE: and has ended. FAILED may name none where
                      the station's reports cannot be read.
            Nothing is stopped that is not ours:
    a stop that a start sends (undo) only ever hits a session that followed this start's frame, or
    one that cannot be told apart from it: the same token, a fitting EVSE, begun after the frame
    left, and the station did not name another request for it. A session that another start has
    claimed as its success is never hit. A stop only ever hits the session that it was to stop.
    unlock SUCCEEDED  our frame really unlocked that connector. REJECTED, NOT_SUPPORTED, NO_EFFECT,
                      NOT_SENT: it did not. stop_first stops nothing at another EVSE.
    reset SUCCEEDED   it really restarted after our frame left (the station, or that EVSE). The
                      definite rest: our frame did not restart it.
    reserve SUCCEEDED the station really held the place for that token, between frame and outcome.
    reserve REJECTED, in the end nothing is held by that number, unless compensation says that it
     NOT_SENT,        FAILED.
     NO_EFFECT,
     CANCELLED
    cancel SUCCEEDED  afterwards nothing is held by that number.
UNKNOWN is always true, and is counted: in a calm world (nothing fails, the station does what it is
asked, and no two starts are for the same token) there is none, and the outcome is exactly what
happened.
"""

from collections.abc import Callable, Iterator

from simulator.oddities.fields import UNUSABLE
from tests.simulation.rules import back_end, lines, reservations, service, sessions, time
from tests.simulation.rules.station_record.judge import contradictions
from tests.simulation.rules.station_record.words import Case
from tests.simulation.world.callers import Told
from tests.simulation.world.world import Ran

NAMELESS = frozenset({"stop-null-id", "stop-empty-id", "stop-huge-id", "stop-without-id"})
"""Oddities with which an end names no session."""

UNDATED = frozenset(
    {
        *("start-without-timestamp", "start-null-timestamp", "start-text-timestamp"),
        *("event-without-timestamp", "event-null-timestamp"),
    }
)
"""Oddities with which a start tells no time."""


def lies(ran: Ran) -> list[str]:
    """Every broken promise of a world, as sentences; none when all is well."""
    of_commands = [
        f"{told.command.name}: {lie}"
        for told in ran.told
        for rule in _COMMAND_RULES
        for lie in rule(ran, told)
    ]
    of_reservations = [
        f"reservation {kept.last.wire_id}: {lie}"
        for kept in ran.kept
        for rule in reservations.RESERVATION_RULES
        for lie in rule(ran, kept)
    ]
    shared = [f"world: {lie}" for lie in sessions.one_claim_per_session(ran)]
    shared += [f"world: {lie}" for lie in lines.written_on_the_newest_connection(ran)]
    shared += back_end.broken_by_the_relay(ran)
    return of_commands + of_reservations + ran.troubles + shared + contradictions(case_of(ran))


def case_of(ran: Ran) -> Case:
    """The world as the independent judge is shown it."""
    field = ran.temper.field
    # An end that names no session and is dated before the one that runs may be an older one's.
    # One that names neither a session nor a token may be anyone's.
    vague = field.ends_early or field.shows == "empty" or "stop-null-tag" in field.odd_fields
    nameless = ran.temper.forgets_ids or not NAMELESS.isdisjoint(field.odd_fields)
    nameless_ends = vague and nameless
    return Case(
        ran.truth,
        ran.words,
        undisturbed=ran.disturbed_s == 0,
        usable=not (field.odd_text or nameless_ends) and UNUSABLE.isdisjoint(field.odd_fields),
        renames=field.shows in {"empty", "stranger"},
        nameless=nameless,
        dated=UNDATED.isdisjoint(field.odd_fields) and field.stamps != "constant",
        placed=not field.connector_zero,
        zoned=field.stamps != "local",
        clocked=ran.temper.clock not in {"1970", "far"},
        answers=ran.back_end is None,
        soon=ran.back_end is None or ran.back_end.temper.is_reliable,
        read_until=None if ran.back_end is None else back_end.read_until(ran),
    )


Rule = Callable[[Ran, Told], Iterator[str]]

_COMMAND_RULES: tuple[Rule, ...] = (
    *time.RULES,
    *sessions.RULES,
    *service.RULES,
    *reservations.COMMAND_RULES,
)
