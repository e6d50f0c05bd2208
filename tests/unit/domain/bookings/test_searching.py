"""What a search says of many starts is what the rules say of each of them alone."""

import random
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

from domain.bookings.admission import BookablePool, chances
from domain.bookings.booking import Booking
from domain.bookings.policies.local_time import Period
from domain.bookings.policies.policy import BookingPolicy, Concurrent, Per, PlaceShare, Quota, Rule
from domain.bookings.policies.requests import RequestSurroundings
from domain.bookings.policies.rules import judge
from domain.bookings.spans import Span
from domain.model.specs import IdToken
from tests.unit.domain.bookings.asking import local
from tests.unit.domain.bookings.bookings_made import booking, pool

BERLIN = ZoneInfo("Europe/Berlin")
RULES = (
    Rule("share", PlaceShare(2, timedelta(hours=1)), groups=frozenset({"A"})),
    Rule("once", Concurrent(Per.HOLDER, 1)),
    Rule("group", Concurrent(Per.GROUP, 2), groups=frozenset({"A", "B"})),
    Rule("day", Quota(Per.HOLDER, Period.DAY, 2)),
)


def _some(dice: random.Random, number: int) -> Booking:
    begin = local(f"2026-12-0{dice.randint(2, 3)} 08:00") + timedelta(hours=dice.randint(0, 9))
    return replace(
        booking(name=f"b{number}", place=f"S/{number % 4 + 1}"),
        start_time=begin,
        end_time=begin + timedelta(hours=dice.randint(1, 3)),
        id_token=IdToken("ISO14443", "****", "sealed", dice.choice(["anna", "bert", "cleo"])),
        groups=frozenset(dice.choice([(), ("A",), ("B",)])),
    )


def test_the_first_rule_that_refuses_is_named_for_each_start() -> None:
    named = set()
    for seed in range(15):
        dice = random.Random(seed)
        venue = BookablePool(pool(4), BookingPolicy(RULES), BERLIN)
        others = [_some(dice, number) for number in range(12)]
        new = replace(_some(dice, 99), name="new", place="")
        first = local("2026-12-02 07:00")
        starts = [first + timedelta(minutes=30 * step) for step in range(80)]
        spans = [Span(start, start + timedelta(hours=1)) for start in starts]
        for chance in chances(venue, new, others, spans):
            asked = replace(new.request, start=chance.span.start, end=chance.span.end)
            around = RequestSurroundings(BERLIN, tuple(each.request for each in others), 4)
            refused = [each for each in judge(venue.policy, asked, around) if not each.allowed]
            assert chance.rule == (refused[0] if refused else None)
            named.add(chance.rule and chance.rule.rule)
    assert named == {None, "share", "once", "group", "day"}
