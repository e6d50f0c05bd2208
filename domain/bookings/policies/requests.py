"""Who asks for a place, when, and what stands around it when the rules are asked.

A search asks the rules about hundreds of starts beside the same bookings. So what is counted of
these is counted once: by start, by holder and period, by how many are there at each moment.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from functools import cached_property

from domain.bookings.policies.local_time import Period, first_day
from domain.bookings.policies.policy import EVERYBODY, Per


@dataclass(frozen=True)
class Holder:
    """For whom a place is booked.

    token: a digest of the driver's token, never its value. account: the account that answers for
    it. groups: the groups of the policy that it belongs to. "" and none: not given.
    """

    token: str
    account: str = ""
    groups: frozenset[str] = frozenset()

    def belongs_to(self, groups: frozenset[str]) -> bool:
        """Whether a rule for these groups binds this holder."""
        return EVERYBODY in groups or not self.groups.isdisjoint(groups)

    def counts_with(self, other: "Holder", per: Per) -> bool:
        """Whether the bookings of both are counted together."""
        if per is Per.HOLDER:
            return self.token == other.token
        if per is Per.ACCOUNT:
            return self.account == other.account if self.account else self.token == other.token
        return not self.groups.isdisjoint(other.groups)


@dataclass(frozen=True)
class BookingRequest:
    """A place from `start` to `end`. made: when it is, or was, asked for."""

    holder: Holder
    start: datetime
    end: datetime
    made: datetime

    @property
    def length(self) -> timedelta:
        """How long it lasts, in real time."""
        return self.end - self.start

    def wants(self, at: datetime) -> bool:
        """Whether it wants a place at this moment."""
        return self.start <= at < self.end


class RequestsByStart:
    """Requests in the order of their starts."""

    def __init__(self, requests: Iterable[BookingRequest]) -> None:
        self.all = sorted(requests, key=_start_of)
        self._starts = [each.start for each in self.all]
        self._longest = max((each.length for each in self.all), default=timedelta(0))

    def overlapping(self, start: datetime, end: datetime) -> list[BookingRequest]:
        """Those that want a place in a part of the span."""
        first = bisect_left(self._starts, start - self._longest)
        last = bisect_left(self._starts, end)
        return [each for each in self.all[first:last] if each.end > start]


@dataclass(frozen=True, slots=True)
class Used:
    """What a holder has in a period: how many bookings, and how long they are together."""

    bookings: int = 0
    length: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Load:
    """How many want a place from a moment on. of_groups: how many of them are of which groups."""

    moment: datetime
    taken: int
    of_groups: tuple[int, ...]


class Loads:
    """How many want a place at which moment, and how many of them are of each of the groups."""

    def __init__(self, requests: Iterable[BookingRequest], groups: tuple[frozenset[str], ...]):
        size = 1 + len(groups)
        changes: dict[datetime, list[int]] = {}
        for each in requests:
            marks = (1, *(int(each.holder.belongs_to(some)) for some in groups))
            come = changes.setdefault(each.start, [0] * size)
            go = changes.setdefault(each.end, [0] * size)
            for at, mark in enumerate(marks):
                come[at] += mark
                go[at] -= mark
        there = [0] * size
        self._nobody = tuple(there[1:])
        self._moments = sorted(changes)
        self._loads: list[Load] = []
        for moment in self._moments:
            there = [have + change for have, change in zip(there, changes[moment], strict=True)]
            self._loads.append(Load(moment, there[0], tuple(there[1:])))

    def of(self, start: datetime, end: datetime) -> Iterator[Load]:
        """From the start on, and from each moment in the span at which somebody comes or goes."""
        after = bisect_right(self._moments, start)
        before = self._loads[after - 1] if after else Load(start, 0, self._nobody)
        yield Load(start, before.taken, before.of_groups)
        yield from self._loads[after : bisect_left(self._moments, end)]


@dataclass(frozen=True)
class RequestSurroundings:
    """What a rule may look at beside the ask itself.

    others: the live bookings of the pool that overlap it or count for a quota, without itself.
    places: how many EVSEs may be booked at once.
    """

    zone: tzinfo
    others: tuple[BookingRequest, ...] = ()
    places: int = 0

    def counted(self, holder: Holder, per: Per) -> RequestsByStart:
        """The others that are counted together with those of the holder."""
        key = holder, per
        if key not in self._counted:
            self._counted[key] = RequestsByStart(
                each for each in self.others if each.holder.counts_with(holder, per)
            )
        return self._counted[key]

    def used(self, holder: Holder, per: Per, period: Period) -> Mapping[date, Used]:
        """What the holder has in each period, by its first local day."""
        key = holder, per, period
        if key not in self._used:
            found = self._used[key] = {}
            for each in self.counted(holder, per).all:
                day = first_day(each.start, period, self.zone)
                used = found.get(day, Used())
                found[day] = Used(used.bookings + 1, used.length + each.length)
        return self._used[key]

    def loads(self, groups: tuple[frozenset[str], ...]) -> Loads:
        """How many of the others want a place at which moment."""
        if groups not in self._loads:
            self._loads[groups] = Loads(self.others, groups)
        return self._loads[groups]

    @cached_property
    def _counted(self) -> dict[tuple[Holder, Per], RequestsByStart]:
        return {}

    @cached_property
    def _used(self) -> dict[tuple[Holder, Per, Period], dict[date, Used]]:
        return {}

    @cached_property
    def _loads(self) -> dict[tuple[frozenset[str], ...], Loads]:
        return {}


def busiest(ask: BookingRequest, others: Iterable[BookingRequest]) -> list[datetime]:
    """The moments of an ask at which something is most: its start, and each start within it."""
    within = {each.start for each in others if ask.start < each.start < ask.end}
    return sorted({ask.start} | within)


def _start_of(request: BookingRequest) -> datetime:
    return request.start
