"""What a definite negative needs: its proof.

"Nothing happened" is believed by people who then act on it. So it is only said when something
speaks against the effect, nothing speaks for it, and nothing that matters is not known. A proof
holds all three. Each command collects its own signs (`CommandRules.proof`); `proven` is the one
place where they decide. Where a proof does not hold, the outcome is UNKNOWN, with the cause and the
sentences of the signs that stand in its way. `NEEDS` says what each negative cause needs.

A fact has three values here, never two: a sign says that something is so, another one that it is
not so, and a third one that nobody knows.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from domain.model.command import Code, Outcome
from domain.model.outcomes import Cause, ending
from domain.ocpp_words import StationMessage


class Sign(StrEnum):
    """One thing that is known, or known to be not known. The words are stored."""

    # Against the effect
    REFUSED = "REFUSED"
    TOKEN_REFUSED = "TOKEN_REFUSED"  # noqa: S105  a word, no secret
    TOKEN_ASKED = "TOKEN_ASKED"  # noqa: S105  a word, no secret
    WAIT_ENDED = "WAIT_ENDED"
    AGREED_AND_SILENT = "AGREED_AND_SILENT"
    NOTHING_HELD_BACK = "NOTHING_HELD_BACK"
    SAID_RUNNING = "SAID_RUNNING"
    KNOWN_RUNNING = "KNOWN_RUNNING"
    SAME_CONNECTION = "SAME_CONNECTION"
    SAID_FAILED = "SAID_FAILED"
    NEVER_SENT = "NEVER_SENT"
    UNDONE_THERE = "UNDONE_THERE"
    USED_THERE = "USED_THERE"

    # For the effect
    EVSE_IN_USE = "EVSE_IN_USE"
    EVSE_WAS_IN_USE = "EVSE_WAS_IN_USE"
    EVSE_FREE = "EVSE_FREE"
    EVSE_NOT_CHARGING = "EVSE_NOT_CHARGING"
    SESSION_NOT_CHARGING = "SESSION_NOT_CHARGING"
    SESSION_IS_OURS = "SESSION_IS_OURS"
    SAID_NOT_RUNNING = "SAID_NOT_RUNNING"
    ENDED_BY_RESET = "ENDED_BY_RESET"
    BOOTED = "BOOTED"
    CONNECTOR_DOWN = "CONNECTOR_DOWN"
    HOLD_LEFT = "HOLD_LEFT"
    HOLD_SHOWN = "HOLD_SHOWN"

    # Not known
    SESSION_MAY_BE_OURS = "SESSION_MAY_BE_OURS"
    TOKEN_NOT_JUDGED = "TOKEN_NOT_JUDGED"  # noqa: S105  a word, no secret
    REPORT_NOT_TAKEN = "REPORT_NOT_TAKEN"
    STATION_ERROR = "STATION_ERROR"
    EARLIER_NO_ANSWER = "EARLIER_NO_ANSWER"
    HELD_BACK = "HELD_BACK"
    STATION_AWAY = "STATION_AWAY"
    EVSE_DOWN = "EVSE_DOWN"
    EVSE_UNCLEAR = "EVSE_UNCLEAR"
    BACK_LATELY = "BACK_LATELY"
    NO_SIGN_OF_LIFE = "NO_SIGN_OF_LIFE"


SIGNS: dict[Sign, str] = {
    Sign.REFUSED: "The station said no.",
    Sign.TOKEN_REFUSED: "The token was refused, or the session ended because of it.",
    Sign.TOKEN_ASKED: "The station agreed, asked about the token, was told no, and began nothing.",
    Sign.WAIT_ENDED: "The station agreed, and then stopped waiting for the cable or the car.",
    Sign.AGREED_AND_SILENT: (
        "The station agreed, is connected, and has reported nothing in all its own time."
    ),
    Sign.NOTHING_HELD_BACK: "Asked, the station said that it has nothing left to report.",
    Sign.SAID_RUNNING: "Asked, the station said that the session is running.",
    Sign.KNOWN_RUNNING: "The session has shown well after the request that it runs.",
    Sign.SAME_CONNECTION: "The connection that carried the request never ended.",
    Sign.SAID_FAILED: "The station said that it tried and failed.",
    Sign.NEVER_SENT: "The request was never written to any socket.",
    Sign.UNDONE_THERE: "The station said that nothing is reserved.",
    Sign.USED_THERE: "A session carries the number of the reservation.",
    Sign.EVSE_IN_USE: "The charging place is shown as in use, and no other session explains it.",
    Sign.EVSE_WAS_IN_USE: "The charging place was shown as charging since the request, and no "
    "other session explains it.",
    Sign.EVSE_FREE: "The charging place is shown as free since the request, or since it charged.",
    Sign.EVSE_NOT_CHARGING: "The charging place has left the state of a session.",
    Sign.SESSION_NOT_CHARGING: "The session is shown as one in which nobody charges.",
    Sign.SESSION_IS_OURS: "A session is the one that was asked for.",
    Sign.SAID_NOT_RUNNING: "Asked, the station said that the session is not running.",
    Sign.ENDED_BY_RESET: "A session ended because of a reset.",
    Sign.BOOTED: "The station said that it has booted.",
    Sign.CONNECTOR_DOWN: "A connector was out of service since the request, as in a restart.",
    Sign.HOLD_LEFT: "A charging place that was reserved is not since the request.",
    Sign.HOLD_SHOWN: "A charging place is shown as reserved since the request.",
    Sign.SESSION_MAY_BE_OURS: "A session was reported that may be the one asked for.",
    Sign.TOKEN_NOT_JUDGED: "The session's token was neither accepted nor refused yet.",
    Sign.REPORT_NOT_TAKEN: "The station reported something that could not be used.",
    Sign.STATION_ERROR: "The station answered with an error of its own, which says neither yes "
    "nor no.",
    Sign.EARLIER_NO_ANSWER: "An earlier request for the same was not answered.",
    Sign.HELD_BACK: "Asked, the station said that it still has messages to deliver.",
    Sign.STATION_AWAY: "The station is away, or came back too short a time ago to have reported.",
    Sign.EVSE_DOWN: "The charging place is shown as faulted or closed since the request.",
    Sign.EVSE_UNCLEAR: "The charging place is shown since the request in a word that OCPP has not.",
    Sign.BACK_LATELY: "The station booted or reconnected since the request, and may still report "
    "what came before that.",
    Sign.NO_SIGN_OF_LIFE: "Well after the request the session has shown neither life nor its end.",
}
"""Each sign as a sentence for a human."""

_CAUSES: tuple[tuple[Sign, Cause], ...] = (
    (Sign.SESSION_MAY_BE_OURS, Cause.SESSION_DOUBTFUL),
    (Sign.TOKEN_NOT_JUDGED, Cause.SESSION_DOUBTFUL),
    (Sign.REPORT_NOT_TAKEN, Cause.REPORT_NOT_USABLE),
    (Sign.HELD_BACK, Cause.FACTS_STILL_ON_STATION),
    (Sign.STATION_AWAY, Cause.OFFLINE_AT_DEADLINE),
)
"""Signs with a cause of their own, which goes before the cause of the command."""

NEGATIVE_CODES = frozenset({Code.REJECTED, Code.NO_EFFECT, Code.NOT_SUPPORTED})
"""The codes that say that something did not happen although it was sent."""

_RUNS_ON = frozenset({Sign.SAID_RUNNING, Sign.KNOWN_RUNNING})
_SAID_NO = frozenset({Sign.REFUSED})

NEEDS: dict[Cause, frozenset[Sign]] = {
    Cause.STATION_REJECTED: _SAID_NO,
    Cause.COMMAND_NOT_SUPPORTED: _SAID_NO,
    Cause.CALL_ERROR: _SAID_NO | _RUNS_ON,
    Cause.EVSE_OCCUPIED: _SAID_NO,
    Cause.EVSE_FAULTED: _SAID_NO,
    Cause.EVSE_UNAVAILABLE: _SAID_NO,
    Cause.SESSION_RUNNING: _SAID_NO,
    Cause.UNKNOWN_CONNECTOR: _SAID_NO,
    Cause.RESERVATION_USED: frozenset({Sign.USED_THERE}),
    Cause.RESERVATION_UNKNOWN: _SAID_NO,
    Cause.NO_CABLE_OR_NO_TRANSACTION: frozenset({Sign.AGREED_AND_SILENT, Sign.NOTHING_HELD_BACK}),
    Cause.CABLE_WAIT_ENDED: frozenset({Sign.WAIT_ENDED}),
    Cause.AUTHORIZATION_REFUSED: frozenset({Sign.TOKEN_REFUSED, Sign.TOKEN_ASKED}),
    Cause.SESSION_KEEPS_RUNNING: _RUNS_ON,
    Cause.UNLOCK_FAILED: frozenset({Sign.SAID_FAILED}),
    Cause.STOP_FIRST_NOT_CONFIRMED: frozenset({Sign.NEVER_SENT}),
    Cause.STOPPED_NOT_UNLOCKED: frozenset({Sign.NEVER_SENT}),
    Cause.STATION_DID_NOT_RESTART: frozenset({Sign.SAME_CONNECTION}),
    Cause.HOLD_UNDONE: frozenset({Sign.UNDONE_THERE}),
}
"""What must speak against the effect, one of these at least, before a negative cause is told."""


_WITHOUT_SESSION = frozenset(
    {
        StationMessage.BOOT_NOTIFICATION,
        StationMessage.NOTIFY_EVENT,
        StationMessage.RESERVATION_STATUS_UPDATE,
        StationMessage.STATUS_NOTIFICATION,
    }
)
"""The messages that report no session: neither that one began nor that it runs or has ended."""

CONTRADICTING_ANSWER = "contradicting_answer"
"""Why an answer was not taken: the station had given another one to the same frame."""

RELAY_GAP = "relay_gap"
"""Why nobody can take a report that is none: what a station and its back end (CSMS) said was passed
on and not kept. It may have been a command of the back end."""


@dataclass(frozen=True)
class UntakenReport:
    """A report of a station that could not be used, since the frame left. Times are ours.

    action: OCPP's word, "" when it could not be read. evse_id: None when it could not.
    contradicts: it is a second answer to a frame of ours, and says something else than the first.
    """

    action: str
    received_time: datetime
    evse_id: int | None = None
    contradicts: bool = False


def concerning(
    reports: tuple[UntakenReport, ...], evse_id: int | None
) -> tuple[UntakenReport, ...]:
    """Those that may be about this EVSE; None: any. A report without an EVSE may be about all."""
    return tuple(each for each in reports if evse_id is None or each.evse_id in {None, evse_id})


def of_a_session(reports: tuple[UntakenReport, ...]) -> tuple[UntakenReport, ...]:
    """Those that may have reported a session; one that could not be read may have."""
    return tuple(each for each in reports if each.action not in _WITHOUT_SESSION)


@dataclass(frozen=True)
class Proof:
    """What is known about whether an effect came.

    speaks_for: what says that it came. speaks_against: what says that it did not.
    not_known: what would have to be known, and is not.
    """

    speaks_for: tuple[Sign, ...] = ()
    speaks_against: tuple[Sign, ...] = ()
    not_known: tuple[Sign, ...] = ()

    def holds(self, cause: Cause) -> bool:
        """Whether it proves this negative cause."""
        return bool(NEEDS[cause] & set(self.speaks_against)) and not self.in_the_way

    @property
    def in_the_way(self) -> tuple[Sign, ...]:
        """What forbids to say that it did not happen."""
        return (*self.speaks_for, *self.not_known)


def signs(**present: bool) -> tuple[Sign, ...]:
    """The signs that are there, by their names in lower case, in the order given."""
    return tuple(Sign[name.upper()] for name, is_there in present.items() if is_there)


def is_negative(outcome: Outcome) -> bool:
    """Whether an outcome says that something did not happen although it was sent."""
    return outcome.code in NEGATIVE_CODES


def proven(negative: Outcome, proof: Proof, otherwise: Outcome) -> Outcome:
    """The negative when its proof holds; else UNKNOWN, and why.

    otherwise: the outcome UNKNOWN of the command when no sign has a cause of its own.
    """
    if proof.holds(Cause(negative.cause)):
        return negative
    barring = proof.in_the_way
    cause = next((cause for sign, cause in _CAUSES if sign in barring), None)
    unknown = otherwise if cause is None else ending(cause)
    words = " ".join(SIGNS[sign] for sign in barring)
    message = f"{unknown.message} {words}".strip()
    return replace(unknown, message=message, session=negative.session, reset=negative.reset)
