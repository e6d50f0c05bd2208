"""The working state of a search: which kinds of place are taken when, by whom.

The moments at which anything begins or ends cut the time into segments. A stay, the time that a
booking takes on its place with the buffer after it, is a run of segments: a whole number with a bit
for each of them. So "does it fit" is one AND.

Which place of its kind a stay gets is not decided here. Among equal places it never matters: stays
that are never more than the places can always be shared out from left to right. A place that is
closed for a time, or taken by a booking that cannot move, is not equal to the others, and is
therefore a kind of its own.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from domain.bookings.places import Needs, PlaceKind, kinds_of, serves
from domain.bookings.plan import Ask, Capacity
from domain.bookings.spans import ticks_of

_BLOCK = 4
"""2 to the power of this segments are a block, by which those are found who are there at a time."""


@dataclass(slots=True, eq=False)
class Stay:
    """A booking that can move. low, high: its segments, without `high`; mask: their bits.

    start: in ticks. allowed: the kinds that can take it, the least capable first.
    """

    ask: Ask
    start: int
    low: int
    high: int
    mask: int
    allowed: tuple[int, ...]


@dataclass(slots=True, eq=False)
class _Shelf:
    """Equal places. planes: how many of them are taken in each segment, as binary digits.

    closed, held: when they cannot be had, from and to in ticks; held with the buffer afterwards.
    full: a bit for each segment in which all are taken. blocks: who is there in some neighbouring
    segments, by the number of the block. ways: what `in_the_way` found since somebody came or went:
    a search of many spans meets the same stays again and again.
    """

    kind: PlaceKind
    closed: tuple[tuple[int, int], ...]
    held: tuple[tuple[int, int], ...]
    planes: list[int]
    digits: tuple[int, ...]
    stays: dict[str, Stay] = field(default_factory=dict)
    blocks: defaultdict[int, dict[str, Stay]] = field(default_factory=lambda: defaultdict(dict))
    full: int = 0
    ways: dict[int, list[Stay] | None] = field(default_factory=dict)

    def add(self, stay: Stay) -> None:
        name = stay.ask.id
        self.stays[name] = stay
        for block in range(stay.low >> _BLOCK, (stay.high - 1 >> _BLOCK) + 1):
            self.blocks[block][name] = stay
        carry = stay.mask
        for at, plane in enumerate(self.planes):
            self.planes[at], carry = plane ^ carry, plane & carry
        self._count()

    def remove(self, stay: Stay) -> None:
        name = stay.ask.id
        del self.stays[name]
        for block in range(stay.low >> _BLOCK, (stay.high - 1 >> _BLOCK) + 1):
            del self.blocks[block][name]
        borrow = stay.mask
        for at, plane in enumerate(self.planes):
            self.planes[at], borrow = plane ^ borrow, borrow & ~plane
        self._count()

    def _count(self) -> None:
        # Never more are taken than there are: who has all digits of the count has the count.
        full = -1
        for digit in self.digits:
            full &= self.planes[digit]
        self.full = full
        self.ways.clear()

    def in_the_way(self, mask: int) -> list[Stay] | None:
        wanted = self.full & mask
        if not wanted:
            return None
        first, last = (wanted & -wanted).bit_length() - 1, wanted.bit_length()
        near = self.blocks[first >> _BLOCK].values()
        return [stay for stay in near if stay.low <= first and last <= stay.high]

    def most_taken(self, mask: int) -> int:
        """The most places that are taken in one of these segments."""
        most = 0
        for at in range(len(self.planes) - 1, -1, -1):
            if both := self.planes[at] & mask:
                mask, most = both, most | 1 << at
        return most


class Room:
    """What is taken by whom, for the time that `horizon` names.

    Every change is noted, so that `undo` takes back what was only tried.
    """

    def __init__(self, capacity: Capacity, asks: Iterable[Ask], horizon: tuple[int, int]) -> None:
        """asks: those that can move get their times into the room, and no place yet."""
        self.buffer = ticks_of(capacity.buffer)
        asks = tuple(asks)
        self._shelves = _shelves(capacity, asks, horizon)
        self._serving: dict[Needs, tuple[tuple[int, ...], int]] = {}
        movable = [ask for ask in asks if ask.fixed_to is None]
        cuts = {ask.span.from_tick for ask in movable}
        cuts |= {ask.over(self.buffer) for ask in movable}
        self._cuts = sorted(cuts)
        # Where nothing is closed or held, nobody asks when exactly.
        self._narrowed = [self._touched((*each.closed, *each.held)) for each in self._shelves]
        self.stays = {ask.id: self.stay_of(ask) for ask in movable}
        self.where: dict[str, int] = {}
        self.starts = 0
        for stay in self.stays.values():
            self.starts |= 1 << stay.low
        self._notes: list[tuple[Stay, int | None]] = []

    def stay_of(self, ask: Ask) -> Stay:
        """The stay of a booking that is part of the room, or of one that may become so.

        What is in the room begins and ends with segments. So one stay more is judged exactly,
        wherever it begins and ends, although it takes whole segments; a second one would not be.
        """
        start, end = ask.span.from_tick, ask.over(self.buffer)
        low, high = self._segments(start, end)
        mask = (1 << high) - (1 << low)
        allowed, narrowed = self._that_serve(ask.needs)
        if mask & narrowed:
            allowed = tuple(
                at for at in allowed if not mask & self._narrowed[at] or self._is_open(at, ask)
            )
        return Stay(ask, start, low, high, mask, allowed)

    def _segments(self, start: int, end: int) -> tuple[int, int]:
        """The segments that a time touches, without the last number."""
        return bisect_right(self._cuts, start), bisect_left(self._cuts, end) + 1

    def _touched(self, times: Iterable[tuple[int, int]]) -> int:
        """A bit for each segment that one of the times touches."""
        touched = 0
        for start, end in times:
            low, high = self._segments(start, end)
            touched |= (1 << high) - (1 << low)
        return touched

    def _that_serve(self, needs: Needs) -> tuple[tuple[int, ...], int]:
        """The kinds that serve, and the segments in which not all of them are open."""
        known = self._serving.get(needs)
        if known is None:
            kinds = tuple(
                at for at, shelf in enumerate(self._shelves) if serves(shelf.kind.sample, needs)
            )
            narrowed = 0
            for at in kinds:
                narrowed |= self._narrowed[at]
            known = self._serving[needs] = kinds, narrowed
        return known

    def _is_open(self, at: int, ask: Ask) -> bool:
        """Whether the kind is neither closed nor held in that time."""
        shelf, start, end = self._shelves[at], ask.span.from_tick, ask.span.to_tick
        return not (
            any(begin < end and start < until for begin, until in shelf.closed)
            or any(begin < ask.over(self.buffer) and start < until for begin, until in shelf.held)
        )

    def moment(self, segment: int, stay: Stay) -> int:
        """When the segment begins, or the stay if that is later; in ticks."""
        return max(self._cuts[segment - 1], stay.start) if segment else stay.start

    # --- what is taken

    def fits(self, stay: Stay, at: int) -> bool:
        """Whether a place of the kind is free all the time, with the others of it shared out."""
        return not self._shelves[at].full & stay.mask

    def full(self, at: int) -> int:
        """The segments in which all places of the kind are taken."""
        return self._shelves[at].full

    def free(self, at: int, mask: int) -> int:
        """How many places of the kind are free in all these segments."""
        shelf = self._shelves[at]
        return shelf.kind.count - shelf.most_taken(mask)

    def place_ids(self, at: int) -> tuple[str, ...]:
        """The places of the kind."""
        return self._shelves[at].kind.ids

    def kinds(self) -> range:
        """All kinds, the least capable first."""
        return range(len(self._shelves))

    def kinds_for(self, needs: Needs) -> tuple[int, ...]:
        """The kinds that serve, open or not."""
        return self._that_serve(needs)[0]

    def stays_on(self, at: int) -> Iterator[Stay]:
        """Who is on the places of the kind, in the order of arrival."""
        return iter(self._shelves[at].stays.values())

    def stays_at(self, at: int, segment: int) -> list[Stay]:
        """Who is on the places of the kind in one segment."""
        near = self._shelves[at].blocks.get(segment >> _BLOCK, {})
        return [stay for stay in near.values() if stay.low <= segment < stay.high]

    def in_the_way(self, at: int, mask: int) -> list[Stay] | None:
        """Each who would leave a place of the kind free in these segments; None: one is free."""
        shelf = self._shelves[at]
        if mask not in shelf.ways:
            shelf.ways[mask] = shelf.in_the_way(mask)
        return shelf.ways[mask]

    # --- changes

    def put(self, stay: Stay, at: int) -> None:
        """Gives the stay a place of the kind. It has to fit, and to have none."""
        self._notes.append((stay, self.where.get(stay.ask.id)))
        self._set(stay, at)

    def take(self, stay: Stay) -> int:
        """Takes the stay's place away. Returns its kind."""
        at = self.where[stay.ask.id]
        self._notes.append((stay, at))
        self._unset(stay)
        return at

    def mark(self) -> int:
        """Where `undo` can go back to."""
        return len(self._notes)

    def undo(self, mark: int) -> None:
        """Takes back every change since the mark."""
        # All leave before any comes back: on the way back a kind must never be overfull.
        before: dict[str, tuple[Stay, int | None]] = {}
        for stay, at in self._notes[mark:]:
            before.setdefault(stay.ask.id, (stay, at))
        del self._notes[mark:]
        for stay, _ in before.values():
            if stay.ask.id in self.where:
                self._unset(stay)
        for stay, at in before.values():
            if at is not None:
                self._set(stay, at)

    def _set(self, stay: Stay, at: int) -> None:
        self.where[stay.ask.id] = at
        self._shelves[at].add(stay)

    def _unset(self, stay: Stay) -> None:
        self._shelves[self.where.pop(stay.ask.id)].remove(stay)


