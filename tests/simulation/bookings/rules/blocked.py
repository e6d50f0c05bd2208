"""No place is blocked without a cause: what a station holds is held for a booking, in its time."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from tests.simulation.bookings.rules.words import (
    LIVE,
    ROUGHLY,
    BookingCase,
    BookingStory,
    StationWords,
)
from tests.simulation.station.truth import TrueHold

CLEARING = timedelta(seconds=30)
"""How long a station that answers slowly keeps others waiting for their turn."""


def held_in_its_time(case: BookingCase) -> Iterator[str]:
    """From `hold_lead` before its start at the earliest, for its driver, until it is let go."""
    for story, place, hold in _holds(case):
        last = story.last
        early = last.start - case.hold_lead - ROUGHLY
        if hold.begun < early and hold.cause != "revived":
            yield f"blocked: {place} is held for {story} from {hold.begun:%X}, before {early:%X}"
        if hold.token != story.token:
            yield f"blocked: {place} is held for {hold.token}, and booked by {story}"
        if hold.evse != int(place.partition("/")[2]):
            yield f"blocked: {story} has {place}, and another EVSE is held"


def let_go_in_time(case: BookingCase) -> Iterator[str]:
    """What is held for a booking that has ended, or has moved, is cancelled as soon as can be."""
    for story, place, hold in _holds(case):
        since = _needless_since(story, place, hold, case)
        if since is None or hold.cause == "revived":
            continue
        station = case.station(place)
        since = max(since, hold.begun)
        until = since + case.patience + CLEARING
        runs = hold.ended is None or hold.ended > until
        there = station.was_there(since - CLEARING, until)
        if runs and there and not _told_to(station, hold, until):
            at = hold.ended or case.ended
            yield f"blocked: {place} is held until {at:%X}, and {story} needs it to {since:%X}"


def _holds(case: BookingCase) -> Iterator[tuple[BookingStory, str, TrueHold]]:
    """Every hold of a station that is one of a booking, with the place that it was asked for."""
    for story in case.stories:
        asked = {one.reservation: one.place for one in reversed(story.told) if one.reservation}
        for reservation, place in asked.items():
            number = case.numbers.get(reservation)
            for hold in case.station(place).truth.holds:
                if hold.wire_id == number:
                    yield story, place, hold


def _needless_since(
    story: BookingStory, place: str, hold: TrueHold, case: BookingCase
) -> datetime | None:
    """When the booking had no need of this hold any more, for good."""
    since: datetime | None = None
    for words in story.told:
        needs = words.state in LIVE and words.place == place
        if needs:
            since = None
        elif since is None and words.at >= hold.begun - case.hold_lead:
            since = words.at
    end = story.last.end
    return min(since, end) if since is not None else end


def _told_to(station: StationWords, hold: TrueHold, until: datetime) -> bool:
    """Whether the station got a cancel of this number since it held it."""
    return any(
        frame.action == "CancelReservation"
        and int(frame.payload["reservationId"]) == hold.wire_id
        and hold.begun - CLEARING <= frame.at <= until
        for frame in station.truth.frames
    )


RULES = (held_in_its_time, let_go_in_time)
