"""What holders are told is true: that they came, did not come, stayed too long, owe something."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise

from tests.simulation.bookings.rules.words import (
    LIVE,
    ROUGHLY,
    BookingCase,
    BookingStory,
    BookingWords,
)
from tests.simulation.station.truth import TrueSession

ARRIVED = timedelta(seconds=8)
"""How long a report that got through takes to be weighed."""

EARLY = timedelta(seconds=30)
"""By how much a station's clock may be ahead that is believed."""

FINAL = frozenset({"FULFILLED", "CANCELLED", "DISPLACED", "REJECTED"})
"""Ends that nothing changes."""

IN_USE = frozenset({"IN_USE", "OVERSTAYED"})


def _own(case: BookingCase, story: BookingStory) -> Iterator[tuple[str, TrueSession]]:
    """The sessions of its driver, with their places."""
    return ((place, one) for place, one in case.everywhere() if one.token == story.token)


def _came(case: BookingCase, words: BookingWords, session: TrueSession) -> bool:
    """Whether a session is the driver's coming: it began in time, or was there at the start."""
    in_time = session.begun <= case.over(words) - ROUGHLY
    return in_time and (session.ended is None or session.ended > words.start)


def no_show_is_true(case: BookingCase) -> Iterator[str]:
    """NO_SHOW: nobody came, as far as stations had told by then; and the station was there."""
    for story in case.stories:
        for words in story.told:
            if words.state != "NO_SHOW":
                continue
            if words.at < case.over(words) - EARLY:
                yield f"true: {story} is NO_SHOW at {words.at:%X}, before {case.over(words):%X}"
            for place, session in _own(case, story):
                final = words is story.last and place == words.place
                until = case.ended if final else words.at
                told = session.begin_told
                known = told is not None and told + ARRIVED + case.patience < until
                if known and _came(case, words, session):
                    where = f"{place} at {session.begun:%X} (told to go to {words.place})"
                    yield f"true: {story} is NO_SHOW, and its session began at {where}"
            if case.station(words.place).was_seen_away(case.over(words) - ROUGHLY, words.at):
                yield f"true: {story} is NO_SHOW, and its station was away"


def use_is_true(case: BookingCase) -> Iterator[str]:
    """FULFILLED: a session of its driver ran at its place, not long before its start."""
    for story in case.stories:
        last = story.last
        if last.state != "FULFILLED":
            continue
        since = last.start - case.hold_lead - ROUGHLY
        used = [
            one
            for one in case.sessions(last.place)
            if one.token == story.token and (one.ended is None or one.ended >= since)
        ]
        if not used:
            yield f"true: {story} is FULFILLED at {last.place}, and its driver had no session there"
        stayed = any(_is_late(case, last, one) for one in used)
        if last.cause == "OVERSTAYED" and not stayed:
            yield f"true: {story} ended as OVERSTAYED, and its session was over in time"


def _is_late(case: BookingCase, words: BookingWords, session: TrueSession) -> bool:
    """Whether a session went on too long, or nobody had told that it had ended."""
    limit = words.end + case.late_stop
    ended, told = session.ended, session.end_told
    late = ended is None or ended > limit - ROUGHLY
    return late or told is None or told > limit - case.patience


def charged_for_what_was(case: BookingCase) -> Iterator[str]:
    """Nobody is charged for what did not happen, nor twice."""
    for story in case.stories:
        last = story.last
        if len(set(last.charged)) < len(last.charged):
            yield f"true: {story} is charged twice: {last.charged}"
        if "NO_SHOW" in last.charged and last.state != "NO_SHOW":
            yield f"true: {story} is {last.state}, and charged for not coming"
        if "LATE_CANCEL" in last.charged and last.cause != "CANCELLED_BY_HOLDER":
            yield f"true: {story} is {last.state}, and charged for cancelling late"
        sessions = [one for _, one in _own(case, story)]
        if "OVERSTAY" in last.charged and not any(_is_late(case, last, one) for one in sessions):
            yield f"true: {story} is charged for staying too long, and was not there"


def who_is_in_its_way_is_there(case: BookingCase) -> Iterator[str]:
    """Who is told to be in a booking's way is not its driver, and charges there, as far as told."""
    for story in case.stories:
        for words in story.told:
            if words.blocked and not any(
                one.token != story.token
                and one.begun <= words.at + ROUGHLY
                and (one.end_told is None or one.end_told + case.patience >= words.at)
                for one in case.sessions(words.blocked)
            ):
                where = f"{words.blocked} at {words.at:%X}"
                yield f"true: somebody else is told to be in the way of {story}, at {where}"


def ends_are_final(case: BookingCase) -> Iterator[str]:
    """What has ended for good stays so; what was confirmed does not lapse."""
    for story in case.stories:
        for before, after in pairwise(story.told):
            if before.state in FINAL and after.state != before.state:
                yield f"true: {story} was {before.state} and became {after.state}"
            if before.state not in LIVE and after.state in LIVE - IN_USE:
                yield f"true: {story} was {before.state} and became {after.state}"
        confirmed = any(one.state != "PENDING" for one in story.told[:-1])
        if story.last.cause == "NOT_CONFIRMED_IN_TIME" and confirmed:
            yield f"true: {story} was confirmed, and lapsed"


def calm_ends_are_exact(case: BookingCase) -> Iterator[str]:
    """Where nothing fails, each end is what happened."""
    for story in case.stories if case.calm else ():
        last = story.last
        if last.state == "CANCELLED" or last.cause == "NOT_CONFIRMED_IN_TIME":
            continue
        own = [one for place, one in _own(case, story) if place == last.place]
        came = any(_came(case, last, one) for one in own)
        told = f"{story} is {last.state} ({last.cause})"
        if came and last.state != "FULFILLED":
            yield f"true: nothing failed, its driver came, and {told}"
        if not came and last.state not in {"NO_SHOW", "DISPLACED", "FULFILLED"}:
            yield f"true: nothing failed, nobody came, and {told}"
        if last.state == "DISPLACED" and (free := _free_all_the_time(case, story, last)):
            yield f"true: nothing failed, and {story} is DISPLACED, though {free} was free"


def _free_all_the_time(case: BookingCase, story: BookingStory, words: BookingWords) -> str:
    since = words.start - case.hold_lead - case.patience
    for place in case.places:
        charged = any(
            one.begun <= words.end and (one.ended is None or one.ended >= since)
            for one in case.sessions(place)
        )
        promised = any(
            told.place == place and told.start < words.end and words.start < told.end
            for other in case.stories
            if other is not story
            for told in other.told
        )
        closed = any(
            one.place in {"", place} and one.begin < words.end and words.start < one.end
            for one in case.closings
        )
        if not (charged or promised or closed):
            return place
    return ""


RULES = (
    no_show_is_true,
    use_is_true,
    charged_for_what_was,
    who_is_in_its_way_is_there,
    ends_are_final,
    calm_ends_are_exact,
)
