"""Judges of plans and refusals that share no code with what they judge."""

import itertools
from datetime import datetime

import networkx as nx

from domain.bookings.places import Needs, Place
from domain.bookings.plan import Ask, Booked, PoolFull


def serves_plainly(at: Place, what: Needs) -> bool:
    """Whether the place has what is needed, written out once more."""
    fits = any(each in at.connector_types for each in what.connector_types)
    return (
        (fits or not what.connector_types or not at.connector_types)
        and at.max_power_w >= what.min_power_w
        and all(each in at.features for each in what.features)
    )


def clash(one: Ask, other: Ask, booked: Booked) -> bool:
    """Whether two bookings cannot have the same place."""
    first, second = sorted((one, other), key=lambda each: each.span.start)
    return first.span.end + booked.capacity.buffer > second.span.start


def can_have(new: Ask, at: Place, booked: Booked, asks: list[Ask]) -> bool:
    """Whether the place serves the booking and is neither closed nor held while it takes it."""
    shut = any(
        each.place_id in {None, at.id}
        and each.span.start < new.span.end
        and new.span.start < each.span.end
        for each in booked.capacity.closures
    )
    held = any(
        each.fixed_to == at.id and each.id != new.id and clash(each, new, booked) for each in asks
    )
    return serves_plainly(at, new.needs) and not shut and not held


def has_plan(booked: Booked, asks: list[Ask]) -> bool:
    """Whether there is a plan, by trying every place for every booking. The last one is new.

    A new one that is fixed needs this place; of those that stand fixed it is a fact.
    """
    new = asks[-1] if asks else None
    if (
        new is not None
        and new.fixed_to is not None
        and not any(
            at.id == new.fixed_to and can_have(new, at, booked, asks)
            for at in booked.capacity.places
        )
    ):
        return False
    movable = sorted((each for each in asks if each.fixed_to is None), key=lambda a: a.span.start)
    options = {
        each.id: [at.id for at in booked.capacity.places if can_have(each, at, booked, asks)]
        for each in movable
    }
    chosen: dict[str, str] = {}

    def rest(index: int) -> bool:
        if index == len(movable):
            return True
        one = movable[index]
        for at in options[one.id]:
            if any(
                chosen[other.id] == at and clash(other, one, booked) for other in movable[:index]
            ):
                continue
            chosen[one.id] = at
            if rest(index + 1):
                return True
        return False

    return rest(0)


def served_at(booked: Booked, asks: list[Ask], moment: datetime, some: set[str]) -> int:
    """How many of some bookings could be served at one moment, as a maximum matching."""
    graph = nx.Graph()
    active = [
        each
        for each in asks
        if each.id in some and each.span.start <= moment < each.span.end + booked.capacity.buffer
    ]
    top = [("booking", each.id) for each in active]
    graph.add_nodes_from(top)
    graph.add_edges_from(
        (("booking", each.id), ("place", at.id))
        for each, at in itertools.product(active, booked.capacity.places)
        if can_have(each, at, booked, asks)
    )
    return len(nx.bipartite.maximum_matching(graph, top_nodes=top)) // 2


def is_crowded(booked: Booked, asks: list[Ask]) -> bool:
    """Whether at any moment more bookings want places than can be served."""
    movable = [each for each in asks if each.fixed_to is None]
    for moment in {each.span.start for each in movable}:
        there = {
            each.id
            for each in movable
            if each.span.start <= moment < each.span.end + booked.capacity.buffer
        }
        if served_at(booked, asks, moment, there) < len(there):
            return True
    return False


def assert_proves(full: PoolFull, booked: Booked, new: Ask) -> None:
    """The moment is too full, for no more bookings than are named, and the numbers are right."""
    asks = [*(each for each in booked.asks if each.id != new.id), new]
    named = set(full.asks)
    by_id = {each.id: each for each in asks}
    assert new.span.start <= full.moment < new.span.end + booked.capacity.buffer
    assert new.id in named
    assert served_at(booked, asks, full.moment, named) == len(named) - 1
    assert all(
        served_at(booked, asks, full.moment, named - {each}) == len(named) - 1 for each in named
    )
    places = {
        at.id
        for at in booked.capacity.places
        if any(can_have(by_id[each], at, booked, asks) for each in named)
    }
    assert set(full.places) == places
    assert (full.wanted, full.there) == (len(named), len(named) - 1)
    assert sum(count for count, _ in full.needs) == full.wanted
    would = {
        at.id
        for at in booked.capacity.places
        if any(serves_plainly(at, by_id[each].needs) for each in named)
    }
    assert set(full.others) == would - places
