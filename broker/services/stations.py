"""StationService: which stations may connect, and what is known of them and their sessions."""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing

from evcommand.v1 import station_service_pb2 as pb
from evcommand.v1 import station_service_pb2_grpc as pb_grpc

from broker.audit.changes import change_entry
from broker.auth import current_caller
from broker.backend import Backend
from broker.calls import Context
from broker.commands.lookups import known_station, known_transaction
from broker.errors import FieldViolation, Reason, Refusal, check
from broker.proto import names
from broker.proto import stations as messages
from broker.proto.commands import UNFINISHED
from broker.proto.fields import check_name
from broker.proto.names import station_in
from broker.proto.selection import list_selection, watch_selection
from broker.proto.stations import station_out, transaction_out
from broker.proto.telling import station_watches as watch_messages
from broker.reading.paging import Pager, cut_page, limit_of
from broker.reading.station_watches import StationWatch, TransactionWatch
from broker.reading.watching import Watcher
from broker.rotating import check_other, rotate
from domain.model.twins import in_quarantine
from fleet import bookings, connections, generations, reports, stations, transactions
from fleet.engine.statements import Tx
from fleet.log import audit
from fleet.log import commands as fleet_log
from fleet.log.audit import AuditRow
from fleet.log.event_log import Filter
from fleet.remote_starts import foreign_starts
from fleet.station_secrets import StoredRotation, hold_station, rotation_of

_PENDING_LIMIT = 100


