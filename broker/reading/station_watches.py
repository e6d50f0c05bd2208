"""Watches of stations and of transactions.

The log says what happened and holds no state (`fleet.log.changes`): each change is told with the
station or the transaction as it is when it is read. So a state that is told is never older than the
change that it comes with, and the last one told is the present one.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from broker.auth import current_caller
from broker.commands.lookups import known_station, known_transaction
from broker.reading.following import LogFollower
from broker.reading.paging import cut_page
from broker.reading.watching import Listed, WatchPosition, bad_token
from fleet import connections, stations, transactions
from fleet.connections import Connection
from fleet.connectors import StationConnector
from fleet.engine.statements import Tx
from fleet.log import changes_read
from fleet.log.changes_read import ChangeEntry, ChangeFilter
from fleet.log.order import Cursor
from fleet.stations import Station
from fleet.transactions.rows import Transaction
from journal.clock import Clock

StateT = TypeVar("StateT")


@dataclass(frozen=True)
class StationNow:
    """A station as it is, and whether it is connected."""

    station: Station
    held: Connection | None
    connectors: Sequence[StationConnector]


@dataclass(frozen=True)
class ToldChange(Generic[StateT]):
    """What a watch tells: a change (None: only the present state), and the state as it is now.

    now: None when what the change was about is gone by now.
    """

    change: ChangeEntry | None
    now: StateT | None


class _ChangeWatch(ABC):
    """What watches of stations and of transactions share. See `WatchSource`."""

    def __init__(self, which: ChangeFilter) -> None:
        self._which = which

    def woken(self, follower: LogFollower) -> AbstractContextManager[asyncio.Event]:
        """Whenever a station or a transaction of the tenant may have changed."""
        return follower.stations(self._which.tenant)

    async def head(self, tx: Tx) -> Cursor:
        """The end of the changes."""
        return await changes_read.head(tx)

    async def check(self, tx: Tx, place: WatchPosition | None) -> None:
        """Raises: Refusal for an unknown name, or a place behind which changes are forgotten."""
        if place is None:
            await self._check_names(tx)
        elif await changes_read.has_forgotten(tx, self._which.tenant, place.cursor):
            raise bad_token("it is older than what is kept of changes")

    @abstractmethod
    async def _check_names(self, tx: Tx) -> None:
        """Raises: Refusal for a name that is not known."""


class StationWatch(_ChangeWatch):
    """Stations. which: their changes."""

    def __init__(self, which: ChangeFilter, clock: Clock) -> None:
        super().__init__(which)
        self._clock = clock

    async def _check_names(self, tx: Tx) -> None:
        for station in self._which.stations:
            await known_station(tx, current_caller(), station)

    async def present(
        self, tx: Tx, place: WatchPosition, limit: int
    ) -> tuple[list[tuple[ToldChange[StationNow], Listed]], Listed | None]:
        """Present states, in the order of the names."""
        which = self._which
        found = await stations.list_page(
            tx,
            tenant=which.tenant,
            groups=which.groups,
            ids=which.stations,
            after=place.listed[1] if place.listed else None,
            limit=limit + 1,
            now=self._clock(),
        )
        page, last = cut_page(found, limit)
        now = await _states(tx, page, self._clock())
        told = [(ToldChange(None, now[each.id]), _listed(each)) for each in page]
        return told, _listed(last) if last else None

    async def changes(
        self, tx: Tx, cursor: Cursor, limit: int
    ) -> list[tuple[ToldChange[StationNow], Cursor]]:
        """Changes of stations."""
        found = await changes_read.read_after(tx, cursor, self._which, limit)
        now = await stations_now(tx, self._which, {each.station for each in found}, self._clock())
        return [(ToldChange(each, now.get(each.station)), each.cursor) for each in found]


async def stations_now(
    tx: Tx, which: ChangeFilter, ids: Iterable[str], now: datetime
) -> dict[str, StationNow]:
    """Those of these stations that the tenant has, within the groups, as they are."""
    ids = sorted(ids)
    found = await stations.list_page(
        tx, tenant=which.tenant, groups=which.groups, ids=ids, limit=len(ids), now=now
    )
    return await _states(tx, found if ids else [], now)


async def _states(tx: Tx, found: Sequence[Station], now: datetime) -> dict[str, StationNow]:
    held = await connections.holders(tx, [each.id for each in found], now=now)
    return {
        each.id: StationNow(each, held.get(each.id), await stations.connectors(tx, each.id))
        for each in found
    }


class TransactionWatch(_ChangeWatch):
    """Transactions. which: their changes. named: the resource names of those that are named."""

    def __init__(self, which: ChangeFilter, named: Sequence[str] = ()) -> None:
        super().__init__(which)
        self._named = named

    async def _check_names(self, tx: Tx) -> None:
        for name in self._named:
            await known_transaction(tx, self._which.tenant, name)

    async def present(
        self, tx: Tx, place: WatchPosition, limit: int
    ) -> tuple[list[tuple[ToldChange[Transaction], Listed]], Listed | None]:
        """Present states: of all that are named, else of those that run."""
        which = self._which
        if which.names:
            return [
                (ToldChange(None, found), (found.received_time, found.name))
                for found in [await transaction_now(tx, which, name) for name in which.names]
                if found is not None
            ], None
        running = await transactions.list_page(
            tx,
            tenant=which.tenant,
            groups=which.groups,
            station=which.stations[0] if which.stations else None,
            active=True,
            after=place.listed[1] if place.listed else None,
            limit=limit + 1,
        )
        page, last = cut_page(running, limit)
        told = [(ToldChange(None, each), (each.received_time, each.name)) for each in page]
        return told, (last.received_time, last.name) if last else None

    async def changes(
        self, tx: Tx, cursor: Cursor, limit: int
    ) -> list[tuple[ToldChange[Transaction], Cursor]]:
        """Changes of transactions."""
        found = await changes_read.read_after(tx, cursor, self._which, limit)
        names = {each.session for each in found if each.session}
        now = {name: await transaction_now(tx, self._which, name) for name in sorted(names)}
        return [(ToldChange(each, now.get(each.session or "")), each.cursor) for each in found]


async def transaction_now(tx: Tx, which: ChangeFilter, name: str) -> Transaction | None:
    """The transaction as it is, if it is the tenant's, and at a station of the groups."""
    found = await transactions.get(tx, name=name)
    if found is None or found.tenant != which.tenant:
        return None
    return found if not which.groups or found.station.startswith(tuple(which.groups)) else None


def _listed(station: Station) -> Listed:
    return station.create_time, station.id
