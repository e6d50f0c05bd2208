"""Nothing is lost and nothing happens twice, whichever of our processes is killed at which step."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from tests.simulation.station.truth import TrueHold

ENDS = frozenset({"FULFILLED", "CANCELLED", "NO_SHOW", "EXPIRED", "DISPLACED", "REJECTED"})
CORRECTED = frozenset({"NO_SHOW", "EXPIRED"})
"""Ends that a report corrects which comes later."""


@dataclass(frozen=True)
class Change:
    """One change of a booking as its log has it."""

    revision: int
    snapshot: Mapping[str, Any]


@dataclass(frozen=True)
class Post:
    """One callback that was found for a booking."""

    booking: str
    revision: int
    type: str


def told_once(
    changes: Mapping[str, Sequence[Change]],
    posts: Sequence[Post],
    numbers: Mapping[str, Mapping[int, str]],
    holds: Sequence[TrueHold],
) -> Iterator[str]:
    """What was lost, or happened twice, in sentences.

    numbers: of each booking's holds at their stations, with the place of each.
    """
    for booking, history in changes.items():
        short = f"booking {booking[:4]}"
        yield from _changed_once(short, history)
        yield from _posted_once(short, history, [each for each in posts if each.booking == booking])
        yield from _held_once(short, numbers[booking], holds)


def _changed_once(booking: str, history: Sequence[Change]) -> Iterator[str]:
    revisions = [each.revision for each in history]
    if revisions != list(range(1, len(revisions) + 1)):
        yield f"once: {booking} has the revisions {revisions}"
    for before, after in pairwise(history):
        if {**before.snapshot, "revision": 0} == {**after.snapshot, "revision": 0}:
            yield f"once: revision {after.revision} of {booking} changes nothing"
    ends = [
        each.snapshot["state"]
        for before, each in zip([None, *history], history, strict=False)
        if each.snapshot["state"] in ENDS
        and (before is None or before.snapshot["state"] != each.snapshot["state"])
    ]
    if any(end not in CORRECTED for end in ends[:-1]) or len(ends) > 1 + len(CORRECTED):
        yield f"once: {booking} ended as {ends}"


def _posted_once(booking: str, history: Sequence[Change], posts: Sequence[Post]) -> Iterator[str]:
    told = Counter(each.revision for each in posts)
    for change in history:
        times = told[change.revision]
        if times != 1:
            yield f"once: revision {change.revision} of {booking} is told {times} times"


def _held_once(
    booking: str, numbers: Mapping[int, str], holds: Sequence[TrueHold]
) -> Iterator[str]:
    """A hold for each binding, however often it was asked for. Stations forget nothing here."""
    own = [each for each in holds if each.wire_id in numbers]
    places = Counter(numbers[each] for each in {hold.wire_id for hold in own})
    for place, times in places.items():
        if times > 1:
            yield f"once: {booking} was held {times} times at {place}"
