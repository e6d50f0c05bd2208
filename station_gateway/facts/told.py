"""What a report says of its token and of its time, as the database keeps it."""

from datetime import datetime

from station_gateway.dialects.messages import StationTime, TokenSeen
from station_gateway.facts.authorizer import Judgement


def digest_told(token: Judgement, seen: TokenSeen) -> str | None:
    """The token's digest; None for an empty token, which says nothing about whose session it is."""
    return token.digest if seen.value.strip() else None


def written_time(time: StationTime) -> str | None:
    """What the station wrote, when its time was corrected: a repeat may be corrected otherwise."""
    return None if time.written is None else time.written.isoformat()


def time_by_its_clock(time: StationTime) -> datetime | None:
    """The same, unless it was a bare local time: the time zone of another one may be another."""
    return time.written if time.zoned else None
