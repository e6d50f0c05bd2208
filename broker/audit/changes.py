"""Audit entries of calls that change something, written in the transaction of the change."""

from datetime import datetime
from uuid import uuid4

from broker.auth import current_caller
from broker.calls import current_trace_id
from fleet.engine.statements import Tx
from fleet.log import audit
from fleet.log.audit import AuditRow


async def record_change(
    tx: Tx, method: str, resource: str, now: datetime, *, station: str = "", request_id: str = ""
) -> None:
    """Write the audit entry of the call that is being served. See `change_entry`.

    Not in a shared transaction (`Database.batch`), which runs in the task of another call.
    """
    entry = change_entry(method, resource, now, station=station, request_id=request_id)
    await audit.write(tx, [entry])


def change_entry(
    method: str, resource: str, now: datetime, *, station: str = "", request_id: str = ""
) -> AuditRow:
    """The audit entry of the call that is being served.

    method: its name without the service. resource: the name of what it changes, with no secret in
    it. station: the identity of the station that it is about. request_id: the caller's, if any.
    """
    caller = current_caller()
    return AuditRow(
        tenant=caller.tenant,
        id=str(uuid4()),
        create_time=now,
        caller=caller.name,
        method=method,
        resource=resource,
        station=station,
        code="OK",
        reason="",
        request_id=request_id,
        trace_id=current_trace_id(),
        times=1,
        last_time=now,
    )
