"""StationService: which stations may connect, and what is known about them."""

import asyncio

from evcommand.v1 import station_service_pb2 as pb
from evcommand.v1 import station_service_pb2_grpc as pb_grpc

from broker.auth import current_caller
from broker.calls import Context
from broker.commands.submitting import Backend
from broker.commands.targets import known_station
from broker.errors import Reason, Refusal
from broker.proto import check_commands as validate
from broker.proto import check_fleet as validate_fleet
from broker.proto import names
from broker.proto.asks import UNFINISHED, station_in, transaction_in
from broker.proto.fleet import station_out, transaction_out
from broker.reading.paging import Pager, limit_of
from broker.services.remote_commands import check
from fleet import connections, stations, transactions
from fleet.engine.statements import Tx
from fleet.keys import Passwords
from fleet.log import commands as fleet_log
from fleet.log.event_log import Filter

_PENDING_LIMIT = 100


class StationServicer(pb_grpc.StationServiceServicer):
    """Serves stations and transactions from the fleet."""

    def __init__(self, backend: Backend, passwords: Passwords) -> None:
        self._backend = backend
        self._passwords = passwords

    async def CreateStation(
        self, request: pb.CreateStationRequest, context: Context
    ) -> pb.CreateStationResponse:
        """Creates a station and the password with which it connects."""
        check(validate_fleet.check_create_station(request))
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
                    now=self._backend.now(),
                )
            except stations.StationExists as error:
                raise Refusal(
                    Reason.STATION_EXISTS,
                    f"{names.station_name(request.station_id)} exists already. Its password is not "
                    "shown again: delete the station and create it anew when it is lost.",
                ) from error
            shown = await self._shown(tx, station)
        return pb.CreateStationResponse(station=shown, basic_auth_password=password)

    async def GetStation(
        self, request: pb.GetStationRequest, context: Context
    ) -> pb.GetStationResponse:
        """Gets a station as it is now."""
        check(validate.check_name("name", "station", request.name))
        tenant = current_caller().tenant
        async with self._backend.db.read() as tx:
            station = await known_station(tx, tenant, station_in(request.name))
            shown = await self._shown(tx, station, await _pending(tx, tenant, station.id))
        return pb.GetStationResponse(station=shown)

    async def ListStations(
        self, request: pb.ListStationsRequest, context: Context
    ) -> pb.ListStationsResponse:
        """Lists stations in the order of their names."""
        tenant = current_caller().tenant
        pager = Pager(tenant, "ListStations", request)
        check(validate_fleet.check_list_stations(request))
        after = pager.position(request.page_token, (str,))
        limit = limit_of(request.page_size)
        async with self._backend.db.read() as tx:
            found = await stations.list_page(
                tx,
                tenant=tenant,
                connected=request.connected if request.HasField("connected") else None,
                location=request.location or None,
                ocpp_version=request.ocpp_version or None,
                after=after[0] if after else None,
                limit=limit + 1,
                now=self._backend.now(),
            )
            shown = [await self._shown(tx, station) for station in found[:limit]]
        more = [found[limit - 1].id] if len(found) > limit else None
        return pb.ListStationsResponse(stations=shown, next_page_token=pager.token(more))

    async def DeleteStation(
        self, request: pb.DeleteStationRequest, context: Context
    ) -> pb.DeleteStationResponse:
        """Deletes a station."""
        check(validate.check_name("name", "station", request.name))
        tenant = current_caller().tenant
        async with self._backend.db.write() as tx:
            station = await known_station(tx, tenant, station_in(request.name))
            pending = await _pending(tx, tenant, station.id)
            if pending:
                raise Refusal(
                    Reason.STATION_BUSY,
                    f"{request.name} has {len(pending)} commands that have not ended. Wait for "
                    "them, or cancel them.",
                )
            await stations.delete(tx, station.id)
        return pb.DeleteStationResponse()

    async def ListTransactions(
        self, request: pb.ListTransactionsRequest, context: Context
    ) -> pb.ListTransactionsResponse:
        """Lists transactions, the newest first."""
        tenant = current_caller().tenant
        pager = Pager(tenant, "ListTransactions", request)
        check(validate_fleet.check_list_transactions(request))
        after = pager.position(request.page_token, (str,))
        limit = limit_of(request.page_size)
        async with self._backend.db.read() as tx:
            found = await transactions.list_page(
                tx,
                tenant=tenant,
                station=station_in(request.station) if request.station else None,
                active=request.active if request.HasField("active") else None,
                after=after[0] if after else None,
                limit=limit + 1,
            )
        more = [found[limit - 1].name] if len(found) > limit else None
        return pb.ListTransactionsResponse(
            transactions=[transaction_out(one) for one in found[:limit]],
            next_page_token=pager.token(more),
        )

    async def GetTransaction(
        self, request: pb.GetTransactionRequest, context: Context
    ) -> pb.GetTransactionResponse:
        """Gets a transaction as it is now."""
        check(validate.check_name("name", "transaction", request.name))
        station, name = transaction_in(request.name)
        async with self._backend.db.read() as tx:
            found = await transactions.get(tx, name=name)
        if found is None or (found.tenant, found.station) != (current_caller().tenant, station):
            raise Refusal(Reason.TRANSACTION_NOT_FOUND, f"{request.name} is not known.")
        return pb.GetTransactionResponse(transaction=transaction_out(found))

    async def _password(self, chosen: str) -> tuple[str, str]:
        """The password to show and what is stored of it. A chosen one costs a slow hash."""
        if chosen:
            return chosen, await asyncio.to_thread(self._passwords.hash_chosen, chosen)
        made = self._passwords.make()
        return made, self._passwords.hash_generated(made)

    async def _shown(
        self, tx: Tx, station: stations.Station, pending: list[str] | None = None
    ) -> pb.Station:
        held = await connections.holder(tx, station.id, now=self._backend.now())
        connectors = await stations.connectors(tx, station.id)
        return station_out(station, held, connectors, pending or ())


async def _pending(tx: Tx, tenant: str, station: str) -> list[str]:
    going_on = Filter(tenant, station=station, states=UNFINISHED)
    entries, _ = await fleet_log.list_page(tx, going_on, limit=_PENDING_LIMIT)
    return [entry.name for entry in entries]