class StationServicer(pb_grpc.StationServiceServicer):
    """Serves stations and transactions from the fleet."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._watcher = Watcher(backend)

    async def CreateStation(
        self, request: pb.CreateStationRequest, context: Context
    ) -> pb.CreateStationResponse:
        """Creates a station and the password with which it connects."""
        check(messages.check_create(request))
        if not current_caller().covers(request.station_id):
            raise Refusal(
                Reason.OUTSIDE_STATION_GROUP,
                "station_id does not begin as the stations of this credential do.",
                facts={"groups": ",".join(current_caller().groups)},
            )
        profile = request.security_profile if request.HasField("security_profile") else 1
        password, stored = await self._password(request.basic_auth_password)
        async with self._backend.db.write() as tx:
            try:
                station = await stations.create(
                    tx,
                    id=request.station_id,
                    tenant=current_caller().tenant,
                    location=request.location,
                    security_profile=profile,
                    password_hash=stored,
                    labels=dict(request.labels),
                    now=self._backend.now(),
                )
            except stations.StationExists as error:
                raise Refusal(
                    Reason.STATION_EXISTS,
                    f"{names.station_name(request.station_id)} cannot be created: this identity is "
                    "not free. When GetStation shows it to you, and its password is lost, delete "
                    "it and create it anew; else choose another identity.",
                ) from error
            await audit.write(tx, [self._entry("CreateStation", station.id)])
            shown = await self._shown(tx, station)
        return pb.CreateStationResponse(station=shown, basic_auth_password=password)

    async def GetStation(
        self, request: pb.GetStationRequest, context: Context
    ) -> pb.GetStationResponse:
        """Gets a station as it is now."""
        check(check_name("name", "station", request.name))
        caller = current_caller()
        async with self._backend.db.read() as tx:
            station = await known_station(tx, caller, station_in(request.name))
            pending = await _pending(tx, caller.tenant, station.id)
            mended = await reports.mended_of(tx, station.id)
            rotation = await rotation_of(tx, station.id)
            shown = await self._shown(tx, station, pending, mended, rotation)
        return pb.GetStationResponse(station=shown)

    async def ListStations(
        self, request: pb.ListStationsRequest, context: Context
    ) -> pb.ListStationsResponse:
        """Lists stations in the order of their names."""
        check(messages.check_list(request))
        caller, limit = current_caller(), limit_of(request.page_size)
        tenant = caller.tenant
        pager = Pager(list_selection(tenant, request))
        after = pager.position(request.page_token, (str,))
        async with self._backend.db.read() as tx:
            found = await stations.list_page(
                tx,
                tenant=tenant,
                connected=request.connected if request.HasField("connected") else None,
                location=request.location or None,
                ocpp_version=request.ocpp_version or None,
                after=after[0] if after else None,
                groups=caller.groups,
                limit=limit + 1,
                now=self._backend.now(),
            )
            page, last = cut_page(found, limit)
            shown = [await self._shown(tx, station) for station in page]
        return pb.ListStationsResponse(
            stations=shown, next_page_token=pager.token([last.id] if last else None)
        )

    async def UpdateStation(
        self, request: pb.UpdateStationRequest, context: Context
    ) -> pb.UpdateStationResponse:
        """Changes what people say of a station."""
        check(messages.check_update(request))
        caller, change = current_caller(), messages.change_in(request)
        async with self._backend.db.write() as tx:
            station = await known_station(tx, caller, station_in(request.station.name))
            if (change.security_profile or station.security_profile) < station.security_profile:
                raise _only_raised(request.station.name, station.security_profile)
            await stations.update(
                tx,
                station.id,
                now=self._backend.now(),
                location=change.location,
                labels=change.labels,
                security_profile=change.security_profile,
                upstream=change.upstream,
                upstream_loss=change.upstream_loss,
            )
            if change.upstream:
                await foreign_starts.begin_high(tx)
            await audit.write(tx, [self._entry("UpdateStation", station.id)])
            changed = await known_station(tx, caller, station.id)
            shown = await self._shown(tx, changed)
        return pb.UpdateStationResponse(station=shown)

    async def RotateStationPassword(
        self, request: pb.RotateStationPasswordRequest, context: Context
    ) -> pb.RotateStationPasswordResponse:
        """Gives a station a new password."""
        check(messages.check_rotate(request))
        caller, id = current_caller(), station_in(request.name)
        chosen = request.basic_auth_password
        if chosen:
            await check_other(self._backend, caller, id, chosen)
        wanted = await self._password(chosen)
        async with self._backend.db.write() as tx:
            await hold_station(tx, id)
            station = await known_station(tx, caller, id)
            password = await rotate(tx, self._backend, station, wanted, chosen=bool(chosen))
            await audit.write(tx, [self._entry("RotateStationPassword", station.id)])
            shown = await self._shown(tx, station, rotation=await rotation_of(tx, station.id))
        return pb.RotateStationPasswordResponse(station=shown, basic_auth_password=password)

    async def DeleteStation(
        self, request: pb.DeleteStationRequest, context: Context
    ) -> pb.DeleteStationResponse:
        """Deletes a station."""
        check(check_name("name", "station", request.name))
        caller, id = current_caller(), station_in(request.name)
        entry = self._entry("DeleteStation", id)  # here: `write` runs in the task of another call

        async def write(tx: Tx) -> None:
            await bookings.one_at_a_time(tx, caller.tenant)
            station = await known_station(tx, caller, id)
            # First, so that no frame can leave between the look at what is pending and the end.
            await generations.delete(tx, station.id, now=self._backend.now())
            pending = await _pending(tx, caller.tenant, station.id)
            if pending:
                raise Refusal(
                    Reason.STATION_BUSY,
                    f"{request.name} has {len(pending)} commands that have not ended. Wait for "
                    "them, or cancel them.",
                )
            await _check_in_no_pool(tx, caller.tenant, station.id, request.name)
            await reports.forget_mended(tx, station.id)
            await audit.write(tx, [entry])

        await self._backend.db.batch(write)
        return pb.DeleteStationResponse()

    async def ListTransactions(
        self, request: pb.ListTransactionsRequest, context: Context
    ) -> pb.ListTransactionsResponse:
        """Lists transactions, the newest first."""
        check(messages.check_list_transactions(request))
        caller, limit = current_caller(), limit_of(request.page_size)
        tenant = caller.tenant
        pager = Pager(list_selection(tenant, request))
        after = pager.position(request.page_token, (str,))
        async with self._backend.db.read() as tx:
            found = await transactions.list_page(
                tx,
                tenant=tenant,
                station=station_in(request.station) if request.station else None,
                active=request.active if request.HasField("active") else None,
                after=after[0] if after else None,
                groups=caller.groups,
                limit=limit + 1,
            )
            if not found and request.station:  # those of a deleted station stay
                await known_station(tx, caller, station_in(request.station))
        page, last = cut_page(found, limit)
        return pb.ListTransactionsResponse(
            transactions=[transaction_out(one) for one in page],
            next_page_token=pager.token([last.name] if last else None),
        )

    async def GetTransaction(
        self, request: pb.GetTransactionRequest, context: Context
    ) -> pb.GetTransactionResponse:
        """Gets a transaction as it is now."""
        check(check_name("name", "transaction", request.name))
        async with self._backend.db.read() as tx:
            found = await known_transaction(tx, current_caller().tenant, request.name)
        return pb.GetTransactionResponse(transaction=transaction_out(found))

    async def WatchStations(
        self, request: pb.WatchStationsRequest, context: Context
    ) -> AsyncGenerator[pb.WatchStationsResponse, None]:
        """Watches stations: their present state, then every change."""
        check(watch_messages.check_watch_stations(request))
        caller = current_caller()
        source = StationWatch(watch_messages.stations_in(request, caller), self._backend.now)
        selection = watch_selection(caller.tenant, request)
        await context.send_initial_metadata(())  # the client knows that it watches, before any news
        watch = self._watcher.watch(source, selection, request.resume_token)
        async with aclosing(watch):
            async for told, token in watch:
                yield watch_messages.station_told(told, token)

    async def WatchTransactions(
        self, request: pb.WatchTransactionsRequest, context: Context
    ) -> AsyncGenerator[pb.WatchTransactionsResponse, None]:
        """Watches transactions: their present state, then every change."""
        check(watch_messages.check_watch_transactions(request))
        caller = current_caller()
        which = watch_messages.transactions_in(request, caller)
        source = TransactionWatch(which, request.names)
        selection = watch_selection(caller.tenant, request)
        await context.send_initial_metadata(())  # the client knows that it watches, before any news
        watch = self._watcher.watch(source, selection, request.resume_token)
        async with aclosing(watch):
            async for told, token in watch:
                yield watch_messages.transaction_told(told, token)

    async def _password(self, chosen: str) -> tuple[str, str]:
        """The password to show, and what is stored of it. A chosen one costs a slow hash."""
        if chosen:
            return chosen, await asyncio.to_thread(self._backend.passwords.hash_chosen, chosen)
        made = self._backend.passwords.make()
        return made, self._backend.passwords.hash_generated(made)

    def _entry(self, method: str, station: str) -> AuditRow:
        """The audit entry of the call that is being served, which changes a station."""
        name = names.station_name(station)
        return change_entry(method, name, self._backend.now(), station=station)

    async def _shown(
        self,
        tx: Tx,
        station: stations.Station,
        pending: Iterable[str] = (),
        mended: Iterable[reports.MendedReports] = (),
        rotation: StoredRotation | None = None,
    ) -> pb.Station:
        now = self._backend.now()
        held = await connections.holder(tx, station.id, now=now)
        connectors = await stations.connectors(tx, station.id)
        end = await connections.quarantine_end(tx, station.id)
        shown_end = end if in_quarantine(end, now) else None
        return station_out(
            station,
            held,
            connectors,
            pending,
            mended,
            quarantine_end=shown_end,
            rotation=rotation.rotation if rotation else None,
        )


def _only_raised(name: str, profile: int) -> Refusal:
    said = f"is {profile} and is only ever raised"
    return Refusal(
        Reason.SECURITY_PROFILE_ONLY_RAISED,
        f"{name}: its security profile {said}. Nothing was changed.",
        violations=(FieldViolation("station.security_profile", said),),
    )


async def _check_in_no_pool(tx: Tx, tenant: str, station: str, name: str) -> None:
    """A pool that promised EVSEs of a station that is gone could not keep it. Raises: Refusal."""
    pools = sorted(set((await bookings.members_at(tx, tenant, station)).values()))
    if pools:
        named = ", ".join(f"pools/{one}" for one in pools)
        raise Refusal(
            Reason.STATION_IN_POOL,
            f"EVSEs of {name} are in {named}. Take them out with UpdatePool first.",
        )


async def _pending(tx: Tx, tenant: str, station: str) -> list[str]:
    going_on = Filter(tenant, station=station, states=UNFINISHED)
    entries, _ = await fleet_log.list_page(tx, going_on, limit=_PENDING_LIMIT)
    return [entry.name for entry in entries]
