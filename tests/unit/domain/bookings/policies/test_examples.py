"""The examples of a policy file, and the files of the three markets."""

import tomllib
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from domain.bookings.policies.examples import policy_file_of, tried
from domain.bookings.policies.reading import PolicyError

BERLIN = ZoneInfo("Europe/Berlin")
REFUSED = "expected refused by an-hour, but it is allowed"
MARKETS = sorted((Path(__file__).parents[5] / "examples" / "bookings").glob("*.toml"))


def file(**example: Any) -> dict[str, Any]:
    made = {
        "title": "it",
        "holder": {"token": "anna"},
        "made": "2026-12-01 09:00",
        "start": "2026-12-02 07:00",
        "end": "2026-12-02 09:00",
    }
    rules = [
        {"id": "an-hour", "length": {"at_most": "1h"}},
        {"id": "fee", "price": {"occasion": "BOOK", "quantity": 1, "unit": "credit"}},
    ]
    return {
        "time_zone": "Europe/Berlin",
        "places": 2,
        "policy": {"rules": rules},
        "examples": [made | example],
    }


@pytest.mark.parametrize("path", MARKETS, ids=lambda path: path.stem)
def test_the_policy_of_each_market_does_what_its_examples_say(path: Path) -> None:
    results = tried(policy_file_of(tomllib.loads(path.read_text()), BERLIN))
    assert [each.surprise for each in results if each.surprise] == []
    assert len(results) >= 4


@pytest.mark.parametrize(
    ("example", "surprise"),
    [
        ({"expect": ["an-hour"]}, ""),
        ({}, "expected allowed, but it is refused by an-hour"),
        ({"end": "2026-12-02 08:00", "expect": ["an-hour"]}, REFUSED),
        ({"end": "2026-12-02 08:00", "charges": ["fee"]}, ""),
        ({"end": "2026-12-02 08:00", "charges": []}, "expected charges by none, but there are fee"),
    ],
)
def test_an_example_that_is_not_as_expected_is_told(example: dict[str, Any], surprise: str) -> None:
    (one,) = tried(policy_file_of(file(**example), BERLIN))
    assert one.surprise == surprise


@pytest.mark.parametrize(
    ("example", "said"),
    [
        ({"start": "tomorrow"}, 'examples[0].start: expected a local time as "2026-12-01 09:00".'),
        ({"start": "2027-03-28 02:30"}, "examples[0].start: no clock shows 02:30 on that day."),
        ({"end": "2026-12-02 07:00"}, "examples[0]: its end is not after its start."),
        ({"expect": ["half-days"]}, "examples[0].expect: there is no rule `half-days`."),
        ({"holder": {}}, "examples[0].holder: `token` is missing."),
        ({"besides": []}, "examples[0]: nothing is known of `besides`."),
    ],
)
def test_an_example_that_cannot_be_read_is_named(example: dict[str, Any], said: str) -> None:
    with pytest.raises(PolicyError) as error:
        policy_file_of(file(**example), BERLIN)
    assert str(error.value) == said
