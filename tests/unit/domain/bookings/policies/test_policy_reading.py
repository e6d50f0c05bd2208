"""What a policy file may hold, and what is said of one that holds something else."""

from datetime import time, timedelta
from typing import Any

import pytest

from domain.bookings.policies.policy import (
    BookingPolicy,
    Daily,
    DisplaceFirst,
    Grid,
    LadderAct,
    LadderStep,
    Price,
    Quota,
    WaitlistTerms,
    Weekday,
    Window,
)
from domain.bookings.policies.reading import MOST_RULES, PolicyError, policy_of
from domain.bookings.policies.sentences import rule_sentence, sentences


def rule(**keys: Any) -> dict[str, Any]:
    return {"rules": [{"id": "it", **keys}]}


def test_an_empty_policy_has_the_defaults() -> None:
    assert policy_of({}) == BookingPolicy()


def test_the_terms_around_the_rules_are_read() -> None:
    policy = policy_of(
        {
            "bind_lead": "1h",
            "hold_lead": "0m",
            "buffer": "90s",
            "overstay": [{"act": "TELL"}, {"act": "STOP", "after": "15m"}],
            "displace_first": ["GUESTS"],
            "waitlist": {"offer_lasts": "5m", "snoozes": 3},
        }
    )
    assert policy.bind_lead == timedelta(hours=1)
    assert policy.hold_lead == timedelta(0)
    assert policy.buffer == timedelta(seconds=90)
    assert policy.overstay[1] == LadderStep(LadderAct.STOP, timedelta(minutes=15))
    assert policy.displace_first == (DisplaceFirst.GUESTS,)
    assert policy.waitlist == WaitlistTerms(timedelta(minutes=5), 3)
    assert policy_of({"waitlist": {}}).waitlist == WaitlistTerms()


def test_the_day_ends_at_24_o_clock() -> None:
    (read,) = policy_of(rule(window={"weekdays": ["SAT-MON"], "hours": "00:00-24:00"})).rules
    days = frozenset({Weekday.SAT, Weekday.SUN, Weekday.MON})
    assert read.term == Window(days, Daily(time(0), time(0)))


def test_a_window_without_days_is_open_every_day() -> None:
    (read,) = policy_of(rule(window={"hours": "06:00-22:00"})).rules
    assert isinstance(read.term, Window)
    assert read.term.weekdays == frozenset(Weekday)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"rulez": []}, "policy: nothing is known of `rulez`."),
        ({"grace": 15}, 'policy.grace: expected a span as "90m", "2h" or "3d".'),
        ({"grace": "15"}, 'policy.grace: expected a span as "90m", "2h" or "3d".'),
        ({"grace": "9999d"}, "policy.grace: expected at most 366d."),
        ({"hold_lead": "2h"}, "policy.hold_lead: an EVSE is held after it was chosen"),
        ({"rules": {}}, "policy.rules: expected a list."),
        ({"rules": [1]}, "rules[0]: expected a table."),
        ({"rules": [{}] * (MOST_RULES + 1)}, "policy.rules: at most 100 rules."),
        ({"rules": [{}]}, "rules[0]: `id` is missing."),
        ({"rules": [{"id": 1}]}, "rules[0].id: expected a text of at most 500 characters."),
        ({"rules": [{"id": "Half Days"}]}, "rules[0].id: expected small letters, digits and"),
        (rule(), "rule `it`: expected exactly one of window, grid,"),
        (rule(grid={}, price={}), "rule `it`: expected exactly one of window, grid,"),
        (rule(grid={}), "rule `it`.grid: expected `slots` or `step`."),
        (rule(grid={"step": "7m"}), "rule `it`.grid.step: expected a span that divides a day."),
        (rule(grid={"step": "0m"}), "rule `it`.grid.step: expected a span that divides a day."),
        (rule(grid={"slots": ["7-12"]}), "rule `it`.grid.slots: expected a part of a day as"),
        (rule(grid={"slots": ["07:00-25:00"]}), "rule `it`.grid.slots: there is no 25:00."),
        (rule(grid={"slots": ["07:61-12:00"]}), "rule `it`.grid.slots: there is no 07:61."),
        (rule(length={}), "rule `it`.length: expected `at_least` or `at_most`, or both."),
        (
            rule(length={"at_least": "2h", "at_most": "1h"}),
            "rule `it`.length: `at_least` is more than `at_most`.",
        ),
        (rule(cutoff={}), "rule `it`.cutoff: expected `change` or `cancel`, or both."),
        (rule(groups=[1], grid={"step": "1h"}), "rule `it`.groups: expected names of groups."),
        (
            rule(window={"weekdays": ["MO"], "hours": "07:00-12:00"}),
            'rule `it`.window.weekdays: expected days as "MON" or "MON-FRI".',
        ),
        (
            rule(window={"weekdays": [1], "hours": "07:00-12:00"}),
            'rule `it`.window.weekdays: expected days as "MON" or "MON-FRI".',
        ),
        (
            rule(concurrent={"per": "CAR", "at_most": 1}),
            "rule `it`.concurrent.per: expected one of HOLDER, ACCOUNT, GROUP.",
        ),
        (
            rule(concurrent={"per": "HOLDER", "at_most": True}),
            "rule `it`.concurrent.at_most: expected a whole number from 0 to 1000000.",
        ),
        (
            rule(share={"places": 1}),
            "rule `it`: a share names the groups that it is for.",
        ),
        (rule(share={"places": 1, "spare": 2}), "rule `it`.share: nothing is known of `spare`."),
        (
            {"overstay": [{"act": "STOP", "after": "9m"}, {"act": "TELL", "after": "1m"}]},
            "policy.overstay: expected the steps in the order of `after`.",
        ),
        ({"displace_first": ["FRIENDS"]}, "policy.displace_first: expected one of GUESTS,"),
    ],
)
def test_an_error_names_the_place_and_what_may_stand_there(
    values: dict[str, Any], said: str
) -> None:
    with pytest.raises(PolicyError) as error:
        policy_of(values)
    assert str(error.value).startswith(said)


