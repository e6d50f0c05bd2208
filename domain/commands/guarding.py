"""Who stays on guard after its outcome was reported.

A start that was given up can still happen: the station kept the request longer than it should, or
was offline and reports later. So after NO_EFFECT, UNKNOWN or CANCELLED of a start whose frame may
have reached the station, its workflow stays for a named window. A session that starts then raises
an UNKNOWN outcome if it began within the command's time, and is stopped otherwise. An UNKNOWN stop
stays too, because the end of the session may still be reported. A ReserveNow that did not succeed
stays until the hold that it asked for would have run out: a station may say yes after all, or
still has to be told to let it go. A CancelReservation or an unlock that is UNKNOWN may still be
answered, and a station whose reset is UNKNOWN may still boot. After any other outcome nothing can
come that would matter.
"""

from datetime import datetime, timedelta

from domain.commands.timing import Timing
from domain.model.command import Code, Command, CompensationState, State
from domain.model.outcomes import Cause
from domain.model.specs import Kind

_RAISED_ONLY = {
    Kind.STOP_SESSION,
    Kind.UNLOCK_CONNECTOR,
    Kind.RESET,
    Kind.CANCEL_RESERVATION,
}
_GIVEN_UP = {Code.NO_EFFECT, Code.UNKNOWN, Code.CANCELLED}


def is_guarded(command: Command) -> bool:
    """Whether late evidence about this finished command is still acted on."""
    if command.state is not State.DONE or command.outcome is None or command.send_time is None:
        return False
    if command.kind in _RAISED_ONLY:
        return command.outcome.code is Code.UNKNOWN
    if command.kind is Kind.RESERVE_NOW:
        compensated = command.compensation.state is not CompensationState.NONE
        return compensated or command.outcome.code in _GIVEN_UP
    if command.outcome.cause == Cause.AUTHORIZATION_REFUSED:
        return False
    return command.outcome.code in _GIVEN_UP


def guard_end(command: Command, timing: Timing, now: datetime) -> datetime:
    """Until when late evidence is acted on."""
    if command.reserve is not None:
        return max(now, command.reserve.expire_time) + timedelta(seconds=timing.effect_margin_s)
    return now + timedelta(seconds=timing.guard_s)
