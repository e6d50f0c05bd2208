"""ReservationService: tells what became of reservations, and has them changed."""

from collections.abc import AsyncIterator
from datetime import datetime
from uuid import uuid4

from evcommand.v1 import reservation_service_pb2 as pb
from evcommand.v1 import reservation_service_pb2_grpc as pb_grpc

from broker.auth import current_caller
from broker.calls import Context
from broker.changing import Changer
from broker.commands.resolving import reservation_of
from broker.commands.submitting import Backend
from broker.errors import Reason, Refusal
from broker.proto import check_reservations as validate_reservations
from broker.proto import names
from broker.proto.asks import request_id_in
from broker.proto.reservations import (
    OPEN_STATES,
    filter_in,
    reservation_in,
    reservation_out,
    watched_in,
)
from broker.proto.values import time_in
from broker.reading.paging import Pager, limit_of, microseconds_of, moment_of
from broker.reading.waiting import patience_for
from broker.reading.watching import Subject, Watcher, Watches
from broker.services.remote_commands import check
from contract.reservations import ChangeInput
from fleet.log import reservations
from fleet.log.event_log import Entry
from journal.reservations.record import from_snapshot


class ReservationServicer(pb_grpc.ReservationServiceServicer):
    """Serves reservations from the event log; changes them through their workflows."""

    def __init__(self, backend: Backend, watches: Watches) -> None:
        self._backend = backend
        self._changer = Changer(backend)
        self._watcher = Watcher(backend, watches, _WATCHED)

    async def GetReservation(
        self, request: pb.GetReservationRequest, context: Context
    ) -> pb.GetReservationResponse:
        """Gets a reservation as it is now, with its history."""
        check(validate_reservations.check_get(request.name))
        tenant = current_caller().tenant
        async with self._backend.db.read() as tx:
            known = await reservation_of(tx, tenant, request.name)
            history = await reservations.RESERVATIONS.history(tx, tenant=tenant, name=known.name)
        return pb.GetReservationResponse(reservation=reservation_out(known, history))

    async def ListReservations(
        self, request: pb.ListReservationsRequest, context: Context
    ) -> pb.ListReservationsResponse:
        """Lists reservations, the newest first."""
        tenant = current_caller().tenant
        pager = Pager(tenant, "ListReservations", request)
        check(validate_reservations.check_list(request))
        after = pager.position(request.page_token, (int, str))
        async with self._backend.db.read() as tx:
            entries, more = await reservations.RESERVATIONS.list_page(
                tx,
                filter_in(request, tenant),
                after=None if after is None else (moment_of(after[0]), after[1]),
                limit=limit_of(request.page_size),
            )
        return pb.ListReservationsResponse(
            reservations=[reservation_out(from_snapshot(each.snapshot)) for each in entries],
            next_page_token=pager.token([microseconds_of(more[0]), more[1]] if more else None),
        )

    async def WatchReservations(
        self, request: pb.WatchReservationsRequest, context: Context
    ) -> AsyncIterator[pb.WatchReservationsResponse]:
        """Watches reservations: their present state, then every change."""
        check(validate_reservations.check_watch(request))
        await context.send_initial_metadata(())  # the client knows that it watches, before any news
        async for reply in self._watcher.watch(request):
            yield reply

    async def UpdateReservation(
        self, request: pb.UpdateReservationRequest, context: Context
    ) -> pb.UpdateReservationResponse:
        """Changes a held reservation."""
        now = self._backend.now()
        check(validate_reservations.check_update(request, now))
        patience = patience_for(context, self._backend.settings, self._backend.draining)
        name = reservation_in(request.name)
        changed = await self._changer.change(name, _asked(request, now), patience)
        return pb.UpdateReservationResponse(reservation=reservation_out(changed))


def _asked(request: pb.UpdateReservationRequest, now: datetime) -> ChangeInput:
    end = request.WhichOneof("end")
    until = time_in(request.expire_time) if end == "expire_time" else None
    return ChangeInput(
        request_id=request_id_in(request.request_id) or str(uuid4()),
        expire_time=now + request.ttl.ToTimedelta() if end == "ttl" else until,
        evse_id=request.evse_id if request.HasField("evse_id") else None,
    )


def _reply(entry: Entry, resume_token: str) -> pb.WatchReservationsResponse:
    reservation = reservation_out(from_snapshot(entry.snapshot))
    return pb.WatchReservationsResponse(reservation=reservation, resume_token=resume_token)


def _created(entry: Entry) -> datetime:
    return from_snapshot(entry.snapshot).create_time


def _not_found(name: str) -> Refusal:
    shown = names.reservation_name(name)
    return Refusal(Reason.RESERVATION_NOT_FOUND, f"{shown} is not known.")


_WATCHED = Subject(
    "WatchReservations",
    reservations.RESERVATIONS,
    OPEN_STATES,
    watched_in,
    _reply,
    _created,
    _not_found,
)
