"""Calls that were denied: counted in memory, and written down a minute later at most.

A client without a right can call without an end. So its calls are not written one by one: those of
one credential, method and reason share a row in each minute, and the number of rows has a limit.
What a process has not written when it is killed is lost; lines of the log are not.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from uuid import uuid4

import structlog

from broker.access.caller import Caller
from broker.access.rights import changes_something
from broker.calls import current_trace_id
from broker.errors import Refusal
from fleet.database import Database
from fleet.engine.unavailable import DatabaseUnavailable
from fleet.log import audit
from fleet.log.audit import AuditRow
from journal.clock import Clock
from telemetry.supervision import background

MOST = 1_000
"""How many rows one minute of one process has at most."""

WRITE_PAUSE_S = 60.0
LAST_WRITE_S = 5.0
"""How long a process that ends tries to write the rest."""

_DENIED = "PERMISSION_DENIED"

_logger = structlog.get_logger(__name__)


class DeniedCalls:
    """The denied calls that are not written yet. now: the time of a call."""

    def __init__(self, now: Clock) -> None:
        self._now = now
        self._rows: dict[tuple[str, ...], AuditRow] = {}
        self.left_out = 0
        """How many calls since the last `take` had no place."""

    def note(self, caller: Caller, method: str, refusal: Refusal) -> None:
        """Count a call that ended so, when it was denied and would have changed something."""
        if refusal.code.name == _DENIED and changes_something(method):
            self._add(self._row(caller, method.rpartition("/")[2], refusal))

    def take(self) -> list[AuditRow]:
        """What has to be written now; the count begins anew. Each row has an id of its own."""
        rows = [replace(row, id=str(uuid4())) for row in self._rows.values()]
        self._rows.clear()
        self.left_out = 0
        return rows

    def put_back(self, rows: Sequence[AuditRow]) -> None:
        """Count on from rows that could not be written."""
        for row in rows:
            self._add(row)

    def _row(self, caller: Caller, method: str, refusal: Refusal) -> AuditRow:
        now = self._now()
        return AuditRow(
            tenant=caller.tenant,
            id="",
            create_time=now,
            caller=caller.name,
            method=method,
            resource="",
            station="",
            code=_DENIED,
            reason=refusal.reason.value,
            request_id="",
            trace_id=current_trace_id(),
            times=1,
            last_time=now,
        )

    def _add(self, row: AuditRow) -> None:
        key = (row.tenant, row.caller, row.method, row.reason)
        known = self._rows.get(key)
        if known is not None:
            self._rows[key] = replace(
                known,
                times=known.times + row.times,
                create_time=min(known.create_time, row.create_time),
                last_time=max(known.last_time, row.last_time),
            )
        elif len(self._rows) < MOST:
            self._rows[key] = row
        else:
            self.left_out += row.times


@asynccontextmanager
async def writing_denied_calls(db: Database, denied: DeniedCalls) -> AsyncIterator[None]:
    """Writes denied calls down while the context is open, and the rest when it closes."""

    async def run() -> None:
        while True:
            await asyncio.sleep(WRITE_PAUSE_S)
            await _write(db, denied)

    try:
        async with background("denied-calls", run):
            yield
    finally:
        with suppress(TimeoutError):  # the log has lines of them
            async with asyncio.timeout(LAST_WRITE_S):
                await _write(db, denied)


async def _write(db: Database, denied: DeniedCalls) -> None:
    if denied.left_out:
        _logger.warning("denied_calls_left_out", calls=denied.left_out)
    rows = denied.take()
    if not rows:
        return
    try:
        async with db.write() as tx:
            await audit.write(tx, rows)
    except DatabaseUnavailable as error:
        denied.put_back(rows)
        _logger.warning("denied_calls_not_written", rows=len(rows), why=str(error))
