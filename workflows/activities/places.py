"""The decisions that wait for the answers of stations: at most so many of them at the same time.

A decision that waits holds one of the worker's slots and does nothing. Were all slots held so, the
commands of all other stations would wait, too, when many stations fall silent at once. So when all
places are taken, the decision that has waited longest gives its place up: a station that answers
does so soon, and of those that wait it is the likeliest to be silent.
"""

import asyncio

Place = asyncio.Future[None]


class WaitingPlaces:
    """The places. limit: how many there are, 1 or more."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken: dict[Place, None] = {}  # in the order in which they were taken

    def take(self) -> Place:
        """A place. It is done as soon as it has to be given up for another decision."""
        if len(self._taken) >= self._limit:
            oldest = next(iter(self._taken))
            self.leave(oldest)
            oldest.set_result(None)
        place: Place = asyncio.get_running_loop().create_future()
        self._taken[place] = None
        return place

    def leave(self, place: Place) -> None:
        """Give a place back, also one that was given up before."""
        self._taken.pop(place, None)
