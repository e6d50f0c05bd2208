"""What is known of EVSEs now counts for who wants a place soon, and for nobody else."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from domain.bookings.admission import BookablePool, Chance, chances, decide
from domain.bookings.blocking.known_now import (
    Hindered,
    Hindrance,
    KnownNow,
    NotUsableNow,
    latest_start,
)
from domain.bookings.booking import Booking
from domain.bookings.places import Needs
from domain.bookings.plan import Planned, PoolFull
from domain.bookings.policies.policy import BookingPolicy
from domain.bookings.pool import Pool, PoolMember
from domain.bookings.spans import Span
from domain.bookings.states import BookingState
from domain.model.specs import IdToken
from tests.unit.domain.bookings.asking import local
from tests.unit.domain.bookings.bookings_made import booking, pool

BERLIN = ZoneInfo("Europe/Berlin")
NOW = local("13:45")
HOUR = timedelta(hours=1)
BAD, AWAY, USED = Hindrance.OUT_OF_ORDER, Hindrance.OFFLINE, Hindrance.OCCUPIED
BO = IdToken("ISO14443", "****bo", "sealed", "bo")
"""An EVSE is chosen 30 minutes before the start, and held 10 minutes before it."""


def venue(evses: int = 1, **fields: object) -> BookablePool:
    return BookablePool(pool(evses, **fields), BookingPolicy(), BERLIN)


def known(**hindered: Hindrance) -> KnownNow:
    """By EVSE: `e1`, `e2`."""
    return KnownNow(NOW, {f"S/{at[1:]}": Hindered(why) for at, why in hindered.items()})


def new(start: str = "14:00", end: str = "15:00", **fields: object) -> Booking:
    return booking(start, end, name="new", place="", id_token=BO, **fields)


@pytest.mark.parametrize(
    ("why", "start", "is_taken"),
    [
        (BAD, "14:14", False),
        (BAD, "14:15", True),
        (AWAY, "14:14", False),
        (AWAY, "14:15", True),
        (USED, "13:54", False),
        (USED, "13:55", True),
    ],
)
def test_what_is_known_now_counts_for_a_booking_that_begins_soon(
    why: Hindrance, start: str, is_taken: bool
) -> None:
    said = decide(venue(), new(start), [], known=known(e1=why)).room
    assert isinstance(said, Planned) is is_taken
    assert isinstance(said, NotUsableNow) is not is_taken


def test_another_evse_that_can_be_used_is_taken() -> None:
    said = decide(venue(2), new(), [], known=known(e1=BAD)).room
    assert isinstance(said, Planned)
    assert said.plan.places["new"] == "S/2"


def test_a_booking_that_begins_now_meets_what_is_known_though_nothing_is_chosen_before() -> None:
    at_once = BookablePool(pool(1), BookingPolicy(bind_lead=0 * HOUR, hold_lead=0 * HOUR), BERLIN)
    said = decide(at_once, new("13:45"), [], known=known(e1=BAD)).room
    assert isinstance(said, NotUsableNow)
    assert latest_start(at_once.policy, NOW) == NOW + timedelta(minutes=1)


def test_what_is_known_now_tells_nothing_of_a_day_that_is_far_away() -> None:
    early = BookingPolicy(bind_lead=timedelta(days=4))
    assert latest_start(early, NOW) == NOW + 4 * HOUR


def test_the_refusal_names_cause_and_remedy() -> None:
    said = decide(venue(3), new("13:50"), [], known=known(e1=BAD, e2=AWAY, e3=USED)).room
    assert isinstance(said, NotUsableNow)
    assert said.sentence(BERLIN) == (
        "There would be room, but EVSE 1 of station S is out of order, EVSE 2 of station S is "
        "offline and EVSE 3 of station S is in use by somebody else. Ask for a start at "
        "Wed 2 Dec 2026, 14:15 or later, for which this does not count; or JoinWaitlist: a place "
        "is offered as soon as one can be used."
    )
    many = decide(venue(5), new(), [], known=known(**{f"e{at}": BAD for at in range(1, 6)})).room
    assert isinstance(many, NotUsableNow)
    assert "3 of station S is out of order and 2 more cannot be used either" in many.sentence(
        BERLIN
    )


def test_only_those_that_would_serve_are_named() -> None:
    members = (PoolMember("S", 1), PoolMember("S", 2, features=frozenset({"trailer"})))
    at = BookablePool(Pool(members, "Europe/Berlin", "p"), BookingPolicy(), BERLIN)
    wants = new(needs=Needs(features=frozenset({"trailer"})))
    said = decide(at, wants, [], known=known(e1=BAD, e2=BAD)).room
    assert isinstance(said, NotUsableNow)
    assert [place for place, _ in said.hindered] == ["S/2"]


def test_who_was_promised_the_broken_evse_gets_the_other_one_before_who_comes_now() -> None:
    before = booking(place="S/1")
    said = decide(venue(2), new(), [before], known=known(e1=BAD)).room
    assert isinstance(said, NotUsableNow)
    assert [place for place, _ in said.hindered] == ["S/1"]
    three = decide(venue(3), new(), [before], known=known(e1=BAD)).room
    assert isinstance(three, Planned)
    assert sorted(three.plan.places.values()) == ["S/2", "S/3"]


def test_who_cannot_be_served_any_more_takes_no_place_from_who_comes_now() -> None:
    members = (PoolMember("S", 1, features=frozenset({"trailer"})), PoolMember("S", 2))
    at = BookablePool(Pool(members, "Europe/Berlin", "p"), BookingPolicy(), BERLIN)
    lost = booking(place="S/1", needs=Needs(features=frozenset({"trailer"})))
    said = decide(at, new(), [lost], known=known(e1=BAD)).room
    assert isinstance(said, Planned)
    assert said.plan.places == {"new": "S/2", lost.name: "S/1"}


def test_who_was_told_a_broken_evse_is_not_moved_by_who_comes_now() -> None:
    told = booking(place="S/1", state=BookingState.BOUND)
    assert isinstance(decide(venue(2), new(), [told], known=known(e1=BAD)).room, NotUsableNow)
    said = decide(venue(3), new(), [told], known=known(e1=BAD)).room
    assert isinstance(said, Planned)
    assert said.plan.places[told.name] == "S/1"


@pytest.mark.parametrize(("why", "is_taken"), [(AWAY, True), (BAD, False)])
def test_what_a_station_holds_it_holds_while_it_is_away(why: Hindrance, is_taken: bool) -> None:
    held = booking(place="S/1", state=BookingState.HELD)
    said = decide(venue(2), new(), [held], known=known(e1=why)).room
    assert isinstance(said, Planned) is is_taken


def test_who_charges_there_himself_is_in_nobodys_way() -> None:
    own = KnownNow(NOW, {"S/1": Hindered(USED, frozenset({"bo"}))})
    assert isinstance(decide(venue(), new("13:50"), [], known=own).room, Planned)
    theirs = KnownNow(NOW, {"S/1": Hindered(USED, frozenset({"anna"}))})
    annas = booking("13:50", place="S/1", state=BookingState.BOUND)
    assert isinstance(decide(venue(2), new("13:50"), [annas], known=theirs).room, Planned)


def test_a_booking_whose_evse_is_chosen_is_made_longer_whatever_is_known_of_it() -> None:
    was = booking(place="S/1", state=BookingState.BOUND)
    longer = booking("14:00", "16:00", name=was.name, state=BookingState.BOUND)
    said = decide(venue(), longer, [], was, known=known(e1=BAD)).room
    assert isinstance(said, Planned)


def test_a_booking_that_is_changed_is_asked_beside_what_is_known_too() -> None:
    was = booking("16:00", "17:00")
    sooner = booking("14:00", "15:00", name=was.name)
    assert isinstance(decide(venue(), sooner, [], was, known=known(e1=BAD)).room, NotUsableNow)
    assert isinstance(decide(venue(2), sooner, [], was, known=known(e1=BAD)).room, Planned)


def test_a_pool_that_is_full_is_called_full() -> None:
    said = decide(venue(), new(), [booking()], known=known(e1=BAD)).room
    assert isinstance(said, PoolFull)


def _told(found: tuple[Chance, ...]) -> list[tuple[bool, int]]:
    return [(one.available, one.free) for one in found]


def test_a_search_shows_the_same() -> None:
    spans = [Span(at, at + HOUR) for at in (local("14:00"), local("14:10"), local("14:15"))]
    asked = new()
    bad = known(e1=BAD)
    assert _told(chances(venue(2), asked, [], spans, bad)) == [(True, 1), (True, 1), (True, 2)]
    alone = chances(venue(), asked, [], spans, bad)
    assert [one.available for one in alone] == [False, False, True]
    assert isinstance(alone[0].room, NotUsableNow)
    later = [Span(local("15:00"), local("16:00"))]
    assert chances(venue(), asked, [], later, bad) == chances(venue(), asked, [], later)


@pytest.mark.parametrize("why", list(Hindrance))
@pytest.mark.parametrize("start", ["13:50", "14:00", "14:20"])
def test_a_search_agrees_with_who_books(why: Hindrance, start: str) -> None:
    others = [booking(place="S/1"), booking("14:30", "15:30", place="S/2")]
    asked = new(start, "15:00")
    span = Span(asked.start_time, asked.end_time)
    for at in ("e1", "e2", "e3"):
        some = known(**{at: why})
        (one,) = chances(venue(3), asked, others, [span], some)
        said = decide(venue(3), asked, others, known=some).room
        assert one.available is isinstance(said, Planned)
