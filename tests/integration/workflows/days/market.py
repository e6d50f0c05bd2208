"""A market on one day: the real broker by gRPC, worker, gateway, and simulated stations.

What is looked at afterwards is what the stations have written down, and what was told by
WatchBookings while it happened; never our tables.
"""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import grpc.aio
from evcommand.v1 import booking_pb2, id_token_pb2, waitlist_pb2
from evcommand.v1 import booking_service_pb2 as pb
from temporalio.testing import WorkflowEnvironment

from broker.process import running_broker
from broker.proto.booking.policies import policy_out
from broker.settings import BrokerSettings
from domain.bookings.policies.policy import BookingPolicy
from domain.commands.timing import Timing
from entrypoints.commands.policy import read
from fleet import wakeups
from fleet.database import Database
from journal.due_bookings import DueBookings
from journal.due_waitlists import DueWaitlists
from station_gateway.process import running_gateway
from station_gateway.settings import GatewaySettings
from tests.integration.broker.bookings.asking import stamp
from tests.integration.workflows.days.charger import MarketCharger
from tests.integration.workflows.days.fast_clock import STEP, FastClock
from tests.support.benches.broker_house import Broker, dialled, failure_of
from workflows.settings import WorkerSettings
from workflows.worker import running_worker

ROOT = Path(__file__).resolve().parents[4]
ZONE = ZoneInfo("Europe/Berlin")
MONTH_S = 30 * 86_400.0
State = booking_pb2.Booking.State
WaitState = waitlist_pb2.WaitlistEntry.State


class Market:
    """One pool, its stations and its callers. day: local midnight of the day that is played."""

    def __init__(
        self, broker: Broker, clock: FastClock, db: Database, chargers: list[MarketCharger]
    ) -> None:
        self.broker, self.clock, self._db = broker, clock, db
        self.chargers = {each.config.id: each for each in chargers}
        self.pool = ""
        self.told: dict[str, list[booking_pb2.Booking]] = {}
        ahead = clock.now().astimezone(ZONE) + timedelta(days=3)
        ahead += timedelta(days=(1 - ahead.weekday()) % 7)
        self.day = ahead.replace(hour=0, minute=0, second=0, microsecond=0)

    def at(self, time: str, days: int = 0) -> datetime:
        """A local time of the day, or of another one."""
        hour, minute = map(int, time.split(":"))
        return (self.day + timedelta(days=days)).replace(hour=hour, minute=minute)

    async def until(self, time: str, step: timedelta = STEP) -> None:
        """Lets time pass."""
        await self.clock.pass_to(self.at(time), step)

    async def settled(self) -> None:
        """Returns when what is due was looked for, and the outbox is delivered."""
        await DueBookings(self._db, self.clock.now).look()
        await DueWaitlists(self._db, self.clock.now).look()
        async with asyncio.timeout(10):
            while True:
                async with self._db.read() as tx:
                    if not (await wakeups.backlog(tx)).undelivered:
                        return
                await asyncio.sleep(0.005)

    # --- callers

    async def opens(self, policy: BookingPolicy, **fields: Any) -> None:
        """Makes the policy and the pool of all stations."""
        put = pb.PutBookingPolicyRequest(policy=policy_out("bookingPolicies/market", policy))
        await self.broker.bookings.PutBookingPolicy(put)
        members = [
            booking_pb2.PoolMember(station=f"stations/{id}", evse_id=evse)
            for id, charger in self.chargers.items()
            for evse in charger.charger.evses
        ]
        pool = booking_pb2.Pool(
            name="pools/market",
            time_zone="Europe/Berlin",
            members=members,
            policy="bookingPolicies/market",
            **fields,
        )
        await self.broker.bookings.CreatePool(pb.CreatePoolRequest(pool=pool))
        self.pool = pool.name

    def _wanted(self, token: str, span: tuple[datetime, datetime], *groups: str) -> dict[str, Any]:
        return {
            "request_id": str(uuid.uuid4()),
            "pool": self.pool,
            "holder": booking_pb2.BookingHolder(
                id_token=id_token_pb2.IdToken(value=token), groups=groups
            ),
            "start_time": stamp(span[0]),
            "end_time": stamp(span[1]),
        }

    def asking(self, token: str, begin: str, end: str, *groups: str) -> pb.CreateBookingRequest:
        """A booking of the day."""
        span = self.at(begin), self.at(end)
        return pb.CreateBookingRequest(**self._wanted(token, span, *groups))

    async def books(self, token: str, begin: str, end: str, *groups: str) -> str:
        """CreateBooking. Returns its name."""
        asked = self.asking(token, begin, end, *groups)
        return str((await self.broker.bookings.CreateBooking(asked)).booking.name)

    async def refused(self, token: str, begin: str, end: str, *groups: str) -> str:
        """The reason for which a booking is refused."""
        asked = self.asking(token, begin, end, *groups)
        return (await failure_of(self.broker.bookings.CreateBooking(asked))).reason

    async def waits(self, token: str, begin: str, end: str, *groups: str) -> str:
        """JoinWaitlist. Returns the entry's name."""
        span = self.at(begin), self.at(end)
        asked = waitlist_pb2.JoinWaitlistRequest(**self._wanted(token, span, *groups))
        return str((await self.broker.bookings.JoinWaitlist(asked)).entry.name)

    async def entry(self, name: str) -> waitlist_pb2.WaitlistEntry:
        """An entry of the waiting list as it is now."""
        await self.settled()
        request = waitlist_pb2.GetWaitlistEntryRequest(name=name)
        reply: waitlist_pb2.GetWaitlistEntryResponse
        reply = await self.broker.bookings.GetWaitlistEntry(request)
        return reply.entry

    async def accepts(self, entry: str) -> str:
        """AcceptOffer. Returns the name of the booking."""
        request = waitlist_pb2.AcceptOfferRequest(name=entry)
        return str((await self.broker.bookings.AcceptOffer(request)).booking.name)

    async def snoozes(self, entry: str) -> None:
        """SnoozeOffer."""
        request = waitlist_pb2.SnoozeOfferRequest(name=entry, request_id=str(uuid.uuid4()))
        await self.broker.bookings.SnoozeOffer(request)

    async def cancel_refused(self, name: str) -> str:
        """The reason for which a cancellation is refused."""
        request = pb.CancelBookingRequest(name=name)
        return (await failure_of(self.broker.bookings.CancelBooking(request))).reason

    async def closes(
        self, evses: int, begin: str, end: str, *, validate_only: bool = False
    ) -> list[str]:
        """So many EVSEs are closed then. Returns the bookings that are displaced by it."""
        reply = await self.broker.bookings.GetPool(pb.GetPoolRequest(name=self.pool))
        pool = reply.pool
        members = [f"{each.station}/evses/{each.evse_id}" for each in pool.members[:evses]]
        del pool.closures[:]
        if members:
            pool.closures.add(
                start_time=stamp(self.at(begin)), end_time=stamp(self.at(end)), members=members
            )
        asked = pb.UpdatePoolRequest(pool=pool, validate_only=validate_only)
        told = await self.broker.bookings.UpdatePool(asked)
        return [each.name for each in told.displaced_bookings]

    # --- what is told

    async def watch(self) -> None:
        """Writes down what WatchBookings tells, until it is cancelled."""
        request = pb.WatchBookingsRequest(pool=self.pool)
        with contextlib.suppress(grpc.aio.AioRpcError):
            async for news in self.broker.bookings.WatchBookings(request):
                self.told.setdefault(news.booking.name, []).append(news.booking)

    def last(self, name: str) -> booking_pb2.Booking:
        """What was told of a booking last."""
        return self.told[name][-1]

    async def becomes(self, name: str, *states: State.ValueType) -> booking_pb2.Booking:
        """The booking as soon as it is told to be in one of these states, within five minutes."""
        until = self.clock.now() + timedelta(minutes=5)
        while True:
            async with asyncio.timeout(10):
                await self.settled()
                reply = await self.broker.bookings.GetBooking(pb.GetBookingRequest(name=name))
                revision = reply.booking.revision
                while not self.told.get(name) or self.last(name).revision < revision:
                    await asyncio.sleep(0.005)
            if self.last(name).state in states:
                return self.last(name)
            if self.clock.now() >= until:
                raise AssertionError(f"it stayed {self.last(name)}")
            await self.clock.pass_to(self.clock.now() + timedelta(seconds=20))

    def states(self, name: str) -> list[str]:
        """The states that were told of a booking, in their order, each once."""
        words = [State.Name(each.state).removeprefix("STATE_") for each in self.told[name]]
        return [word for at, word in enumerate(words) if at == 0 or words[at - 1] != word]

    def place(self, name: str) -> tuple[MarketCharger, int]:
        """The station and the EVSE that the holder of a booking was told."""
        told = self.last(name)
        return self.chargers[told.station.removeprefix("stations/")], told.evse_id


