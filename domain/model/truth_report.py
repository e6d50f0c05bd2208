"""The truth report: how the commands of a period ended, and which stations stand out. Pure.

The database counts (`fleet.log.counting`); here it is decided what a count means. A command is
*marked* when it ended UNKNOWN or NO_EFFECT, or took much longer than commands of its kind usually
do. A station stands out when several of its commands are marked and they are no small part of all,
or when many of its reports had to be mended.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from domain.model.command import Code

LONGEST_PERIOD = timedelta(days=31)
USUAL_PERIOD = timedelta(hours=24)
STATIONS_LIMIT = 20
"""How many stations a report shows at most."""

MARKED_LEAST = 3
"""So many marked commands make a station stand out, if they are at least a tenth of all."""

MARKED_SHARE = 10
MENDED_LEAST = 10
"""So many mended reports make a station stand out."""

SLOW_FACTOR = 5
"""A command is slow that took so many times as long as half of its kind."""

SLOW_LEAST = timedelta(seconds=10)
"""What is faster than this is never slow."""

MEASURED_LEAST = 20
"""Of fewer commands nobody knows how long they usually take."""


@dataclass(frozen=True, slots=True)
class CountedEnds:
    """Commands of one kind that ended in one way. newest: the id of the one made last.

    code: "" for commands without an outcome. cause: "" for those, and where none was kept.
    """

    kind: str
    code: str
    cause: str
    count: int
    newest: str


@dataclass(frozen=True, slots=True)
class TheirCountedEnds:
    """Commands of one kind of another back end (CSMS) that ended in one way.

    code: "" for those that are not over. station, time: of the one that was passed on last.
    command: the id of a command of ours whose explanation tells of that one; "": there is none.
    """

    kind: str
    code: str
    cause: str
    count: int
    station: str
    time: datetime
    command: str = ""


@dataclass(frozen=True, slots=True)
class TimesToTruth:
    """How long commands of one kind took from their request to a definite outcome.

    slow: the id of the command that took the 99th percentile.
    """

    kind: str
    count: int
    median: timedelta
    percentile_99: timedelta
    slow: str


@dataclass(frozen=True, slots=True)
class MarkedStation:
    """A station's commands. newest: the id of the marked one that was made last."""

    station: str
    commands: int
    unknown: int
    no_effect: int
    slow: int
    marked: int
    newest: str


@dataclass(frozen=True, slots=True)
class MendedStation:
    """How many reports of a station were mended until now, and when the newest of them came."""

    station: str
    reports: int
    newest_time: datetime


@dataclass(frozen=True, slots=True)
class StandingOut:
    """A station that stands out, and why, in sentences. newest: see `MarkedStation`; "": none."""

    station: str
    commands: int
    unknown: int
    no_effect: int
    slow: int
    mended: int
    newest: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TruthReport:
    """What became of the commands that were made between two times (end: exclusive).

    theirs: those of another back end that were passed on in that time.
    complete: False when there were more of them than one report counts: the newest are counted, and
    `start` is when the oldest of these was made.
    """

    start: datetime
    end: datetime
    complete: bool
    ends: tuple[CountedEnds, ...]
    times: tuple[TimesToTruth, ...]
    stations: tuple[StandingOut, ...]
    theirs: tuple[TheirCountedEnds, ...] = ()

    @property
    def commands(self) -> int:
        """How many commands were counted."""
        return sum(each.count for each in self.ends)


_ORDER = {code.value: place for place, code in enumerate(Code)}


def in_order(ends: Iterable[CountedEnds]) -> tuple[CountedEnds, ...]:
    """By kind, then as `Code` has them, those without an outcome last; then the most first."""
    return tuple(
        sorted(ends, key=lambda each: (each.kind, _place(each.code), -each.count, each.cause))
    )


def slow_after(times: Iterable[TimesToTruth]) -> dict[str, timedelta]:
    """By kind: how long a command may take until it counts as slow. Kinds without a limit miss."""
    return {
        each.kind: max(each.median * SLOW_FACTOR, SLOW_LEAST)
        for each in times
        if each.count >= MEASURED_LEAST
    }


def sentences(ends: Iterable[CountedEnds]) -> tuple[str, ...]:
    """One sentence for each kind: how many ended how, and why those that did not succeed."""
    by_kind: dict[str, list[CountedEnds]] = {}
    for each in in_order(ends):
        by_kind.setdefault(each.kind, []).append(each)
    return tuple(_sentence(kind, of_kind) for kind, of_kind in by_kind.items())


