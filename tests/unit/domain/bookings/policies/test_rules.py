"""What each kind of rule allows, refuses and charges."""

from datetime import time, timedelta

import pytest

from domain.bookings.policies import rules, sentences
from domain.bookings.policies.local_time import Period
from domain.bookings.policies.policy import (
    TERM_KINDS,
    Ahead,
    BookingPolicy,
    Concurrent,
    Cutoff,
    Daily,
    Grid,
    Length,
    Occasion,
    Per,
    PlaceShare,
    Price,
    Quota,
    QuotaUnit,
    Rule,
    Term,
    Weekday,
    Window,
)
from domain.bookings.policies.reading import TERMS
from domain.bookings.policies.requests import BookingRequest, Holder, RequestSurroundings
from tests.unit.domain.bookings.asking import BERLIN, ask, local, verdict

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
WORKDAYS = frozenset(set(Weekday) - {Weekday.SAT, Weekday.SUN})
WEEKEND = frozenset({Weekday.SAT, Weekday.SUN})
NIGHTS = Window(WORKDAYS, Daily(time(18), time(6)))
ALL_DAY = Window(WEEKEND, Daily(time(0), time(0)))
HALF_DAYS = Grid((Daily(time(7), time(12, 30)), Daily(time(12, 30), time(18))))
QUARTERS = Grid(step=15 * MINUTE)
CREDIT = Price(Occasion.BEYOND_QUOTA, 1, "credit")


@pytest.mark.parametrize(
    ("start", "end", "allowed"),
    [
        ("18:00", "2026-12-03 06:00", True),
        ("17:59", "20:00", False),
        ("20:00", "2026-12-03 06:01", False),
        ("00:00", "06:00", True),
        ("11:00", "13:00", False),
        ("2026-12-04 18:00", "2026-12-06 22:00", True),
        ("2026-12-06 22:00", "2026-12-07 06:00", False),
        ("2026-12-05 09:00", "2026-12-05 10:00", True),
    ],
)
def test_windows_add_up(start: str, end: str, allowed: bool) -> None:
    policy = BookingPolicy((Rule("nights", NIGHTS), Rule("weekends", ALL_DAY)))
    said = rules.judge(policy, ask(start, end), RequestSurroundings(BERLIN))
    assert [each.allowed for each in said] == [allowed, allowed]
    assert rules.allowed(said) is allowed


def test_a_refusal_of_a_window_names_the_first_moment_that_is_closed() -> None:
    said = verdict(NIGHTS, ask("20:00", "2026-12-03 09:00"))
    assert said.sentence == "Thu 3 Dec 2026, 06:00 is not in the hours of this holder."


@pytest.mark.parametrize(
    ("grid", "start", "end", "allowed"),
    [
        (HALF_DAYS, "07:00", "12:30", True),
        (HALF_DAYS, "07:00", "18:00", True),
        (HALF_DAYS, "07:00", "12:00", False),
        (HALF_DAYS, "08:00", "12:30", False),
        (HALF_DAYS, "07:00", "2026-12-03 12:30", False),
        (QUARTERS, "07:15", "08:45", True),
        (QUARTERS, "07:10", "08:45", False),
        (QUARTERS, "07:15", "08:46", False),
    ],
)
def test_a_booking_starts_and_ends_on_the_grid(
    grid: Grid, start: str, end: str, allowed: bool
) -> None:
    assert verdict(grid, ask(start, end)).allowed is allowed


@pytest.mark.parametrize("day", ["2027-03-28", "2027-10-31"])
def test_a_half_day_is_booked_on_the_days_of_the_change_of_clocks(day: str) -> None:
    early = Grid((Daily(time(0), time(6)), Daily(time(6), time(12))))
    assert verdict(early, ask(f"{day} 00:00", f"{day} 06:00")).allowed
    assert verdict(QUARTERS, ask(f"{day} 00:00", f"{day} 06:00")).allowed


@pytest.mark.parametrize(
    ("term", "end", "allowed"),
    [
        (Length(15 * MINUTE, HOUR), "14:15", True),
        (Length(15 * MINUTE, HOUR), "15:00", True),
        (Length(15 * MINUTE, HOUR), "14:14", False),
        (Length(15 * MINUTE, HOUR), "15:01", False),
        (Length(at_most=HOUR), "14:01", True),
        (Length(at_least=HOUR), "20:00", True),
    ],
)
def test_a_booking_is_neither_too_short_nor_too_long(term: Length, end: str, allowed: bool) -> None:
    assert verdict(term, ask("14:00", end)).allowed is allowed


