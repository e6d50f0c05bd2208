"""Commands and rows of the fleet as tests need them."""

from dataclasses import replace
from datetime import datetime, timedelta

from broker.proto.id_token import seal
from domain.model.command import Command, State
from domain.model.specs import IdToken, Kind, StartSpec, StopSpec
from domain.reservations.reservation import Reservation, ReservationState
from fleet.connections import Connection
from fleet.connectors import StationConnector
from fleet.keys import Sealer
from fleet.stations import Station
from fleet.tokens import Token
from fleet.transactions.rows import Transaction
from tests.unit.broker.requests import NOW, REQUEST_ID

SEALER = Sealer(b"0" * 32)
DRIVER = seal(SEALER, "ISO14443", "04A1B2C3")
TOKEN = IdToken(type="ISO14443", masked="****B2C3", sealed="s3aled", digest="d1gest")


def command(**changes: object) -> Command:
    """A start that waits in line."""
    base = Command(
        name=REQUEST_ID,
        tenant="default",
        kind=Kind.START_SESSION,
        station="CP/1",
        state=State.QUEUED,
        create_time=NOW,
        not_after=NOW + timedelta(minutes=1),
        workflow_id=f"command/default/{REQUEST_ID}",
        start=StartSpec(id_token=TOKEN),
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def stop_command(**target: object) -> Command:
    """A stop of the given target."""
    spec = StopSpec(found_ocpp_transaction_id="42", **target)  # type: ignore[arg-type]
    return command(kind=Kind.STOP_SESSION, start=None, stop=spec)


def station(**changes: object) -> Station:
    """A station that has booted."""
    base = Station(
        id="CP/1",
        tenant="default",
        location="Yard 3",
        security_profile=1,
        registered=True,
        ocpp_version="1.6",
        vendor="Vendor",
        model="Model",
        serial_number="S-1",
        firmware_version="9",
        boot_state="ACCEPTED",
        boot_time=NOW,
        last_seen_time=NOW,
        connection_timeout_s=None,
        create_time=NOW,
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def connection(version: str = "2.0.1") -> Connection:
    """A socket of the station."""
    return Connection("CP/1", "gw-1", "c-1", 7, version, NOW)


def connector(evse_id: int, connector_id: int, status: str = "Available") -> StationConnector:
    """A connector of the station."""
    return StationConnector("CP/1", evse_id, connector_id, "cType2", status, "", NOW, "NoError")


def transaction(**changes: object) -> Transaction:
    """A session that runs."""
    base = Transaction(
        id=42,
        name="tx-abc",
        tenant="default",
        station="CP/1",
        ocpp_transaction_id="42",
        evse_id=1,
        connector_id=None,
        token_digest="d1gest",
        token_masked="****B2C3",
        group_digest=None,
        remote_start_id=None,
        reservation_id=None,
        start_time=NOW,
        received_time=NOW,
        clock_suspect=False,
        offline=False,
        authorized=True,
        meter_start_wh=0,
        stop_time=None,
        stop_received_time=None,
        meter_stop_wh=None,
        stop_reason="",
        state="ACTIVE",
        observed_only=False,
        charging_state="Charging",
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def table_token(expire_time: datetime | None = None, group: str | None = None) -> Token:
    """A token of the table."""
    return Token("default", "04A1", "eMAID", "BLOCKED", group, expire_time, NOW)


def held(**changes: object) -> Reservation:
    """A reservation that the station holds for the token of `edges.START`."""
    base = Reservation(
        name="0123456789abcdef01234567",
        tenant="default",
        station="CP/1",
        wire_id=7,
        id_token=DRIVER,
        state=ReservationState.HELD,
        create_time=NOW,
        expire_time=NOW + timedelta(hours=1),
        workflow_id="reservation/default/0123456789abcdef01234567",
        command=REQUEST_ID,
        start_time=NOW,
    )
    return replace(base, **changes)  # type: ignore[arg-type]
