"""Whether a booking is taken: rules, walk-ins, plan."""

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from domain.bookings.admission import (
    BookablePool,
    CountedSpan,
    WalkInsFull,
    chances,
    counted,
    decide,
    room_for,
    span_planned,
)
from domain.bookings.places import Needs
from domain.bookings.plan import Planned, PoolFull
from domain.bookings.policies.local_time import Period
from domain.bookings.policies.policy import (
    BookingPolicy,
    Concurrent,
    Length,
    Per,
    Quota,
    Rule,
)
from domain.bookings.pool import PoolClosure, PoolMember, evse_of, place_of
from domain.bookings.spans import Span
from domain.bookings.standing import standing_of
from domain.bookings.states import BookingState
from domain.bookings.words import details, origin, title
from tests.unit.domain.bookings.asking import local
from tests.unit.domain.bookings.bookings_made import booking, pool

HOUR = timedelta(hours=1)
BERLIN = ZoneInfo("Europe/Berlin")
SHORT = Rule("an-hour", Length(at_most=HOUR))


def venue(evses: int = 1, *rules: Rule, **fields: object) -> BookablePool:
    return BookablePool(pool(evses, **fields), BookingPolicy(rules), BERLIN)


def new(start: str = "14:00", end: str = "15:00") -> object:
    return booking(start, end, name="new", place="")


def test_a_free_place_is_planned() -> None:
    said = decide(venue(), booking(name="new", place=""), [])
    assert isinstance(said.room, Planned)
    assert said.room.plan.places["new"] == "S/1"
    assert said.refusing is None


def test_a_rule_goes_before_the_room() -> None:
    said = decide(venue(1, SHORT), booking("14:00", "16:00", name="new", place=""), [booking()])
    assert said.room is None
    assert said.refusing is not None
    assert said.refusing.rule == "an-hour"


def test_a_full_pool_is_proven() -> None:
    said = decide(venue(), booking("14:30", "15:30", name="new", place=""), [booking()])
    assert isinstance(said.room, PoolFull)
    assert said.room.sentence(BERLIN).startswith("14:30: 2 want a place, 1 is there")


def test_a_booking_that_has_ended_takes_no_place() -> None:
    over = booking(state=BookingState.FULFILLED)
    assert isinstance(decide(venue(), booking(name="new", place=""), [over]).room, Planned)


def test_who_left_early_stands_in_nobodys_way() -> None:
    once = Rule("once", Concurrent(Per.HOLDER, 1))
    left = booking(state=BookingState.FULFILLED, end_of_life_time=local("14:20"))
    later = booking("14:30", "15:00", name="new", place="")
    assert decide(venue(1, once), later, [left]).refusing is None
    assert decide(venue(2, once), later, [booking()]).refusing is not None


def test_places_are_left_to_walk_ins_at_each_moment() -> None:
    said = decide(venue(2, walk_in_reserve=1), booking(name="new", place=""), [booking()])
    assert said.room == WalkInsFull(local("14:00"), 1)
    assert isinstance(said.room, WalkInsFull)
    assert said.room.sentence(BERLIN) == (
        "Wed 2 Dec 2026, 14:00: all 1 EVSE that may be booked are booked; the others are left to "
        "drivers without a booking."
    )
    later = booking("15:00", "16:00", name="new", place="")
    reserved = decide(venue(2, walk_in_reserve=1), later, [booking()])
    assert isinstance(reserved.room, Planned)


def test_a_booking_that_is_bound_stays_and_one_that_is_not_moves() -> None:
    two = venue(2, closures=(PoolClosure(local("15:00"), local("18:00"), frozenset({"S/2"})),))
    long_one = booking("14:00", "17:00", name="new", place="")
    movable = room_for(two, long_one, [booking()])
    assert isinstance(movable, Planned)
    assert movable.plan.places == {"new": "S/1", "14:00-15:00": "S/2"}
    bound = room_for(two, long_one, [booking(state=BookingState.BOUND)])
    assert isinstance(bound, PoolFull)


def test_a_closure_of_the_whole_pool_closes_every_place() -> None:
    closed = venue(2, closures=(PoolClosure(local("14:30"), local("18:00")),))
    assert isinstance(decide(closed, booking(name="new", place=""), []).room, PoolFull)


def test_a_booking_that_reaches_out_of_what_was_read_stays() -> None:
    two = venue(2, closures=(PoolClosure(local("15:00"), local("18:00"), frozenset({"S/2"})),))
    week = booking("14:00", "2026-12-09 14:00", name="week")
    room = room_for(two, booking("14:00", "17:00", name="new", place=""), [week])
    assert isinstance(room, PoolFull)


def test_availability_knows_walk_ins_and_the_holders_own_quota() -> None:
    spans = [Span(local("14:00"), local("15:00")), Span(local("16:00"), local("17:00"))]
    asked, two = booking(name="new", place=""), Rule("two", Quota(Per.HOLDER, Period.WEEK, 2))
    reserved = chances(venue(2, walk_in_reserve=1), asked, [booking()], spans)
    assert [isinstance(each.room, WalkInsFull) for each in reserved] == [True, False]
    elsewhere = booking("2026-12-03 09:00", "2026-12-03 10:00")
    once = chances(venue(2, two), asked, [elsewhere], spans)
    assert [each.available for each in once] == [True, True]
    twice = chances(venue(2, two), asked, [elsewhere, booking()], spans)
    assert [each.rule.rule for each in twice if each.rule] == ["two", "two"]


