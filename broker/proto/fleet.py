"""Stations, transactions and tokens: fleet's rows to the contract's messages, and back. Pure."""

from collections.abc import Iterable
from itertools import groupby

from evcommand.v1 import station_service_pb2 as stations_pb
from evcommand.v1 import token_service_pb2 as tokens_pb

from broker.proto import names
from broker.proto.values import time_out, token_type_out
from fleet.connections import Connection
from fleet.stations import Station, StationConnector
from fleet.tokens import Token
from fleet.transactions.rows import Transaction

_BOOT = stations_pb.Station.BootState
_STATUS = tokens_pb.Token.Status


def station_out(
    station: Station,
    held: Connection | None,
    connectors: Iterable[StationConnector],
    pending: Iterable[str] = (),
) -> stations_pb.Station:
    """A station as the contract shows it. `pending`: request ids of commands that go on."""
    boot_state = station.boot_state or "UNSPECIFIED"
    return stations_pb.Station(
        name=names.station_name(station.id),
        location=station.location,
        ocpp_version=held.ocpp_version if held else station.ocpp_version,
        vendor=station.vendor,
        model=station.model,
        serial_number=station.serial_number,
        firmware_version=station.firmware_version,
        connected=held is not None,
        gateway=held.gateway if held else "",
        connect_time=time_out(held.connected_time) if held else None,
        last_seen_time=time_out(station.last_seen_time),
        boot_state=_BOOT.Value(f"BOOT_STATE_{boot_state}"),
        boot_time=time_out(station.boot_time),
        security_profile=station.security_profile,
        registered=station.registered,
        create_time=time_out(station.create_time),
        evses=_evses(connectors),
        pending_commands=[names.command_name(command) for command in pending],
    )


def transaction_out(transaction: Transaction) -> stations_pb.Transaction:
    """A transaction as the contract shows it."""
    active = transaction.state == "ACTIVE"
    return stations_pb.Transaction(
        name=names.transaction_name(transaction.station, transaction.name),
        transaction_id=transaction.ocpp_id,
        station=names.station_name(transaction.station),
        evse_id=transaction.evse_id,
        connector_id=transaction.connector_id,
        masked_id_token=transaction.token_masked or "",
        state=stations_pb.Transaction.STATE_ACTIVE
        if active
        else stations_pb.Transaction.STATE_ENDED,
        charging_state=transaction.charging_state or "",
        start_time=time_out(transaction.start_time),
        stop_time=time_out(transaction.stop_time),
        meter_start_wh=transaction.meter_start_wh,
        meter_stop_wh=transaction.meter_stop_wh,
        stop_reason=transaction.stop_reason or "",
        offline=transaction.offline,
        clock_suspect=transaction.clock_suspect,
        receive_time=time_out(transaction.received_time),
    )


def token_out(token: Token) -> tokens_pb.Token:
    """A token of the table as the contract shows it: in the clear."""
    return tokens_pb.Token(
        value=token.value,
        type=token_type_out(token.type),
        status=_STATUS.Value(f"STATUS_{token.status}"),
        group=token.group or "",
        expire_time=time_out(token.expire_time),
        update_time=time_out(token.update_time),
    )


def status_in(status: tokens_pb.Token.Status.ValueType) -> str:
    """A token's status in the fleet's word; absent means ACCEPTED."""
    return _STATUS.Name(status).removeprefix("STATUS_") if status else "ACCEPTED"


def _evses(connectors: Iterable[StationConnector]) -> list[stations_pb.Evse]:
    """OCPP numbers a station's whole as EVSE 0 and an EVSE's whole as connector 0: not shown."""
    parts = sorted(
        (one for one in connectors if one.evse_id > 0),
        key=lambda one: (one.evse_id, one.connector_id),
    )
    return [
        stations_pb.Evse(
            evse_id=evse_id,
            connectors=[_connector(one) for one in group if one.connector_id > 0],
        )
        for evse_id, group in groupby(parts, key=lambda one: one.evse_id)
    ]


def _connector(connector: StationConnector) -> stations_pb.Connector:
    return stations_pb.Connector(
        connector_id=connector.connector_id,
        type=connector.type,
        state=connector.status,
        error_code="" if connector.error_code == "NoError" else connector.error_code,
        state_time=time_out(connector.status_time),
    )