def occupied(ask: Ask, buffer: int) -> tuple[int, int]:
    """From when to when a booking takes its place, with the buffer after it, in ticks."""
    return ask.span.from_tick, ask.over(buffer)


def _shelves(capacity: Capacity, asks: tuple[Ask, ...], horizon: tuple[int, int]) -> list[_Shelf]:
    """The kinds, divided by when their places can be had within the horizon."""
    buffer = ticks_of(capacity.buffer)
    begin, until = horizon
    held: dict[str, list[tuple[int, int]]] = {}
    for ask in asks:
        if ask.fixed_to is not None:
            held.setdefault(ask.fixed_to, []).append(occupied(ask, buffer))
    closed = [
        (closure, (closure.span.from_tick, closure.span.to_tick)) for closure in capacity.closures
    ]
    shelves: list[_Shelf] = []
    for kind in kinds_of(capacity.places):
        parts: dict[tuple[tuple[tuple[int, int], ...], ...], list[str]] = {}
        for place_id in kind.ids:
            times = [each for closure, each in closed if closure.closes(place_id)]
            both = (times, held.get(place_id, []))
            key = tuple(
                tuple(sorted(each for each in some if each[0] < until and begin < each[1]))
                for some in both
            )
            parts.setdefault(key, []).append(place_id)
        # Places with less time first: whoever fits there leaves the others free.
        for (shut, kept), ids in sorted(
            parts.items(), key=lambda part: (not any(part[0]), part[1])
        ):
            digits = tuple(at for at in range(len(ids).bit_length()) if len(ids) >> at & 1)
            planes = [0] * len(ids).bit_length()
            shelves.append(_Shelf(PlaceKind(kind.sample, tuple(ids)), shut, kept, planes, digits))
    return shelves
