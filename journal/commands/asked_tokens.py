"""What a station was told about the token of a start, before it began a session or did not.

A station names no start when it asks about a token (Authorize). So the question is about a start of
ours only when no other one can be its cause: one of ours with the same token that has not ended, or
one of the station's own back end. Where several can, and where the answer was no clear no, the
question is kept as unclear for each of ours: what was told of one may have been meant for another.
"""

from datetime import datetime, timedelta

from domain.limits import FOREIGN_CAUSE_AGE
from domain.model.command import State
from domain.model.specs import Kind
from fleet import claims, sends
from fleet.claims import OpenCause
from fleet.engine.statements import Tx
from fleet.log import commands as log
from journal.commands.answers import said_no
from journal.commands.record import from_snapshot

LONGEST_WAIT = timedelta(hours=1)
"""How long before the question a start of ours may have left. Stations wait for less."""


async def note_token_answer(
    tx: Tx, station: str, digest: str, *, asked: datetime, refused: bool
) -> None:
    """Keep for the starts of ours that may be meant what the station was told about a token.

    asked: when the station asked, by our clock. refused: it was told no, in time.
    """
    causes, more = await claims.open_causes(
        tx,
        station,
        Kind.START_SESSION.value,
        digests=(digest, None),
        evse_id=None,
        sent=(asked - LONGEST_WAIT, asked),
    )
    able = [each for each in causes if not said_no(each.answer)]
    foreign = [
        each for each in able if each.foreign and asked - each.send_time <= FOREIGN_CAUSE_AGE
    ]
    ours = [each for each in able if not each.foreign and await _goes_on(tx, each)]
    alone = len(ours) == 1 and not foreign and not more
    for each in ours:
        if each.token_digest == digest:
            await sends.token_asked(tx, each.id, refused=refused and alone, asked=asked)


async def _goes_on(tx: Tx, cause: OpenCause) -> bool:
    """Whether the command has not ended: its station may still begin, or ask."""
    entry = await log.latest(tx, tenant=cause.tenant, name=cause.command)
    return entry is None or from_snapshot(entry.snapshot).state is not State.DONE
