"""A plan anew after a place was lost or a booking took longer: who moves, and who has to go.

If there is no plan for all, some are displaced, by the policy's order: who ranks higher gives way
first, and as few as can be. Each proof that a moment is too full names bookings of which one has to
go. The first search takes the one that ranks highest; the second one tries the others too, as long
as they can make the result better.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from domain.bookings.plan import Ask, Booked, Effort, Plan
from domain.bookings.planning.admission import EFFORT, furnished, planned
from domain.bookings.planning.room import Room, Stay
from domain.bookings.planning.settling import Unsettled, settle

MOST_DISPLACED = 6
"""Of how many displaced bookings it is asked whether fewer would do."""

Rank = Callable[[Ask], int]
"""Who gives way: the higher the rank, the earlier."""


@dataclass(frozen=True, slots=True)
class Replanned:
    """A plan for all but the displaced.

    moved: on another place than before. loosened: were fixed to a place and are not any more.
    displaced: in the order in which they rank, the last to give way first. is_smallest: it is
    proven that no other choice is better: one that spares a lower rank, or needs fewer of one.
    """

    plan: Plan
    moved: tuple[str, ...] = ()
    loosened: tuple[str, ...] = ()
    displaced: tuple[str, ...] = ()
    is_smallest: bool = True


def without(booked: Booked, place_id: str, rank: Rank, effort: Effort = EFFORT) -> Replanned:
    """The plan without one place. Who is fixed to it is not any more."""
    left = tuple(place for place in booked.capacity.places if place.id != place_id)
    capacity = replace(booked.capacity, places=left)
    return replan(replace(booked, capacity=capacity), rank, effort)


def replan(booked: Booked, rank: Rank, effort: Effort = EFFORT) -> Replanned:
    """A plan for as many as can be, near to the booked one.

    Who is fixed stays, but for two cases. The place is not of the pool any more; or a booking that
    is fixed to it too, and began earlier, is there yet. A closure drives out nobody who is fixed:
    who has to leave the place is given without `fixed_to`.
    """
    asks, loosened = _loosen(booked)
    room, homeless = furnished(replace(booked, asks=asks))
    search = _Displacing(room, rank, effort)
    dropped = search.run(sorted(homeless, key=search.order))
    gone = {stay.ask.id for stay in dropped}
    kept = tuple(ask for ask in asks if ask.id not in gone)
    done = planned(room, replace(booked, asks=kept))
    return Replanned(
        done.plan,
        done.moved,
        loosened,
        tuple(stay.ask.id for stay in sorted(dropped, key=search.order)),
        search.is_smallest,
    )


def _loosen(booked: Booked) -> tuple[tuple[Ask, ...], tuple[str, ...]]:
    """The bookings, without the fixed places that cannot be kept; and whose these were."""
    capacity, asks = booked.capacity, booked.asks
    known = {place.id for place in capacity.places}
    kept: dict[str, list[Ask]] = {}
    loosened = set()
    for ask in sorted(asks, key=lambda ask: (ask.span.start, ask.id)):
        if ask.fixed_to is None:
            continue
        there = kept.setdefault(ask.fixed_to, [])
        taken = any(other.is_in_the_way_of(ask, capacity.buffer) for other in there)
        if taken or ask.fixed_to not in known:
            loosened.add(ask.id)
        else:
            there.append(ask)
    changed = tuple(replace(ask, fixed_to=None) if ask.id in loosened else ask for ask in asks)
    return changed, tuple(sorted(loosened))


@dataclass(frozen=True, slots=True)
class _Choice:
    """Who goes, how bad that is, and the kind of place of everyone else."""

    score: tuple[int, ...]
    dropped: tuple[Stay, ...]
    where: dict[str, int]


class _Displacing:
    """Finds who has to go from a room so that all others have places in it."""

    def __init__(self, room: Room, rank: Rank, effort: Effort) -> None:
        self._room = room
        self._effort = effort
        self._ranks = {each: rank(stay.ask) for each, stay in room.stays.items()}
        self._classes = sorted(set(self._ranks.values()))
        self._tries = effort.tries
        self.is_smallest = True

    def order(self, stay: Stay) -> tuple[int, int, str]:
        """Who is placed first."""
        return self._ranks[stay.ask.id], stay.start, stay.ask.id

    def run(self, homeless: list[Stay]) -> tuple[Stay, ...]:
        """Places all but those whom it returns."""
        start = self._room.mark()
        best = self._quick(homeless)
        if len(best.dropped) > MOST_DISPLACED:
            self.is_smallest = False
        elif best.dropped:
            self._room.undo(start)
            best = self._branch(homeless, [], best)
            self._carry_out(best)
        return best.dropped

    def _quick(self, homeless: list[Stay]) -> _Choice:
        """Lets the one go who gives way first, as often as it is needed."""
        waiting = deque(homeless)
        dropped: list[Stay] = []
        while waiting:
            stay = waiting.popleft()
            left = settle(self._room, stay, self._effort)
            if left is None:
                continue
            gone = self._who_may_go(stay, left)[0]
            dropped.append(gone)
            if gone is not stay:
                self._room.take(gone)
                waiting.appendleft(stay)
        return self._choice(dropped)

    def _branch(self, homeless: list[Stay], dropped: list[Stay], best: _Choice) -> _Choice:
        """The best choice, after everyone was tried who may go. Leaves the room as it was."""
        mark = self._room.mark()
        for at, stay in enumerate(homeless):
            left = settle(self._room, stay, self._effort)
            if left is not None:
                for gone in self._who_may_go(stay, left):
                    best = self._let_go(gone, homeless[at:], dropped, best)
                break
        else:
            best = min(best, self._choice(dropped), key=lambda choice: choice.score)
        self._room.undo(mark)
        return best

    def _let_go(
        self, gone: Stay, homeless: list[Stay], dropped: list[Stay], best: _Choice
    ) -> _Choice:
        """The best choice, after one more went, if that can still be better."""
        dropped = [*dropped, gone]
        if self._score(dropped) >= best.score:
            return best
        self._tries -= 1
        if self._tries < 0:
            self.is_smallest = False
            return best
        mark = self._room.mark()
        if gone is homeless[0]:
            homeless = homeless[1:]
        else:
            self._room.take(gone)
        best = self._branch(homeless, dropped, best)
        self._room.undo(mark)
        return best

    def _carry_out(self, choice: _Choice) -> None:
        """Puts everyone where the choice says."""
        for each, at in list(self._room.where.items()):
            if choice.where.get(each) != at:
                self._room.take(self._room.stays[each])
        for each, at in choice.where.items():
            if each not in self._room.where:
                self._room.put(self._room.stays[each], at)

    def _who_may_go(self, stay: Stay, left: Unsettled) -> list[Stay]:
        """Of whom one has to go for the stay, as far as is known; who should go first, first."""
        if left.crowd is not None:
            some = list(left.crowd.stays)
        else:
            self.is_smallest = False
            some = [stay, *self._rivals(stay)]
        return sorted(
            some,
            key=lambda each: (
                -self._ranks[each.ask.id],
                left.crowd is None and each is not stay,
                -each.mask.bit_count(),
                each.ask.id,
            ),
        )

    def _rivals(self, stay: Stay) -> list[Stay]:
        return [
            each for at in stay.allowed for each in self._room.stays_on(at) if each.mask & stay.mask
        ]

    def _choice(self, dropped: list[Stay]) -> _Choice:
        """What was reached. Who went for nothing, because another one went too, comes back."""
        gone = tuple(
            stay
            for stay in sorted(dropped, key=self.order)
            if settle(self._room, stay, self._effort) is not None
        )
        return _Choice(self._score(gone), gone, dict(self._room.where))

    def _score(self, dropped: Iterable[Stay]) -> tuple[int, ...]:
        """How many of each rank go, those first who should go last: less is better."""
        counts = Counter(self._ranks[stay.ask.id] for stay in dropped)
        return tuple(counts[each] for each in self._classes)
