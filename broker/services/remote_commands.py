"""RemoteCommandService: takes requests for commands, and shows commands.

Every command is served in the same way, by `_serve`. What differs stands in the command's own file
in `broker.commands`.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime
from typing import Any

from evcommand.v1 import remote_command_pb2 as command_pb
from evcommand.v1 import remote_command_service_pb2 as pb
from evcommand.v1 import remote_command_service_pb2_grpc as pb_grpc

from broker.auth import check_rights, current_caller
from broker.backend import Backend
from broker.calls import Context
from broker.commands import (
    cancel_reservation,
    reserve_now,
    reset,
    start_session,
    stop_session,
    unlock_connector,
)
from broker.commands.edge import CommandEdge, RequestT
from broker.commands.lookups import command_not_found
from broker.commands.showing import command_out
from broker.errors import Refusal, check
from broker.proto import commands as messages
from broker.proto.fields import check_name
from broker.proto.names import command_in, command_name, request_id_in
from broker.proto.selection import list_selection, watch_selection
from broker.proto.telling.explain import step_out
from broker.proto.telling.truth_report import check_report, counted_in, report_out
from broker.reading.paging import Pager, limit_of
from broker.reading.reporting import check_stations, read_report
from broker.reading.resource_watches import ResourceWatch, Watched
from broker.reading.waiting import patience_for
from broker.reading.watching import Watcher
from broker.submitting import Submitter
from fleet.log import commands as fleet_log
from fleet.log.event_log import Entry
from journal.commands.record import from_snapshot
from journal.explain.reading import read_explanation


class RemoteCommandServicer(pb_grpc.RemoteCommandServiceServicer):
    """Serves commands from the event log; submits and cancels them through Temporal."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._submitter = Submitter(backend)
        self._watcher = Watcher(backend)
        # A report may read for seconds: two at once would take the readers of everybody else.
        self._one_report = asyncio.Lock()

    async def StartSession(
        self, request: pb.StartSessionRequest, context: Context
    ) -> pb.StartSessionResponse:
        """Starts a charging session."""
        command = await self._serve(start_session.EDGE, request, context)
        return pb.StartSessionResponse(command=command)

    async def StopSession(
        self, request: pb.StopSessionRequest, context: Context
    ) -> pb.StopSessionResponse:
        """Stops a charging session."""
        command = await self._serve(stop_session.EDGE, request, context)
        return pb.StopSessionResponse(command=command)

    async def UnlockConnector(
        self, request: pb.UnlockConnectorRequest, context: Context
    ) -> pb.UnlockConnectorResponse:
        """Unlocks a connector."""
        command = await self._serve(unlock_connector.EDGE, request, context)
        return pb.UnlockConnectorResponse(command=command)

    async def Reset(self, request: pb.ResetRequest, context: Context) -> pb.ResetResponse:
        """Restarts a station or one of its EVSEs."""
        command = await self._serve(reset.EDGE, request, context)
        return pb.ResetResponse(command=command)

    async def ReserveNow(
        self, request: pb.ReserveNowRequest, context: Context
    ) -> pb.ReserveNowResponse:
        """Holds an EVSE for a driver."""
        command = await self._serve(reserve_now.EDGE, request, context)
        return pb.ReserveNowResponse(command=command)

    async def CancelReservation(
        self, request: pb.CancelReservationRequest, context: Context
    ) -> pb.CancelReservationResponse:
        """Ends a reservation."""
        command = await self._serve(cancel_reservation.EDGE, request, context)
        return pb.CancelReservationResponse(command=command)

    async def GetCommand(
        self, request: pb.GetCommandRequest, context: Context
    ) -> pb.GetCommandResponse:
        """Gets a command as it is now."""
        check(check_name("name", "command", request.name))
        command = await self._submitter.known(command_in(request.name))
        return pb.GetCommandResponse(command=command_out(command))

    async def ListCommands(
        self, request: pb.ListCommandsRequest, context: Context
    ) -> pb.ListCommandsResponse:
        """Lists commands, the newest first."""
        check(messages.check_list(request))
        caller = current_caller()
        tenant = caller.tenant
        pager = Pager(list_selection(tenant, request))
        after = pager.time_position(request.page_token)
        async with self._backend.db.read() as tx:
            entries, last = await fleet_log.list_page(
                tx,
                caller.limited(messages.filter_in(request, tenant)),
                after=after,
                limit=limit_of(request.page_size),
            )
        return pb.ListCommandsResponse(
            commands=[command_out(from_snapshot(entry.snapshot)) for entry in entries],
            next_page_token=pager.time_token(last),
        )

    async def WatchCommands(
        self, request: pb.WatchCommandsRequest, context: Context
    ) -> AsyncGenerator[pb.WatchCommandsResponse, None]:
        """Watches commands: their present state, then every change."""
        check(messages.check_watch(request))
        caller = current_caller()
        which = caller.limited(messages.watched_in(request, caller.tenant))
        selection = watch_selection(caller.tenant, request)
        await context.send_initial_metadata(())  # the client knows that it watches, before any news
        source = ResourceWatch(_WATCHED, which)
        watch = self._watcher.watch(source, selection, request.resume_token)
        async with aclosing(watch):
            async for entry, token in watch:
                shown = command_out(from_snapshot(entry.snapshot))
                yield pb.WatchCommandsResponse(command=shown, resume_token=token)

    async def CancelCommand(
        self, request: pb.CancelCommandRequest, context: Context
    ) -> pb.CancelCommandResponse:
        """Cancels a command."""
        check(messages.check_cancel(request))
        patience = patience_for(context, self._backend.settings, self._backend.draining)
        command = await self._submitter.cancel(command_in(request.name), request.reason, patience)
        return pb.CancelCommandResponse(command=command_out(command))

    async def ExplainCommand(
        self, request: pb.ExplainCommandRequest, context: Context
    ) -> pb.ExplainCommandResponse:
        """Explains a command."""
        check(check_name("name", "command", request.name))
        name = command_in(request.name)
        known = await self._submitter.known(name)
        async with self._backend.db.read() as tx:
            steps = await read_explanation(tx, known.tenant, name)
        if steps is None:
            raise _not_found(name)
        return pb.ExplainCommandResponse(steps=[step_out(step) for step in steps])

    async def GetTruthReport(
        self, request: pb.GetTruthReportRequest, context: Context
    ) -> pb.GetTruthReportResponse:
        """Reports how the commands of a period ended."""
        check(check_report(request))
        which = counted_in(request, current_caller(), self._backend.now())
        async with self._one_report, self._backend.db.read() as tx:
            await check_stations(tx, current_caller(), which)
            report = await read_report(tx, which)
        return pb.GetTruthReportResponse(report=report_out(report))

    async def _serve(
        self, edge: CommandEdge[RequestT, Any], request: RequestT, context: Context
    ) -> command_pb.RemoteCommand:
        """One request for a command, of any kind. See `broker.commands.edge` for the steps."""
        check_rights(*edge.rights(request))
        time = self._backend.now()
        if edge.check(request, time):
            time = await self._first_time(request.request_id) or time
            check(edge.check(request, time))
        parsed = edge.read(request, self._backend.sealer, time)
        patience = patience_for(context, self._backend.settings, self._backend.draining)
        return command_out(await self._submitter.submit(edge, parsed, patience))

    async def _first_time(self, request_id: str) -> datetime | None:
        """When this request was made first; None: it is no repeat.

        A repeat is judged by that time: what it gives as a time to come may be past by now, and its
        caller still asks for the command that it has made.
        """
        name = request_id_in(request_id)
        if name is None:
            return None
        async with self._backend.db.read() as tx:
            first = await fleet_log.latest(tx, tenant=current_caller().tenant, name=name)
        return None if first is None else _created(first)


def _created(entry: Entry) -> datetime:
    return from_snapshot(entry.snapshot).create_time


def _not_found(id: str) -> Refusal:
    return command_not_found(command_name(id))


_WATCHED = Watched(fleet_log.COMMANDS, messages.UNFINISHED, _created, _not_found)