@pytest.mark.parametrize(
    ("term", "before", "allowed"),
    [
        (Ahead(HOUR, timedelta(days=7)), "1h", True),
        (Ahead(HOUR, timedelta(days=7)), "59m", False),
        (Ahead(HOUR, timedelta(days=7)), "7d", True),
        (Ahead(HOUR, timedelta(days=7)), "8d", False),
        (Ahead(at_most=HOUR), "1m", True),
        (Ahead(at_least=HOUR), "90d", True),
    ],
)
def test_a_booking_is_made_neither_too_late_nor_too_early(
    term: Ahead, before: str, allowed: bool
) -> None:
    assert verdict(term, ask("14:00", "15:00", before=before)).allowed is allowed


def _week(*days: int, token: str = "anna") -> list[BookingRequest]:
    return [ask(f"2026-12-{day:02} 07:00", f"2026-12-{day:02} 09:00", token=token) for day in days]


def test_a_quota_counts_the_bookings_of_the_local_week() -> None:
    three = Quota(Per.HOLDER, Period.WEEK, 3)
    assert verdict(three, *_week(4, 1, 2, 7)).allowed
    assert verdict(three, *_week(4, 1, 2), *_week(3, token="bert")).allowed
    said = verdict(three, *_week(4, 1, 2, 3))
    assert said.sentence == "The holder has 3 bookings in that week; the most is 3."


def test_a_quota_of_hours_counts_the_ask_itself() -> None:
    six = Quota(Per.HOLDER, Period.MONTH, 6, QuotaUnit.HOURS)
    assert verdict(six, *_week(4, 1, 14)).allowed
    said = verdict(six, *_week(4, 1, 2, 14))
    assert said.sentence == "The holder has 6 hours in that month; the most is 6 hours."


def test_what_is_beyond_a_quota_may_cost_something_instead() -> None:
    priced = Quota(Per.HOLDER, Period.WEEK, 3, price=CREDIT)
    said = verdict(priced, *_week(4, 1, 2, 3))
    assert said.allowed
    assert said.charges == (rules.Charge(Occasion.BEYOND_QUOTA, 1, "credit", "it"),)
    assert verdict(priced, *_week(4, 1, 2)).charges == ()


@pytest.mark.parametrize(
    ("per", "one", "other", "together"),
    [
        (Per.HOLDER, Holder("a"), Holder("a"), True),
        (Per.HOLDER, Holder("a", "firm"), Holder("b", "firm"), False),
        (Per.ACCOUNT, Holder("a", "firm"), Holder("b", "firm"), True),
        (Per.ACCOUNT, Holder("a"), Holder("b"), False),
        (Per.ACCOUNT, Holder("a"), Holder("a"), True),
        (Per.GROUP, Holder("a", "", frozenset("AB")), Holder("b", "", frozenset("BC")), True),
        (Per.GROUP, Holder("a"), Holder("b"), False),
    ],
)
def test_bookings_are_counted_by_token_account_or_group(
    per: Per, one: Holder, other: Holder, together: bool
) -> None:
    assert one.counts_with(other, per) is together


def test_two_bookings_of_a_driver_at_once_are_refused() -> None:
    once = Concurrent(Per.HOLDER, 1)
    before = ask("13:00", "14:00")
    assert verdict(once, ask("14:00", "15:00"), before).allowed
    assert verdict(once, ask("14:00", "15:00"), ask("14:30", "15:30", token="bert")).allowed
    said = verdict(once, ask("14:00", "15:00"), ask("14:30", "15:30"))
    assert said.sentence == (
        "At Wed 2 Dec 2026, 14:30 the holder has 1 booking; the most at once is 1."
    )


# --- shares

SHARES = BookingPolicy(
    (
        Rule("a", PlaceShare(2, HOUR), groups=frozenset("A")),
        Rule("b", PlaceShare(1, HOUR), groups=frozenset("B")),
        Rule("c", PlaceShare(1, HOUR), groups=frozenset("C")),
    )
)


def _refusing(one: BookingRequest, *others: BookingRequest) -> list[str]:
    said = rules.judge(SHARES, one, RequestSurroundings(BERLIN, others, 4))
    return [each.rule for each in said if not each.allowed]


def _at_two(*groups: str, before: str = "1d") -> BookingRequest:
    return ask("14:00", "15:00", *groups, token="-".join(groups), before=before)


