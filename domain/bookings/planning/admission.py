"""Whether a pool can promise one booking more: PLANNED, POOL_FULL or NO_PLAN_FOUND."""

from collections.abc import Iterable

from domain.bookings.plan import (
    Admission,
    Ask,
    Capacity,
    Effort,
    NoPlanFound,
    Plan,
    Planned,
    PoolFull,
    count_needs,
    flaws,
)
from domain.bookings.planning.room import Room, Stay, occupied
from domain.bookings.planning.seating import seats
from domain.bookings.planning.settling import Unsettled, settle
from domain.bookings.spans import Span, ticks_of, time_of

EFFORT = Effort()


def admit(
    capacity: Capacity,
    standing: Plan,
    asks: Iterable[Ask],
    new: Ask,
    effort: Effort = EFFORT,
) -> Admission:
    """Whether there is a plan for these bookings and the new one, and what it is.

    standing: a plan for `asks`; what it says of other bookings, and of the new one, is left out. If it
    does not hold, for instance since a place was closed, it is repaired first. If that fails, no plan
    is found.
    """
    others = [ask for ask in asks if ask.id != new.id]
    everyone = [*others, new]
    sound = not flaws(capacity, others, standing)
    near = connected(capacity, everyone, new) if sound else everyone
    room, homeless = furnished(capacity, Plan(_without(standing, new)), near)
    own = room.stays.get(new.id)
    for stay in homeless:
        if stay is not own:
            left = settle(room, stay, effort)
            if left is not None:
                return NoPlanFound(left.rounds)
    if own is not None:
        left = settle(room, own, effort)
        if left is not None:
            return refused(room, own, left)
    return planned(room, standing, everyone)


def furnished(
    capacity: Capacity, standing: Plan, asks: Iterable[Ask], besides: Span | None = None
) -> tuple[Room, list[Stay]]:
    """A room with everyone where the plan says, and those who cannot be there.

    besides: when somebody else may come, for whom it has to be known what is closed or held then.
    """
    asks, buffer = tuple(asks), ticks_of(capacity.buffer)
    times = [occupied(ask, buffer) for ask in asks if ask.fixed_to is None]
    if besides is not None:
        times.append((besides.from_tick, besides.to_tick + buffer))
    horizon = (
        min((begin for begin, _ in times), default=0),
        max((until for _, until in times), default=0),
    )
    room = Room(capacity, asks, horizon)
    kind_of = {place_id: at for at in room.kinds() for place_id in room.place_ids(at)}
    homeless = []
    for stay in room.stays.values():
        at = kind_of.get(standing.places.get(stay.ask.id, ""))
        if at in stay.allowed and room.fits(stay, at):
            room.put(stay, at)
        else:
            homeless.append(stay)
    return room, homeless


def connected(capacity: Capacity, asks: Iterable[Ask], one: Ask) -> list[Ask]:
    """Who has to do with one booking: overlaps with it, directly or through others; and who is fixed."""
    buffer = ticks_of(capacity.buffer)
    asks = tuple(asks)
    timed = sorted(
        ((*occupied(ask, buffer), ask) for ask in asks if ask.fixed_to is None or ask.id == one.id),
        key=lambda each: each[:2],
    )
    groups: list[list[Ask]] = []
    group_until = 0
    for start, end, ask in timed:
        if not groups or start >= group_until:
            groups.append([])
        groups[-1].append(ask)
        group_until = end if len(groups[-1]) == 1 else max(end, group_until)
    own = next(group for group in groups if one in group)
    fixed = [ask for ask in asks if ask.fixed_to is not None and ask.id != one.id]
    return [*fixed, *own]


def planned(room: Room, standing: Plan, asks: Iterable[Ask]) -> Planned:
    """The plan that the room shows. Who is not in the room keeps the place of the standing plan."""
    found = seats(room, standing)
    places: dict[str, str] = {}
    for ask in asks:
        if ask.fixed_to is not None:
            places[ask.id] = ask.fixed_to
        else:
            places[ask.id] = found.get(ask.id) or standing.places[ask.id]
    moved = sorted(
        each for each, place in places.items() if standing.places.get(each, place) != place
    )
    return Planned(Plan(places), tuple(moved))


def refused(room: Room, stay: Stay, left: Unsettled) -> PoolFull | NoPlanFound:
    """Why the stay got no place, as a verdict."""
    crowd = left.crowd
    if crowd is None:
        return NoPlanFound(left.rounds, left.is_proven)
    places = {each for at in crowd.kinds for each in room.place_ids(at)}
    serving = {at for each in crowd.stays for at in room.kinds_for(each.ask.needs)}
    others = {each for at in serving for each in room.place_ids(at)} - places
    return PoolFull(
        moment=time_of(room.moment(crowd.segment, stay)),
        asks=tuple(sorted(each.ask.id for each in crowd.stays)),
        needs=count_needs(each.ask.needs for each in crowd.stays),
        places=tuple(sorted(places)),
        others=tuple(sorted(others)),
    )


def _without(plan: Plan, ask: Ask) -> dict[str, str]:
    return {each: place for each, place in plan.places.items() if each != ask.id}
