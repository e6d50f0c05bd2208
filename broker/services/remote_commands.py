"""RemoteCommandService: asks for commands, and tells how they are."""

from collections.abc import AsyncIterator
from datetime import datetime

from evcommand.v1 import remote_command_pb2 as command_pb
from evcommand.v1 import remote_command_service_pb2 as pb
from evcommand.v1 import remote_command_service_pb2_grpc as pb_grpc

from broker.auth import current_caller, require
from broker.calls import Context, name_command
from broker.commands.asks import Ask
from broker.commands.submitting import Backend, Submitter, command_not_found
from broker.errors import Violation, invalid
from broker.proto import check_commands as validate
from broker.proto import check_other_commands as validate_others
from broker.proto.asks import (
    UNFINISHED,
    cancel_reservation_in,
    command_in,
    filter_in,
    reserve_in,
    reset_in,
    start_in,
    stop_in,
    unlock_in,
    watched_in,
)
from broker.proto.commands import command_out
from broker.proto.explain import step_out
from broker.reading.paging import Pager, limit_of, microseconds_of, moment_of
from broker.reading.waiting import patience_for
from broker.reading.watching import Subject, Watcher, Watches
from broker.settings import Right
from domain.model.command import Command
from fleet.log import commands as fleet_log
from fleet.log.event_log import Entry
from journal.commands.record import from_snapshot
from journal.explain.reading import read_explanation

_AT_ONCE = (command_pb.RESET_MODE_HARD, command_pb.RESET_MODE_IMMEDIATE_AND_RESUME)
"""Restarts that end sessions without asking them: of a whole station they need their own right."""


class RemoteCommandServicer(pb_grpc.RemoteCommandServiceServicer):
    """Serves commands from the event log; submits and cancels them through Temporal."""

    def __init__(self, backend: Backend, watches: Watches) -> None:
        self._backend = backend
        self._submitter = Submitter(backend)
        self._watcher = Watcher(backend, watches, _WATCHED)

    async def StartSession(
        self, request: pb.StartSessionRequest, context: Context
    ) -> pb.StartSessionResponse:
        """Starts a charging session."""
        check(validate.check_start(request, self._backend.now()))
        command = await self._submit(start_in(request), context)
        return pb.StartSessionResponse(command=command_out(command))

    async def StopSession(
        self, request: pb.StopSessionRequest, context: Context
    ) -> pb.StopSessionResponse:
        """Stops a charging session."""
        check(validate.check_stop(request, self._backend.now()))
        command = await self._submit(stop_in(request), context)
        return pb.StopSessionResponse(command=command_out(command))

    async def UnlockConnector(
        self, request: pb.UnlockConnectorRequest, context: Context
    ) -> pb.UnlockConnectorResponse:
        """Unlocks a connector."""
        require(Right.UNLOCK)
        check(validate_others.check_unlock(request, self._backend.now()))
        command = await self._submit(unlock_in(request), context)
        return pb.UnlockConnectorResponse(command=command_out(command))

    async def Reset(self, request: pb.ResetRequest, context: Context) -> pb.ResetResponse:
        """Restarts a station or one of its EVSEs."""
        if request.mode in _AT_ONCE and not request.HasField("evse_id"):
            require(Right.HARD_RESET)
        check(validate_others.check_reset(request, self._backend.now()))
        command = await self._submit(reset_in(request), context)
        return pb.ResetResponse(command=command_out(command))

    async def ReserveNow(
        self, request: pb.ReserveNowRequest, context: Context
    ) -> pb.ReserveNowResponse:
        """Holds an EVSE for a driver."""
        check(validate_others.check_reserve(request, self._backend.now()))
        command = await self._submit(reserve_in(request), context)
        return pb.ReserveNowResponse(command=command_out(command))

    async def CancelReservation(
        self, request: pb.CancelReservationRequest, context: Context
    ) -> pb.CancelReservationResponse:
        """Ends a reservation."""
        check(validate_others.check_cancel_reservation(request, self._backend.now()))
        command = await self._submit(cancel_reservation_in(request), context)
        return pb.CancelReservationResponse(command=command_out(command))

    async def GetCommand(
        self, request: pb.GetCommandRequest, context: Context
    ) -> pb.GetCommandResponse:
        """Gets a command as it is now."""
        check(validate.check_name("name", "command", request.name))
        name = command_in(request.name)
        command = await self._submitter.read(current_caller().tenant, name)
        if command is None:
            raise command_not_found(name)
        name_command(command.name, command.station)
        return pb.GetCommandResponse(command=command_out(command))

    async def ListCommands(
        self, request: pb.ListCommandsRequest, context: Context
    ) -> pb.ListCommandsResponse:
        """Lists commands, the newest first."""
        tenant = current_caller().tenant
        pager = Pager(tenant, "ListCommands", request)
        check(validate.check_list_commands(request))
        after = pager.position(request.page_token, (int, str))
        async with self._backend.db.read() as tx:
            entries, more = await fleet_log.list_page(
                tx,
                filter_in(request, tenant),
                after=None if after is None else (moment_of(after[0]), after[1]),
                limit=limit_of(request.page_size),
            )
        return pb.ListCommandsResponse(
            commands=[command_out(from_snapshot(entry.snapshot)) for entry in entries],
            next_page_token=pager.token([microseconds_of(more[0]), more[1]] if more else None),
        )

    async def WatchCommands(
        self, request: pb.WatchCommandsRequest, context: Context
    ) -> AsyncIterator[pb.WatchCommandsResponse]:
        """Watches commands: their present state, then every change."""
        check(validate.check_watch(request))
        await context.send_initial_metadata(())  # the client knows that it watches, before any news
        async for reply in self._watcher.watch(request):
            yield reply

    async def CancelCommand(
        self, request: pb.CancelCommandRequest, context: Context
    ) -> pb.CancelCommandResponse:
        """Cancels a command."""
        check(validate.check_cancel(request))
        command = await self._submitter.cancel(command_in(request.name), request.reason)
        return pb.CancelCommandResponse(command=command_out(command))

    async def ExplainCommand(
        self, request: pb.ExplainCommandRequest, context: Context
    ) -> pb.ExplainCommandResponse:
        """Explains a command."""
        check(validate.check_name("name", "command", request.name))
        name = command_in(request.name)
        async with self._backend.db.read() as tx:
            steps = await read_explanation(tx, current_caller().tenant, name)
        if steps is None:
            raise command_not_found(name)
        return pb.ExplainCommandResponse(steps=[step_out(step) for step in steps])

    async def _submit(self, ask: Ask, context: Context) -> Command:
        patience = patience_for(context, self._backend.settings, self._backend.draining)
        return await self._submitter.submit(ask, patience)


def _reply(entry: Entry, resume_token: str) -> pb.WatchCommandsResponse:
    command = command_out(from_snapshot(entry.snapshot))
    return pb.WatchCommandsResponse(command=command, resume_token=resume_token)


def _created(entry: Entry) -> datetime:
    return from_snapshot(entry.snapshot).create_time


_WATCHED = Subject(
    "WatchCommands",
    fleet_log.COMMANDS,
    UNFINISHED,
    watched_in,
    _reply,
    _created,
    command_not_found,
)


def check(violations: tuple[Violation, ...]) -> None:
    """Refuse a request with bad fields. Raises: Refusal."""
    if violations:
        raise invalid(violations)
