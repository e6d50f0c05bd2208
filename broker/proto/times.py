"""Times and spans between protobuf and Python. Pure.

`moment`, `span` and `whole_seconds` take what a client sent and return None when it is not valid.
The other functions take what was checked before.
"""

from datetime import UTC, datetime, timedelta

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

INT32_MAX = 2**31 - 1
_SECOND = timedelta(seconds=1)
_LARGEST_NANOS = 999_999_999


def moment(timestamp: Timestamp) -> datetime | None:
    """A Timestamp as an aware datetime; None when it lies outside of years 1 to 9999."""
    try:
        return timestamp.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def span(duration: Duration) -> timedelta | None:
    """A Duration as a timedelta; None when it is not valid: both of its parts have one sign."""
    if duration.seconds * duration.nanos < 0 or abs(duration.nanos) > _LARGEST_NANOS:
        return None
    try:
        return duration.ToTimedelta()
    except (ValueError, OverflowError):
        return None


def whole_seconds(duration: Duration) -> int | None:
    """A Duration of whole seconds from 0 to INT32_MAX; None when it is another."""
    length = span(duration)
    if length is None or length % _SECOND:
        return None
    seconds = length // _SECOND
    return seconds if 0 <= seconds <= INT32_MAX else None


def time_in(timestamp: Timestamp) -> datetime:
    """A Timestamp that was checked as an aware datetime."""
    return timestamp.ToDatetime(tzinfo=UTC)


def time_out(time: datetime | None) -> Timestamp | None:
    """A datetime as a Timestamp; None stays None, and an absent field."""
    if time is None:
        return None
    timestamp = Timestamp()
    timestamp.FromDatetime(time)
    return timestamp


def seconds_in(duration: Duration) -> int:
    """A Duration that was checked in whole seconds."""
    return duration.ToTimedelta() // _SECOND


def seconds_out(seconds: int | None) -> Duration | None:
    """Whole seconds as a Duration; None stays None, and an absent field."""
    return None if seconds is None else Duration(seconds=seconds)


def span_out(length: timedelta) -> Duration:
    """A timedelta as a Duration."""
    duration = Duration()
    duration.FromTimedelta(length)
    return duration
