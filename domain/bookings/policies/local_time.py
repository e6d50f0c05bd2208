"""Local times of a pool, across both edges of summer time.

An operator says "07:00 to 12:30" and means the clock on the wall. A clock that is set forward has
times that do not exist, one that is set back has times that happen twice. A time that does not
exist means the moment that a clock shows which was not set: 02:30 becomes 03:30. A time that
happens twice means its first moment. So every local time is one moment, and a half day keeps its
edges while it gets longer or shorter by an hour.

Source: RFC 5545, 3.3.5; PEP 495, whose fold=0 is just this.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum

_DAY = timedelta(days=1)


class Period(StrEnum):
    """The spans of the calendar over which a quota counts. A week begins on Monday."""

    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"


def moment(day: date, clock: time, zone: tzinfo) -> datetime:
    """The moment, in UTC, at which the wall's clock shows this time of this day."""
    return datetime.combine(day, clock, zone).astimezone(UTC)


def exists(day: date, clock: time, zone: tzinfo) -> bool:
    """Whether the wall's clock shows this time of this day at all."""
    shown = moment(day, clock, zone).astimezone(zone)
    return (shown.date(), shown.time()) == (day, clock)


def day_of(at: datetime, zone: tzinfo) -> date:
    """The local day of a moment."""
    return at.astimezone(zone).date()


def days_between(start: datetime, end: datetime, zone: tzinfo) -> Iterator[date]:
    """The local days that a span touches, and the day before it, whose night may reach into it."""
    day = day_of(start, zone) - _DAY
    while day <= day_of(end, zone):
        yield day
        day += _DAY


def first_day(at: datetime, period: Period, zone: tzinfo) -> date:
    """The first local day of the day, week or month in which a moment lies."""
    day = day_of(at, zone)
    if period is Period.WEEK:
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if period is Period.MONTH else day
