"""Tokens of sessions that began under a reservation, and are told after its end.

A report takes time to come: a second on the way, hours in the queue of a station without a network.
By then the reservation may be over, and nothing else may know the token. The driver came in time:
he keeps his right to the session's end, and the reservation can be told as used.
"""

from dataclasses import replace

from domain.reservations.timeliness import began_at, was_held_at
from fleet.engine.statements import Tx
from fleet.log import reservations
from journal.reservations.record import from_snapshot
from station_gateway.dialects.messages import Authorization, StationTime, TokenVerdict
from station_gateway.facts.authorizer import Judgement

_GOOD = Authorization(TokenVerdict.ACCEPTED)


async def judge_late(tx: Tx, station: str, token: Judgement, time: StationTime) -> Judgement:
    """The verdict on a token that was shown at that time, which may be before a hold's end.

    What the token table or another back end says of a token stands.
    """
    if token.accepted or token.listed or token.by_back_end or time.suspect:
        return token
    shown = began_at(time.time, time.slack_s)
    ended = await reservations.ended_at(tx, station, since=shown)
    for entry in (*await reservations.open_at(tx, station), *ended):
        known = from_snapshot(entry.snapshot)
        if token.digest in known.digests and was_held_at(known, shown):
            return replace(token, authorization=_GOOD, brought=known.digests, known=True)
    return token
