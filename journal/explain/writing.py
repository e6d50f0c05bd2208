"""Writes a note that explains a command, in the transaction of what it notes."""

from datetime import datetime

from fleet.engine.statements import Tx
from fleet.log import notes
from journal.explain.notes import ExplainNote


async def add_note(
    tx: Tx,
    tenant: str,
    command: str,
    note: ExplainNote | None,
    now: datetime,
    *,
    is_first: bool = False,
) -> None:
    """Writes the note once, however often it is made. None: there is nothing to note.

    is_first: the command was written down in this very transaction.
    """
    if note is None:
        return
    await notes.add(
        tx,
        tenant=tenant,
        command=command,
        key=note.key,
        what=note.what.value,
        text=note.text,
        facts=dict(note.facts),
        now=note.at or now,
        is_first=is_first,
    )
