"""When there is room: which spans of a week are free, and the nearest ones that would do."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

from domain.bookings.places import Needs
from domain.bookings.plan import Ask, Booked, Effort, NoPlanFound, Planned, PoolFull
from domain.bookings.planning.admission import EFFORT, admit, connected, furnished, refused
from domain.bookings.planning.crowding import Crowding
from domain.bookings.planning.room import Room, Stay
from domain.bookings.planning.settling import settle
from domain.bookings.spans import Span

LOOK = Effort(met=150, rounds=8, states=0)
"""How hard a plan is searched for each of many spans."""

MOST_MISSES = 8
"""After so many spans for which no plan was found, only short chains of moves are searched."""

MET_LATER = 25
"""For how many bookings such a chain looks for a move."""

MOST_TRIES = 500
"""How many spans are looked at for the nearest ones."""

_TRIAL = "(asked)"
"""The id of a booking that nobody has made. It takes the place of none in the room."""


@dataclass(frozen=True, slots=True)
class FreeSpan:
    """Whether one booking more has room in a span.

    free: places that are free all the time while nobody moves to another kind of place. 0 without
    `why`: there is room when others move. why: there is none, or none was found.
    """

    span: Span
    free: int
    why: PoolFull | NoPlanFound | None = None


def grid(within: Span, length: timedelta, step: timedelta) -> Iterator[Span]:
    """Spans of that length inside of another one, each a step later than the one before."""
    latest = within.length - length
    after = timedelta(0)
    while after <= latest:  # nothing is added to a time that could leave the calendar
        start = within.start + after
        yield Span(start, start + length)
        after += step


def free_spans(
    booked: Booked, needs: Needs, spans: Iterable[Span], effort: Effort = LOOK
) -> tuple[FreeSpan, ...]:
    """Whether there is room for such a booking in each of the spans.

    Where the standing plan does not hold and cannot be repaired, nothing is free.
    """
    wanted = [Ask(_TRIAL, span, needs) for span in spans]
    look = _Look(booked, wanted, effort)
    stays = [look.stay_of(ask) for ask in wanted]
    free = [look.free(stay) for stay in stays]
    return tuple(
        FreeSpan(stay.ask.span, count, None if count else look.why_not(stay))
        for stay, count in zip(stays, free, strict=True)
    )


def nearest(
    booked: Booked,
    new: Ask,
    spans: Iterable[Span],
    count: int = 3,
    effort: Effort = EFFORT,
) -> tuple[Span, ...]:
    """The spans nearest to the one that was asked for in which the booking would be admitted.

    spans: what the rules of the pool allow, in any order. Of two that are equally near, the later
    one goes first. At most `MOST_TRIES` of them are looked at. effort: of the admission that each
    of them is tried with.
    """
    asked = new.span.from_tick
    near = sorted(spans, key=lambda span: (abs(span.from_tick - asked), -span.from_tick, span.end))
    others = replace(booked, asks=tuple(ask for ask in booked.asks if ask.id != new.id))
    wanted = [replace(new, id=_TRIAL, span=span, fixed_to=None) for span in near[:MOST_TRIES]]
    look = _Look(others, wanted, LOOK)
    found: list[Span] = []
    for ask in wanted:
        if len(found) == count:
            break
        has_room = look.why_not(look.stay_of(ask)) is None
        if has_room and isinstance(admit(others, ask, effort), Planned):
            found.append(ask.span)
    return tuple(found)


class _Look:
    """A furnished room in which one booking more is tried for many spans."""

    def __init__(self, booked: Booked, wanted: list[Ask], effort: Effort) -> None:
        self._effort = effort
        self._misses = 0
        self._room, homeless = _room_around(booked, wanted)
        self._holds = all(settle(self._room, stay, effort) is None for stay in homeless)
        self._crowding = Crowding(self._room)

    def stay_of(self, ask: Ask) -> Stay:
        """The booking as the room sees it."""
        return self._room.stay_of(ask)

    def free(self, stay: Stay) -> int:
        """How many places are free while nobody moves to another kind. To be asked first."""
        if not self._holds:
            return 0
        return sum(self._room.free(at, stay.mask) for at in stay.allowed)

    def why_not(self, stay: Stay) -> PoolFull | NoPlanFound | None:
        """Why the booking has no room; None: it has.

        Who moved for it stays there: that is as good a plan, and the next span is often free in it.
        What is known of crowds remains true: whether all can be served does not depend on who is
        where.
        """
        if not self._holds:
            return NoPlanFound(0)
        left = settle(self._room, stay, self._effort, self._crowding)
        if left is None:
            self._room.take(stay)
            return None
        why = refused(self._room, stay, left)
        if isinstance(why, NoPlanFound):
            self._misses += 1
            if self._misses == MOST_MISSES:
                self._effort = replace(self._effort, met=MET_LATER, rounds=0, states=0)
        return why


def _room_around(booked: Booked, wanted: list[Ask]) -> tuple[Room, list[Stay]]:
    """The room of everyone who may have to do with one of the wanted bookings."""
    if not wanted:
        return furnished(replace(booked, asks=()))
    hull = Span(min(ask.span.start for ask in wanted), max(ask.span.end for ask in wanted))
    whole = Ask(_TRIAL, hull)
    near = connected(replace(booked, asks=(*booked.asks, whole)), whole)
    asks = tuple(ask for ask in near.asks if ask is not whole)
    return furnished(replace(booked, asks=asks), hull)
