"""A pool's day as lines of text: a row per EVSE, a character per half hour. Pure."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from entrypoints.commands.pool.day import PoolDay, Use, label_of

_SIGNS = {
    Use.CHARGING: "█",
    Use.WALK_IN: "W",
    Use.HELD: "▓",
    Use.BOOKED: "▒",
    Use.CLOSED: "x",
    Use.FREE: "·",
}
_COLUMN = timedelta(minutes=30)


def lines(day: PoolDay) -> Iterator[str]:
    """The day, its hours, a row per EVSE, the present moment, and what the signs mean."""
    labels = {member: label_of(member) for member in day.rows}
    width = max(len(label) for label in labels.values())
    yield f"{day.name}, {day.date}, {day.zone}"
    yield f"{'':{width}}  {_hours(day)}".rstrip()
    for member, label in labels.items():
        row = "".join(_SIGNS[day.use_in(member, at, at + _COLUMN)] for at in _columns(day))
        yield f"{label:{width}}  {row}"
    if day.now is not None:
        yield f"{'':{width}}  {' ' * ((day.now - day.start) // _COLUMN)}^ now"
    yield ""
    yield "  ".join(f"{sign} {use}" for use, sign in _SIGNS.items())


def _columns(day: PoolDay) -> Iterator[datetime]:
    at = day.start
    while at < day.end:
        yield at
        at += _COLUMN


def _hours(day: PoolDay) -> str:
    """Each third hour above its column, as the clock on the wall shows it."""
    shown = "".join(
        f"{hour.astimezone(day.zone):%H}" if hour.astimezone(day.zone).hour % 3 == 0 else "  "
        for hour in day.hours()
    )
    return shown.rstrip()
