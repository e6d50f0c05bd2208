"""When a series takes place: a rule of RFC 5545 on local times, and only then the zone. Pure.

The rule counts days of the calendar and times of the clock on the wall; `dateutil` unrolls it. Only
then each local time becomes a moment (`local_time`), so that a series at 09:00 stays at 09:00 on
both sides of summer time. An end that does not exist is shifted forward, a time that happens twice
is its first moment. A start that does not exist is no start: that occurrence is not booked.

A rule is read part by part, and only parts are taken with which every period that is looked at has
an occurrence soon. So nobody can write a rule that is searched through to the end of the calendar.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from itertools import islice

from dateutil.rrule import rrulestr

from domain.bookings.policies.local_time import exists, moment

MOST_OCCURRENCES = 200
LONGEST_SERIES = timedelta(days=731)
"""From the first start to the last one."""

LONGEST_OCCURRENCE = timedelta(days=31)

_MOST_INTERVAL = {"DAILY": 99, "WEEKLY": 52, "MONTHLY": 11}
_DAYS = "MO|TU|WE|TH|FR|SA|SU"
_PARTS = {
    "FREQ": re.compile("|".join(_MOST_INTERVAL)),
    "INTERVAL": re.compile(r"[1-9][0-9]?"),
    "COUNT": re.compile(r"[1-9][0-9]{0,2}"),
    "UNTIL": re.compile(r"[0-9]{8}(T[0-9]{6})?"),
    "BYDAY": re.compile(rf"([+-]?[1-5])?({_DAYS})(,([+-]?[1-5])?({_DAYS}))*"),
    "BYMONTHDAY": re.compile(r"-?([1-9]|[12][0-9]|3[01])(,-?([1-9]|[12][0-9]|3[01]))*"),
    "BYSETPOS": re.compile(r"-?[1-4](,-?[1-4])*"),
    "WKST": re.compile(_DAYS),
}


class RecurrenceError(Exception):
    """A rule that is not taken: what is wrong with it, and what may stand there."""


@dataclass(frozen=True)
class Occurrence:
    """One time of a series. local_start: as the clock on the wall shows it, without a zone.

    starts: whether that time exists on its day. start, end: the moments, in UTC.
    """

    local_start: datetime
    start: datetime
    end: datetime
    starts: bool = True


def occurrences(
    rule: str, first_start: datetime, first_end: datetime, zone: tzinfo
) -> tuple[Occurrence, ...]:
    """The times of a series, in order. first_start, first_end: local, without a zone.

    Raises: RecurrenceError: the rule is not one, or it has no occurrence, or too many.
    """
    length = first_end - first_start
    if not timedelta(0) < length <= LONGEST_OCCURRENCE:
        raise RecurrenceError(
            f"first_end has to be after first_start, at most {LONGEST_OCCURRENCE.days} days."
        )
    text = _checked(rule)
    starts = list(islice(rrulestr(text, dtstart=first_start), MOST_OCCURRENCES + 1))
    if not starts:
        raise RecurrenceError("No time fits the rule: UNTIL is before the first one.")
    if len(starts) > MOST_OCCURRENCES or starts[-1] - first_start > LONGEST_SERIES:
        raise RecurrenceError(
            f"A series has at most {MOST_OCCURRENCES} occurrences in {LONGEST_SERIES.days} days."
        )
    return tuple(_occurrence(start, start + length, zone) for start in starts)


def _occurrence(start: datetime, end: datetime, zone: tzinfo) -> Occurrence:
    return Occurrence(
        start,
        moment(start.date(), start.time(), zone),
        moment(end.date(), end.time(), zone),
        exists(start.date(), start.time(), zone),
    )


def _checked(rule: str) -> str:
    """The rule, for `dateutil`. A date as UNTIL includes that day."""
    parts = _parts(rule)
    frequency = parts.get("FREQ", "")
    if not frequency:
        raise RecurrenceError("FREQ is required: DAILY, WEEKLY or MONTHLY.")
    if ("COUNT" in parts) == ("UNTIL" in parts):
        raise RecurrenceError("Give COUNT or UNTIL, one of them.")
    most = _MOST_INTERVAL[frequency]
    if int(parts.get("INTERVAL", "1")) > most:
        raise RecurrenceError(f"INTERVAL is at most {most} when FREQ is {frequency}.")
    _check_days(frequency, parts)
    if "UNTIL" in parts:
        parts = parts | {"UNTIL": _until(parts["UNTIL"])}
    return "RRULE:" + ";".join(f"{name}={value}" for name, value in parts.items())


def _parts(rule: str) -> dict[str, str]:
    parts: dict[str, str] = {}
    for part in rule.removeprefix("RRULE:").split(";"):
        name, _, value = part.partition("=")
        form = _PARTS.get(name)
        if form is None or not form.fullmatch(value) or name in parts:
            raise RecurrenceError(
                f"Not a part of a rule that is taken, or there twice: {part[:40]!r}. A rule is "
                f"made of {', '.join(_PARTS)}, in local times."
            )
        parts[name] = value
    return parts


def _check_days(frequency: str, parts: Mapping[str, str]) -> None:
    """Refuses days with which a rule may have no occurrence for ever."""
    days = parts.get("BYDAY", "")
    numbered = any(each.isdigit() for each in days)
    if frequency != "MONTHLY" and (numbered or "BYMONTHDAY" in parts or "BYSETPOS" in parts):
        raise RecurrenceError("BYMONTHDAY, BYSETPOS and numbered days need FREQ=MONTHLY.")
    if frequency == "DAILY" and days and parts.get("INTERVAL", "1") != "1":
        raise RecurrenceError("FREQ=DAILY with BYDAY needs INTERVAL=1.")
    if days and "BYMONTHDAY" in parts:
        raise RecurrenceError("Give BYDAY or BYMONTHDAY, not both.")
    if "BYSETPOS" in parts and (not days or numbered):
        raise RecurrenceError("BYSETPOS needs BYDAY without numbers.")


def _until(text: str) -> str:
    whole = text if "T" in text else f"{text}T235959"
    try:
        datetime.strptime(whole, "%Y%m%dT%H%M%S")  # noqa: DTZ007  local, as the rule is
    except ValueError:
        raise RecurrenceError(f"UNTIL is no date or local time: {text!r}.") from None
    return whole
