"""ReservationService: shows reservations, and has them changed."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime

from evcommand.v1 import reservation_service_pb2 as pb
from evcommand.v1 import reservation_service_pb2_grpc as pb_grpc

from broker.auth import current_caller
from broker.backend import Backend
from broker.calls import Context
from broker.changing import Changer
from broker.commands.lookups import known_reservation, reservation_not_found
from broker.errors import Refusal, check
from broker.proto import reservations as messages
from broker.proto.fields import check_name
from broker.proto.names import (
    parse_reservation,
    request_id_in,
    reservation_in,
    reservation_name,
)
from broker.proto.reservations import reservation_out
from broker.proto.selection import list_selection, watch_selection
from broker.reading.paging import Pager, limit_of
from broker.reading.resource_watches import ResourceWatch, Watched
from broker.reading.waiting import patience_for
from broker.reading.watching import Watcher
from fleet.log import reservations
from fleet.log.event_log import Entry
from journal.reservations.record import from_snapshot


class ReservationServicer(pb_grpc.ReservationServiceServicer):
    """Serves reservations from the event log; changes them through their workflows."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._changer = Changer(backend)
        self._watcher = Watcher(backend)

    async def GetReservation(
        self, request: pb.GetReservationRequest, context: Context
    ) -> pb.GetReservationResponse:
        """Gets a reservation as it is now, with its history."""
        check(check_name("name", "reservation", request.name))
        tenant = current_caller().tenant
        async with self._backend.db.read() as tx:
            known = await known_reservation(tx, tenant, request.name)
            history = await reservations.RESERVATIONS.history(tx, tenant=tenant, name=known.name)
        return pb.GetReservationResponse(reservation=reservation_out(known, history))

    async def ListReservations(
        self, request: pb.ListReservationsRequest, context: Context
    ) -> pb.ListReservationsResponse:
        """Lists reservations, the newest first."""
        check(messages.check_list(request))
        caller = current_caller()
        tenant = caller.tenant
        pager = Pager(list_selection(tenant, request))
        after = pager.time_position(request.page_token)
        async with self._backend.db.read() as tx:
            entries, last = await reservations.RESERVATIONS.list_page(
                tx,
                caller.limited(messages.filter_in(request, tenant)),
                after=after,
                limit=limit_of(request.page_size),
            )
        return pb.ListReservationsResponse(
            reservations=[reservation_out(from_snapshot(each.snapshot)) for each in entries],
            next_page_token=pager.time_token(last),
        )

    async def WatchReservations(
        self, request: pb.WatchReservationsRequest, context: Context
    ) -> AsyncGenerator[pb.WatchReservationsResponse, None]:
        """Watches reservations: their present state, then every change."""
        check(messages.check_watch(request))
        caller = current_caller()
        which = caller.limited(messages.watched_in(request, caller.tenant))
        selection = watch_selection(caller.tenant, request)
        await context.send_initial_metadata(())  # the client knows that it watches, before any news
        source = ResourceWatch(_WATCHED, which)
        watch = self._watcher.watch(source, selection, request.resume_token)
        async with aclosing(watch):
            async for entry, token in watch:
                shown = reservation_out(from_snapshot(entry.snapshot))
                yield pb.WatchReservationsResponse(reservation=shown, resume_token=token)

    async def UpdateReservation(
        self, request: pb.UpdateReservationRequest, context: Context
    ) -> pb.UpdateReservationResponse:
        """Changes a held reservation."""
        time = self._backend.now()
        if messages.check_update(request, time):
            time = await self._first_time(request) or time
            check(messages.check_update(request, time))
        name, wanted = reservation_in(request.name), messages.change_in(request, time)
        patience = patience_for(context, self._backend.settings, self._backend.draining)
        changed = await self._changer.change(name, wanted, patience)
        return pb.UpdateReservationResponse(reservation=reservation_out(changed))

    async def _first_time(self, request: pb.UpdateReservationRequest) -> datetime | None:
        """When the change that this request repeats was asked for; None: it repeats none.

        What a repeat gives as a time to come may be past by now.
        """
        request_id, name = request_id_in(request.request_id), parse_reservation(request.name)
        if request_id is None or name is None:
            return None
        async with self._backend.db.read() as tx:
            entry = await reservations.get(tx, tenant=current_caller().tenant, name=name)
        known = None if entry is None else from_snapshot(entry.snapshot).change
        return known.request_time if known and known.request_id == request_id else None


def _created(entry: Entry) -> datetime:
    return from_snapshot(entry.snapshot).create_time


def _not_found(id: str) -> Refusal:
    return reservation_not_found(reservation_name(id))


_WATCHED = Watched(reservations.RESERVATIONS, messages.OPEN_STATES, _created, _not_found)
