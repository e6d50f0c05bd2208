"""A pool with its policy in a database, and who books and waits in it, for tests with a clock."""

import uuid
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from domain.bookings.booking import Booking
from domain.bookings.carrying import ended
from domain.bookings.pool import Pool, PoolMember
from domain.bookings.states import BookingCause, BookingState
from domain.bookings.waiting import Waiter
from domain.bookings.waitlist import WaitlistEntry
from domain.model.specs import IdToken
from fleet import bookings, connections, stations
from fleet.bookings import PolicyRow, PoolRow
from fleet.database import Database
from fleet.engine.statements import Tx
from journal.bookings import admitting, offering
from journal.bookings.rows import KnownPool, booking_from, locked_pool, pool_content
from journal.bookings.waitlist import record, waiter_from
from journal.due_waitlists import DueWaitlists
from tests.support.fleet_rows import connect, make_station

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
TENANT, POOL = "acme", "hub"


@dataclass
class Hub:
    """A pool, and the time of whoever works in it."""

    db: Database
    now: datetime = NOON - 3 * HOUR
    evses: int = 1
    policy: dict[str, Any] = field(default_factory=dict)

    async def open(self) -> "Hub":
        """Writes the pool and its policy."""
        members = tuple(PoolMember("S", number) for number in range(1, self.evses + 1))
        pool = Pool(members, "Europe/Berlin", "plain")
        async with self.db.write() as tx:
            row = PolicyRow(TENANT, "plain", 1, self.policy, self.now)
            await bookings.add_policy(tx, row)
            made = PoolRow(TENANT, POOL, pool_content(pool), 1, 1, self.now, self.now)
            await bookings.add_pool(tx, made, [(each.station, each.evse_id) for each in members])
        return self

    async def known(self, tx: Tx) -> KnownPool:
        """The pool, locked."""
        known = await locked_pool(tx, TENANT, POOL)
        assert known is not None
        return known

    def asked(self, token: str, at: datetime = NOON, length: timedelta = HOUR) -> Booking:
        """What a driver wants to book."""
        return Booking(
            name=str(uuid.uuid4()),
            tenant=TENANT,
            pool=POOL,
            id_token=token_of(token),
            start_time=at,
            end_time=at + length,
            state=BookingState.CONFIRMED,
            create_time=self.now,
            policy="plain",
            policy_revision=1,
        )

    async def book(
        self, token: str, at: datetime = NOON, length: timedelta = HOUR
    ) -> Booking | None:
        """The driver's booking; None: there is no room."""
        async with self.db.write() as tx:
            known = await self.known(tx)
            return (await admitting.admit(tx, known, self.asked(token, at, length))).booking

    async def end(self, name: str, cause: BookingCause) -> None:
        """A booking comes to this end."""
        async with self.db.write() as tx:
            await self.known(tx)
            row = await bookings.booking(tx, TENANT, name)
            assert row is not None
            await admitting.change(tx, ended(booking_from(row), cause, self.now))

    async def booking(self, name: str) -> Booking:
        """A booking as it is now."""
        async with self.db.read() as tx:
            row = await bookings.booking(tx, TENANT, name)
        assert row is not None
        return booking_from(row)

    async def wait(
        self, token: str, at: datetime = NOON, *, displaced: bool = False, **fields: Any
    ) -> str:
        """The driver waits for an hour. Returns the entry's name."""
        name = str(uuid.uuid4())
        entry = WaitlistEntry(name, self.now, at, at + HOUR, displaced=displaced, snoozes_left=1)
        waiter = replace(Waiter(entry, TENANT, POOL, token_of(token)), **fields)
        async with self.db.write() as tx:
            await record(tx, waiter, self.now)
            await offering.serve(tx, await self.known(tx), self.now)
        self.now += MINUTE
        return name

    async def waiter(self, name: str) -> Waiter:
        """An entry as it is now."""
        async with self.db.read() as tx:
            row = await bookings.waitlist_entry(tx, TENANT, name)
        assert row is not None
        return waiter_from(row)

    async def state(self, name: str) -> str:
        """Where an entry stands."""
        return (await self.waiter(name)).entry.state.value

    async def report(self, status: str, evse_id: int = 1) -> None:
        """Its station is connected, and tells the status of an EVSE."""
        async with self.db.write() as tx:
            if await stations.get(tx, "S") is None:
                await make_station(tx, "S")
                await connect(tx, "S")
                await connections.renew_gateway(tx, "gw1", until=self.now + 24 * HOUR)
            await stations.set_connector(
                tx,
                station="S",
                evse_id=evse_id,
                connector_id=1,
                status=status,
                error_code="",
                now=self.now,
            )

    async def look(self, later: timedelta = timedelta(0)) -> int:
        """So much later the task looks for what is due."""
        self.now += later
        return await DueWaitlists(self.db, lambda: self.now).look()


def token_of(token: str) -> IdToken:
    return IdToken("ISO14443", f"****{token}", "sealed", token)
