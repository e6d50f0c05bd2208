"""Stations, their sockets, and what they reported that could not be read as it was."""

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from fleet.engine.columns import ID, SERIAL, index_of_known, metadata
from fleet.engine.columns import flag as _flag
from fleet.engine.columns import id_column as _id
from fleet.engine.columns import text_column as _text
from fleet.engine.columns import time_column as _time
from fleet.engine.columns import word as _word
from fleet.engine.values import Json

keys = Table("keys", metadata, _id("name", primary_key=True), Column("value", Text, nullable=False))

stations = Table(
    "stations",
    metadata,
    _id("id", primary_key=True),
    _id("tenant"),
    _text("location"),
    Column("security_profile", Integer, nullable=False),
    _flag("registered"),
    _word("ocpp_version"),
    *(_text(name) for name in ("vendor", "model", "serial_number", "firmware_version")),
    _word("boot_state"),
    _time("boot_time", nullable=True),
    _word("boot_reason"),
    _text("boot_connection_id"),
    Column("earlier_boot_connection_id", Text, nullable=False, server_default=""),
    _time("last_seen_time", nullable=True),
    Column("connection_timeout_s", Float),
    Column("clock", Json),
    Column("labels", Json),
    Column("upstream", Text, nullable=False, server_default=""),
    Column("upstream_loss", Text, nullable=False, server_default=""),
    _time("create_time"),
    _text("generation"),
    Column("password_hash", Text),
    Column("previous_password_hash", Text),
    _time("password_time", nullable=True),
    Column("known_good_password", Text),
    Index("ix_stations_tenant_id", "tenant", "id"),
)

# The newest rotation of a station's password. `sealed`: the new one, while the rotation is open.
password_rotations = Table(
    "password_rotations",
    metadata,
    _id("station", primary_key=True),
    _word("state"),
    _time("request_time"),
    *(Column(name, Integer, nullable=False) for name in ("sends", "doubt")),
    *(_text(name) for name in ("answer", "message_id")),
    *(_time(f"{name}_time", nullable=True) for name in ("sent", "answer", "end", "due")),
    Column("sealed", Text),
    index_of_known("ix_password_rotations_due_time", "due_time"),
)

connectors = Table(
    "connectors",
    metadata,
    _id("station", primary_key=True),
    Column("evse_id", Integer, primary_key=True, autoincrement=False),
    Column("connector_id", Integer, primary_key=True, autoincrement=False),
    *(_word(name) for name in ("type", "status", "previous_status")),
    _time("status_time"),
    _text("error_code"),
    *(_time(name, nullable=True) for name in ("reported_time", "changed_time", "charging_time")),
)

# `told_lost`: those who watch its stations were told that its lease has run out.
gateways = Table(
    "gateways",
    metadata,
    _id("gateway", primary_key=True),
    _time("until"),
    _text("line"),
    _flag("told_lost"),
)

# A released row keeps its epoch (gateway NULL): the epochs of a station only ever grow.
connections = Table(
    "connections",
    metadata,
    _id("station", primary_key=True),
    Column("gateway", ID),
    _id("connection_id"),
    Column("epoch", BigInteger, nullable=False),
    _word("ocpp_version"),
    _time("connected_time"),
    _time("disconnected_time", nullable=True),
    _time("moved_time", nullable=True),
    Column("displaced_times", Json),
    _time("quarantine_end", nullable=True),
    Index("ix_connections_gateway", "gateway"),
)

# What a station reported and nobody could take. `key` is the same for repeats of one message.
untaken_reports = Table(
    "untaken_reports",
    metadata,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    _id("station"),
    _id("key"),
    *(_word(name) for name in ("action", "reason")),
    Column("evse_id", Integer),
    *(_text(name) for name in ("detail", "ocpp_transaction_id")),
    Column("times", Integer, nullable=False, server_default=text("1")),
    _time("received_time"),
    UniqueConstraint("station", "key"),
    Index("ix_untaken_reports_station_received_time", "station", "received_time"),
    sqlite_autoincrement=True,
)

# What was mended in a station's messages: one row per message and kind of mend.
mended_reports = Table(
    "mended_reports",
    metadata,
    _id("station", primary_key=True),
    *(_word(name, primary_key=True) for name in ("action", "kind")),
    _text("field"),
    Column("times", BigInteger, nullable=False),
    *(_time(name) for name in ("first_time", "last_time")),
)
