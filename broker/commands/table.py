"""The edges of all commands, by kind. A test holds the table total over `Kind`."""

from typing import Any

from broker.access.rights import MethodRights
from broker.commands import (
    cancel_reservation,
    reserve_now,
    reset,
    start_session,
    stop_session,
    unlock_connector,
)
from broker.commands.edge import CommandEdge
from domain.model.specs import Kind

EDGES: dict[Kind, CommandEdge[Any, Any]] = {
    edge.kind: edge
    for edge in (
        start_session.EDGE,
        stop_session.EDGE,
        unlock_connector.EDGE,
        reset.EDGE,
        reserve_now.EDGE,
        cancel_reservation.EDGE,
    )
}

METHOD_RIGHTS = MethodRights({edge.method: edge.opened_by for edge in EDGES.values()})
"""The rights of which each method needs one."""
