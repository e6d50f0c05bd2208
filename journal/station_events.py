"""What a station told that may concern somebody, and how that is told on as evidence."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from journal.explain.notes import ExplainNote, NoteKind


@dataclass(frozen=True)
class StationEvent:
    """What a station told, as far as it matters for finding who waits for it.

    what: "transaction", "connector_status", "connected", "booted", "answer" (a late one),
        "reservation" (OCPP 2.x told about the end of a hold) or "connection_timeout" (how long it
        waits for the cable became known).
    status: of a connector, in OCPP's word. reservation_id: the number that a transaction or a word
        about a hold names.
    remote_start_id: OCPP 2.x; for "answer" the id of the send that was answered.
    wire_id: OCPP's transaction id, as a string.
    message: the OCPP message that told it, "" when none did. station_time: by the station's clock.
    told: what else it said and is worth telling on: never a token, only its mask.
    """

    station: str
    what: str
    evse_id: int | None = None
    connector_id: int | None = None
    token_digest: str | None = None
    group_digest: str | None = None
    remote_start_id: int | None = None
    wire_id: str | None = None
    status: str = ""
    reservation_id: int | None = None
    message: str = ""
    station_time: datetime | None = None
    told: Mapping[str, Any] = field(default_factory=dict)


def evidence(event: StationEvent, now: datetime) -> ExplainNote | None:
    """The event as a piece of evidence; None for a late answer, which its frame tells.

    Its key is the same for each repeat of one message, and another for each new one.
    """
    match event.what:
        case "transaction":
            key, text = _session(event)
        case "connector_status":
            at = event.station_time or now
            place = f"connector {event.connector_id} of EVSE {event.evse_id}"
            key = f"connector:{event.evse_id}:{event.connector_id}:{event.status}:{at.isoformat()}"
            text = f"{event.station} said that {place} is {event.status or 'changed'}"
        case "connected":
            key = f"connected:{event.told.get('connection_id') or now.isoformat()}"
            text = f"{event.station} connected"
        case "booted":
            key = f"booted:{event.told.get('connection_id') or now.isoformat()}"
            reason = event.told.get("boot_reason")
            text = f"{event.station} booted" + (f" ({reason})" if reason else "")
        case "reservation":
            key = f"reservation:{event.reservation_id}:{event.status}"
            text = f"{event.station} said that hold {event.reservation_id} is over"
            text += f": {event.status}" if event.status else ""
        case "connection_timeout":
            key = "connection_timeout"
            text = f"{event.station} told how long it waits for the cable"
        case _:
            return None
    by = f" ({event.message})" if event.message else ""
    return ExplainNote(NoteKind.EVIDENCE, key, f"{text}{by}.", _facts(event))


def _session(event: StationEvent) -> tuple[str, str]:
    phase, charging = event.told.get("event", ""), event.told.get("charging_state", "")
    # Updates of one session differ only by their meter: those in one charging state are one row.
    key = f"transaction:{event.wire_id}:{event.message}:{phase}:{charging}"
    name = f"session {event.wire_id}"
    where = f" on EVSE {event.evse_id}" if event.evse_id is not None else ""
    token = event.told.get("id_token")
    whose = f", token {token}" if token else ""
    match phase:
        case "Started":
            return key, f"{event.station} reported the start of {name}{where}{whose}"
        case "Ended":
            reason = event.told.get("stop_reason")
            why = f", reason {reason}" if reason else ""
            return key, f"{event.station} reported the end of {name}{where}{why}"
    state = f" ({charging})" if charging else ""
    return key, f"{event.station} reported {name}{where} as running{state}"


def _facts(event: StationEvent) -> dict[str, Any]:
    named = {
        "message": event.message,
        "transaction_id": event.wire_id,
        "evse_id": event.evse_id,
        "connector_id": event.connector_id,
        "connector_status": event.status if event.what == "connector_status" else None,
        "wire_reservation_id": event.reservation_id,
        "remote_start_id": event.remote_start_id,
        "station_time": event.station_time.isoformat() if event.station_time else None,
        **event.told,
    }
    return {name: value for name, value in named.items() if value not in (None, "")}
