"""The desk of a pool: the broker's own code, asked as clients ask it, by holders who may repeat."""

import asyncio
from datetime import datetime
from typing import Any, TypeVar, cast

from evcommand.v1 import booking_pb2 as booking_pb
from evcommand.v1 import booking_service_pb2 as pb
from evcommand.v1.id_token_pb2 import IdToken

from broker.backend import Backend
from broker.bookings import bookings
from broker.errors import Refusal
from broker.proto.times import time_out
from fleet.engine.unavailable import DatabaseUnavailable
from fleet.keys import Sealer
from tests.simulation.repeatable.virtual_time import VirtualLoop
from tests.simulation.servers.processes import Process, ProcessDatabase

POOL = "pools/yard"
T = TypeVar("T")


class Desk:
    """What a client of the broker does. A call that got no answer is made again."""

    def __init__(self, loop: VirtualLoop, db: ProcessDatabase, sealer: Sealer, tell: Any) -> None:
        self._loop, self._sealer = loop, sealer
        self._process: Process | None = None
        self._backend = self._backend_on(db)
        self._tell = tell

    def moves_to(self, process: Process, db: ProcessDatabase) -> None:
        """Calls are served by this process from now on, and die with it."""
        self._process, self._backend = process, self._backend_on(db)

    def _backend_on(self, db: ProcessDatabase) -> Backend:
        nothing: Any = None
        return Backend(
            db=cast("Any", db),
            temporal=nothing,
            sealer=self._sealer,
            passwords=nothing,
            follower=nothing,
            watches=nothing,
            settings=nothing,
            draining=asyncio.Event(),
            now=self._loop.utc_now,
        )

    async def book(
        self, name: str, token: str, span: tuple[datetime, datetime], confirm_by: datetime | None
    ) -> bool:
        """CreateBooking; whether it was taken."""
        request = pb.CreateBookingRequest(
            request_id=name,
            pool=POOL,
            holder=booking_pb.BookingHolder(id_token=IdToken(value=token)),
            start_time=time_out(span[0]),
            end_time=time_out(span[1]),
            confirm_by=time_out(confirm_by) if confirm_by else None,
        )
        answer = await self._asked(lambda: bookings.create(self._backend, request))
        refused = answer if isinstance(answer, str) else ""
        what = f"books {name[:4]} for {token}, {span[0]:%X} to {span[1]:%X}"
        self._tell("holder", f"{what}: {refused or 'taken'}")
        return not refused

    async def confirm(self, name: str) -> str:
        """ConfirmBooking; the reason of a refusal."""
        request = pb.ConfirmBookingRequest(name=f"bookings/{name}")
        answer = await self._asked(lambda: bookings.confirm(self._backend, request))
        self._tell("holder", f"confirms {name[:4]}: {answer if isinstance(answer, str) else ''}")
        return answer if isinstance(answer, str) else ""

    async def cancel(self, name: str, *, by_operator: bool = False) -> str:
        """CancelBooking; the reason of a refusal."""
        request = pb.CancelBookingRequest(
            name=f"bookings/{name}", reason="no more", by_operator=by_operator
        )
        answer = await self._asked(lambda: bookings.cancel(self._backend, request))
        self._tell("holder", f"cancels {name[:4]}: {answer if isinstance(answer, str) else ''}")
        return answer if isinstance(answer, str) else ""

    async def get(self, name: str) -> booking_pb.Booking | None:
        """GetBooking."""
        request = pb.GetBookingRequest(name=f"bookings/{name}")
        answer = await self._asked(lambda: bookings.get(self._backend, request))
        return None if isinstance(answer, str) else answer.booking

    async def _asked(self, call: Any) -> Any:
        """The answer, or the reason of its refusal; asked again while the database is away."""
        while True:
            try:
                return await self._served(call)
            except DatabaseUnavailable:
                await asyncio.sleep(1.0)
            except Refusal as refusal:
                return refusal.reason.value

    async def _served(self, call: Any) -> Any:
        process = self._process
        if process is None:
            return await call()
        if not process.alive:
            raise DatabaseUnavailable("no broker is there")
        serving = process.spawn(call())
        try:
            return await serving
        except asyncio.CancelledError:
            if process.alive:
                raise
            raise DatabaseUnavailable("the broker was killed") from None
