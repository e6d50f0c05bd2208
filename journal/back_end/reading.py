"""Reads the commands of another back end (CSMS) as the domain's `TheirCommand`."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from domain.back_end.commands import LATEST_START, LATEST_STOP, PUT_OFF, TheirCommand
from domain.back_end.reservations import RESERVING, ended_by, standing
from domain.back_end.restarts import may_have_restarted
from domain.back_end.starts_and_stops import is_certainly_of
from domain.evidence.sessions import SentFrame, Session
from domain.model.command import Code
from domain.model.specs import Kind
from fleet.back_end import calls
from fleet.back_end.calls import KeptCall
from fleet.engine.statements import Tx
from journal.commands.answers import answer_from_row


def their_command(row: KeptCall) -> TheirCommand:
    """A row as the domain sees it."""
    return TheirCommand(
        kind=Kind(row.kind),
        send_time=row.send_time,
        connection_id=row.connection_id,
        evse_id=row.evse_id,
        named_id=row.named_id,
        number=row.number,
        token_digest=row.token_digest,
        group_digest=row.group_digest,
        answer=None if row.answer is None else answer_from_row(row.answer),
        answer_time=row.answer_time,
        effect_time=row.effect_time,
        mode=row.mode,
        expire_time=row.expire_time,
    )


BEFORE = timedelta(minutes=10)
"""How long before a command of ours one of the back end may have left that explains its story."""

_LONGEST_RESERVATION = timedelta(days=7)


async def told_beside(
    tx: Tx, station: str, evse_id: int | None, since: datetime, until: datetime
) -> list[KeptCall]:
    """What the back end asked of a station while a command of ours was under way, in order.

    Also what it asked for shortly before, and the reservations of it that stood then. evse_id: of
    the command; None: any.
    """
    first = since - BEFORE
    held = await _reserving(tx, station, since - _LONGEST_RESERVATION, first)
    stood = standing([their_command(row) for row in held], since, evse_id)
    beside = await calls.of_station(tx, station, first, until)
    return [*[row for row in held if their_command(row) in stood], *beside]


async def may_hold_there(tx: Tx, station: str, at: datetime, evse_id: int | None) -> bool:
    """Whether a station may hold a reservation of its back end. evse_id: None: at any place."""
    rows = await _reserving(tx, station, at - _LONGEST_RESERVATION, at)
    return bool(standing([their_command(row) for row in rows], at, evse_id))


async def numbers_asked(tx: Tx, station: str, until: datetime) -> set[int]:
    """The numbers under which the back end has lately asked for reservations, or cancelled some."""
    rows = await _reserving(tx, station, until - _LONGEST_RESERVATION, until)
    return {row.number for row in rows if row.number is not None}


async def ended_by_back_end(
    tx: Tx, station: str, number: int, since: datetime, until: datetime
) -> datetime | None:
    """When the back end ended a reservation of ours with this number; None: it did not."""
    rows = await _reserving(tx, station, since, until)
    return ended_by([their_command(row) for row in rows], number)


async def _reserving(tx: Tx, station: str, since: datetime, until: datetime) -> list[KeptCall]:
    return await _passed_on(tx, station, since, until, *RESERVING)


async def _passed_on(
    tx: Tx, station: str, since: datetime, until: datetime, *kinds: Kind
) -> list[KeptCall]:
    """The commands that may have reached the station."""
    rows = await calls.of_station(tx, station, since, until, [kind.value for kind in kinds])
    return [row for row in rows if row.code != Code.NOT_SENT]


async def may_be_their_reset(
    tx: Tx, station: str, since: datetime, until: datetime, evse_id: int | None
) -> bool:
    """Whether a reset of the back end may have brought a restart between these times.

    evse_id: of the EVSE that restarted; None: the whole station.
    """
    rows = await _passed_on(tx, station, since - PUT_OFF, until, Kind.RESET)
    return any(may_have_restarted(their_command(row), since, until, evse_id) for row in rows)


async def certainly_theirs(tx: Tx, station: str, sessions: Sequence[Session]) -> set[str]:
    """The names of those sessions that can only be the effect of a start of the back end."""
    if not sessions:
        return set()
    times = [session.received_time for session in sessions]
    since = min(times) - LATEST_START
    rows = await _passed_on(tx, station, since, max(times), Kind.START_SESSION)
    starts = [their_command(row) for row in rows]
    return {each.name for each in sessions for one in starts if is_certainly_of(one, each)}


async def stops_that_ended(
    tx: Tx, station: str, ocpp_transaction_id: str, ended: datetime
) -> list[SentFrame]:
    """The stops of the back end that the station accepted and that have ended this session."""
    rows = await _passed_on(tx, station, ended - LATEST_STOP, ended, Kind.STOP_SESSION)
    found = [their_command(row) for row in rows if row.named_id == ocpp_transaction_id]
    return [
        SentFrame(0, 1, each.send_time, each.answer_time, ocpp_transaction_id=each.named_id)
        for each in found
        if each.agreed
    ]