def example(name: str) -> BookingPolicy:
    """The policy of an example."""
    return read(ROOT / "examples" / "bookings" / f"{name}.toml").policy


@contextlib.asynccontextmanager
async def open_market(
    environment: WorkflowEnvironment,
    db: Database,
    policy: BookingPolicy,
    evses: dict[str, int],
    **pool: Any,
) -> AsyncIterator[Market]:
    """A market with a station for each version, of so many EVSEs."""
    clock = FastClock(environment)
    await clock.look()
    gateway_settings = GatewaySettings(
        port=0,
        open=True,
        drain_timeout_s=1.0,
        housekeeping_delay_s=3600,
        lease_s=MONTH_S,  # its time skips, and that of its connections would be over
        stall_limit_s=MONTH_S,
    )
    async with contextlib.AsyncExitStack() as stack:
        entered = stack.enter_async_context
        await entered(running_worker(db, environment.client, WorkerSettings(), Timing(guard_s=600)))
        gateway = await entered(
            running_gateway(db, environment.client, gateway_settings, clock.now)
        )
        settings = BrokerSettings(listen="127.0.0.1:0", drain_s=1.0, timing=Timing(guard_s=600))
        running = await entered(running_broker(db, environment.client, settings, clock.now))
        broker = await entered(dialled(running.address))
        url = f"ws://127.0.0.1:{gateway.port}/ocpp"
        chargers = [
            MarketCharger(f"CP-{version.replace('.', '')}", url, version, number, clock)
            for version, number in evses.items()
        ]
        for each in chargers:
            await entered(each)
            await each.until(partial(getattr, each, "booted"))
            await each.delivered()
        market = Market(broker, clock, db, chargers)
        clock.before_step.append(market.settled)
        clock.after_step += [each.lets_expire for each in chargers]
        await market.opens(policy, **pool)
        watching = asyncio.create_task(market.watch())
        stack.callback(watching.cancel)
        yield market
