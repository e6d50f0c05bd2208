"""What counts as a lie: every command's word, held against what the station really did.

Theory. A command makes three promises: it ends, it ends in time, and what it says is so. "So" is
judged by the station's own record of what really happened (`truth.py`), never by what it reported.

I1  Every accepted command reaches DONE, and its workflow closes without failing.
I2  A start reaches the station at most once, whatever died meanwhile. A stop of the same session is
    written again only while its end had not been told to us.
I3  It is DONE at the latest GRACE_S (and the time of all disturbances) after its last deadline.
I4  In its whole history a definite outcome never changes and its state never goes back.
I11 No lie:
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
    compensation      names a session that has been; DONE: and has ended.
Never stop what is not ours:
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
     NOT_SENT,        FAILED. All frames about a hold carry one number, and no number is used
     NO_EFFECT,       twice.
     CANCELLED
    cancel SUCCEEDED  afterwards nothing is held by that number.
I2 also: an unlock and a reset reach the station at most once.
I5  A reservation ends exactly once: in time (a second after its end, and all disturbances), USED
    only if a session used it, EXPIRED never early nor after a session that was told in time had
    used it; in the end the station does not hold it, unless it was cancelled there to no avail, or
    the station has gone, or knows no CancelReservation; nothing that has ended is asked for again.
UNKNOWN is always true, and is counted: in a calm world (nothing fails, the station does what it is
asked, and no two starts are for the same token) there is none, and the outcome is exactly what
happened.
"""

from collections.abc import Callable, Iterator

from tests.simulation.rules import reservations as rules_of_holds
from tests.simulation.rules import service as rules_of_service
from tests.simulation.rules import sessions as rules_of_sessions
from tests.simulation.rules import time as rules_of_time
from tests.simulation.world.callers import Told
from tests.simulation.world.world import Ran


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
        for rule in rules_of_holds.RESERVATION_RULES
        for lie in rule(ran, kept)
    ]
    shared = [f"world: {lie}" for lie in rules_of_sessions.one_claim_per_session(ran)]
    return of_commands + of_reservations + ran.troubles + shared


Rule = Callable[[Ran, Told], Iterator[str]]

_COMMAND_RULES: tuple[Rule, ...] = (
    *rules_of_time.RULES,
    *rules_of_sessions.RULES,
    *rules_of_service.RULES,
    *rules_of_holds.COMMAND_RULES,
)
