"""What a station told, and whether it concerns a frame of ours that somebody still waits for.

A workflow that waits is woken when a message may concern its command. The message itself is not
handed on: the workflow reads all facts. So waking one too many costs a little history, and waking
one too few costs the time until the next look. In doubt the answer is yes.

Most answers come from the event and the frame alone. Three need a look into the database, which is
only made when it is needed: those are the other values of `Concern`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from domain.evidence.restart import ConnectorReport
from domain.ocpp_words import ConnectorStatus


class EventKind(StrEnum):
    """What a station told.

    ANSWER: a late answer to a frame. BOOTED: its boot was accepted. RESERVATION: a reservation is
    over (2.x). CONNECTION_TIMEOUT: how long it waits for the cable became known.
    UNTAKEN_REPORT: it sent something that nobody could take; it may have told anything.
    """

    TRANSACTION = "transaction"
    CONNECTOR_STATUS = "connector_status"
    CONNECTED = "connected"
    BOOTED = "booted"
    ANSWER = "answer"
    RESERVATION = "reservation"
    CONNECTION_TIMEOUT = "connection_timeout"
    UNTAKEN_REPORT = "untaken_report"


@dataclass(frozen=True)
class StationEvent:
    """A message of a station, as far as it matters for finding who waits for it.

    what: the value of an `EventKind`.
    status: of a connector, in OCPP's word. reservation_id: the number of the reservation that a
        transaction or a report names.
    remote_start_id: OCPP 2.x; for ANSWER the number of the frame that was answered.
    ocpp_transaction_id: OCPP's transaction id, as a string.
    message: the OCPP message, "" when there was none. station_time: by the station's clock.
    names_session: the back end has given the id of a session that had none (1.6).
    changes_nothing: the facts were the same before the message, but for its time.
    told: what else the station said that the explanation of a command shows. Never a token, only
        its mask.
    """

    station: str
    what: str
    evse_id: int | None = None
    connector_id: int | None = None
    token_digest: str | None = None
    group_digest: str | None = None
    remote_start_id: int | None = None
    ocpp_transaction_id: str | None = None
    status: str = ""
    reservation_id: int | None = None
    message: str = ""
    station_time: datetime | None = None
    names_session: bool = False
    changes_nothing: bool = False
    told: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class OpenFrame:
    """A frame whose evidence somebody still waits for.

    number: OCPP 2.x: its remoteStartId. undo: it undoes something, or belongs to no command.
    answered: the station has answered it.
    """

    number: int
    evse_id: int | None = None
    token_digest: str | None = None
    group_digest: str | None = None
    named_id: str | None = None
    undo: bool = False
    answered: bool = False


class Concern(StrEnum):
    """Whether an event concerns a frame.

    IF_UNDOING: only when the frame's command has something left to undo.
    IF_CABLE_WAIT_ENDED: only when a connector of the EVSE went back to Available.
    IF_ALL_REPORTED: only when every connector has reported since the station's boot.
    """

    NO = "NO"
    YES = "YES"
    IF_UNDOING = "IF_UNDOING"
    IF_CABLE_WAIT_ENDED = "IF_CABLE_WAIT_ENDED"
    IF_ALL_REPORTED = "IF_ALL_REPORTED"


def yes_if(concerned: bool) -> Concern:
    """YES or NO."""
    return Concern.YES if concerned else Concern.NO


def concern_of_any(event: StationEvent, frame: OpenFrame) -> Concern:
    """What holds for the frame of every command: its own late answer, and its station's return."""
    match event.what:
        case EventKind.ANSWER:
            return yes_if(event.remote_start_id in {None, frame.number})
        case EventKind.CONNECTED | EventKind.BOOTED:
            # Who lost its answer, or undoes something, has waited for the station.
            return Concern.YES if frame.undo or not frame.answered else Concern.IF_UNDOING
        case EventKind.UNTAKEN_REPORT:
            return Concern.YES
        case _:
            return Concern.NO


def concerns_token(event: StationEvent, frame: OpenFrame) -> bool:
    """Whether a transaction may be the effect of a frame: by its request id, EVSE and token."""
    if event.remote_start_id is not None:
        return event.remote_start_id == frame.number
    if None not in (frame.evse_id, event.evse_id) and frame.evse_id != event.evse_id:
        return False
    given = {event.token_digest, event.group_digest} - {None, ""}
    return not given or bool(given & {frame.token_digest, frame.group_digest})


def concerns_start(event: StationEvent, frame: OpenFrame) -> bool:
    """Whether a transaction may be the effect of a start, or put it in doubt.

    Our token counts on whatever plug, and whatever request the station names.
    """
    ours = {frame.token_digest, frame.group_digest} - {None, ""}
    return bool({event.token_digest, event.group_digest} & ours) or concerns_token(event, frame)


def concern_of_reservation(event: StationEvent, frame: OpenFrame) -> Concern:
    """Of a frame about a reservation: a session may use it, and a report may end it."""
    match event.what:
        case EventKind.TRANSACTION:
            return yes_if(concerns_token(event, frame))
        case EventKind.RESERVATION:
            return yes_if(frame.named_id == str(event.reservation_id))
        case _:
            return concern_of_any(event, frame)


def cable_wait_is_over(connectors: Iterable[ConnectorReport], evse_id: int | None) -> bool:
    """Whether a connector of the EVSE waited for a car and is free again."""
    return any(
        connector.status == ConnectorStatus.AVAILABLE
        and connector.previous_status == ConnectorStatus.PREPARING
        for connector in connectors
        if connector.evse_id == evse_id
    )


def all_reported_since(
    connectors: Iterable[ConnectorReport], boot_time: datetime | None, sent: datetime
) -> bool:
    """Whether the station booted after the frame left and each connector has reported since."""
    if boot_time is None or boot_time < sent:
        return False
    return all(
        connector.reported_time is not None and connector.reported_time >= boot_time
        for connector in connectors
        if connector.evse_id > 0
    )
