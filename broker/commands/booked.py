"""Refuses starts in places that are booked for other drivers. Pure."""

from datetime import UTC, datetime

from broker.errors import Reason, Refusal
from broker.proto.booking.names import booking_name
from broker.proto.names import station_name
from domain.bookings.enforcement import PlaceEntry
from domain.bookings.pool import evse_of
from journal.bookings.entries import StationEntry


def check_free(entry: StationEntry | None, station: str, evse_id: int | None) -> None:
    """Refuse a start where its driver may not charge now.

    entry: what the bookings say; None: they say nothing.

    Raises: Refusal (BOOKED).
    """
    if entry is None or entry.may_charge or entry.booking is None:
        return
    known, where = entry.booking, station_name(station)
    place = f"EVSE {evse_id} of {where}" if evse_id else f"Every EVSE of {where}"
    start, end = _written(known.start_time), _written(known.end_time)
    if entry.verdict.entry is PlaceEntry.ELSEWHERE:
        promised_station, promised = evse_of(known.place)
        message = (
            f"{place} is promised to another driver before {end}, when the booking of this token "
            f"ends. Start at EVSE {promised} of {station_name(promised_station)}, or at one of the "
            "pool that is free until then."
        )
    else:
        message = (
            f"{place} is booked from {start} to {end} for another driver. Start at another EVSE, "
            "or when that booking is over. Its own driver starts with a token that it names."
        )
    facts = {"booking": booking_name(known.name), "start_time": start, "end_time": end}
    raise Refusal(Reason.BOOKED, message, facts=facts)


def _written(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
