"""Reads what an event's post says: the resource as it is now, or as it was after its change.

Reservations, bookings and entries of waiting lists are told as they were: the logs have each change
of them. Where an entry stands in the line is told as it is now.
"""

from collections.abc import Sequence
from datetime import datetime

from broker.callbacks.convert import (
    PostedEvent,
    posted_booking,
    posted_entry,
    posted_reservation,
    posted_station,
    posted_transaction,
)
from broker.reading.station_watches import ToldChange, stations_now, transaction_now
from domain.callback_events import OF_POOLS, EventSubject
from fleet import bookings
from fleet.engine.statements import Tx
from fleet.event_posts import EventDelivery
from fleet.log.changes_read import ChangeEntry, ChangeFilter
from fleet.log.pool_logs import BOOKING_LOG, WAITLIST_LOG
from fleet.log.reservations import RESERVATIONS
from journal.bookings.rows import booking_told, stations_of
from journal.bookings.waitlist import line_now, waiter_told
from journal.reservations.record import from_snapshot


async def is_within(tx: Tx, event: EventDelivery, groups: tuple[str, ...]) -> bool:
    """Whether a receiver that may see these groups of stations may get the event."""
    subject = EventSubject(event.subject)
    if not groups or subject not in OF_POOLS:
        return event.station.startswith(groups or "")
    find = bookings.booking if subject is EventSubject.BOOKING else bookings.waitlist_entry
    row = await find(tx, event.tenant, event.resource)
    stations = await stations_of(tx, event.tenant, row.pool) if row else ()
    return bool(stations) and all(each.startswith(groups) for each in stations)


async def posted_event(
    tx: Tx, event: EventDelivery, groups: Sequence[str], now: datetime
) -> PostedEvent:
    """What the post of an event says. groups: of the stations that its receiver may see."""
    subject = EventSubject(event.subject)
    if subject is EventSubject.RESERVATION:
        history = await RESERVATIONS.history(tx, tenant=event.tenant, name=event.resource)
        then = next((each for each in history if each.revision == event.revision), None)
        return posted_reservation(event.resource, from_snapshot(then.snapshot) if then else None)
    if subject in OF_POOLS:
        return await _of_pool(tx, event, now)
    is_session = subject is EventSubject.TRANSACTION
    change = ChangeEntry(
        seq=0,
        tx_id=0,
        station=event.station,
        session=event.resource if is_session else None,
        what=event.news.partition(".")[2].upper(),
        facts=event.facts,
        time=event.change_time,
    )
    which = ChangeFilter(event.tenant, is_session, groups=groups)
    if is_session:
        transaction = await transaction_now(tx, which, event.resource)
        return posted_transaction(ToldChange(change, transaction))
    found = await stations_now(tx, which, [event.station], now)
    return posted_station(ToldChange(change, found.get(event.station)))


async def _of_pool(tx: Tx, event: EventDelivery, now: datetime) -> PostedEvent:
    is_booking = event.subject == EventSubject.BOOKING.value
    log = BOOKING_LOG if is_booking else WAITLIST_LOG
    changes = await log.history(tx, event.tenant, event.resource)
    after = next((each for each in changes if each.revision == event.revision), None)
    if is_booking:
        return posted_booking(event.resource, booking_told(after.snapshot) if after else None)
    if after is None:
        return posted_entry(event.resource, None)
    line = await line_now(tx, event.tenant, after.pool, now)
    return posted_entry(event.resource, (waiter_told(after.snapshot), line))
