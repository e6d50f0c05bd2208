"""Every way a command can end: a stable cause word, its code, and a sentence for a human.

A cause belongs to exactly one code, so that a client may branch on the cause alone. The sentence
is what a support agent can read to the driver who is on the phone: it says what happened, what is
not known, and what to do, without a word of OCPP. The three failures are never merged: what was
not sent is NOT_SENT and may be tried again, what was sent and is not known is UNKNOWN and must not
be repeated blindly, what the station said is REJECTED or NOT_SUPPORTED.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from domain.model.answers import StationAnswer, Verdict
from domain.model.command import (
    Code,
    Command,
    Outcome,
    ReservationFacts,
    ResetFacts,
    SessionFacts,
)


class Cause(StrEnum):
    """Why a command ended as it did. The words are stable: clients branch on them."""

    SESSION_STARTED = "SESSION_STARTED"
    SESSION_STARTED_AND_ENDED = "SESSION_STARTED_AND_ENDED"
    SESSION_OPEN_WITHOUT_CABLE = "SESSION_OPEN_WITHOUT_CABLE"
    SESSION_STOPPED = "SESSION_STOPPED"
    ALREADY_ENDED = "ALREADY_ENDED"
    STATION_ACCEPTED = "STATION_ACCEPTED"
    CONNECTOR_UNLOCKED = "CONNECTOR_UNLOCKED"
    STATION_RESTARTED = "STATION_RESTARTED"
    EVSE_RESTARTED = "EVSE_RESTARTED"
    RESERVED = "RESERVED"
    RESERVATION_CANCELLED = "RESERVATION_CANCELLED"
    RESERVATION_GONE = "RESERVATION_GONE"
    RESERVATION_ALREADY_ENDED = "RESERVATION_ALREADY_ENDED"

    STATION_REJECTED = "STATION_REJECTED"
    CALL_ERROR = "CALL_ERROR"
    EVSE_OCCUPIED = "EVSE_OCCUPIED"
    EVSE_FAULTED = "EVSE_FAULTED"
    EVSE_UNAVAILABLE = "EVSE_UNAVAILABLE"
    SESSION_RUNNING = "SESSION_RUNNING"
    UNKNOWN_CONNECTOR = "UNKNOWN_CONNECTOR"
    RESERVATION_USED = "RESERVATION_USED"
    RESERVATION_UNKNOWN = "RESERVATION_UNKNOWN"
    COMMAND_NOT_SUPPORTED = "COMMAND_NOT_SUPPORTED"

    STATION_OFFLINE = "STATION_OFFLINE"
    NOT_AFTER_PASSED = "NOT_AFTER_PASSED"
    BOOT_NOT_ACCEPTED = "BOOT_NOT_ACCEPTED"
    SESSION_WITHOUT_ID = "SESSION_WITHOUT_ID"
    GATEWAY_UNREACHABLE = "GATEWAY_UNREACHABLE"
    STATION_QUEUE_FULL = "STATION_QUEUE_FULL"
    STATION_UNKNOWN = "STATION_UNKNOWN"
    STATION_QUARANTINED = "STATION_QUARANTINED"
    STATION_OBSERVED = "STATION_OBSERVED"
    FRAME_REFUSED = "FRAME_REFUSED"

    NO_CABLE_OR_NO_TRANSACTION = "NO_CABLE_OR_NO_TRANSACTION"
    CABLE_WAIT_ENDED = "CABLE_WAIT_ENDED"
    AUTHORIZATION_REFUSED = "AUTHORIZATION_REFUSED"
    SESSION_KEEPS_RUNNING = "SESSION_KEEPS_RUNNING"
    UNLOCK_FAILED = "UNLOCK_FAILED"
    STOP_FIRST_NOT_CONFIRMED = "STOP_FIRST_NOT_CONFIRMED"
    STOPPED_NOT_UNLOCKED = "STOPPED_NOT_UNLOCKED"
    STATION_DID_NOT_RESTART = "STATION_DID_NOT_RESTART"
    HOLD_UNDONE = "HOLD_UNDONE"

    ANSWER_TIMEOUT = "ANSWER_TIMEOUT"
    CONNECTION_LOST_AFTER_SEND = "CONNECTION_LOST_AFTER_SEND"
    GATEWAY_LOST_AFTER_SEND = "GATEWAY_LOST_AFTER_SEND"
    ANSWER_UNREADABLE = "ANSWER_UNREADABLE"
    OFFLINE_AT_DEADLINE = "OFFLINE_AT_DEADLINE"
    SESSION_DOUBTFUL = "SESSION_DOUBTFUL"
    FACTS_STILL_ON_STATION = "FACTS_STILL_ON_STATION"
    STOP_NOT_CONFIRMED = "STOP_NOT_CONFIRMED"
    RESTART_NOT_CONFIRMED = "RESTART_NOT_CONFIRMED"
    START_NOT_EXCLUDED = "START_NOT_EXCLUDED"
    STATION_ERROR = "STATION_ERROR"
    REPORT_NOT_USABLE = "REPORT_NOT_USABLE"
    EFFECT_NOT_EXCLUDED = "EFFECT_NOT_EXCLUDED"

    CANCELLED_BY_CALLER = "CANCELLED_BY_CALLER"


@dataclass(frozen=True)
class Ending:
    """What a cause means: its code and the sentence for a human."""

    code: Code
    sentence: str


ENDINGS: dict[Cause, Ending] = {
    Cause.SESSION_STARTED: Ending(Code.SUCCEEDED, "The charging session has started."),
    Cause.SESSION_STARTED_AND_ENDED: Ending(
        Code.SUCCEEDED, "The charging session started and has already ended again."
    ),
    Cause.SESSION_OPEN_WITHOUT_CABLE: Ending(
        Code.SUCCEEDED,
        "The station opened the session, but no car was connected to it in time.",
    ),
    Cause.SESSION_STOPPED: Ending(Code.SUCCEEDED, "The charging session has ended."),
    Cause.ALREADY_ENDED: Ending(
        Code.SUCCEEDED, "The charging session had already ended before the stop."
    ),
    Cause.STATION_ACCEPTED: Ending(Code.SUCCEEDED, "The station did what was asked."),
    Cause.CONNECTOR_UNLOCKED: Ending(
        Code.SUCCEEDED, "The connector is unlocked; the cable can be taken out."
    ),
    Cause.STATION_RESTARTED: Ending(Code.SUCCEEDED, "The station has restarted."),
    Cause.EVSE_RESTARTED: Ending(Code.SUCCEEDED, "The charging place has restarted."),
    Cause.RESERVED: Ending(Code.SUCCEEDED, "The place is reserved."),
    Cause.RESERVATION_CANCELLED: Ending(Code.SUCCEEDED, "The reservation has been cancelled."),
    Cause.RESERVATION_GONE: Ending(
        Code.SUCCEEDED, "The station did not hold the reservation any longer; it has ended."
    ),
    Cause.RESERVATION_ALREADY_ENDED: Ending(
        Code.SUCCEEDED, "The reservation had already ended. Nothing was sent."
    ),
    Cause.STATION_REJECTED: Ending(Code.REJECTED, "The station refused."),
    Cause.CALL_ERROR: Ending(
        Code.REJECTED, "The station could not carry out the request and reported an error."
    ),
    Cause.EVSE_OCCUPIED: Ending(
        Code.REJECTED, "The place is occupied or reserved for somebody else."
    ),
    Cause.EVSE_FAULTED: Ending(Code.REJECTED, "The place is out of order."),
    Cause.EVSE_UNAVAILABLE: Ending(Code.REJECTED, "The place is out of service."),
    Cause.SESSION_RUNNING: Ending(
        Code.REJECTED,
        "A charging session is running there, and the station does not unlock before it has "
        "ended. Stop the session first, or ask with stop_first.",
    ),
    Cause.UNKNOWN_CONNECTOR: Ending(Code.REJECTED, "The station has no such connector."),
    Cause.RESERVATION_USED: Ending(
        Code.REJECTED, "A charging session has used the reservation; stop that session instead."
    ),
    Cause.RESERVATION_UNKNOWN: Ending(
        Code.REJECTED, "The station knows no such reservation. Nothing was cancelled."
    ),
    Cause.COMMAND_NOT_SUPPORTED: Ending(
        Code.NOT_SUPPORTED, "This station cannot do that; asking again will not help."
    ),
    Cause.STATION_OFFLINE: Ending(
        Code.NOT_SENT, "The station is not connected. Nothing was sent; it is safe to try again."
    ),
    Cause.NOT_AFTER_PASSED: Ending(
        Code.NOT_SENT,
        "The station could not be reached before the request's deadline. Nothing was sent.",
    ),
    Cause.SESSION_WITHOUT_ID: Ending(
        Code.NOT_SENT,
        "The session has no id that a stop could name: the back end of the station did not give it "
        "one in time, or another session has it now. Nothing was sent.",
    ),
    Cause.BOOT_NOT_ACCEPTED: Ending(
        Code.NOT_SENT,
        "The station is connected but has not finished starting up. Nothing was sent.",
    ),
    Cause.GATEWAY_UNREACHABLE: Ending(
        Code.NOT_SENT, "The gateway that holds the station did not respond. Nothing was sent."
    ),
    Cause.STATION_QUEUE_FULL: Ending(
        Code.NOT_SENT, "Too many requests are waiting for this station. Nothing was sent."
    ),
    Cause.STATION_UNKNOWN: Ending(
        Code.NOT_SENT, "The station is no longer registered. Nothing was sent."
    ),
    Cause.STATION_QUARANTINED: Ending(
        Code.NOT_SENT,
        "Two devices connect as this station and displace each other, so nothing that starts a "
        "session or opens a lock is sent to it. Nothing was sent. Give the station a new "
        "password; it can be used again ten minutes after the last displacement.",
    ),
    Cause.STATION_OBSERVED: Ending(
        Code.NOT_SENT,
        "The station is only observed here: another system sends its commands. Nothing was sent.",
    ),
    Cause.FRAME_REFUSED: Ending(
        Code.NOT_SENT, "The request cannot be expressed for this station. Nothing was sent."
    ),
    Cause.NO_CABLE_OR_NO_TRANSACTION: Ending(
        Code.NO_EFFECT,
        "No session started: no cable was connected in time, or the station did not begin.",
    ),
    Cause.CABLE_WAIT_ENDED: Ending(
        Code.NO_EFFECT,
        "No session started: the station stopped waiting for the cable or the car.",
    ),
    Cause.AUTHORIZATION_REFUSED: Ending(
        Code.NO_EFFECT, "No session started: the token was not authorised at the station."
    ),
    Cause.SESSION_KEEPS_RUNNING: Ending(
        Code.NO_EFFECT, "The station did not end the session; it is still running."
    ),
    Cause.UNLOCK_FAILED: Ending(
        Code.NO_EFFECT, "The station tried, but the connector is still locked."
    ),
    Cause.STOP_FIRST_NOT_CONFIRMED: Ending(
        Code.NO_EFFECT,
        "The connector was not unlocked: the session there was told to stop, "
        "but the station did not confirm its end.",
    ),
    Cause.STOPPED_NOT_UNLOCKED: Ending(
        Code.NO_EFFECT,
        "The session was stopped, but the connector was not unlocked: the request to unlock "
        "could not be sent any more. It is safe to ask again.",
    ),
    Cause.STATION_DID_NOT_RESTART: Ending(
        Code.NO_EFFECT, "The station stayed connected all the time and did not restart."
    ),
    Cause.HOLD_UNDONE: Ending(
        Code.NO_EFFECT,
        "Whether the station reserved the place was not known, so it was cancelled there.",
    ),
    Cause.ANSWER_TIMEOUT: Ending(
        Code.UNKNOWN,
        "The request was sent but the station did not answer. Please look at the station.",
    ),
    Cause.CONNECTION_LOST_AFTER_SEND: Ending(
        Code.UNKNOWN,
        "The connection was lost after the request was sent. Please look at the station.",
    ),
    Cause.GATEWAY_LOST_AFTER_SEND: Ending(
        Code.UNKNOWN,
        "Our connection to the station failed while the request was being sent. "
        "Please look at the station.",
    ),
    Cause.ANSWER_UNREADABLE: Ending(
        Code.UNKNOWN,
        "The station answered something that cannot be understood. Please look at the station.",
    ),
    Cause.OFFLINE_AT_DEADLINE: Ending(
        Code.UNKNOWN,
        "The station agreed and then went offline, so what happened is not known.",
    ),
    Cause.SESSION_DOUBTFUL: Ending(
        Code.UNKNOWN,
        "The station reported a session that may or may not be the one asked for.",
    ),
    Cause.FACTS_STILL_ON_STATION: Ending(
        Code.UNKNOWN, "The station has not yet reported what happened."
    ),
    Cause.STOP_NOT_CONFIRMED: Ending(
        Code.UNKNOWN, "The station did not confirm the end of the session."
    ),
    Cause.RESTART_NOT_CONFIRMED: Ending(
        Code.UNKNOWN, "The station did not confirm that it has restarted."
    ),
    Cause.START_NOT_EXCLUDED: Ending(
        Code.UNKNOWN,
        "No session was reported, but something at the station says that one may have started. "
        "Please look at the station.",
    ),
    Cause.EFFECT_NOT_EXCLUDED: Ending(
        Code.UNKNOWN,
        "The station refused, but something that it showed since says that it may have done it. "
        "Please look at the station.",
    ),
    Cause.STATION_ERROR: Ending(
        Code.UNKNOWN,
        "The station reported an error of its own, and whether it did what was asked is not "
        "known. Please look at the station.",
    ),
    Cause.REPORT_NOT_USABLE: Ending(
        Code.UNKNOWN,
        "The station reported something that could not be used, so what happened is not known. "
        "Please look at the station.",
    ),
    Cause.CANCELLED_BY_CALLER: Ending(Code.CANCELLED, "The request was taken back."),
}


def ending(
    cause: Cause,
    detail: str = "",
    session: SessionFacts | None = None,
    *,
    reset: ResetFacts | None = None,
    reservation: ReservationFacts | None = None,
) -> Outcome:
    """The outcome of a cause. `detail` is a further sentence, in the station's own words if any."""
    entry = ENDINGS[cause]
    message = f"{entry.sentence} {detail}" if detail else entry.sentence
    return Outcome(entry.code, cause.value, message, session, reset, reservation)


