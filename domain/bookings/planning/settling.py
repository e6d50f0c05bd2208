"""Finds room for one stay: by what is free, by proof that there is none, by repair, exactly.

Cheap before dear. What is undecided at the end is no proof of anything.
"""

from dataclasses import dataclass

from domain.bookings.plan import Effort
from domain.bookings.planning.crowding import Crowd, Crowding
from domain.bookings.planning.exact import ExactSearch
from domain.bookings.planning.repair import Repair, shift
from domain.bookings.planning.room import Room, Stay


@dataclass(frozen=True, slots=True)
class Unsettled:
    """No place was found. crowd: the proof that there is none, at one moment.

    rounds: repairs tried. is_proven: all was tried.
    """

    crowd: Crowd | None = None
    rounds: int = 0
    is_proven: bool = False


def settle(
    room: Room, stay: Stay, effort: Effort, crowding: Crowding | None = None
) -> Unsettled | None:
    """Gives the stay a place, and moves others for it. None: done; else nothing is changed.

    Who has no place in the room counts as not being there. crowding: what is known of the room as
    it is; None: nothing.
    """
    for at in stay.allowed:
        if room.fits(stay, at):
            room.put(stay, at)
            return None
    crowd = (crowding or Crowding(room)).find(stay)
    if crowd is not None:
        return Unsettled(crowd)
    if shift(room, stay, effort.met):
        return None
    return _search(room, stay, effort)


def _search(room: Room, stay: Stay, effort: Effort) -> Unsettled | None:
    repair = Repair(room, effort.rounds, effort.seed)
    if repair.place([stay]):
        return None
    if effort.states == 0:
        return Unsettled(rounds=repair.used)
    near, is_all = _near(room, stay, effort.stays)
    mark = room.mark()
    for each in near:
        room.take(each)
    exact = ExactSearch(room, effort.states)
    if exact.place([stay, *near]):
        return None
    room.undo(mark)
    return Unsettled(rounds=repair.used, is_proven=is_all and exact.states > 0)


def _near(room: Room, stay: Stay, most: int) -> tuple[list[Stay], bool]:
    """Those who overlap with the stay, then those who overlap with these, as far as `most` allows.

    Returns whether they are all that can matter.
    """
    placed = [room.stays[each] for each in room.where]
    near: list[Stay] = []
    reached = stay.mask
    while True:
        ring = [each for each in placed if each.mask & reached]
        if not ring:
            return near, True
        if len(near) + len(ring) > most:
            return near, False
        near += ring
        placed = [each for each in placed if not each.mask & reached]
        for each in ring:
            reached |= each.mask
