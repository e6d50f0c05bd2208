"""From what was asked to the drafted command: the station, session or reservation is looked up.

Everything that prevents a command from being made is found here, before anything is durable: what
is not known, what the station's OCPP version cannot do, what has to be asked for in another way.
"""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from broker.commands.asks import (
    Ask,
    CancelReservationAsk,
    ReserveAsk,
    ResetAsk,
    StartAsk,
    StopAsk,
    UnlockAsk,
)
from broker.commands.capabilities import (
    check_reserve_fits,
    check_reset_fits,
    check_start_fits,
    check_unlock_fits,
)
from broker.commands.drafting import Origin, Spec, draft, spec_of
from broker.commands.targets import TargetFinder, known_station
from broker.errors import Reason, Refusal
from broker.proto import names
from domain.model.command import Command
from domain.model.specs import CancelReservationSpec, ReserveSpec, StartSpec, StopSpec
from domain.reservations.reservation import Reservation, ReservationState
from fleet import stations
from fleet.database import Database
from fleet.engine.statements import Tx
from fleet.keys import Sealer
from fleet.log import reservations
from journal.reservations.record import from_snapshot

Placed = tuple[str, Spec]
"""The station, and what is asked of it with all that was looked up."""


def reservation_id(tenant: str, command: str) -> str:
    """Our id of the reservation that a ReserveNow makes: of one request always the same."""
    return hashlib.sha256(f"reservation\n{tenant}\n{command}".encode()).hexdigest()[:24]


async def mint_wire_id(db: Database, ask: Ask, tenant: str, command: str, now: datetime) -> int:
    """The number of the reservation that a request makes; 0 for what makes none."""
    if not isinstance(ask, ReserveAsk):
        return 0
    async with db.write() as tx:
        return await reservations.mint(
            tx, tenant=tenant, reservation=reservation_id(tenant, command), now=now
        )


async def reservation_of(tx: Tx, tenant: str, name: str) -> Reservation:
    """The tenant's reservation by its resource name. Raises: Refusal (RESERVATION_NOT_FOUND)."""
    id = names.parse_reservation(name)
    entry = await reservations.get(tx, tenant=tenant, name=id) if id else None
    if entry is None:
        raise Refusal(Reason.RESERVATION_NOT_FOUND, f"{name} is not known.")
    return from_snapshot(entry.snapshot)


class Resolver:
    """Drafts commands of one caller, within one read of the fleet."""

    def __init__(self, tx: Tx, origin: Origin, sealer: Sealer, *, now: datetime) -> None:
        self._tx = tx
        self._origin = origin
        self._sealer = sealer
        self._now = now
        self._resolve: dict[type[Any], Callable[[Any, Any], Awaitable[Placed]]] = {
            StartAsk: self._start,
            StopAsk: self._stop,
            UnlockAsk: self._unlock,
            ResetAsk: self._reset,
            ReserveAsk: self._reserve,
            CancelReservationAsk: self._cancel_reservation,
        }

    async def draft(self, ask: Ask, name: str, *, wire_id: int = 0) -> Command:
        """The command that is to be submitted. wire_id: of a new reservation.

        Raises: Refusal for everything that prevents it from being made.
        """
        spec = spec_of(ask, self._sealer)
        if isinstance(spec, ReserveSpec):
            ours = reservation_id(self._origin.tenant, name)
            spec = replace(spec, wire_id=wire_id, reservation=ours)
        station, found = await self._resolve[type(ask)](ask, spec)
        return draft(ask, name, station, found, origin=self._origin, now=self._now)

    async def _start(self, ask: StartAsk, spec: StartSpec) -> Placed:
        station = await known_station(self._tx, self._origin.tenant, ask.station)
        check_start_fits(ask, station.ocpp_version, await self._places(station.id))
        if ask.reservation is not None:
            self._check_usable(await self._reservation(ask.reservation), ask)
        return station.id, spec

    async def _stop(self, ask: StopAsk, spec: StopSpec) -> Placed:
        found = await TargetFinder(self._tx, self._origin.tenant, self._sealer).resolve(ask)
        return found.station, replace(
            spec, wire_id=found.wire_id, resolved_transaction=found.transaction
        )

    async def _unlock(self, ask: UnlockAsk, spec: Spec) -> Placed:
        station = await known_station(self._tx, self._origin.tenant, ask.station)
        check_unlock_fits(ask, station.ocpp_version)
        return station.id, spec

    async def _reset(self, ask: ResetAsk, spec: Spec) -> Placed:
        station = await known_station(self._tx, self._origin.tenant, ask.station)
        check_reset_fits(ask, station.ocpp_version)
        return station.id, spec

    async def _reserve(self, ask: ReserveAsk, spec: ReserveSpec) -> Placed:
        station = await known_station(self._tx, self._origin.tenant, ask.station)
        check_reserve_fits(ask, station.ocpp_version, await self._places(station.id))
        if spec.ttl_s is not None:
            spec = replace(spec, expire_time=self._now + timedelta(seconds=spec.ttl_s))
        return station.id, spec

    async def _cancel_reservation(
        self, ask: CancelReservationAsk, spec: CancelReservationSpec
    ) -> Placed:
        if ask.reservation is not None:
            known = await self._reservation(ask.reservation)
            return known.station, replace(
                spec, wire_id=known.wire_id, resolved_reservation=known.name
            )
        station = await known_station(self._tx, self._origin.tenant, ask.station or "")
        entry = await reservations.by_wire_id(self._tx, station.id, ask.wire_id)
        ours = entry is not None and entry.tenant == self._origin.tenant
        resolved = entry.name if entry is not None and ours else None
        return station.id, replace(spec, resolved_reservation=resolved)

    async def _places(self, station: str) -> list[tuple[int, int]]:
        connectors = await stations.connectors(self._tx, station)
        return [(one.evse_id, one.connector_id) for one in connectors]

    async def _reservation(self, name: str) -> Reservation:
        return await reservation_of(self._tx, self._origin.tenant, name)

    def _check_usable(self, known: Reservation, ask: StartAsk) -> None:
        """A session can only use a hold of its own station and token. Raises: Refusal."""
        if known.station != ask.station:
            raise Refusal(
                Reason.RESERVATION_NOT_FOUND,
                f"{ask.reservation} is a reservation of another station.",
            )
        if known.state is not ReservationState.HELD:
            raise Refusal(
                Reason.RESERVATION_NOT_HELD,
                f"{ask.reservation} is {known.state.value}: start the session without it.",
            )
        tokens = [token for token in (ask.id_token, ask.group_id_token) if token is not None]
        given = {self._sealer.digest(token.type, token.value) for token in tokens}
        group = known.group_id_token
        holders = {known.id_token.digest} | ({group.digest} if group else set())
        if not given & holders:
            raise Refusal(
                Reason.RESERVATION_NOT_HELD, f"{ask.reservation} is held for another token."
            )
