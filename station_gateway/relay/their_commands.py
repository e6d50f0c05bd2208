"""The commands of the back end (CSMS) at one station: kept, and followed to what came of them.

What the back end has asked for is never counted as the effect of a command of ours. So each of its
commands is kept before the station can have acted, with the station's answer. A start is kept as a
rival beside our frames as well. What a command brought is decided when the station reports it.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import NamedTuple, TypeVar

import structlog

from domain.back_end.commands import LATEST_START
from domain.model.answers import CallError
from domain.model.specs import Kind
from fleet.back_end import calls
from fleet.back_end.calls import NewCall
from fleet.database import Database
from fleet.engine.statements import Tx
from fleet.keys import Sealer
from fleet.remote_starts import foreign_starts
from journal.back_end import deciding
from journal.commands.answers import answer_to_row
from station_gateway.commands.answers import written_within
from station_gateway.dialects.interface import Dialect
from station_gateway.dialects.messages import (
    Answer,
    Booted,
    SessionEvent,
    SessionStarted,
    SessionStopped,
    StationCall,
    TokenSeen,
)
from station_gateway.dialects.station_calls.back_end_calls import (
    CommandAsked,
    StartAsked,
    command_asked,
    is_start,
    start_asked,
)
from station_gateway.facts.authorizer import V16_TYPE
from station_gateway.facts.reports import PATIENCE_S
from station_gateway.session.frames import (
    DecodedFrame,
    FrameError,
    FrameLimits,
    MessageId,
    decode,
)
from station_gateway.session.pairing import head_of
from station_gateway.stations.peer import Peer

log = structlog.get_logger(__name__)
T = TypeVar("T")

OPEN_LIMIT = 16
"""Commands of the back end at one station whose answer is awaited; the oldest is forgotten."""

_ABOUT_SESSIONS = (SessionStarted, SessionStopped, SessionEvent)

PAUSE_S = 0.5
"""Between two tries while the database is away."""


class _KeptCommand(NamedTuple):
    """The rows of one command. start: of the rival beside our frames; None: it is no start.

    is_certain: False: a session that it asked for could be taken for one of ours.
    """

    call: int
    start: int | None = None
    is_certain: bool = True


class TheirCommands:
    """The commands of the back end at one station."""

    __slots__ = ("_db", "_dialect", "_open", "_peer", "_sealer", "_until")

    def __init__(self, peer: Peer, dialect: Dialect, db: Database, sealer: Sealer) -> None:
        self._peer = peer
        self._dialect = dialect
        self._db = db
        self._sealer = sealer
        self._open: dict[MessageId, tuple[Kind, _KeptCommand]] | None = None
        self._until: datetime | None = None

    def awaits(self, message_id: MessageId) -> bool:
        """Whether a command with this id has no answer yet."""
        return self._open is not None and message_id in self._open

    async def keep(self, call: DecodedFrame, time: datetime) -> bool:
        """Keep a CALL that was passed on at this time, if it is a command.

        False: what it brings could be taken for the effect of a command of ours. The database was
        away too long, nobody can read whom it starts, or a frame of ours has its number (OCPP 2.x).
        """
        asked = command_asked(call.action, call.body, time)
        if asked is None:
            return True
        start = start_asked(call.action, call.body)
        row = self._row(call.message_id, asked, start, time)
        unclear = start is None and is_start(call.action)
        kept = await self._written(lambda tx: self._keep(tx, row, start, unclear=unclear))
        if kept is None:
            return False
        self._until = time + LATEST_START
        if self._open is None:
            self._open = {}
        self._open[call.message_id] = (asked.kind, kept)
        if len(self._open) > OPEN_LIMIT:
            del self._open[next(iter(self._open))]
        return kept.is_certain

    async def settled(
        self, message_id: MessageId, data: str | bytes, limits: FrameLimits, time: datetime
    ) -> None:
        """The station answered one of them with this frame. limits: of what is read."""
        try:
            frame = decode(data, limits)
        except FrameError:
            return
        answer = CallError(*frame.error) if frame.error else frame.body
        await self.answered(message_id, answer, time)

    async def answered(self, message_id: MessageId, answer: Answer, time: datetime) -> None:
        """The station answered one of them: one that it refused explains nothing."""
        found = self._open.pop(message_id, None) if self._open is not None else None
        if found is None:
            return
        kind, kept = found
        said = self._dialect.COMMANDS[kind].read_answer(answer)

        async def write(tx: Tx) -> bool:
            await deciding.answered(tx, kept.call, kind, said, time)
            if kept.start is not None:
                await foreign_starts.answered(tx, kept.start, answer_to_row(said), time)
            return True

        await self._written(write)

    async def dropped(self, data: str | bytes) -> None:
        """The CALL in this frame was never passed on: nothing is due to it."""
        message_id = head_of(data).message_id
        if self._open is None or message_id is None or message_id not in self._open:
            return
        _, kept = self._open.pop(message_id)

        async def write(tx: Tx) -> bool:
            await deciding.not_sent(tx, kept.call)
            if kept.start is not None:
                await foreign_starts.forget(tx, kept.start)
            return True

        await self._written(write)

    async def heard(self, message: StationCall, time: datetime) -> None:
        """The facts of a message are written: they may tell what came of a command."""
        if isinstance(message, Booted):
            awaited, self._peer.awaits_boot = self._peer.awaits_boot, True
            if awaited:
                await self._written(lambda tx: deciding.booted(tx, self._peer.id, time))
        elif isinstance(message, _ABOUT_SESSIONS) and self._may_tell(time):
            await self._written(lambda tx: deciding.session_told(tx, self._peer.id, time))

    def _may_tell(self, time: datetime) -> bool:
        """Whether a session may tell of a command: not while none was passed on for long.

        The first session of a connection begins that time too: the connection before had commands.
        """
        if self._until is None:
            self._until = time + LATEST_START
        return time <= self._until

    def _row(
        self, message_id: MessageId, asked: CommandAsked, start: StartAsked | None, time: datetime
    ) -> NewCall:
        group = start.group if start is not None else None
        return NewCall(
            tenant=self._peer.tenant,
            station=self._peer.id,
            kind=asked.kind.value,
            send_time=time,
            connection_id=self._peer.connection_id,
            message_id=str(message_id),
            mode=asked.mode,
            evse_id=asked.evse_id,
            named_id=asked.named_id,
            number=asked.number if start is None else start.remote_start_id,
            token_digest=None if start is None else self._digest(start.token),
            group_digest=None if group is None else self._digest(group),
            expire_time=asked.expire_time,
        )

    async def _keep(
        self, tx: Tx, row: NewCall, start: StartAsked | None, *, unclear: bool
    ) -> _KeptCommand:
        """unclear: it starts nobody can read whom: any session may be its effect."""
        call = await calls.keep(tx, row)
        if start is None:
            return _KeptCommand(call, is_certain=not unclear)
        rival = foreign_starts.ForeignStart(
            station=row.station,
            tenant=row.tenant,
            message_id=row.message_id,
            kind=row.kind,
            evse_id=start.evse_id,
            token_digest=self._digest(start.token),
            group_digest=row.group_digest,
            send_time=row.send_time,
        )
        number, is_free = await foreign_starts.keep(tx, rival, number=start.remote_start_id)
        return _KeptCommand(call, number, is_free)

    def _digest(self, token: TokenSeen) -> str:
        return self._sealer.digest(token.type or V16_TYPE, token.value)

    async def _written(self, write: Callable[[Tx], Awaitable[T]]) -> T | None:
        written = await written_within(PATIENCE_S, self._db, write, pause_s=PAUSE_S)
        if written is None:
            log.error("command_of_back_end_lost", station=self._peer.id)
        return written
