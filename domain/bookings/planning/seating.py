"""From kinds back to places: who sits where, with as few moves as can be had cheaply.

Within a kind any choice from left to right works: whenever a stay begins, fewer are there than
places, so one is free. Who has a place already keeps it where that is possible.
"""

from domain.bookings.plan import Plan
from domain.bookings.planning.room import Room, Stay


def seats(room: Room, standing: Plan) -> dict[str, str]:
    """The place of everyone who has one in the room, by id."""
    found: dict[str, str] = {}
    for at in room.kinds():
        stays = sorted(room.stays_on(at), key=lambda stay: (stay.low, stay.ask.id))
        found |= _kept(room.place_ids(at), stays, standing) or _anew(
            room.place_ids(at), stays, standing
        )
    return found


def _kept(places: tuple[str, ...], stays: list[Stay], standing: Plan) -> dict[str, str]:
    """Everyone on the old place, newcomers in the gaps; empty: they do not fit so."""
    taken = dict.fromkeys(places, 0)
    found: dict[str, str] = {}
    new = []
    for stay in stays:
        place = standing.places.get(stay.ask.id, "")
        if place in taken and not taken[place] & stay.mask:
            taken[place] |= stay.mask
            found[stay.ask.id] = place
        else:
            new.append(stay)
    for stay in new:
        place = next((each for each in places if not taken[each] & stay.mask), "")
        if not place:
            return {}
        taken[place] |= stay.mask
        found[stay.ask.id] = place
    return found


def _anew(places: tuple[str, ...], stays: list[Stay], standing: Plan) -> dict[str, str]:
    """From left to right: the old place if it is free then, else any."""
    until = dict.fromkeys(places, 0)
    found: dict[str, str] = {}
    for stay in stays:
        free = [place for place in places if until[place] <= stay.low]
        old = standing.places.get(stay.ask.id, "")
        place = old if old in free else free[0]
        until[place] = stay.high
        found[stay.ask.id] = place
    return found
