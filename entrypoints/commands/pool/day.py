"""What each EVSE of a pool is used for on one day, computed from what the broker shows. Pure.

A session counts before a hold, a hold before a booking, a booking before a closure. A booking whose
EVSE is not chosen yet stands where the plan has it for now.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum

from evcommand.v1 import booking_pb2 as pb
from evcommand.v1 import station_service_pb2 as station_pb
from google.protobuf.timestamp_pb2 import Timestamp


class Use(StrEnum):
    """What an EVSE is used for; what stands first hides what stands behind it."""

    CHARGING = "charging"
    WALK_IN = "walk-in"
    HELD = "held"
    BOOKED = "booked"
    CLOSED = "closed"
    FREE = "free"


@dataclass(frozen=True)
class Bar:
    """One use of one EVSE, inside the day. title: what it is, for a human; never a token."""

    use: Use
    start: datetime
    end: datetime
    title: str


@dataclass(frozen=True)
class PoolDay:
    """A day of a pool. rows: the bars of each member, in the pool's order, by their start.

    start, end: local midnights, 23 to 25 hours apart. now: None: it is another day.
    """

    name: str
    zone: tzinfo
    start: datetime
    end: datetime
    rows: Mapping[str, tuple[Bar, ...]]
    now: datetime | None = None

    @property
    def date(self) -> date:
        """The local date."""
        return self.start.astimezone(self.zone).date()

    def hours(self) -> Iterator[datetime]:
        """Each hour of the day: when the clocks change, one is left out or there twice."""
        at = self.start
        while at < self.end:
            yield at
            at += timedelta(hours=1)

    def use_in(self, member: str, start: datetime, end: datetime) -> Use:
        """The use that hides all others of a member in this time."""
        uses = {bar.use for bar in self.rows[member] if bar.start < end and start < bar.end}
        return next((use for use in Use if use in uses), Use.FREE)


def day_span(day: date, zone: tzinfo) -> tuple[datetime, datetime]:
    """A local day, from midnight to midnight, in UTC."""
    start, end = (
        datetime.combine(each, time(), zone).astimezone(UTC)
        for each in (day, day + timedelta(days=1))
    )
    return start, end


def pool_day(
    pool: pb.Pool,
    span: tuple[datetime, datetime],
    zone: tzinfo,
    bookings: Sequence[pb.Booking],
    transactions: Iterable[station_pb.Transaction],
    *,
    now: datetime,
) -> PoolDay:
    """A day of a pool. now: what runs is drawn until then."""
    start, end = span
    rows: dict[str, list[Bar]] = {member: [] for member in _members(pool)}
    booked = {booking.transaction: booking for booking in bookings if booking.transaction}
    for member, bar in (
        *_closures(pool),
        *(each for booking in bookings for each in _of_booking(booking)),
        *(_of_session(each, booked.get(each.name), now) for each in transactions),
    ):
        if member in rows and bar.start < end and start < bar.end and bar.start < bar.end:
            rows[member].append(_inside(bar, start, end))
    return PoolDay(
        pool.display_name or pool.name,
        zone,
        start,
        end,
        {member: tuple(sorted(bars, key=_order)) for member, bars in rows.items()},
        now if start <= now < end else None,
    )


def _order(bar: Bar) -> tuple[datetime, datetime]:
    return bar.start, bar.end


def _inside(bar: Bar, start: datetime, end: datetime) -> Bar:
    return Bar(bar.use, max(bar.start, start), min(bar.end, end), bar.title)


def _closures(pool: pb.Pool) -> Iterator[tuple[str, Bar]]:
    for closure in pool.closures:
        bar = Bar(Use.CLOSED, _time(closure.start_time), _time(closure.end_time), closure.reason)
        for member in closure.members or _members(pool):
            yield member, bar


_LIVE = {
    pb.Booking.STATE_PENDING: Use.BOOKED,
    pb.Booking.STATE_CONFIRMED: Use.BOOKED,
    pb.Booking.STATE_BOUND: Use.BOOKED,
    pb.Booking.STATE_HELD: Use.HELD,
    pb.Booking.STATE_IN_USE: Use.BOOKED,
    pb.Booking.STATE_OVERSTAYED: Use.BOOKED,
}
"""How a booking that has not ended is drawn. Its session is drawn by itself."""


def _of_booking(booking: pb.Booking) -> Iterator[tuple[str, Bar]]:
    use = _LIVE.get(booking.state)
    if use is None or not booking.planned_member:
        return
    state = pb.Booking.State.Name(booking.state).removeprefix("STATE_")
    title = f"{booking.name}: {state}, for {booking.holder.id_token.value}"
    yield (
        booking.planned_member,
        Bar(use, _time(booking.start_time), _time(booking.end_time), title),
    )


def _of_session(
    session: station_pb.Transaction, booking: pb.Booking | None, now: datetime
) -> tuple[str, Bar]:
    use = Use.WALK_IN if booking is None else Use.CHARGING
    start = _time(session.start_time if session.HasField("start_time") else session.receive_time)
    title = f"session {session.transaction_id}, {session.masked_id_token or 'no token told'}"
    if booking is not None:
        title += f", {booking.name}"
    if session.HasField("stop_time"):
        end = _time(session.stop_time)
    elif session.state == station_pb.Transaction.STATE_ACTIVE:
        end = now
    else:
        end, title = _time(session.receive_time), f"{title}; its end was not reported"
    end = max(end, start + _LEAST)
    return _member(session.station, session.evse_id), Bar(use, start, end, title)


_LEAST = timedelta(minutes=1)
"""How short a session is drawn at least."""


def _time(stamp: Timestamp) -> datetime:
    return stamp.ToDatetime(UTC)


def _members(pool: pb.Pool) -> list[str]:
    return [_member(each.station, each.evse_id) for each in pool.members]


def _member(station: str, evse_id: int) -> str:
    return f"{station}/evses/{evse_id}"


def label_of(member: str) -> str:
    """`CP-1/2` for `stations/CP-1/evses/2`."""
    _, station, _, evse = member.split("/")
    return f"{station}/{evse}"
