"""Reads the commands of another back end (CSMS) as the domain's `TheirCommand`."""

from datetime import datetime

from domain.back_end.commands import PUT_OFF, TheirCommand
from domain.back_end.restarts import may_have_restarted
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
    )


async def may_be_their_reset(
    tx: Tx, station: str, since: datetime, until: datetime, evse_id: int | None
) -> bool:
    """Whether a reset of the back end may have brought a restart between these times.

    evse_id: of the EVSE that restarted; None: the whole station.
    """
    rows = await calls.of_station(tx, station, since - PUT_OFF, until, [Kind.RESET.value])
    return any(may_have_restarted(their_command(row), since, until, evse_id) for row in rows)
