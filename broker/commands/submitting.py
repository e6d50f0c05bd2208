"""The way of a command that is asked for: known already, or drafted, submitted and waited for."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import uuid4

from temporalio.client import Client

from broker.auth import current_caller
from broker.callbacks.choosing import chosen_callback
from broker.calls import current_trace_id, name_command
from broker.commands.asks import Ask
from broker.commands.drafting import Origin, check_same, spec_of
from broker.commands.resolving import Resolver, mint_wire_id
from broker.errors import Reason, Refusal
from broker.orders import Orders
from broker.reading.following import LogFollower
from broker.reading.waiting import Patience, first_of, is_satisfied, wait_for_command
from broker.settings import BrokerSettings
from domain.model.command import Command, State, WaitFor
from domain.model.states import is_definite
from domain.reservations.reservation import ReservationState
from fleet.database import Database
from fleet.engine.statements import Tx
from fleet.engine.unavailable import DatabaseUnavailable
from fleet.keys import Sealer
from fleet.log import commands as fleet_log
from fleet.log import reservations
from journal.commands.record import from_snapshot, record
from journal.reservations.record import from_snapshot as reservation_in


@dataclass(frozen=True)
class Backend:
    """What every servicer works with."""

    db: Database
    client: Client
    sealer: Sealer
    follower: LogFollower
    settings: BrokerSettings
    draining: asyncio.Event

    def now(self) -> datetime:
        """The time, for everything that is decided here."""
        return datetime.now(UTC)


class Submitter:
    """Takes what was asked for to a command as it is now."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._orders = Orders(backend.client, backend.settings)

    async def submit(self, ask: Ask, patience: Patience) -> Command:
        """The command of this request: made now, or by an earlier or concurrent one.

        Raises: Refusal for everything that prevents a command from being made.
        """
        caller = current_caller()
        name = ask.request_id or str(uuid4())
        spec = spec_of(ask, self._backend.sealer)
        wire_id = await mint_wire_id(
            self._backend.db, ask, caller.tenant, name, self._backend.now()
        )
        async with self._backend.db.read() as tx:
            known = await _latest(tx, caller.tenant, name)
            if known is None:
                asked, settings = ask.options.callback, self._backend.settings
                callback = await chosen_callback(tx, caller, asked, settings)
                origin = Origin(caller.tenant, caller.name, current_trace_id())
                resolver = Resolver(tx, origin, self._backend.sealer, now=self._backend.now())
                drafted = await resolver.draft(ask, name, wire_id=wire_id)
                drafted = replace(drafted, callback=callback)
        if known is not None:
            name_command(known.name, known.station)
            check_same(known, ask, spec)
            return await self._wait(known, ask, patience)
        name_command(drafted.name, drafted.station)
        await self._let_go(drafted)
        command = await self._begin(drafted, ask, patience)
        if command is None:
            command = await self._wait(drafted, ask, patience)
        check_same(command, ask, spec)  # somebody else may have used the id at the same moment
        return command

    async def cancel(self, name: str, reason: str) -> Command:
        """Take a command back. Raises: Refusal (COMMAND_NOT_FOUND)."""
        tenant = current_caller().tenant
        command = await self.read(tenant, name)
        if command is None:
            raise command_not_found(name)
        name_command(command.name, command.station)
        if command.state is State.DONE and is_definite(command.outcome):
            return command
        await self._orders.cancel(command, reason)
        return await self.read(tenant, name) or command

    async def read(self, tenant: str, name: str) -> Command | None:
        """The command as the log has it now; None when it does not."""
        async with self._backend.db.read() as tx:
            return await _latest(tx, tenant, name)

    async def _let_go(self, command: Command) -> None:
        """A reservation that is still asked for ends by taking back what asks for it."""
        spec = command.cancel_reservation
        if spec is None or spec.resolved_reservation is None:
            return
        async with self._backend.db.read() as tx:
            entry = await reservations.get(
                tx, tenant=command.tenant, name=spec.resolved_reservation
            )
            known = None if entry is None else reservation_in(entry.snapshot)
            asking = known is not None and known.state is ReservationState.REQUESTED
            makes = await _latest(tx, command.tenant, known.command) if known and asking else None
        if makes is not None:
            await self._orders.cancel(makes, spec.reason)

    async def _begin(self, command: Command, ask: Ask, patience: Patience) -> Command | None:
        """Make the command durable. None when it is not yet as far as the caller wants."""
        wait_for = ask.options.wait_for
        ordering = asyncio.ensure_future(
            self._orders.submit(command, wait_for, patience.remaining_s)
        )
        ordering.add_done_callback(lambda done: done.cancelled() or done.exception())
        try:
            seen = await self._seen_before(ordering, command, wait_for)
            if seen is not None:
                return seen
            if await ordering:
                return await self.read(command.tenant, command.name) or command
        finally:
            ordering.cancel()
        # Durable in Temporal, but perhaps no worker has written it down yet: then we do, so that
        # whoever gets this reply can also get the command.
        async with self._backend.db.write() as tx:
            await record(
                tx,
                tenant=command.tenant,
                name=command.name,
                key="queued",
                change=_unchanged,
                now=self._backend.now(),
                initial=command,
            )
        return None

    async def _seen_before(
        self, ordering: "asyncio.Future[bool]", command: Command, wait_for: WaitFor
    ) -> Command | None:
        """What the log tells before Temporal does: an answer is there as soon as it is committed.

        None when `ordering` is done first.
        """
        with self._backend.follower.command(command.tenant, command.name) as changed:
            while not await first_of(ordering, changed):
                changed.clear()
                newest = await self._read_now(command)
                if newest is not None and is_satisfied(newest, wait_for):
                    return newest
        return None

    async def _read_now(self, command: Command) -> Command | None:
        try:
            return await self.read(command.tenant, command.name)
        except DatabaseUnavailable:
            return None  # Temporal may still know

    async def _wait(self, command: Command, ask: Ask, patience: Patience) -> Command:
        wait_for = ask.options.wait_for
        if command.revision and is_satisfied(command, wait_for):
            return command
        newest = await wait_for_command(
            self._backend.follower.command(command.tenant, command.name),
            self._reader(command.tenant, command.name),
            wait_for,
            patience,
        )
        return newest or command

    def _reader(self, tenant: str, name: str) -> Callable[[], Awaitable[Command | None]]:
        async def read() -> Command | None:
            return await self.read(tenant, name)

        return read


def command_not_found(name: str) -> Refusal:
    """The refusal when there is no such command."""
    return Refusal(Reason.COMMAND_NOT_FOUND, f"commands/{name} is not known.")


async def _latest(tx: Tx, tenant: str, name: str) -> Command | None:
    entry = await fleet_log.latest(tx, tenant=tenant, name=name)
    return None if entry is None else from_snapshot(entry.snapshot)


def _unchanged(command: Command) -> Command:
    return command
