"""The exact search: every plan, from left to right, where few bookings overlap.

Stays are placed in the order of their starts. All that matters for those that follow is which kinds
are taken until when; a position that has failed once is never tried again. So the work grows with
how many stays overlap, not with how many there are.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from domain.bookings.planning.room import Room, Stay


@dataclass(slots=True)
class ExactSearch:
    """Places stays that have no place in a room, beside all that have one.

    states: how many positions may still be tried. If it is 0 after a failure, nothing is proven.
    """

    room: Room
    states: int

    def place(self, stays: Sequence[Stay]) -> bool:
        """Places all of them, or changes nothing."""
        ordered = sorted(stays, key=lambda stay: (stay.low, -stay.high, stay.ask.id))
        return self._from(0, ordered, (), set())

    def _from(
        self,
        index: int,
        ordered: list[Stay],
        active: tuple[tuple[int, int], ...],
        failed: set[tuple[int, tuple[tuple[int, int], ...]]],
    ) -> bool:
        """Places those from the index on. active: until when the placed ones take which kind."""
        if index == len(ordered):
            return True
        stay = ordered[index]
        active = tuple(sorted(each for each in active if each[0] > stay.low))
        if (index, active) in failed:
            return False
        for at in stay.allowed:
            if self.states <= 0:
                return False
            if self.room.fits(stay, at):
                self.states -= 1
                self.room.put(stay, at)
                if self._from(index + 1, ordered, (*active, (stay.high, at)), failed):
                    return True
                self.room.take(stay)
        failed.add((index, active))
        return False