def test_a_share_is_open_to_its_own_group() -> None:
    assert _refusing(_at_two("A"), _at_two("A")) == []
    assert _refusing(_at_two("B"), _at_two("A"), _at_two("A")) == []


def test_a_group_does_not_take_the_shares_of_the_others() -> None:
    assert _refusing(_at_two("A"), _at_two("A"), _at_two("A")) == ["b", "c"]
    assert _refusing(_at_two("B"), _at_two("B")) == ["a", "c"]
    assert _refusing(_at_two()) == ["a", "b", "c"]


def test_a_share_that_is_used_is_kept_no_longer() -> None:
    assert _refusing(_at_two("A"), _at_two("A"), _at_two("A"), _at_two("B")) == ["c"]


def test_a_share_is_given_to_all_before_the_start() -> None:
    late = _at_two("A", before="1h")
    assert _refusing(late, _at_two("A"), _at_two("A")) == []
    assert _refusing(_at_two("A", before="61m"), _at_two("A"), _at_two("A")) == ["b", "c"]


def test_who_comes_and_goes_within_the_ask_counts_while_he_is_there() -> None:
    short = ask("14:00", "14:20", "A", token="x"), ask("14:10", "14:30", token="y")
    before, after = ask("13:00", "14:00", "B", token="z"), ask("15:00", "16:00", token="w")
    assert _refusing(_at_two("C"), *short, before, after) == ["a", "b"]
    assert _refusing(_at_two("A"), *short[:1], before, after) == []


def test_a_holder_of_two_groups_may_use_both_shares() -> None:
    assert _refusing(_at_two("A", "B"), _at_two("A"), _at_two("A")) == []


def test_a_share_that_is_free_at_first_only_is_refused_with_the_moment() -> None:
    later = ask("14:30", "15:00", "A", token="x"), ask("14:30", "15:00", "A", token="y")
    said = rules.judge(SHARES, _at_two("A"), RequestSurroundings(BERLIN, later, 4))
    assert said[0].sentence == (
        "At Wed 2 Dec 2026, 14:30 2 of 4 places are booked, and 1 kept for B until 1 hour before "
        "the start."
    )


# --- after the booking was made

TERMS_LATER = BookingPolicy(
    (
        Rule("cutoff", Cutoff(2 * HOUR, HOUR)),
        Rule("others", Cutoff(cancel=9 * HOUR), groups=frozenset("A")),
        Rule("no-show", Price(Occasion.NO_SHOW, 2, "credit")),
        Rule("book", Price(Occasion.BOOK, 1, "credit")),
    )
)


def test_a_booking_is_changed_and_cancelled_until_its_cutoff() -> None:
    one = ask("14:00", "15:00")
    assert rules.too_late_to_change(TERMS_LATER, one, local("12:00")) is None
    assert rules.too_late_to_cancel(TERMS_LATER, one, local("13:00")) is None
    change = rules.too_late_to_change(TERMS_LATER, one, local("12:01"))
    cancel = rules.too_late_to_cancel(TERMS_LATER, one, local("13:01"))
    assert change and change.sentence == (
        "A booking is changed at the latest 2 hours before its start."
    )
    assert cancel and cancel.sentence == (
        "A booking is cancelled at the latest 1 hour before its start."
    )


def test_a_cutoff_without_a_limit_for_changes_does_not_hinder_them() -> None:
    policy = BookingPolicy((Rule("cancel", Cutoff(cancel=HOUR)),))
    assert rules.too_late_to_change(policy, ask("14:00", "15:00"), local("13:59")) is None


def test_a_price_is_charged_on_its_occasion_only() -> None:
    one = ask("14:00", "15:00")
    said = rules.judge(TERMS_LATER, one, RequestSurroundings(BERLIN))
    assert [(each.rule, bool(each.charges)) for each in said] == [
        *(("cutoff", False), ("no-show", False), ("book", True)),
    ]
    (no_show,) = rules.charges(TERMS_LATER, one, Occasion.NO_SHOW)
    assert (no_show.quantity, no_show.unit, no_show.rule) == (2, "credit", "no-show")


@pytest.mark.parametrize("term", list(Term.__args__))
def test_every_kind_of_term_is_judged_and_written(term: type) -> None:
    assert term in rules._JUDGES
    assert term in sentences._SAYS
    assert TERM_KINDS[term] in TERMS
