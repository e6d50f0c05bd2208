"""Helpers that put rows into a fleet, for tests."""

from datetime import UTC, datetime, timedelta
from typing import Any

from fleet import connections, sends, stations, transactions
from fleet.engine.statements import Tx
from fleet.sends import Send
from fleet.transactions.rows import Transaction

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


def later(seconds: float) -> datetime:
    """The time that many seconds after NOW."""
    return NOW + timedelta(seconds=seconds)


async def make_station(tx: Tx, id: str = "CP1", **changes: Any) -> stations.Station:
    """A registered station of tenant "acme"."""
    values: dict[str, Any] = {
        "tenant": "acme",
        "location": "garage",
        "security_profile": 1,
        "password_hash": "hmac:1",
        "now": NOW,
    }
    return await stations.create(tx, id=id, **(values | changes))


async def connect(tx: Tx, station: str = "CP1", gateway: str = "gw1", **changes: Any) -> int:
    """Connect the station at a gateway whose lease is valid for a minute. Returns the epoch."""
    await connections.renew_gateway(tx, gateway, until=later(60))
    values: dict[str, Any] = {"connection_id": "c1", "ocpp_version": "ocpp1.6", "now": NOW}
    return await connections.claim(tx, station=station, gateway=gateway, **(values | changes))


async def intend(tx: Tx, command: str = "start-1", epoch: int = 1, **changes: Any) -> Send:
    """Store the intent to send a start."""
    values: dict[str, Any] = {
        "tenant": "acme",
        "workflow_id": f"command/acme/{command}",
        "station": "CP1",
        "kind": "START_SESSION",
        "attempt": 1,
        "message_id": f"m-{command}",
        "undo": False,
        "evse_id": 1,
        "connector_id": None,
        "token_digest": "digest",
        "group_digest": None,
        "named_id": None,
        "now": NOW,
    }
    return await sends.intend(tx, command=command, epoch=epoch, **(values | changes))


async def start_16(tx: Tx, station: str = "CP1", **changes: Any) -> tuple[Transaction, bool]:
    """Store a StartTransaction on connector 1."""
    values: dict[str, Any] = {
        "tenant": "acme",
        "evse_id": 1,
        "token_digest": "digest",
        "token_masked": "****1234",
        "group_digest": None,
        "meter_start_wh": 1000,
        "start_time": NOW,
        "clock_suspect": False,
        "authorized": True,
        "reservation_id": None,
        "now": NOW,
    }
    return await transactions.start_v16(tx, station=station, **(values | changes))


async def stop_16(
    tx: Tx, ocpp_transaction_id: str, station: str = "CP1", **changes: Any
) -> Transaction:
    """Store a StopTransaction, ten minutes after NOW."""
    values: dict[str, Any] = {
        "meter_stop_wh": 2000,
        "stop_time": later(600),
        "reason": "Remote",
        "now": later(601),
    }
    ended = await transactions.stop_v16(
        tx, station=station, ocpp_transaction_id=ocpp_transaction_id, **(values | changes)
    )
    assert ended is not None
    return ended


async def event_2(
    tx: Tx, type: str = "Started", seq_no: int = 0, station: str = "CP1", **changes: Any
) -> tuple[Transaction, bool]:
    """Store a TransactionEvent of transaction "tx-1"; its time is `seq_no` seconds after NOW."""
    at = later(max(0, min(seq_no, 1000)))
    values: dict[str, Any] = {
        "tenant": "acme",
        "ocpp_transaction_id": "tx-1",
        "evse_id": None,
        "connector_id": None,
        "token_digest": None,
        "token_masked": "",
        "group_digest": None,
        "remote_start_id": None,
        "reservation_id": None,
        "event_time": at,
        "clock_suspect": False,
        "offline": False,
        "authorized": False,
        "meter_wh": None,
        "stop_reason": "",
        "charging_state": "",
        "now": at,
    }
    values |= {"station": station, "event_type": type, "seq_no": seq_no}
    return await transactions.event_v2(tx, **(values | changes))
