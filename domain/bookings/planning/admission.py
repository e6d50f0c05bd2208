"""Whether a pool can promise one booking more: PLANNED, POOL_FULL or NO_PLAN_FOUND."""

from dataclasses import replace

from domain.bookings.plan import (
    Admission,
    Ask,
    Booked,
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


def admit(booked: Booked, new: Ask, effort: Effort = EFFORT) -> Admission:
    """Whether there is a plan for these bookings and the new one, and what it is.

    A booking that stands already, by its id, is asked anew: its change. If the standing plan does
    not hold, for instance since a place was closed, it is repaired first. If that fails, no plan is
    found. A new booking that is fixed to a place gets this place or none, and others move for it.
    """
    if new.fixed_to is not None and not _may_stay(booked, new, new.fixed_to):
        return NoPlanFound(0, is_proven=True)
    others = tuple(ask for ask in booked.asks if ask.id != new.id)
    others_plan = {each: at for each, at in booked.plan.places.items() if each != new.id}
    sound = not flaws(replace(booked, asks=others))
    everyone = replace(booked, asks=(*others, new))
    near = connected(everyone, new) if sound else everyone
    room, homeless = furnished(replace(near, plan=Plan(others_plan)))
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
    return planned(room, everyone)


def _may_stay(booked: Booked, new: Ask, place_id: str) -> bool:
    """Whether the place would take the booking if all others that can move left it."""
    alone = Plan({new.id: place_id})
    return not flaws(Booked(booked.capacity, (replace(new, fixed_to=None),), alone)) and not any(
        ask.fixed_to == place_id and ask.is_in_the_way_of(new, booked.capacity.buffer)
        for ask in booked.asks
        if ask.id != new.id
    )


def furnished(booked: Booked, besides: Span | None = None) -> tuple[Room, list[Stay]]:
    """A room with everyone where the plan says, and those who cannot be there.

    besides: when somebody else may come, for whom it has to be known what is closed or held then.
    """
    buffer = ticks_of(booked.capacity.buffer)
    times = [occupied(ask, buffer) for ask in booked.asks if ask.fixed_to is None]
    if besides is not None:
        times.append((besides.from_tick, besides.to_tick + buffer))
    horizon = (
        min((begin for begin, _ in times), default=0),
        max((until for _, until in times), default=0),
    )
    room = Room(booked.capacity, booked.asks, horizon)
    kind_of = {place_id: at for at in room.kinds() for place_id in room.place_ids(at)}
    homeless = []
    for stay in room.stays.values():
        at = kind_of.get(booked.plan.places.get(stay.ask.id, ""))
        if at in stay.allowed and room.fits(stay, at):
            room.put(stay, at)
        else:
            homeless.append(stay)
    return room, homeless


def connected(booked: Booked, one: Ask) -> Booked:
    """Only who may have to do with one of the bookings.

    That is who overlaps with it, directly or through others, and who is fixed.
    """
    buffer = ticks_of(booked.capacity.buffer)
    timed = sorted(
        (
            (*occupied(ask, buffer), ask)
            for ask in booked.asks
            if ask.fixed_to is None or ask.id == one.id
        ),
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
    fixed = [ask for ask in booked.asks if ask.fixed_to is not None and ask.id != one.id]
    return replace(booked, asks=(*fixed, *own))


def planned(room: Room, booked: Booked) -> Planned:
    """The plan that the room shows. Who is not in the room keeps the place of the standing plan."""
    before = booked.plan.places
    found = seats(room, booked.plan)
    places: dict[str, str] = {}
    for ask in booked.asks:
        if ask.fixed_to is not None:
            places[ask.id] = ask.fixed_to
        else:
            places[ask.id] = found.get(ask.id) or before[ask.id]
    moved = sorted(each for each, place in places.items() if before.get(each, place) != place)
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
