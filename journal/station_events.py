"""How a message of a station is shown as evidence in the explanation of a command."""

from datetime import datetime
from typing import Any

from domain.evidence.station_event import EventKind, StationEvent
from domain.ocpp_words import TransactionPhase, told_id
from journal.explain.notes import ExplainNote, NoteKind


def evidence(event: StationEvent, now: datetime) -> ExplainNote | None:
    """The event as a piece of evidence; None for a late answer, which is shown with its frame.

    Repeats of one message have the same key, and each new message has another one.
    """
    match event.what:
        case EventKind.TRANSACTION:
            key, text = _session(event)
        case EventKind.CONNECTOR_STATUS:
            at = event.station_time or now
            place = f"connector {event.connector_id} of EVSE {event.evse_id}"
            key = f"connector:{event.evse_id}:{event.connector_id}:{event.status}:{at.isoformat()}"
            text = f"{event.station} said that {place} is {event.status or 'changed'}"
        case EventKind.CONNECTED:
            key = f"connected:{event.told.get('connection_id') or now.isoformat()}"
            text = f"{event.station} connected"
        case EventKind.BOOTED:
            key = f"booted:{event.told.get('connection_id') or now.isoformat()}"
            reason = event.told.get("boot_reason")
            text = f"{event.station} booted" + (f" ({reason})" if reason else "")
        case EventKind.RESERVATION:
            key = f"reservation:{event.reservation_id}:{event.status}"
            text = f"{event.station} said that hold {event.reservation_id} is over"
            text += f": {event.status}" if event.status else ""
        case EventKind.CONNECTION_TIMEOUT:
            key = "connection_timeout"
            text = f"{event.station} told how long it waits for the cable"
        case EventKind.UNTAKEN_REPORT:
            key = f"untaken:{event.told.get('key')}"
            what = f"a {event.message}" if event.message else "a message"
            about = f" ({event.told.get('detail')})" if event.told.get("detail") else ""
            text = f"{event.station} sent {what} that could not be taken{about}"
            return ExplainNote(NoteKind.EVIDENCE, key, f"{text}.", _facts(event))
        case _:
            return None
    by = f" ({event.message})" if event.message else ""
    return ExplainNote(NoteKind.EVIDENCE, key, f"{text}{by}.", _facts(event))


def _session(event: StationEvent) -> tuple[str, str]:
    phase, charging = event.told.get("event", ""), event.told.get("charging_state", "")
    # Updates of one session differ only by their meter: those in one charging state are one row.
    id = _told_id(event)
    which = f"transaction:{id or event.told.get('transaction')}"
    key = f"{which}:{event.message}:{phase}:{charging}"
    began = event.told.get("began")
    unnamed = f"the session that began at {began}" if began else "a session without an id"
    name = f"session {id}" if id else unnamed
    where = f" on EVSE {event.evse_id}" if event.evse_id is not None else ""
    token = event.told.get("id_token")
    whose = f", token {token}" if token else ""
    why_ended = event.told.get("end_not_reported")
    if why_ended:
        key = f"{which}:not reported"
        return key, f"{event.station} did not report the end of {name}{where}: {why_ended}"
    match phase:
        case TransactionPhase.STARTED:
            return key, f"{event.station} reported the start of {name}{where}{whose}"
        case TransactionPhase.ENDED:
            reason = event.told.get("stop_reason")
            why = f", reason {reason}" if reason else ""
            return key, f"{event.station} reported the end of {name}{where}{why}"
    state = f" ({charging})" if charging else ""
    return key, f"{event.station} reported {name}{where} as running{state}"


def _told_id(event: StationEvent) -> str:
    return told_id(event.ocpp_transaction_id or "")


def _facts(event: StationEvent) -> dict[str, Any]:
    named = {
        "message": event.message,
        "transaction_id": _told_id(event),
        "evse_id": event.evse_id,
        "connector_id": event.connector_id,
        "connector_status": event.status if event.what == EventKind.CONNECTOR_STATUS else None,
        "wire_reservation_id": event.reservation_id,
        "remote_start_id": event.remote_start_id,
        "station_time": event.station_time.isoformat() if event.station_time else None,
        **event.told,
    }
    if named["transaction_id"]:
        named.pop("began", None)
    return {name: value for name, value in named.items() if value not in (None, "")}
