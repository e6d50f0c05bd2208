"""The callers of a world, who ask for commands, cancel them and repeat requests; and drivers."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from broker.commands import stop_session
from broker.commands.drafting import Origin, draft
from broker.commands.edge import Found, Options, ParsedRequest
from broker.commands.lookups import Lookup
from broker.errors import Refusal
from broker.proto.id_token import seal
from contract import names
from contract.commands import EDITION, CancelInput, CommandInput, SubmitInput
from contract.reservations import ChangeInput, ReservationInput
from domain.commands.table import COMMANDS
from domain.commands.timing import Timing
from domain.model.command import Command, State, WaitFor
from domain.model.specs import (
    CancelReservationSpec,
    Kind,
    OfflinePolicy,
    ReserveSpec,
    ResetMode,
    ResetSpec,
    StartSpec,
    StopSpec,
    UnlockSpec,
)
from domain.reservations.admission import reservation_id
from domain.reservations.reservation import Reservation, ReservationState
from fleet.log import reservations
from fleet.sends import Send
from journal.reservations.record import from_snapshot
from tests.simulation.servers.temporal_server import Execution
from tests.simulation.station.reservations import GROUPS

if TYPE_CHECKING:
    from tests.simulation.world.world import World

STATION = "S1"
TENANT = "default"
TIMING = Timing(
    answer_timeout_s=8.0,
    connection_timeout_s=40.0,
    effect_margin_s=12.0,
    stop_effect_s=30.0,
    guard_s=360.0,
    reset_effect_s=90.0,
    reset_scheduled_s=400.0,
    reconcile_s=15.0,
)
TAGS = ("TAG-A", "TAG-B", "TAG-C")
ORIGIN = Origin(TENANT, "", "")


@dataclass
class Told:
    """One command as its caller and the fleet know it. runs: of its workflow."""

    command: Command
    execution: Execution
    history: list[Command] = field(default_factory=list)
    sends: list[Send] = field(default_factory=list)
    runs: list[Execution] = field(default_factory=list)
    cancelled: bool = False

    @property
    def last(self) -> Command:
        """How it stands in the end."""
        return self.history[-1] if self.history else self.command


class Callers:
    """Everybody who wants something of the station of a world."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._chance = world.chance
        self._loop = world.loop
        self.told: list[Told] = []

    async def submit_all(self) -> None:
        """Everything that is parsed for, one after the other or at once."""
        chance, world = self._chance, self._world
        await asyncio.sleep(chance.between(1.0, 8.0))
        calls = []
        for number, kind in enumerate(world.plot.kinds):
            make = self._makers()[kind]
            calls.append(self._loop.create_task(make(f"{kind.value.lower()}{number + 1}")))
            await asyncio.sleep(chance.pick(world.plot.pauses) * chance.between(0.5, 1.5))
        await asyncio.gather(*calls)

    def _makers(self) -> dict[Kind, Callable[[str], Any]]:
        return {
            Kind.START_SESSION: self._starts,
            Kind.STOP_SESSION: self._stops,
            Kind.UNLOCK_CONNECTOR: self._unlocks,
            Kind.RESET: self._resets,
            Kind.RESERVE_NOW: self._reserves,
            Kind.CANCEL_RESERVATION: self._lets_go,
        }

    # --- sessions

    async def _starts(self, name: str) -> None:
        chance = self._chance
        tag = chance.pick(TAGS) if chance.happens(0.4) else TAGS[0]
        group = GROUPS.get(tag) if chance.happens(0.3) else None
        sealer = self._world.sealer
        spec = StartSpec(
            seal(sealer, "ISO14443", tag),
            evse_id=self._some_evse(0.7),
            group_id_token=seal(sealer, "ISO14443", group) if group else None,
        )
        parsed = ParsedRequest(spec, self._loop.utc_now(), STATION, options=self._options())
        found = Found(STATION, spec)
        if self._world.back_end is not None:
            self._world.back_end.overhears(tag, spec.evse_id)
        await self._submit(draft(Kind.START_SESSION, name, parsed, found, origin=ORIGIN))

    async def _stops(self, name: str) -> None:
        first = next((t.command.name for t in self.told if t.command.start), "")
        targets: list[Callable[[], StopSpec]] = [
            lambda: StopSpec(start_command=f"commands/{first}"),
            lambda: StopSpec(evse_id=1),
            lambda: StopSpec(id_token=seal(self._world.sealer, "ISO14443", TAGS[0])),
            lambda: StopSpec(
                ocpp_transaction_id=str(self._chance.number(1, 5))
                if self._world.temper.version == "1.6"
                else "tx-1000-of-the-station",
            ),
        ]
        for make in sorted(targets, key=lambda _: self._chance.between(0, 1)):
            spec, options = make(), self._options()
            parsed = ParsedRequest(spec, self._loop.utc_now(), STATION, options=options)
            try:
                async with self._world.db.read() as tx:
                    found = await stop_session.find(Lookup(tx, TENANT, name), parsed)
            except Refusal:
                continue
            parsed = replace(parsed, time=self._loop.utc_now())
            await self._submit(draft(Kind.STOP_SESSION, name, parsed, found, origin=ORIGIN))
            return

    # --- locks and restarts

    async def _unlocks(self, name: str) -> None:
        evse = self._some_evse(1.0) or 1
        spec = UnlockSpec(1, evse_id=evse, stop_first=self._chance.happens(0.5))
        await self._submit(self._draft(name, Kind.UNLOCK_CONNECTOR, unlock=spec))

    async def _resets(self, name: str) -> None:
        version, chance = self._world.temper.version, self._chance
        modes = [ResetMode.SOFT, ResetMode.HARD]
        if version != "1.6":
            modes.append(ResetMode.ON_IDLE)
        if version == "2.1":
            modes.append(ResetMode.IMMEDIATE_AND_RESUME)
        evse = self._some_evse(0.3) if version != "1.6" else None
        await self._submit(
            self._draft(name, Kind.RESET, reset=ResetSpec(chance.pick(modes), evse_id=evse))
        )

    # --- reservations

    async def _reserves(self, name: str) -> None:
        chance, world = self._chance, self._world
        now = self._loop.utc_now()
        async with world.db.write() as tx:
            ours = reservation_id(TENANT, name)
            wire_id = await reservations.mint(
                tx, tenant=TENANT, reservation=ours, station=STATION, now=now
            )
        tag = chance.pick(TAGS)
        group = GROUPS.get(tag) if chance.happens(0.4) else None
        sealer = world.sealer
        spec = ReserveSpec(
            id_token=seal(sealer, "ISO14443", tag),
            group_id_token=seal(sealer, "ISO14443", group) if group else None,
            expire_time=now + timedelta(seconds=chance.pick((40.0, 90.0, 200.0, 400.0))),
            evse_id=self._some_evse(0.75),
            reservation=ours,
            wire_id=wire_id,
        )
        world.reserved.append(spec.reservation)
        later = [self._changes(spec.reservation), self._comes(spec, tag)]
        tasks = [self._loop.create_task(work) for work in later]
        await self._submit(self._draft(name, Kind.RESERVE_NOW, reserve=spec))
        await asyncio.gather(*tasks)

    async def _changes(self, reservation: str) -> None:
        """Another end, or another EVSE, once the station has said yes."""
        chance, world = self._chance, self._world
        for number in range(chance.pick((0, 0, 0, 1, 1, 2))):
            await asyncio.sleep(chance.between(2.0, 60.0))
            known = await self._known(reservation)
            if known is None or known.state is not ReservationState.HELD:
                return
            end = known.expire_time + timedelta(seconds=chance.pick((-30.0, 30.0, 120.0)))
            earliest = self._loop.utc_now() + timedelta(seconds=5)
            change = ChangeInput(
                f"change{number}",
                expire_time=max(end, earliest) if chance.happens(0.8) else None,
                evse_id=self._some_evse(0.3),
            )
            self._world.story.line("caller", f"changes {known.wire_id}: {change}")
            order = ReservationInput(TENANT, reservation, STATION)
            run = world.temporal.start(known.workflow_id, order, names.RESERVATION_WORKFLOW)
            await run.update(names.CHANGE_UPDATE, change, change.request_id)

    async def _known(self, reservation: str) -> Reservation | None:
        async with self._world.db.read() as tx:
            entry = await reservations.get(tx, tenant=TENANT, name=reservation)
        return None if entry is None else from_snapshot(entry.snapshot)

    async def _comes(self, spec: ReserveSpec, tag: str) -> None:
        """The driver may come in time; or somebody else does."""
        chance, world, station = self._chance, self._world, self._world.station
        if chance.happens(0.5):
            return
        await asyncio.sleep(chance.between(3.0, 150.0))
        evse = spec.evse_id or self._some_evse(1.0) or 1
        if chance.happens(0.8):
            station.plug(evse)
        his = 0.2 if world.temper.field.lends_holds else 0.8
        station.swipe(evse, tag if chance.happens(his) else chance.pick(TAGS))

    async def _lets_go(self, name: str) -> None:
        reserved = self._world.reserved
        known = await self._known(self._chance.pick(reserved)) if reserved else None
        spec = CancelReservationSpec(self._chance.number(1, 900))
        if known is not None and not known.ended:
            spec = CancelReservationSpec(
                known.wire_id,
                reservation=f"reservations/{known.name}",
                found_reservation=known.name,
                reason="no more",
            )
            if known.state is ReservationState.REQUESTED:
                await self._takes_back(known.command)
        elif not self._chance.happens(0.3):
            return
        await self._submit(self._draft(name, Kind.CANCEL_RESERVATION, cancel_reservation=spec))

    async def _takes_back(self, command: str) -> None:
        """As a broker does: what is still being parsed for must not be parsed for again."""
        asking = next(told for told in self.told if told.command.name == command)
        work = asking.execution.update(names.CANCEL_UPDATE, CancelInput("no more"), "cancel")
        self._loop.create_task(work)

    # --- any command

    def _some_evse(self, probability: float) -> int | None:
        if not self._chance.happens(probability):
            return None
        return self._chance.number(1, self._world.temper.evses)

    def _options(self) -> Options:
        wait = self._chance.between(5.0, 60.0)
        policy = self._chance.pick((None, OfflinePolicy.WAIT, OfflinePolicy.FAIL_FAST))
        return Options(
            not_after=self._loop.utc_now() + timedelta(seconds=wait), offline_policy=policy
        )

    def _draft(self, name: str, kind: Kind, **spec: Any) -> Command:
        options, now = self._options(), self._loop.utc_now()
        return Command(
            name=name,
            tenant=TENANT,
            kind=kind,
            station=STATION,
            state=State.QUEUED,
            create_time=now,
            not_after=options.not_after or now + COMMANDS[kind].not_after,
            workflow_id=names.command_workflow_id(TENANT, name),
            offline_policy=options.offline_policy or COMMANDS[kind].offline_policy,
            **spec,
        )

    async def _submit(self, command: Command) -> None:
        chance, world = self._chance, self._world
        world.story.line("caller", f"{command.name}: {_target(command)}")
        order = CommandInput(command, TIMING, edition=EDITION)
        execution = world.temporal.start(
            command.workflow_id, order, names.command_workflow(command.kind)
        )
        told = Told(command, execution)
        self.told.append(told)
        wait_for = chance.pick(tuple(WaitFor))
        for _ in range(chance.pick((1, 1, 2))):
            self._loop.create_task(
                execution.update(
                    names.SUBMIT_UPDATE, SubmitInput(wait_for), f"submit-{wait_for.value}"
                )
            )
        if not world.calm and chance.happens(0.3):
            await asyncio.sleep(chance.pick((0.0, 0.05, 0.5, 5.0, 40.0)) * chance.between(0.1, 2))
            world.story.line("caller", f"cancels {command.name}")
            told.cancelled = await execution.update(
                names.CANCEL_UPDATE, CancelInput("no more"), "cancel"
            )

    # --- drivers

    async def drive(self) -> None:
        """Cars come and go, and tokens are presented."""
        chance, world = self._chance, self._world
        for _ in range(chance.pick((0, 1, 3)) if world.temper.swipes else 0):
            await asyncio.sleep(chance.between(0.5, 40.0))
            evse = chance.number(1, world.temper.evses)
            if chance.happens(0.5):
                world.station.plug(evse)
            world.station.swipe(evse, chance.pick(TAGS))


def _target(command: Command) -> str:
    """What it is about, in a few words."""
    spec = (
        command.start
        or command.stop
        or command.unlock
        or command.reset
        or command.reserve
        or command.cancel_reservation
    )
    told = {
        name: getattr(value, "masked", value)
        for name, value in vars(spec).items()
        if value not in (None, "", False)
    }
    return " ".join(f"{name}={value}" for name, value in told.items())
