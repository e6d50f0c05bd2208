"""What begins the workflow of a command anew when news comes after its end."""

import json

from contract import names
from contract.attributes import keywords_of
from contract.commands import EDITION, CommandInput, CommandSoFar
from contract.converter import DATA_CONVERTER
from domain.commands import wording
from domain.commands.judging import is_watched
from fleet import sends
from fleet.engine.statements import Tx
from fleet.sends import Send
from fleet.wakeups import Start
from journal.commands.record import latest


async def start_anew(tx: Tx, send: Send) -> Start | None:
    """What begins a run for the late news of this frame's command; None when it is not watched.

    The waits of the run are the defaults: those of the first run ended with it.
    """
    command = await latest(tx, send.tenant, send.command)
    if not is_watched(command):
        return None
    rows = await sends.by_command(tx, send.tenant, send.command)
    so_far = CommandSoFar(
        outcome=command.outcome,
        on_wire=True,
        attempt=max(row.attempt for row in rows),
        cancel_done=True,
        cancel_noted=True,
        late_news=True,
    )
    given = CommandInput(command, so_far=so_far, edition=EDITION)
    return Start(
        workflow=names.command_workflow(command.kind),
        queue=names.COMMANDS_QUEUE,
        argument=json.loads(DATA_CONVERTER.payload_converter.to_payload(given).data),
        attributes=keywords_of(command),
        summary=wording.brief(wording.title(command)),
        details=wording.origin(command),
    )
