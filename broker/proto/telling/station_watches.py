"""Watches of stations and transactions: requests checked and read, what is told shown. Pure."""

from evcommand.v1 import station_service_pb2 as pb

from broker.access.caller import Caller
from broker.errors import FieldViolation
from broker.proto import fields, names
from broker.proto.fields import MAX_WATCHED_NAMES, Findings
from broker.proto.stations import station_out, transaction_out
from broker.proto.times import time_out
from broker.reading.station_watches import StationNow, ToldChange
from fleet.log.changes_read import ChangeEntry, ChangeFilter
from fleet.transactions.rows import Transaction


def check_watch_stations(request: pb.WatchStationsRequest) -> tuple[FieldViolation, ...]:
    """What is wrong with a WatchStations."""
    findings = Findings()
    chosen = bool(request.names), request.all
    findings.expect(sum(chosen) == 1, "names", "give exactly one of names and all: what to watch")
    fields.name_fields(findings, "names", "station", request.names, most=MAX_WATCHED_NAMES)
    return findings.violations


def check_watch_transactions(request: pb.WatchTransactionsRequest) -> tuple[FieldViolation, ...]:
    """What is wrong with a WatchTransactions."""
    findings = Findings()
    fields.watched_fields(findings, "transaction", request.names, request.station, all=request.all)
    return findings.violations


def stations_in(request: pb.WatchStationsRequest, caller: Caller) -> ChangeFilter:
    """The changes that a WatchStations selects, of those that the caller may see."""
    return ChangeFilter(
        tenant=caller.tenant,
        sessions=False,
        stations=[names.station_in(name) for name in request.names],
        groups=caller.groups,
    )


def transactions_in(request: pb.WatchTransactionsRequest, caller: Caller) -> ChangeFilter:
    """The changes that a WatchTransactions selects, of those that the caller may see."""
    return ChangeFilter(
        tenant=caller.tenant,
        sessions=True,
        stations=[names.station_in(request.station)] if request.station else [],
        names=[names.transaction_in(name)[1] for name in request.names],
        groups=caller.groups,
    )


def station_told(told: ToldChange[StationNow], resume_token: str) -> pb.WatchStationsResponse:
    """What a watch of stations tells."""
    now, change = told.now, told.change
    if now is not None:
        station = station_out(now.station, now.held, now.connectors)
    else:
        station = pb.Station(name=names.station_name(change.station) if change else "")
    return pb.WatchStationsResponse(
        station=station,
        change=_station_change(change) if change else None,
        resume_token=resume_token,
    )


def transaction_told(
    told: ToldChange[Transaction], resume_token: str
) -> pb.WatchTransactionsResponse:
    """What a watch of transactions tells."""
    now, change = told.now, told.change
    if now is not None:
        transaction = transaction_out(now)
    else:  # it is not kept any more
        transaction = pb.Transaction(name=_name_of(change) if change else "")
    return pb.WatchTransactionsResponse(
        transaction=transaction,
        change=_transaction_change(change) if change else None,
        resume_token=resume_token,
    )


def _name_of(change: ChangeEntry) -> str:
    return names.transaction_name(change.station, change.session or "")


def _station_change(change: ChangeEntry) -> pb.StationChange:
    return pb.StationChange(
        kind=pb.StationChange.Kind.Value(f"KIND_{change.what}"),
        time=time_out(change.time),
        facts=change.facts or {},
    )


def _transaction_change(change: ChangeEntry) -> pb.TransactionChange:
    command = (change.facts or {}).get("command", "")
    return pb.TransactionChange(
        kind=pb.TransactionChange.Kind.Value(f"KIND_{change.what}"),
        time=time_out(change.time),
        command=names.command_name(command) if command else "",
    )
