"""A pool's day as the broker shows it."""

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from evcommand.v1 import booking_pb2 as pb
from evcommand.v1 import station_service_pb2 as station_pb
from google.protobuf.timestamp_pb2 import Timestamp

from entrypoints.commands.pool.day import PoolDay, day_span, pool_day

ZONE = ZoneInfo("Europe/Oslo")
DAY = date(2026, 12, 1)
State = pb.Booking.State


def stamp(text: str) -> Timestamp:
    """A local time, as "09:00" of the day or "2026-12-02 09:00"."""
    whole = text if len(text) > 5 else f"{DAY} {text}"
    made = Timestamp()
    made.FromDatetime(datetime.fromisoformat(whole).replace(tzinfo=ZONE).astimezone(UTC))
    return made


def a_pool(**fields: Any) -> pb.Pool:
    members = [pb.PoolMember(station="stations/CP-1", evse_id=1 + place) for place in range(3)]
    return pb.Pool(name="pools/hub", members=members, time_zone="Europe/Oslo", **fields)


def a_booking(
    state: State.ValueType, start: str, end: str, evse: int = 1, **fields: Any
) -> pb.Booking:
    return pb.Booking(
        name=f"bookings/{start}",
        state=state,
        start_time=stamp(start),
        end_time=stamp(end),
        planned_member=f"stations/CP-1/evses/{evse}",
        **fields,
    )


def a_session(start: str, end: str = "", evse: int = 1, **fields: Any) -> station_pb.Transaction:
    made = station_pb.Transaction(
        name=f"stations/CP-1/transactions/{start}",
        transaction_id=start,
        station="stations/CP-1",
        evse_id=evse,
        start_time=stamp(start),
        receive_time=stamp(start),
        state=station_pb.Transaction.STATE_ACTIVE,
        **fields,
    )
    if end:
        made.stop_time.CopyFrom(stamp(end))
    return made


def drawn(
    *bookings: pb.Booking,
    sessions: tuple[station_pb.Transaction, ...] = (),
    pool: pb.Pool | None = None,
    day: date = DAY,
    now: str = "2026-12-03 00:00",
) -> PoolDay:
    at = stamp(now).ToDatetime(UTC)
    return pool_day(pool or a_pool(), day_span(day, ZONE), ZONE, bookings, sessions, now=at)
