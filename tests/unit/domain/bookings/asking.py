"""Asks of drivers in Berlin, for tests."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from domain.bookings.policies.policy import EVERYBODY, BookingPolicy, Rule, Term
from domain.bookings.policies.requests import BookingRequest, Holder, RequestSurroundings
from domain.bookings.policies.rules import RuleVerdict, judge

BERLIN = ZoneInfo("Europe/Berlin")
WEDNESDAY = "2026-12-02"


def local(text: str) -> datetime:
    """A local time as "14:00" (of a Wednesday) or "2026-12-05 14:00"."""
    day, _, clock = text.rpartition(" ")
    return (
        datetime.fromisoformat(f"{day or WEDNESDAY}T{clock}").replace(tzinfo=BERLIN).astimezone(UTC)
    )


def ask(
    start: str, end: str, *groups: str, token: str = "anna", before: str = "7d"
) -> BookingRequest:
    """An ask of a driver; before: how long before its start it is made, in d, h or m."""
    ahead = timedelta(**{{"d": "days", "h": "hours", "m": "minutes"}[before[-1]]: int(before[:-1])})
    return BookingRequest(
        Holder(token, "", frozenset(groups)), local(start), local(end), local(start) - ahead
    )


def verdict(
    term: Term,
    one: BookingRequest,
    *others: BookingRequest,
    places: int = 4,
    groups: str = EVERYBODY,
) -> RuleVerdict:
    """What a policy of one rule says."""
    policy = BookingPolicy((Rule("it", term, groups=frozenset(groups.split(","))),))
    (said,) = judge(policy, one, RequestSurroundings(BERLIN, others, places))
    return said
