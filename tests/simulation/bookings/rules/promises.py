"""No place is promised twice, and no promise is forgotten."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import combinations

from tests.simulation.bookings.rules.words import (
    LIVE,
    ROUGHLY,
    BookingCase,
    BookingStory,
    BookingWords,
)

WAITING = frozenset({"PENDING", "CONFIRMED"})
"""The states in which a booking has no EVSE."""

REFUSED_ENDS = timedelta(seconds=60)
"""Within this time a session that was refused has ended by itself."""


def no_double_promise(case: BookingCase) -> Iterator[str]:
    """No EVSE is promised to two at one time, a closed one to nobody, no more than there are."""
    buffer = timedelta(seconds=case.terms.buffer_s)
    found: dict[str, None] = {}
    for moment in sorted({one.at for story in case.stories for one in story.told}):
        there = list(_live(case, moment))
        for (one, first), (other, second) in combinations(there, 2):
            if first.place == second.place and _overlap(first, second, buffer):
                found[f"double: {one} and {other} have {first.place} at one time"] = None
        for story, words in there:
            if words.state not in {"IN_USE", "OVERSTAYED"} and _is_closed(case, words):
                found[f"double: {story} has {words.place}, which is closed then"] = None
        most = len(case.places) - case.reserve
        for _, words in there:
            at_once = sum(one.start <= words.start < one.end for _, one in there)
            if at_once > most:
                found[f"double: {at_once} have one of {most} places at {words.start:%X}"] = None
    yield from found


def _live(case: BookingCase, moment: datetime) -> Iterator[tuple[BookingStory, BookingWords]]:
    for story in case.stories:
        words = story.at(moment)
        if words is not None and words.state in LIVE:
            yield story, words


def _overlap(one: BookingWords, other: BookingWords, buffer: timedelta) -> bool:
    return one.start < other.end + buffer and other.start < one.end + buffer


def _is_closed(case: BookingCase, words: BookingWords) -> bool:
    return any(
        one.place in {"", words.place} and one.begin < words.end and words.start < one.end
        for one in case.closings
    )


def none_forgotten(case: BookingCase) -> Iterator[str]:
    """Each reaches an end. When its start has come it has an EVSE, or was told otherwise."""
    yield from case.runs
    for story in case.stories:
        last = story.last
        stands = story.is_offer and case.ended < last.end + case.patience  # nobody has to take it
        if last.state in LIVE and not stands:
            yield f"forgotten: {story} never ended: {last.state}"
        begun = None if story.is_offer else story.at(last.start + case.patience)
        if begun is not None and begun.state in WAITING:
            yield f"forgotten: {story} was {begun.state} when its start had come"


def held_before_its_start(case: BookingCase) -> Iterator[str]:
    """HELD: its station had held it. In a calm world: each booking that has an EVSE is held."""
    for story in case.stories:
        for words in story.told:
            if words.state == "HELD" and not _was_held(case, words, words.at):
                yield f"forgotten: {story} is HELD at {words.place}, and its station never held it"
        start = story.at(story.last.start)
        unheld = case.calm and start is not None and start.state == "BOUND"
        if unheld and not _somebody_was_there(case, story.last):
            yield f"forgotten: {story} is BOUND at its start, and nothing was in the way"


def _was_held(case: BookingCase, words: BookingWords, by: datetime) -> bool:
    number = case.numbers.get(words.reservation)
    return any(
        hold.wire_id == number and hold.begun <= by + ROUGHLY
        for hold in case.station(words.place).truth.holds
    )


def _somebody_was_there(case: BookingCase, words: BookingWords) -> bool:
    since = words.start - case.hold_lead - case.patience
    return any(
        one.begun <= words.start and (one.ended is None or one.ended >= since)
        for _, one in case.everywhere()
    )


def promised_where_nobody_stays(case: BookingCase) -> Iterator[str]:
    """Who asks for a place that begins soon is promised none while others charge at all of them."""
    for story in case.stories:
        made = story.told[0]
        if made.start - made.at >= case.hold_lead - ROUGHLY:
            continue
        if all(_is_taken(case, story, place, made) for place in case.places):
            yield f"double: {story} was promised a place at {made.start:%X}; all were in use"


def _is_taken(case: BookingCase, story: BookingStory, place: str, made: BookingWords) -> bool:
    """Whether somebody else charges there, as was known, and no booking says until when."""
    booked = {
        one.token
        for one in case.stories
        if (words := one.at(made.at)) is not None and words.state in LIVE and words.end > made.at
    }
    return any(
        one.token not in {story.token, *booked}
        and one.begin_told is not None
        and one.begin_told + REFUSED_ENDS + case.patience <= made.at
        and (one.ended is None or one.ended > made.at + ROUGHLY)
        for one in case.sessions(place)
    )


RULES = (no_double_promise, none_forgotten, held_before_its_start, promised_where_nobody_stays)
