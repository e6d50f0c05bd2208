"""Reads the times of a station by what is known of its clock, and learns from each live message.

What is known lives with the connection. The fleet gets it only when it has changed, and not often,
so that another gateway knows it from the first message on.
"""

from datetime import datetime, timedelta

import msgspec

from fleet import stations, transactions
from fleet.database import Database
from fleet.engine.unavailable import DatabaseUnavailable
from station_gateway.dialects.fields import NEWEST, OLDEST
from station_gateway.dialects.messages import (
    ConnectorStatusSeen,
    MeterRead,
    SessionEvent,
    SessionStarted,
    SessionStopped,
    StationCall,
    StationTime,
)
from station_gateway.stations.peer import Peer
from station_gateway.stations.standing import write_as

STORE_PAUSE = timedelta(seconds=30)
"""The least time between two writes of one station's clock: it may be set to and fro."""

_Timed = ConnectorStatusSeen | MeterRead | SessionEvent | SessionStarted | SessionStopped


def on_our_clock(peer: Peer, call: StationCall) -> StationCall:
    """The message with its time as our clock has it. What it tells of the clock is learned after.

    So a message is never corrected by its own word, but for the time zone of a bare local time. One
    that may be of a clock that stands still keeps our time, and is suspect.
    """
    if not isinstance(call, _Timed) or call.time.raw_skew_s is None:
        return call
    told, skew_s = call.time, call.time.raw_skew_s
    received = told.time if told.suspect else told.time - timedelta(seconds=skew_s)
    offset_s = peer.clock.offset_of(skew_s, zoned=told.zoned)
    slack_s = peer.clock.slack_of(offset_s, zoned=told.zoned)
    lead_s = peer.clock.lead_of(offset_s, zoned=told.zoned)
    stands = peer.clock.may_stand(skew_s, received, zoned=told.zoned)
    if _is_live(call):
        peer.clock = peer.clock.heard(skew_s, received, zoned=told.zoned)
    if stands:
        return _of_our_clock(call, received)
    age = timedelta(seconds=skew_s - offset_s)
    if not offset_s or not -OLDEST <= age <= NEWEST:
        if slack_s is None or told.suspect or offset_s:
            return call
        exact = msgspec.structs.replace(told, slack_s=slack_s, lead_s=lead_s)
        return msgspec.structs.replace(call, time=exact)
    return msgspec.structs.replace(
        call,
        time=StationTime(
            received + age,
            raw_skew_s=skew_s,
            zoned=told.zoned,
            offset_s=offset_s,
            written=_written(received, skew_s) if told.suspect else told.time,
            slack_s=slack_s,
            lead_s=lead_s,
        ),
    )


def _of_our_clock(call: _Timed, received: datetime) -> StationCall:
    """The message as one that came about when we got it, as far as anybody knows."""
    told, skew_s = call.time, call.time.raw_skew_s or 0.0
    written = _written(received, skew_s) if told.suspect else told.time
    time = msgspec.structs.replace(told, time=received, suspect=True, written=written)
    return msgspec.structs.replace(call, time=time)


def shown_at(told: StationTime, now: datetime) -> datetime | None:
    """When what a message shows was so, by our clock; None: the station's time tells it not."""
    return None if told.suspect else transactions.shown_at(told.time, now, told.lead_s)


def _written(received: datetime, skew_s: float) -> datetime:
    """The station's time, in whole milliseconds: a repeat of the message must give the same."""
    time = received + timedelta(seconds=skew_s, microseconds=500)
    return time.replace(microsecond=time.microsecond // 1_000 * 1_000)


def _is_live(call: StationCall) -> bool:
    """Whether it tells what happens now, as far as the station says. Ends often come late."""
    if isinstance(call, SessionEvent):
        return not call.offline
    return not isinstance(call, SessionStopped)


async def store_clock(db: Database, peer: Peer, now: datetime) -> None:
    """Give the fleet what is known of the station's clock, when that has changed.

    While the database is away it is given later: no fact depends on it. Raises: Revoked.
    """
    last, clock = peer.clock_stored_time, peer.clock
    if not clock.differs(peer.stored_clock) or (last is not None and now < last + STORE_PAUSE):
        return
    peer.clock_stored_time = now
    try:
        await write_as(db, peer, lambda tx: stations.set_clock(tx, peer.id, clock.stored()))
    except DatabaseUnavailable:
        return
    peer.stored_clock = clock
