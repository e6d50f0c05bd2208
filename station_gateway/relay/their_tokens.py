"""What the back end (CSMS) says of a token that a station asks about (Authorize).

It is kept for the starts of ours only: a station may ask about the token of a start before it
begins a session. An answer that comes late proves nothing, for the station may have stopped waiting
for it; so does none.
"""

from datetime import datetime, timedelta

import structlog

from fleet.database import Database
from fleet.engine.statements import Tx
from fleet.keys import Sealer
from journal.commands.asked_tokens import note_token_answer
from station_gateway.commands.answers import written_within
from station_gateway.dialects.messages import Answer, TokenSeen
from station_gateway.dialects.station_calls.confirmations import refuses_token
from station_gateway.facts.authorizer import V16_TYPE
from station_gateway.facts.reports import PATIENCE_S
from station_gateway.relay.their_commands import PAUSE_S
from station_gateway.stations.peer import Peer

log = structlog.get_logger(__name__)

IN_TIME = timedelta(seconds=5)
"""An answer that took longer is late. Stations wait for 10 seconds and more."""


class TheirTokens:
    """The answers of the back end about tokens at one station."""

    __slots__ = ("_db", "_peer", "_sealer")

    def __init__(self, peer: Peer, db: Database, sealer: Sealer) -> None:
        self._peer = peer
        self._db = db
        self._sealer = sealer

    def until(self, now_s: float) -> float:
        """Until when the answer to a question of now is awaited. Times are of the loop.

        Until it is known that it says no in time, it may be a yes.
        """
        return now_s + IN_TIME.total_seconds()

    async def answered(
        self, token: TokenSeen, answer: Answer | None, asked: datetime, time: datetime
    ) -> None:
        """The back end answered, at `time`; None: it did not, or nobody waits for it any more."""
        digest = self._sealer.digest(token.type or V16_TYPE, token.value)
        refused = refuses_token(answer) and time - asked <= IN_TIME

        async def write(tx: Tx) -> bool:
            await note_token_answer(tx, self._peer.id, digest, asked=asked, refused=refused)
            return True

        if await written_within(PATIENCE_S, self._db, write, pause_s=PAUSE_S) is None:
            log.warning("token_answer_lost", station=self._peer.id)
