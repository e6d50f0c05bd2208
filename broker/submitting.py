"""How every command is submitted: known already, or drafted, made durable and waited for.

There is one way for all kinds. What differs from kind to kind is asked of the command's edge
(`broker.commands.edge`); there is no branch on the kind here.

Two brokers may get the same request at the same moment. Both draft a command, Temporal takes one,
and both wait for that one. So what comes back is compared with the request a second time.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any
from uuid import uuid4

from broker.access.caller import Caller
from broker.audit.changes import record_change
from broker.auth import check_rights, current_caller
from broker.backend import Backend
from broker.callbacks.choosing import chosen_callback
from broker.calls import current_trace_id, name_command
from broker.commands.drafting import Origin, check_same, draft
from broker.commands.edge import CommandEdge, ParsedRequest, Preparation
from broker.commands.lookups import Lookup, command_not_found
from broker.commands.table import EDGES
from broker.proto.names import command_name
from broker.reading.waiting import Patience, first_of, is_satisfied, wait_for_command
from domain.model.command import Command, State, WaitFor
from domain.model.states import is_definite
from fleet.engine.statements import Tx
from fleet.engine.unavailable import DatabaseUnavailable
from fleet.log import commands as fleet_log
from journal.commands.record import from_snapshot, record

_WRITTEN_SOON_S = 0.5
"""A worker that is there takes a command and writes it down in less."""


class Submitter:
    """Submits, cancels and reads commands."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    async def submit(
        self, edge: CommandEdge[Any, Any], parsed: ParsedRequest[Any], patience: Patience
    ) -> Command:
        """The command of this request: made now, or by an earlier or concurrent one.

        Raises: Refusal for everything that prevents a command from being made.
        """
        caller = current_caller()
        name = parsed.request_id or str(uuid4())
        async with self._backend.db.read() as tx:
            known = await _latest(tx, caller.tenant, name)
            drafted = known or await self._draft(tx, edge, parsed, caller, name)
        name_command(drafted.name, drafted.station)
        if known is not None:
            check_same(edge, known, parsed)
            return await self._wait(known, parsed.options.wait_for, patience)
        drafted = await edge.prepare(self._preparation(patience), drafted)
        command = await self._begin(drafted, parsed.options.wait_for, patience)
        check_same(edge, command, parsed)  # another request may have used the id at the same moment
        return command

    async def cancel(self, name: str, reason: str, patience: Patience) -> Command:
        """The command after its caller took it back.

        Raises: Refusal (COMMAND_NOT_FOUND, RIGHT_MISSING).
        """
        command = await self.known(name)
        check_rights(EDGES[command.kind].cancelled_with)
        if command.state is State.DONE and is_definite(command.outcome):
            return command
        async with self._backend.db.write() as tx:  # first: no cancellation goes unrecorded
            now, shown = self._backend.now(), command_name(name)
            await record_change(tx, "CancelCommand", shown, now, station=command.station)
        await self._backend.temporal.cancel(command, reason, patience.remaining_s)
        return await self._read(command.tenant, name) or command

    async def known(self, name: str) -> Command:
        """The caller's command by its request id. Raises: Refusal (COMMAND_NOT_FOUND)."""
        caller = current_caller()
        command = await self._read(caller.tenant, name)
        if command is None or not caller.covers(command.station):
            raise command_not_found(command_name(name))
        name_command(command.name, command.station)
        return command

    async def _draft(
        self,
        tx: Tx,
        edge: CommandEdge[Any, Any],
        parsed: ParsedRequest[Any],
        caller: Caller,
        name: str,
    ) -> Command:
        callback = await chosen_callback(
            tx, caller, parsed.options.callback, self._backend.settings
        )
        found = await edge.find(Lookup(tx, caller.tenant, name), parsed)
        origin = Origin(caller.tenant, caller.name, current_trace_id())
        return draft(edge.kind, name, parsed, found, origin=origin, callback=callback)

    def _preparation(self, patience: Patience) -> Preparation:
        backend = self._backend

        async def cancel(command: Command, reason: str) -> None:
            await backend.temporal.cancel(command, reason, patience.remaining_s)

        return Preparation(backend.db, backend.now(), cancel)

    async def _begin(self, command: Command, wait_for: WaitFor, patience: Patience) -> Command:
        """Make the command durable, and wait until it is as far as the caller wants."""
        submitting = asyncio.ensure_future(
            self._backend.temporal.submit(command, patience.remaining_s)
        )
        submitting.add_done_callback(lambda done: done.cancelled() or done.exception())
        with self._backend.follower.resource(command.tenant, command.name) as changed:
            try:
                # The log may tell the answer before Temporal does.
                seen = await self._seen_before(submitting, command, wait_for, changed)
                if seen is not None:
                    return seen
                await submitting
            finally:
                submitting.cancel()
            known = await self._written_soon(command, changed) or await self._written(command)
            read = self._reader(command.tenant, command.name)
            newest = await wait_for_command(changed, read, wait_for, patience, known=known)
        return newest or known

    async def _written(self, command: Command) -> Command:
        """Write down a command that is durable in Temporal, but that no worker has written down.

        So whoever gets the reply can also get the command.
        """
        async with self._backend.db.write() as tx:
            return await record(
                tx,
                tenant=command.tenant,
                name=command.name,
                key="queued",
                change=_unchanged,
                now=self._backend.now(),
                initial=command,
            )

    async def _seen_before(
        self,
        submitting: "asyncio.Future[None]",
        command: Command,
        wait_for: WaitFor,
        changed: asyncio.Event,
    ) -> Command | None:
        """The command from the log, when it is as far as wanted before `submitting` is done.

        An answer is in the log as soon as it is committed. None when `submitting` is done first.
        """
        while not await first_of(submitting, changed):
            changed.clear()
            newest = await self._read_if_possible(command)
            if newest is not None and is_satisfied(newest, wait_for):
                return newest
        return None

    async def _written_soon(self, command: Command, changed: asyncio.Event) -> Command | None:
        """The command from the log, where a worker wrote it down in a moment.

        The event may also be set by news of before, so the log is asked each time.
        """
        clock = asyncio.get_running_loop().time
        until = clock() + _WRITTEN_SOON_S
        while (left_s := until - clock()) > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), left_s)
            changed.clear()
            known = await self._read(command.tenant, command.name)
            if known is not None:
                return known
        return None

    async def _wait(self, command: Command, wait_for: WaitFor, patience: Patience) -> Command:
        if command.revision and is_satisfied(command, wait_for):
            return command
        with self._backend.follower.resource(command.tenant, command.name) as changed:
            read = self._reader(command.tenant, command.name)
            newest = await wait_for_command(changed, read, wait_for, patience)
        return newest or command

    def _reader(self, tenant: str, name: str) -> Callable[[], Awaitable[Command | None]]:
        async def read() -> Command | None:
            return await self._read(tenant, name)

        return read

    async def _read_if_possible(self, command: Command) -> Command | None:
        try:
            return await self._read(command.tenant, command.name)
        except DatabaseUnavailable:
            return None  # Temporal may still know

    async def _read(self, tenant: str, name: str) -> Command | None:
        async with self._backend.db.read() as tx:
            return await _latest(tx, tenant, name)


async def _latest(tx: Tx, tenant: str, name: str) -> Command | None:
    entry = await fleet_log.latest(tx, tenant=tenant, name=name)
    return None if entry is None else from_snapshot(entry.snapshot)


def _unchanged(command: Command) -> Command:
    return command
