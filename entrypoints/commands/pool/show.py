"""Asks a broker for a pool's day and draws it. A client like any other: over gRPC."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click
import grpc
from evcommand.v1 import booking_pb2
from evcommand.v1 import booking_service_pb2 as pb
from evcommand.v1 import booking_service_pb2_grpc as pb_grpc
from evcommand.v1 import station_service_pb2 as station_pb
from evcommand.v1 import station_service_pb2_grpc as station_grpc

from entrypoints.commands.broker_access import CALL_S, BrokerAccess, asking
from entrypoints.commands.pool.day import PoolDay, day_span, pool_day
from entrypoints.commands.pool.svg import picture
from entrypoints.commands.pool.terminal import lines
from entrypoints.errors import CannotStart

_POOLS = "pools/"
_PAGE = 200
_WEEK = timedelta(days=7)
_MOST_PAGES = 50
"""How many pages of one list are read: a hostile broker does not keep us for ever."""
_REMEDIES = {
    grpc.StatusCode.NOT_FOUND: "ListPools tells the names of the pools that this key may see.",
    grpc.StatusCode.INVALID_ARGUMENT: "A pool is named as pools/hub, or hub alone.",
    grpc.StatusCode.PERMISSION_DENIED: "Use the API key of a caller who has the right `read`.",
}


def show(name: str, day: date | None, svg: Path | None, access: BrokerAccess) -> None:
    """Draws a pool's day. day: local; None: today. svg: writes a picture there, else prints text.

    Raises: CannotStart with the remedy when the broker cannot be asked or refuses, or the file
        cannot be written.
    """
    drawn = _asked(name if name.startswith(_POOLS) else f"{_POOLS}{name}", day, access)
    if svg is None:
        for line in lines(drawn):
            click.echo(line)
        return
    try:
        svg.write_text(picture(drawn), encoding="utf-8")
    except OSError as error:
        raise CannotStart(f"{svg}: cannot be written: {error.strerror}") from error


def _asked(name: str, day: date | None, access: BrokerAccess) -> PoolDay:
    with asking(access, _REMEDIES) as channel:
        bookings: Any = pb_grpc.BookingServiceStub(channel)
        stations: Any = station_grpc.StationServiceStub(channel)
        options: dict[str, Any] = {"metadata": access.metadata, "timeout": CALL_S}
        pool = bookings.GetPool(pb.GetPoolRequest(name=name), **options).pool
        zone, now = _zone(pool), datetime.now(UTC)
        span = day_span(day or now.astimezone(zone).date(), zone)
        made = list(_bookings(bookings, pool.name, span, options))
        sessions = [
            each
            for station in dict.fromkeys(member.station for member in pool.members)
            for each in _sessions(stations, station, span, options)
        ]
    return pool_day(pool, span, zone, made, sessions, now=now)


def _bookings(
    stub: Any, pool: str, span: tuple[datetime, datetime], options: dict[str, Any]
) -> Iterator[booking_pb2.Booking]:
    request = pb.ListBookingsRequest(pool=pool, page_size=_PAGE)
    request.start_time.FromDatetime(span[0])
    request.end_time.FromDatetime(span[1])
    for _ in range(_MOST_PAGES):
        reply = stub.ListBookings(request, **options)
        yield from reply.bookings
        if not reply.next_page_token:
            return
        request.page_token = reply.next_page_token


def _sessions(
    stub: Any, station: str, span: tuple[datetime, datetime], options: dict[str, Any]
) -> Iterator[station_pb.Transaction]:
    """The sessions of a station that run, and those that ended, back to a week before the day."""
    for active in (True, False):
        request = station_pb.ListTransactionsRequest(
            station=station, active=active, page_size=_PAGE
        )
        for _ in range(_MOST_PAGES):
            reply = stub.ListTransactions(request, **options)
            yield from reply.transactions
            if not reply.next_page_token or _is_before(reply.transactions[-1:], span[0] - _WEEK):
                break
            request.page_token = reply.next_page_token


def _is_before(last: Sequence[station_pb.Transaction], time: datetime) -> bool:
    return any(each.receive_time.ToDatetime(UTC) < time for each in last)


def _zone(pool: booking_pb2.Pool) -> ZoneInfo:
    try:
        return ZoneInfo(pool.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise CannotStart(
            f"{pool.name}: this machine does not know the time zone {pool.time_zone}; install "
            "its time zone data (tzdata)."
        ) from error
