"""Sessions of OCPP 2.x that name a start which was over, while a later one was asked for.

A station that has agreed to wait for the cable may go on waiting when its start was given up, agree
to the next start of the same driver, and name the first one in the session that begins then. Which
of the two it is the effect of nobody can tell; and it is not unwanted.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from domain.evidence.matching import begun
from domain.evidence.sessions import SentFrame, Session
from domain.model.specs import Kind
from fleet import claims, remote_starts
from fleet.engine.statements import Tx
from journal.commands.answers import frame_of, said_no


async def with_passed_on(
    tx: Tx,
    station: str,
    frame: SentFrame | None,
    sessions: tuple[Session, ...],
    over_at: Callable[[SentFrame], datetime],
) -> tuple[Session, ...]:
    """The sessions, those marked that name a start which a later one may have followed.

    frame: of the start that is judged. over_at: when a start's own time is over.
    """

    async def named(number: int) -> SentFrame | None:
        if frame is not None and number == frame.number:
            return frame
        row = await remote_starts.by_number(tx, station, number)
        return None if row is None else frame_of(row)

    async def passed_on(session: Session) -> bool:
        number = session.remote_start_id
        first = None if number is None or session.names_nothing else await named(number)
        if first is None or begun(session) <= over_at(first):
            return False
        causes, _ = await claims.open_causes(
            tx,
            station,
            Kind.START_SESSION.value,
            digests=(session.token_digest, session.group_digest),
            evse_id=session.evse_id,
            sent=(first.send_time, session.received_time),
        )
        later = [each for each in causes if each.id > first.id and not each.foreign]
        return any(not said_no(each.answer) for each in later)

    return tuple([replace(each, passed_on=await passed_on(each)) for each in sessions])
