"""Writes down that a call changed something, in the transaction of the change."""

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
    """Write an audit entry for the call that is being served.

    method: its name without the service. resource: the name of what it changes, with no secret in
    it. station: the identity of the station that it is about. request_id: the caller's, if any.
    """
    caller = current_caller()
    row = AuditRow(
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
    await audit.write(tx, [row])