def cause_of(word: str, code: Code, otherwise: Cause) -> Cause:
    """The cause that `word` names if it belongs to `code`, else `otherwise`.

    A gateway of a newer version may name a cause that this process does not know.
    """
    try:
        cause = Cause(word)
    except ValueError:
        return otherwise
    return cause if ENDINGS[cause].code is code else otherwise


def still_unknown(command: Command, detail: str = "") -> Outcome:
    """The outcome UNKNOWN as the command has it already, else ANSWER_TIMEOUT."""
    known = command.outcome
    if known is None or known.code is not Code.UNKNOWN:
        return ending(Cause.ANSWER_TIMEOUT, detail)
    return replace(known, message=f"{known.message} {detail}".strip())


def refusal(answer: StationAnswer) -> Outcome:
    """The outcome of an answer that says no, when its words say nothing more."""
    cause = Cause.CALL_ERROR if answer.call_error else Cause.STATION_REJECTED
    if answer.verdict is Verdict.NOT_SUPPORTED:
        cause = Cause.COMMAND_NOT_SUPPORTED
    return ending(cause, in_its_words(answer))


def in_its_words(answer: StationAnswer) -> str:
    """The station's own reason, as a sentence; empty when it gave none."""
    error = answer.call_error
    words = (
        (error.code, error.description) if error else (answer.reason_code, answer.additional_info)
    )
    said = ": ".join(word for word in words if word)
    return f"The station said: {said}." if said else ""
