"""A pool's day as an SVG picture for a page or a report. Pure."""

from collections.abc import Iterator
from datetime import datetime
from xml.sax.saxutils import escape, quoteattr

from entrypoints.commands.pool.day import Bar, PoolDay, Use, label_of

_COLOURS = {
    Use.CHARGING: "#1b7f3b",
    Use.WALK_IN: "#c77700",
    Use.HELD: "#1f4e9c",
    Use.BOOKED: "#8fb3e8",
    Use.CLOSED: "#9a9a9a",
    Use.FREE: "#f2f2f2",
}
_HOUR_PX, _ROW_PX, _BAR_PX, _TOP_PX, _LETTER_PX, _GAP_PX = 36, 26, 18, 56, 8, 16


def picture(day: PoolDay) -> str:
    """The picture. Each bar tells what it is when it is pointed at, and to a screen reader."""
    left = _GAP_PX * 2 + _LETTER_PX * max(len(label_of(member)) for member in day.rows)
    hours = (day.end - day.start).total_seconds() / 3600
    width = round(left + hours * _HOUR_PX + _GAP_PX)
    bottom = _TOP_PX + _ROW_PX * len(day.rows)
    title = escape(f"{day.name}, {day.date}, {day.zone}")
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {bottom + 40}" '
            f'width="{width}" height="{bottom + 40}" role="img" font-family="sans-serif" '
            f'font-size="12">',
            f"<title>{title}</title>",
            '<rect width="100%" height="100%" fill="#ffffff"/>',
            f'<text x="{_GAP_PX}" y="22" font-size="15">{title}</text>',
            *_hours(day, left, bottom),
            *_rows(day, left),
            *_now(day, left, bottom),
            *_legend(bottom + 24),
            "</svg>\n",
        ]
    )


def _hours(day: PoolDay, left: int, bottom: int) -> Iterator[str]:
    for hour in day.hours():
        x = _x(day, hour, left)
        local = hour.astimezone(day.zone)
        yield f'<line x1="{x}" y1="{_TOP_PX - 4}" x2="{x}" y2="{bottom}" stroke="#dddddd"/>'
        yield f'<text x="{x}" y="{_TOP_PX - 8}" fill="#555555">{local:%H}</text>'


def _rows(day: PoolDay, left: int) -> Iterator[str]:
    for place, (member, bars) in enumerate(day.rows.items()):
        top = _TOP_PX + place * _ROW_PX
        yield f'<text x="{_GAP_PX}" y="{top + 17}">{escape(label_of(member))}</text>'
        free = Bar(Use.FREE, day.start, day.end, "free")
        for bar in (free, *sorted(bars, key=_from_behind)):
            yield _bar(day, bar, left, top + 4)


def _from_behind(bar: Bar) -> int:
    """What hides others is drawn last."""
    return -list(Use).index(bar.use)


def _bar(day: PoolDay, bar: Bar, left: int, top: int) -> str:
    x, end = _x(day, bar.start, left), _x(day, bar.end, left)
    local = f"{bar.start.astimezone(day.zone):%H:%M} to {bar.end.astimezone(day.zone):%H:%M}"
    told = f"{bar.use}, {local}" + (f": {bar.title}" if bar.title else "")
    return (
        f'<rect x="{x}" y="{top}" width="{max(1, round(end - x, 1))}" height="{_BAR_PX}" rx="2" '
        f'fill="{_COLOURS[bar.use]}"><title>{escape(_readable(told))}</title></rect>'
    )


def _now(day: PoolDay, left: int, bottom: int) -> Iterator[str]:
    if day.now is not None:
        x = _x(day, day.now, left)
        yield f'<line x1="{x}" y1="{_TOP_PX - 4}" x2="{x}" y2="{bottom}" stroke="#c00000"/>'


def _legend(y: int) -> Iterator[str]:
    for place, (use, colour) in enumerate(_COLOURS.items()):
        x = _GAP_PX + place * 100
        yield f'<rect x="{x}" y="{y - 11}" width="14" height="14" fill={quoteattr(colour)}/>'
        yield f'<text x="{x + 20}" y="{y}">{use}</text>'


def _x(day: PoolDay, at: datetime, left: int) -> float:
    return round(left + (at - day.start).total_seconds() / 3600 * _HOUR_PX, 1)


def _readable(text: str) -> str:
    """Without the characters that no XML may hold."""
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )
