"""Pools and bookings for the tests of planning: by hand, by chance, and with a known plan."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from domain.bookings.places import Needs, Place, serves
from domain.bookings.plan import Admission, Ask, Booked, Capacity, Closure, Plan, Planned, flaws
from domain.bookings.planning.admission import EFFORT, admit
from domain.bookings.spans import Span

DAY = datetime(2026, 12, 1, tzinfo=UTC)
QUARTER = timedelta(minutes=15)


def hours(begin: float, end: float) -> Span:
    """A span of the day, in hours since midnight UTC."""
    return Span(DAY + timedelta(hours=begin), DAY + timedelta(hours=end))


def place(name: str, types: str = "CCS", kw: int = 50, features: str = "") -> Place:
    """A place; types and features are words."""
    return Place(name, frozenset(types.split()), kw * 1000, frozenset(features.split()))


def needs(types: str = "", kw: int = 0, features: str = "") -> Needs:
    """What is needed; types and features are words."""
    return Needs(frozenset(types.split()), kw * 1000, frozenset(features.split()))


def ask(
    name: str, begin: float, end: float, what: Needs | None = None, fixed_to: str | None = None
) -> Ask:
    """A booking of the day."""
    return Ask(name, hours(begin, end), what or needs(), fixed_to)


def pool(*places: Place, closures: tuple[Closure, ...] = (), buffer_min: int = 0) -> Booked:
    """A pool without bookings."""
    return Booked(Capacity(places, closures, timedelta(minutes=buffer_min)))


def accept(booked: Booked, new: Ask, verdict: Admission) -> Booked:
    """The pool after an answer."""
    if not isinstance(verdict, Planned):
        return booked
    others = tuple(each for each in booked.asks if each.id != new.id)
    return replace(booked, asks=(*others, new), plan=verdict.plan)


def booked_with(booked: Booked, *asks: Ask) -> Booked:
    """The pool after bookings that all have room."""
    for each in asks:
        verdict = admit(booked, each, EFFORT)
        assert isinstance(verdict, Planned), each.id
        booked = accept(booked, each, verdict)
    assert not flaws(booked)
    return booked


TYPES = ("CCS", "CHAdeMO", "NACS", "Type2")
POWERS_KW = (11, 22, 50, 150, 300)
FEATURES = ("roof", "trailer", "wheelchair")


def small_pool(seed: int) -> tuple[Booked, list[Ask]]:
    """At most 4 places and 9 bookings of chance, with closures, buffers and fixed ones."""
    dice = random.Random(seed)
    places = [
        place(f"p{number}", dice.choice(["A", "B", "A B"]), dice.choice([1, 2]))
        for number in range(dice.randint(1, 4))
    ]
    asks = []
    for number in range(dice.randint(2, 9)):
        begin = dice.randint(0, 10)
        what = needs(dice.choice(["", "A", "B"]), dice.choice([0, 1, 2]))
        asks.append(ask(f"b{number}", begin, begin + dice.choice([1, 1, 2, 3, 4]), what))
    closures: tuple[Closure, ...] = ()
    if dice.random() < 0.3:
        begin = dice.randint(0, 10)
        shut = dice.choice([None, "p0", "p1"])
        closures = (Closure(hours(begin, begin + dice.randint(1, 3)), shut),)
    if dice.random() < 0.3:
        at = dice.randrange(len(asks))
        asks[at] = replace(asks[at], fixed_to="p0")
    buffer_min = dice.choice([0, 0, 0, 30, 60])
    return pool(*places, closures=closures, buffer_min=buffer_min), asks


def _kinds(dice: random.Random, count: int) -> list[Place]:
    kinds: dict[Place, None] = {}
    while len(kinds) < count:
        types = " ".join(dice.sample(TYPES, dice.choice([1, 1, 2])))
        features = " ".join(each for each in FEATURES if dice.random() < 0.25)
        kinds[place("", types, dice.choice(POWERS_KW), features)] = None
    return list(kinds)


def _fitting(dice: random.Random, at: Place) -> Needs:
    """Needs of chance that this place serves."""
    types: set[str] = set()
    if dice.random() < 0.8:
        types = {dice.choice(sorted(at.connector_types))}
        types |= set(dice.sample(TYPES, dice.choice([0, 1, 2])))
    powers = [0, *(kw * 1000 for kw in POWERS_KW if kw * 1000 <= at.max_power_w)]
    features = frozenset(each for each in sorted(at.features) if dice.random() < 0.4)
    found = Needs(frozenset(types), dice.choice(powers), features)
    assert serves(at, found)
    return found


def busy_pool(
    seed: int,
    *,
    load: float = 0.8,
    days: int = 7,
    lengths: tuple[int, ...] = (2, 4, 4, 6, 8, 8, 12, 16, 32),
    buffer_min: int = 0,
) -> tuple[Booked, list[Ask]]:
    """40 EVSEs of 12 kinds, and bookings in an order of chance that all have places: a known plan.

    load: the share of the time that is taken. lengths: of the bookings, in quarters of an hour.
    """
    dice = random.Random(seed)
    kinds = _kinds(dice, 12)
    places = [
        replace(kinds[number] if number < 12 else dice.choice(kinds), id=f"p{number:02}")
        for number in range(40)
    ]
    mean = sum(lengths) / len(lengths)
    asks: list[Ask] = []
    known: dict[str, str] = {}
    for each in places:
        at = round(dice.expovariate(load / (1 - load) / mean))
        while at + (length := dice.choice(lengths)) <= days * 96:
            span = Span(DAY + at * QUARTER, DAY + (at + length) * QUARTER)
            span = Span(span.start, span.end - timedelta(minutes=buffer_min))
            asks.append(Ask(f"a{len(asks):04}", span, _fitting(dice, each)))
            known[asks[-1].id] = each.id
            at += length + round(dice.expovariate(load / (1 - load) / mean))
    booked = pool(*places, buffer_min=buffer_min)
    assert not flaws(replace(booked, asks=tuple(asks), plan=Plan(known)))
    dice.shuffle(asks)
    return booked, asks


NESTED = (
    (place("", "Type2", 11), needs("Type2", 11)),
    (place("", "Type2", 22), needs("Type2", 22)),
    (place("", "Type2 CCS", 50), needs("CCS", 50)),
    (place("", "Type2 CCS", 150), needs("CCS", 150)),
    (place("", "Type2 CCS", 150, "roof"), needs("CCS", 150, "roof")),
    (place("", "Type2 CCS NACS", 300, "roof"), needs("NACS", 300, "roof")),
)
"""Kinds of which each has all that the one before has, and what the ones before do not have."""


def half_days(seed: int, slots: int) -> tuple[Booked, list[Ask]]:
    """40 EVSEs of nested kinds, and asks for half days, a few more than have places."""
    dice = random.Random(seed)
    levels = [dice.randrange(len(NESTED)) for _ in range(40)]
    places = [replace(NESTED[level][0], id=f"p{at:02}") for at, level in enumerate(levels)]
    asks = [
        Ask(
            f"a{slot:02}-{number:02}",
            hours(12 * slot + 1, 12 * slot + 12),
            NESTED[dice.randint(0, dice.choice(levels))][1],
        )
        for slot in range(slots)
        for number in range(44)
    ]
    dice.shuffle(asks)
    return pool(*places), asks
