"""The proof that a pool is full: a moment at which more bookings want places than can take them.

At one moment the question is a matching of bookings with places, and Hall's theorem answers it.
Everyone but the new booking has a place already, so one search decides: from the kinds that the new
booking could use, to those that their bookings could use instead, and so on. If it meets a place
that is free at that moment, all could be served then. If not, all bookings that it met have only
the places that it met, and these are one too few. No smaller set proves it: with any one of these
bookings gone, the others shift by one and are all served.
"""

from dataclasses import dataclass

from domain.bookings.planning.room import Room, Stay


@dataclass(frozen=True, slots=True)
class Crowd:
    """A segment in which the kinds `kinds` are all that `stays` can use, and are one too few."""

    segment: int
    stays: tuple[Stay, ...]
    kinds: tuple[int, ...]


class Crowding:
    """Looks for crowded moments of one room, and remembers them.

    They do not depend on who is where, only on who is there. So they hold until one comes or goes.
    """

    def __init__(self, room: Room) -> None:
        self._room = room
        self._known: dict[tuple[int, tuple[int, ...]], tuple[int, ...] | None] = {}

    def find(self, stay: Stay) -> Crowd | None:
        """The first moment of the stay that is crowded with it. All others have to have places.

        Who is there changes for the worse only when a stay begins, so only then it is looked.
        """
        if not stay.allowed:
            return Crowd(stay.low, (stay,), ())
        room, full = self._room, stay.mask
        for at in stay.allowed:
            full &= room.full(at)
        full &= room.starts | 1 << stay.low
        while full:
            segment = (full & -full).bit_length() - 1
            full &= full - 1
            key = (segment, stay.allowed)
            if key not in self._known:
                self._known[key] = _closed_set(room, segment, stay.allowed)
            kinds = self._known[key]
            if kinds is not None:
                there = [each for at in kinds for each in room.stays_at(at, segment)]
                return Crowd(segment, (stay, *there), kinds)
        return None


def _closed_set(room: Room, segment: int, allowed: tuple[int, ...]) -> tuple[int, ...] | None:
    """All kinds that the new stay's way can reach, if none has a free place; None: one has."""
    seen, waiting = set(allowed), list(allowed)
    while waiting:
        at = waiting.pop()
        if not room.full(at) >> segment & 1:
            return None
        for each in room.stays_at(at, segment):
            for other in each.allowed:
                if other not in seen:
                    seen.add(other)
                    waiting.append(other)
    return tuple(sorted(seen))
