"""Callback settings, deliveries and what is posted, as the contract shows them. Pure."""

from dataclasses import dataclass
from typing import Any

from evcommand.v1 import callback_service_pb2 as pb
from evcommand.v1 import command_options_pb2 as options_pb
from google.protobuf.json_format import MessageToDict

from broker.commands.showing import command_out
from broker.proto import names
from broker.proto.booking.bookings import booking_out
from broker.proto.booking.names import (
    booking_name,
    parse_booking,
    parse_waitlist_entry,
    waitlist_entry_name,
)
from broker.proto.booking.waitlist import entry_out
from broker.proto.reservations import reservation_out
from broker.proto.telling.station_watches import station_told, transaction_told
from broker.proto.times import time_out
from broker.reading.station_watches import StationNow, ToldChange
from domain.bookings.booking import Booking
from domain.bookings.waiting import LineNow, Waiter
from domain.callback_events import EventSubject
from domain.model.command import Command
from domain.reservations.reservation import Reservation
from fleet.callbacks import Delivery, Endpoint
from fleet.event_posts import EventDelivery
from fleet.transactions.rows import Transaction

_EVENTS = options_pb.Callback.Events
_STATE = pb.CallbackDelivery.State


def state_in(state: pb.CallbackDelivery.State.ValueType) -> str:
    """A delivery's state in the word of the fleet, to filter by."""
    return _STATE.Name(state).removeprefix("STATE_")


def settings_out(endpoint: Endpoint | None) -> pb.CallbackSettings:
    """A credential's settings as the contract shows them. Secrets never come this far."""
    if endpoint is None:
        return pb.CallbackSettings()
    return pb.CallbackSettings(
        url=endpoint.url,
        events=_EVENTS.Value(f"EVENTS_{endpoint.events or 'OUTCOMES'}"),
        disabled=endpoint.disabled,
        disable_reason=endpoint.disable_reason,
        disable_time=time_out(endpoint.disable_time),
        has_secret=endpoint.secret is not None,
        previous_secret_expire_time=time_out(endpoint.previous_until),
        update_time=time_out(endpoint.update_time),
        event_types=endpoint.event_types or (),
    )


def delivery_out(delivery: Delivery) -> pb.CallbackDelivery:
    """A delivery as the contract shows it."""
    return pb.CallbackDelivery(
        name=names.delivery_name(delivery.id),
        command=names.command_name(delivery.command),
        sequence=delivery.revision,
        type=delivery.news,
        url=delivery.url,
        state=_STATE.Value(f"STATE_{delivery.state}"),
        tries=delivery.tries,
        cause=delivery.cause,
        reason=delivery.reason,
        http_status=delivery.http_status,
        create_time=time_out(delivery.create_time),
        update_time=time_out(delivery.update_time),
        next_time=time_out(delivery.next_time),
    )


def event_out(event: EventDelivery) -> pb.CallbackDelivery:
    """The delivery of an event as the contract shows it."""
    return pb.CallbackDelivery(
        name=names.delivery_name(event.id),
        resource=_resource_name(event),
        sequence=event.sequence,
        type=event.news,
        url=event.url,
        state=_STATE.Value(f"STATE_{event.state}"),
        tries=event.tries,
        cause=event.cause,
        reason=event.reason,
        http_status=event.http_status,
        create_time=time_out(event.create_time),
        update_time=time_out(event.update_time),
        next_time=time_out(event.next_time),
    )


def resource_in(name: str) -> tuple[str, str] | None:
    """(subject, id) of a name of what events are about; None when it is no such name."""
    if transaction := names.parse_transaction(name):
        return EventSubject.TRANSACTION.value, transaction[1]
    if station := names.parse_station(name):
        return EventSubject.STATION.value, station
    if reservation := names.parse_reservation(name):
        return EventSubject.RESERVATION.value, reservation
    if booking := parse_booking(name):
        return EventSubject.BOOKING.value, booking
    if entry := parse_waitlist_entry(name):
        return EventSubject.WAITLIST.value, entry
    return None


def _resource_name(event: EventDelivery) -> str:
    match EventSubject(event.subject):
        case EventSubject.STATION:
            return names.station_name(event.station)
        case EventSubject.TRANSACTION:
            return names.transaction_name(event.station, event.resource)
        case EventSubject.BOOKING:
            return booking_name(event.resource)
        case EventSubject.WAITLIST:
            return waitlist_entry_name(event.resource)
    return names.reservation_name(event.resource)


@dataclass(frozen=True)
class PostedEvent:
    """What an event's post says, in protobuf's JSON. change: None for what was told as it was."""

    data: dict[str, Any]
    change: dict[str, Any] | None = None


def posted_station(told: ToldChange[StationNow]) -> PostedEvent:
    """A change of a station, as WatchStations tells it."""
    shown = station_told(told, "")
    return PostedEvent(MessageToDict(shown.station), MessageToDict(shown.change))


def posted_transaction(told: ToldChange[Transaction]) -> PostedEvent:
    """A change of a transaction, as WatchTransactions tells it."""
    shown = transaction_told(told, "")
    return PostedEvent(MessageToDict(shown.transaction), MessageToDict(shown.change))


def posted_reservation(name: str, then: Reservation | None) -> PostedEvent:
    """A reservation as it was after a change; its name alone when it is not kept any more."""
    if then is None:
        return PostedEvent({"name": names.reservation_name(name)})
    return PostedEvent(MessageToDict(reservation_out(then)))


def posted_booking(name: str, then: Booking | None) -> PostedEvent:
    """A booking as it was after a change; its name alone when it is not kept any more."""
    if then is None:
        return PostedEvent({"name": booking_name(name)})
    return PostedEvent(MessageToDict(booking_out(then)))


def posted_entry(name: str, then: tuple[Waiter, LineNow] | None) -> PostedEvent:
    """An entry of a waiting list as it was after a change, with its place in the line as it is now;
    its name alone when it is not kept any more."""
    if then is None:
        return PostedEvent({"name": waitlist_entry_name(name)})
    return PostedEvent(MessageToDict(entry_out(*then)))


def posted_command(command: Command) -> dict[str, Any]:
    """A command as the JSON of a post holds it: as GetCommand shows it, in protobuf's JSON."""
    return MessageToDict(command_out(command))
