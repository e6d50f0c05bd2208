"""The remote starts of the back end (CSMS), kept as rivals of ours.

A session that the back end asked for is never counted as the effect of a start of ours. Its frame
is kept beside ours, before the station can have begun the session, and explains it as well.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

import structlog

from domain.model.specs import Kind
from fleet.database import Database
from fleet.engine.statements import Tx
from fleet.engine.unavailable import DatabaseUnavailable
from fleet.keys import Sealer
from fleet.remote_starts import foreign_starts
from journal.commands.answers import answer_to_row
from station_gateway.dialects.interface import Dialect
from station_gateway.dialects.messages import Answer, TokenSeen
from station_gateway.dialects.station_calls.back_end_calls import StartAsked
from station_gateway.facts.authorizer import V16_TYPE
from station_gateway.session.frames import MessageId
from station_gateway.stations.peer import Peer

log = structlog.get_logger(__name__)
T = TypeVar("T")

OPEN_LIMIT = 16
"""Starts of the back end at one station whose answer is awaited; the oldest is forgotten."""

PATIENCE_S = 900.0
PAUSE_S = 0.5


class TheirStarts:
    """The starts of the back end at one station."""

    __slots__ = ("_db", "_dialect", "_open", "_peer", "_sealer")

    def __init__(self, peer: Peer, dialect: Dialect, db: Database, sealer: Sealer) -> None:
        self._peer = peer
        self._dialect = dialect
        self._db = db
        self._sealer = sealer
        self._open: dict[MessageId, int] | None = None

    def awaits(self, message_id: MessageId) -> bool:
        """Whether a start with this id has no answer yet."""
        return self._open is not None and message_id in self._open

    async def keep(self, message_id: MessageId, start: StartAsked, time: datetime) -> bool:
        """Keep a start that was passed on at this time.

        False: a session of it could be taken for one of ours. The database was away too long, or a
        frame of ours has its number (OCPP 2.x).
        """
        row = foreign_starts.ForeignStart(
            station=self._peer.id,
            tenant=self._peer.tenant,
            message_id=str(message_id),
            kind=Kind.START_SESSION.value,
            evse_id=start.evse_id,
            token_digest=self._digest(start.token),
            group_digest=self._digest(start.group) if start.group is not None else None,
            send_time=time,
        )
        kept = await self._written(
            lambda tx: foreign_starts.keep(tx, row, number=start.remote_start_id)
        )
        if kept is None:
            return False
        number, is_free = kept
        if self._open is None:
            self._open = {}
        self._open[message_id] = number
        if len(self._open) > OPEN_LIMIT:
            del self._open[next(iter(self._open))]
        return is_free

    async def answered(self, message_id: MessageId, answer: Answer, time: datetime) -> None:
        """The station answered one of them: a refused start explains no session."""
        number = self._open.pop(message_id, None) if self._open is not None else None
        if number is None:
            return
        row = answer_to_row(self._dialect.COMMANDS[Kind.START_SESSION].read_answer(answer))

        await self._written(lambda tx: foreign_starts.answered(tx, number, row, time))

    def _digest(self, token: TokenSeen) -> str:
        return self._sealer.digest(token.type or V16_TYPE, token.value)

    async def _written(self, write: Callable[[Tx], Awaitable[T]]) -> T | None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    try:
                        return await self._db.batch(write)
                    except DatabaseUnavailable:
                        await asyncio.sleep(PAUSE_S)
        except TimeoutError:
            log.exception("start_of_back_end_lost", station=self._peer.id)
            return None