def test_availability_names_the_rule_or_the_room() -> None:
    spans = [
        Span(local("13:00"), local("14:00")),
        Span(local("14:00"), local("15:00")),
        Span(local("15:00"), local("16:30")),
    ]
    ended = booking("12:00", "12:30", state=BookingState.FULFILLED)
    said = chances(venue(1, SHORT), booking(name="new", place=""), [booking(), ended], spans)
    assert [each.available for each in said] == [True, False, False]
    assert (said[0].free, said[0].rule, said[0].room) == (1, None, None)
    assert isinstance(said[1].room, PoolFull)
    assert said[2].rule is not None
    assert said[2].rule.rule == "an-hour"


@pytest.mark.parametrize(
    ("period", "first", "last"),
    [
        (Period.DAY, "2026-12-02 00:00", "2026-12-03 00:00"),
        (Period.WEEK, "2026-11-30 00:00", "2026-12-07 00:00"),
        (Period.MONTH, "2026-12-01 00:00", "2027-01-01 00:00"),
    ],
)
def test_what_counts_for_a_quota_is_that_of_its_period(
    period: Period, first: str, last: str
) -> None:
    some = venue(1, Rule("quota", Quota(Per.HOLDER, period, 3)), SHORT)
    which = counted(some, booking().holder, local("14:00"), local("14:00"))
    assert which == CountedSpan(local(first), local(last), frozenset({Per.HOLDER}))


def test_a_search_counts_in_every_period_that_it_reaches() -> None:
    two_weeks = local("14:00"), local("2026-12-09 14:00")
    rules = (
        Rule("week", Quota(Per.HOLDER, Period.WEEK, 3)),
        Rule("day", Quota(Per.GROUP, Period.DAY, 3)),
    )
    which = counted(venue(1, *rules), booking().holder, *two_weeks)
    reached = local("2026-11-30 00:00"), local("2026-12-14 00:00")
    assert which == CountedSpan(*reached, frozenset({Per.HOLDER, Per.GROUP}))


def test_nothing_is_counted_where_no_quota_binds_the_holder() -> None:
    others = Rule("quota", Quota(Per.HOLDER, Period.DAY, 3), groups=frozenset("A"))
    at = local("14:00")
    assert counted(venue(1, others, SHORT), booking().holder, at, at) is None
    assert counted(venue(1, others), booking(groups=frozenset("A")).holder, at, at) is not None


def test_others_are_planned_anew_a_day_around_a_booking() -> None:
    read = span_planned(venue(), local("14:00"), local("15:00"))
    assert read == (local("2026-12-01 14:00"), local("2026-12-03 15:00"))


def test_the_pause_after_the_last_one_that_may_move_is_kept() -> None:
    """It can go nowhere but to the EVSE that is booked two minutes after its end."""
    buffer = timedelta(minutes=5)
    members = PoolMember("S", 1, frozenset({"CCS"})), PoolMember("S", 2, frozenset({"Type2"}))
    two = BookablePool(pool(2, members=members), BookingPolicy(buffer=buffer), BERLIN)
    others = [
        booking("14:30", "2026-12-03 14:30", name="long"),
        booking("2026-12-03 14:00", "2026-12-03 15:00", name="last", place="S/2"),
        booking("2026-12-03 15:02", "2026-12-03 16:00", name="behind"),
    ]
    asked = booking(name="new", place="", needs=Needs(frozenset({"CCS"})))
    assert span_planned(two, asked.start_time, asked.end_time)[1] > others[-1].start_time
    assert not isinstance(room_for(two, asked, others), Planned)
    assert isinstance(room_for(two, asked, others[:-1]), Planned)


def test_a_narrow_booking_stands_in_the_way_as_a_whole_one_does() -> None:
    for whole in (booking(), booking(state=BookingState.FULFILLED)):
        narrow = standing_of(whole)
        asked = booking("14:30", "15:30", name="new", place="")
        assert narrow.ended is whole.ended
        assert decide(venue(), asked, [narrow]) == decide(venue(), asked, [whole])


def test_a_place_is_a_station_and_an_evse() -> None:
    assert evse_of(place_of("YARD/7", 2)) == ("YARD/7", 2)
    assert pool(3, walk_in_reserve=1).bookable == 2


def test_a_booking_is_told_without_its_token() -> None:
    one = booking(progress="Held.", reservation="r1", transaction="t1")
    assert (
        title(one)
        == "Booking in pool hub, for ****na, from 2026-12-02 13:00 to 2026-12-02 14:00 UTC"
    )
    assert (
        origin(one)
        == "Asked by: a caller without credentials, tenant acme\n\nPolicy: plain, revision 1"
    )
    assert "EVSE: S/1" in details(one)
    bare = details(replace(one, place="", reservation="", transaction=""))
    assert bare == "**CONFIRMED**\n\nHeld."
    assert one.request.length == HOUR