def their_sentences(ends: Iterable[TheirCountedEnds]) -> tuple[str, ...]:
    """The same of the commands of another back end."""
    told = sentences(CountedEnds(each.kind, each.code, each.cause, each.count, "") for each in ends)
    return tuple(f"The back end's {each}" for each in told)


def theirs_in_order(ends: Iterable[TheirCountedEnds]) -> tuple[TheirCountedEnds, ...]:
    """As `in_order`. Those that ended in the same way are counted together, with the newest."""
    by_end: dict[tuple[str, str, str], TheirCountedEnds] = {}
    for each in sorted(ends, key=lambda one: one.time):
        key = (each.kind, each.code, each.cause)
        before = by_end[key].count if key in by_end else 0
        by_end[key] = replace(each, count=each.count + before)
    return tuple(
        sorted(
            by_end.values(),
            key=lambda each: (each.kind, _place(each.code), -each.count, each.cause),
        )
    )


def with_theirs(
    ours: Iterable[MarkedStation], theirs: Iterable[MarkedStation]
) -> tuple[MarkedStation, ...]:
    """The stations with the commands of both counted together."""
    by_station = {each.station: each for each in ours}
    for each in theirs:
        known = by_station.get(each.station)
        by_station[each.station] = each if known is None else _together(known, each)
    return tuple(by_station.values())


def _together(one: MarkedStation, other: MarkedStation) -> MarkedStation:
    return MarkedStation(
        one.station,
        one.commands + other.commands,
        one.unknown + other.unknown,
        one.no_effect + other.no_effect,
        one.slow + other.slow,
        one.marked + other.marked,
        one.newest or other.newest,
    )


def standing_out(
    marked: Iterable[MarkedStation], mended: Iterable[MendedStation]
) -> tuple[StandingOut, ...]:
    """The stations that stand out: those with the most marked commands, then the most mends."""
    by_station = {each.station: each for each in marked}
    mends = {each.station: each for each in mended if each.reports >= MENDED_LEAST}
    odd = [name for name, each in by_station.items() if _is_odd(each)]
    names = dict.fromkeys([*odd, *mends])
    ranked = sorted(names, key=lambda name: _rank(name, by_station, mends))
    return tuple(
        _shown(by_station.get(name, _unmarked(name)), mends.get(name))
        for name in ranked[:STATIONS_LIMIT]
    )


def _rank(
    name: str, marked: Mapping[str, MarkedStation], mended: Mapping[str, MendedStation]
) -> tuple[int, int, str]:
    marks = marked[name].marked if name in marked else 0
    return -marks, -mended[name].reports if name in mended else 0, name


def _is_odd(station: MarkedStation) -> bool:
    return station.marked >= max(MARKED_LEAST, station.commands / MARKED_SHARE)


def _unmarked(station: str) -> MarkedStation:
    return MarkedStation(station, 0, 0, 0, 0, 0, "")


def _shown(station: MarkedStation, mended: MendedStation | None) -> StandingOut:
    of = f"of {station.commands} commands"
    notes = [
        f"{station.unknown} {of} ended UNKNOWN: nobody can know what they did.",
        f"{station.no_effect} {of} had no effect.",
        f"{station.slow} {of} took much longer than those of their kind usually do.",
    ]
    counts = (station.unknown, station.no_effect, station.slow)
    told = [note for note, count in zip(notes, counts, strict=True) if count]
    if mended is not None:
        told.append(
            f"{mended.reports} of its reports were mended until now, the newest at "
            f"{mended.newest_time:%Y-%m-%d %H:%M} UTC."
        )
    reports = 0 if mended is None else mended.reports
    return StandingOut(
        station.station, station.commands, *counts, reports, station.newest, (*told,)
    )


def _sentence(kind: str, ends: Sequence[CountedEnds]) -> str:
    total = sum(each.count for each in ends)
    parts = []
    for code in dict.fromkeys(each.code for each in ends):
        of_code = [each for each in ends if each.code == code]
        count = sum(each.count for each in of_code)
        causes = ", ".join(f"{each.count} {each.cause}" for each in of_code if each.cause)
        why = f" ({causes})" if causes and code != Code.SUCCEEDED else ""
        parts.append(f"{count} {code or 'not decided yet'}{why}")
    return f"{kind}: of {total}, {', '.join(parts)}."


def _place(code: str) -> int:
    return _ORDER.get(code, len(_ORDER))