def test_the_id_of_a_rule_stands_once() -> None:
    twice = [{"id": "it", "grid": {"step": "1h"}}] * 2
    with pytest.raises(PolicyError, match="the id `it` stands twice"):
        policy_of({"rules": twice})


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (
            {"window": {"hours": "18:00-06:00"}},
            "It lies within 18:00 to 06:00 of the next day on every day.",
        ),
        (
            {"window": {"weekdays": ["SAT"], "hours": "00:00-24:00"}},
            "It lies within the whole day on Sat.",
        ),
        (
            {"window": {"weekdays": ["SAT"], "hours": "06:00-06:00"}},
            "It lies within the 24 hours from 06:00 on Sat.",
        ),
        (
            {"window": {"weekdays": ["SAT"], "hours": "18:00-24:00"}},
            "It lies within 18:00 to 00:00 on Sat.",
        ),
        ({"grid": {"step": "15m"}}, "It starts and ends at multiples of 15 minutes."),
        (
            {"grid": {"slots": ["07:00-12:30"]}},
            "It is booked by whole parts of one day: 07:00 to 12:30.",
        ),
        (
            {"length": {"at_least": "15m", "at_most": "90m"}},
            "It lasts at least 15 minutes and at most 1 hour 30 minutes.",
        ),
        ({"ahead": {"at_most": "14d"}}, "It is made at most 14 days before its start."),
        (
            {"quota": {"per": "ACCOUNT", "period": "DAY", "at_most": 1, "unit": "HOURS"}},
            "At most 1 hour in a day per account.",
        ),
        (
            {
                "quota": {
                    "per": "HOLDER",
                    "period": "WEEK",
                    "at_most": 3,
                    "beyond": {"quantity": 1, "unit": "credit"},
                }
            },
            "At most 3 bookings in a week per holder; 1 × credit beyond it.",
        ),
        ({"groups": ["B", "A"], "share": {"places": 2}}, "2 places kept for it, until the start."),
        (
            {"groups": ["A"], "share": {"places": 1, "release_before": "1h"}},
            "1 place kept for it, and given to all 1 hour before the start.",
        ),
        ({"concurrent": {"per": "HOLDER", "at_most": 1}}, "At most 1 booking at once per holder."),
        (
            {"cutoff": {"change": "2h", "cancel": "1h"}},
            "It is changed at the latest 2 hours before its start and cancelled at the latest 1 "
            "hour before its start.",
        ),
        (
            {"price": {"occasion": "NO_SHOW", "quantity": 2, "unit": "credit"}},
            "A booking that nobody came for costs 2 × credit.",
        ),
    ],
)
def test_each_rule_says_what_it_means(keys: dict[str, Any], said: str) -> None:
    (read,) = policy_of(rule(**keys)).rules
    groups = {"A": " (A)", "B": " (A and B)"}.get(keys.get("groups", [""])[0], "")
    assert rule_sentence(read) == f"it{groups}: {said}"


def test_a_policy_says_what_a_booking_goes_through() -> None:
    policy = policy_of(
        {
            "early_start": "5m",
            "late_stop": "10m",
            "buffer": "5m",
            "overstay": [{"act": "TELL"}, {"act": "STOP", "after": "1h"}],
            "waitlist": {"snoozes": 0},
        }
    )
    assert sentences(policy) == (
        "An EVSE is chosen 30 minutes before the start and held at its station 10 minutes before "
        "it.",
        "It is kept for 15 minutes after the start; then the booking is a no-show.",
        "Its driver may plug in 5 minutes before the start.",
        "A session may go on for 10 minutes after the end.",
        "Between two bookings of an EVSE there are 5 minutes.",
        "A session that runs too long: at once its driver is told, after 1 hour it is stopped.",
        "When places are missing, these give way first: the booking that was made last.",
        "Who waits has 15 minutes to take an offer, and may put it off 0 times.",
    )


def test_a_policy_without_a_ladder_or_a_pause_says_nothing_of_them() -> None:
    plain = BookingPolicy(overstay=(), grace=timedelta(0))
    said = sentences(plain)
    assert said[1].startswith("It is kept for 0 minutes")
    assert not any("too long" in each or "Between" in each for each in said)


def test_a_price_and_a_quota_beyond_are_terms_of_their_own() -> None:
    (read,) = policy_of(
        rule(
            quota={
                "per": "HOLDER",
                "period": "DAY",
                "at_most": 0,
                "beyond": {"quantity": 1, "unit": "x"},
            }
        )
    ).rules
    assert isinstance(read.term, Quota)
    assert isinstance(read.term.price, Price)
    assert isinstance(policy_of(rule(grid={"step": "1h"})).rules[0].term, Grid)
