"""Writes what is worth telling about a command into its notes, with the fact that it tells."""

from datetime import datetime

from fleet.engine.statements import Tx
from fleet.log import notes
from journal.explain.notes import Telling


async def tell(tx: Tx, tenant: str, command: str, telling: Telling | None, now: datetime) -> None:
    """Note it once. None: there is nothing to tell."""
    if telling is None:
        return
    await notes.add(
        tx,
        tenant=tenant,
        command=command,
        key=telling.key,
        what=telling.what.value,
        text=telling.text,
        facts=dict(telling.facts),
        now=telling.at or now,
    )
