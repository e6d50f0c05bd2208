"""Times, spans and numbers as the sentences of bookings say them."""

from datetime import datetime, timedelta, tzinfo

_UNITS = (
    (timedelta(days=1), "day"),
    (timedelta(hours=1), "hour"),
    (timedelta(minutes=1), "minute"),
    (timedelta(seconds=1), "second"),
)


def count(number: int, noun: str) -> str:
    """A number with its noun: "1 booking", "3 bookings"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def span(length: timedelta) -> str:
    """A span in its two largest units: "90 minutes" is "1 hour 30 minutes"."""
    parts: list[str] = []
    for unit, noun in _UNITS:
        number, length = divmod(length, unit)
        if number:
            parts.append(count(number, noun))
    return " ".join(parts[:2]) or "0 minutes"


def clock(at: datetime, zone: tzinfo) -> str:
    """A moment by the wall's clock of the pool: "Tue 1 Dec 2026, 14:00"."""
    local = at.astimezone(zone)
    return f"{local:%a} {local.day} {local:%b %Y, %H:%M}"


def listed(words: list[str]) -> str:
    """Words as a list in a sentence: "A", "A and B", "A, B and C"."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
