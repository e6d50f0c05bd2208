"""AuditService: who changed what."""

from evcommand.v1 import audit_service_pb2 as pb
from evcommand.v1 import audit_service_pb2_grpc as pb_grpc

from broker.audit.entries import check_list, filter_in, newest_first, place_of
from broker.auth import current_caller
from broker.backend import Backend
from broker.calls import Context
from broker.errors import check
from broker.proto.selection import list_selection
from broker.reading.paging import Pager, cut_page, limit_of
from fleet.log import audit
from fleet.log import commands as fleet_log
from journal.commands.record import from_snapshot


class AuditServicer(pb_grpc.AuditServiceServicer):
    """Serves the audit log, and the commands as the calls that made them."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    async def ListAuditEntries(
        self, request: pb.ListAuditEntriesRequest, context: Context
    ) -> pb.ListAuditEntriesResponse:
        """Lists entries, the newest first."""
        check(check_list(request))
        caller, limit = current_caller(), limit_of(request.page_size)
        pager = Pager(list_selection(caller.tenant, request))
        after = pager.time_position(request.page_token)
        which = caller.limited(filter_in(request, caller.tenant))
        async with self._backend.db.read() as tx:
            rows = await audit.list_page(tx, which, after=after, limit=limit + 1)
            made, _ = await fleet_log.list_page(tx, which, after=after, limit=limit + 1)
        found = newest_first(rows, [from_snapshot(each.snapshot) for each in made])
        page, last = cut_page(found, limit)
        return pb.ListAuditEntriesResponse(
            entries=page, next_page_token=pager.time_token(place_of(last) if last else None)
        )
