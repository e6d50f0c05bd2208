"""Repairs of a plan: who moves to another kind of place so that one more gets one.

First the shortest chain: the new stay takes the place of another one, that one the place of a third
one, until one finds a free place. Among stays of equal times this finds whatever can be found.
Where times differ, one stay may have to drive out several. Then stays are driven out and placed
again, one after the other. Who could not be placed weighs more from then on, and is driven out
less willingly ("guided ejection search", Nagata and Bräysy 2009).
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from domain.bookings.planning.room import Room, Stay

MET_IN_REPAIR = 30
"""For how many stays a chain of a repair looks for a move: most chains that are found are short."""

MOST_KNOTS = 8
"""How many chains may get into their own way before no more are tried."""


def shift(room: Room, stay: Stay, most: int) -> bool:
    """Places the stay by the shortest chain in which each drives out one other.

    most: for how many stays a move is looked for. Nothing is changed if there is none.
    """
    came: dict[str, tuple[Stay, Stay | None, int]] = {stay.ask.id: (stay, None, -1)}
    knots = 0
    waiting = deque([stay])
    while waiting and most > 0:
        one, most = waiting.popleft(), most - 1
        for at in one.allowed:
            in_the_way = room.in_the_way(at, one.mask)
            if in_the_way is None:
                if _carry_out(room, came, one, at):
                    return True
                knots += 1
                if knots == MOST_KNOTS:
                    return False
                continue
            for other in in_the_way:
                if other.ask.id not in came:
                    came[other.ask.id] = (other, one, at)
                    waiting.append(other)
    return False


def _carry_out(
    room: Room, came: dict[str, tuple[Stay, Stay | None, int]], last: Stay, at: int
) -> bool:
    """Moves everyone of the chain, the last one to a free place of the kind `at`.

    A chain that meets a kind twice may get into its own way: then nothing is changed.
    """
    mark, moving, to = room.mark(), last, at
    moves = []
    while True:
        moves.append((moving, to))
        _, parent, left = came[moving.ask.id]
        if parent is None:
            break
        room.take(moving)
        moving, to = parent, left
    for each, kind in moves:
        if not room.fits(each, kind):
            room.undo(mark)
            return False
        room.put(each, kind)
    return True


@dataclass(slots=True)
class Repair:
    """Places stays by driving out others, in so many rounds. It may be used once."""

    room: Room
    rounds: int
    seed: int
    used: int = 0

    def place(self, homeless: list[Stay]) -> bool:
        """Places all of them and everyone whom they drive out. Nothing is changed if it fails.

        Each of them needs a kind that can take it.
        """
        room, mark = self.room, self.room.mark()
        weights: dict[str, int] = {}
        pending = list(homeless)
        while pending:
            stay = pending.pop()
            if self._settle(stay):
                continue
            if self.used == self.rounds:
                room.undo(mark)
                return False
            self.used += 1
            weights[stay.ask.id] = weights.get(stay.ask.id, 1) + 1
            at, out = self._cheapest(stay, weights)
            for each in out:
                room.take(each)
            room.put(stay, at)
            pending += out
        return True

    def _settle(self, stay: Stay) -> bool:
        for at in stay.allowed:
            if self.room.fits(stay, at):
                self.room.put(stay, at)
                return True
        return shift(self.room, stay, MET_IN_REPAIR)

    def _cheapest(self, stay: Stay, weights: dict[str, int]) -> tuple[int, list[Stay]]:
        """The kind, and the stays to drive out of it, that weigh least together."""
        options = []
        for at in stay.allowed:
            cost, out = cover(self.room, at, stay.mask, weights)
            options.append((cost, self._roll(), at, out))
        _, _, at, out = min(options, key=lambda option: option[:2])
        return at, out

    def _roll(self) -> int:
        """The next number of a fixed sequence (a linear congruence): equal repairs take turns."""
        self.seed = (self.seed * 1_103_515_245 + 12_345) & 0x7FFF_FFFF
        return self.seed >> 16


def cover(room: Room, at: int, mask: int, weights: Mapping[str, int]) -> tuple[int, list[Stay]]:
    """The stays that weigh least together, and whose going leaves a place of the kind free.

    mask: when it has to be free. A stay weighs 1 unless `weights` says more. Returns their weight,
    and them.
    """
    return _Cover(room, at, weights).of(room.full(at) & mask)


@dataclass(slots=True)
class _Cover:
    """The lightest stays of one kind that are there in some segments, by these segments.

    No function inside of another one, which would refer to itself: such a circle keeps the whole
    room in memory until the garbage collector finds it, and that takes the process half a second.
    """

    room: Room
    at: int
    weights: Mapping[str, int]
    known: dict[int, tuple[int, list[Stay]]] = field(default_factory=lambda: {0: (0, [])})

    def of(self, left: int) -> tuple[int, list[Stay]]:
        # A stay is one run. So whoever covers the first segment leaves only those after its end.
        if left not in self.known:
            options = []
            for stay in self.room.stays_at(self.at, (left & -left).bit_length() - 1):
                weight, stays = self.of(left >> stay.high << stay.high)
                options.append((weight + self.weights.get(stay.ask.id, 1), [stay, *stays]))
            self.known[left] = min(options, key=lambda option: option[0])
        return self.known[left]
