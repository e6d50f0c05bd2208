"""Every table of the fleet. The migrations make the same tables; a test checks it.

Words of other rooms (a command's state, a connector's status) are plain text here: the fleet stores
them and does not judge them. There are no foreign keys between facts: the transactions of a deleted
station stay, and the epoch of its connections must stay.
"""

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

from fleet.engine.columns import ID, SERIAL, TEXT, metadata
from fleet.engine.columns import flag as _flag
from fleet.engine.columns import id_column as _id
from fleet.engine.columns import index_of_known as _known
from fleet.engine.columns import partial_index as _partial
from fleet.engine.columns import text_column as _text
from fleet.engine.columns import time_column as _time
from fleet.engine.columns import word as _word
from fleet.engine.values import Json

__all__ = ["metadata"]

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
    _time("last_seen_time", nullable=True),
    Column("connection_timeout_s", Float),
    Column("clock", Json),
    _time("create_time"),
    _text("generation"),
    Column("password_hash", Text),
    Column("previous_password_hash", Text),
    _time("password_time", nullable=True),
    Index("ix_stations_tenant_id", "tenant", "id"),
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
    _time("reported_time", nullable=True),
)

gateways = Table(
    "gateways", metadata, _id("gateway", primary_key=True), _time("until"), _text("line")
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
    Index("ix_connections_gateway", "gateway"),
)

sends = Table(
    "sends",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    _id("command"),
    _id("tenant"),
    _text("workflow_id"),
    _text("station"),
    _word("kind"),
    Column("attempt", Integer, nullable=False),
    _word("state"),
    _text("message_id"),
    Column("epoch", BigInteger, nullable=False, server_default=text("0")),
    _flag("undo"),
    Column("evse_id", Integer),
    Column("connector_id", Integer),
    Column("token_digest", ID),
    _text("token_masked"),
    Column("group_digest", ID),
    Column("named_id", ID),
    _time("send_time"),
    Column("answer", Json),
    _time("answer_time", nullable=True),
    _flag("closed"),
    _text("cause"),
    _word("action"),
    Column("frame", Json),
    _time("lost_time", nullable=True),
    _time("watched_until", nullable=True),
    _flag("claimed"),
    UniqueConstraint("tenant", "command", "attempt"),
    Index("ix_sends_station_message_id", "station", "message_id"),
    _partial("ix_sends_open", "station", "id", where="NOT closed AND state <> 'VOID'"),
    _partial("ix_sends_token", "station", "kind", "token_digest", "send_time", where="NOT claimed"),
    _partial("ix_sends_group", "station", "kind", "group_digest", "send_time", where="NOT claimed"),
    sqlite_autoincrement=True,
)

transactions = Table(
    "transactions",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    *(_id(name) for name in ("name", "tenant", "station", "ocpp_transaction_id")),
    Column("evse_id", Integer),
    Column("connector_id", Integer),
    Column("token_digest", ID),
    _text("token_masked"),
    Column("group_digest", ID),
    Column("remote_start_id", Integer),
    Column("reservation_id", Integer),
    _time("start_time", nullable=True),
    _time("received_time"),
    *(_flag(name) for name in ("clock_suspect", "offline", "authorized")),
    Column("start_slack_s", Float),
    Column("meter_start_wh", BigInteger),
    _time("stop_time", nullable=True),
    _time("stop_received_time", nullable=True),
    Column("meter_stop_wh", BigInteger),
    _text("stop_reason"),
    _word("state"),
    _flag("observed_only"),
    _word("charging_state"),
    _flag("meter_suspect"),
    _flag("minted"),
    _time("token_time", nullable=True),
    _flag("token_unknown"),
    Column("epoch", Integer),
    _flag("end_unreported"),
    _time("freed_time", nullable=True),
    _time("alive_time", nullable=True),
    Column("start_key", ID),
    Column("sources", Json),
    Column("judged", Json),
    UniqueConstraint("name"),
    UniqueConstraint("station", "ocpp_transaction_id", name="uq_transactions_station_ocpp_id"),
    UniqueConstraint("station", "start_key"),
    Index("ix_transactions_station_received_time", "station", "received_time"),
    Index("ix_transactions_tenant_received_time_name", "tenant", "received_time", "name"),
    _partial("ix_transactions_active", "station", where="state = 'ACTIVE'"),
    _partial("ix_transactions_observed", "station", "id", where="observed_only"),
    _known("ix_transactions_reservation", "station", "reservation_id"),
    _known("ix_transactions_remote_start", "station", "remote_start_id"),
    sqlite_autoincrement=True,
)

# Which command has a session as its effect: one session, one claim.
claims = Table(
    "claims",
    metadata,
    _id("session", primary_key=True),
    _id("tenant"),
    _id("command"),
    Column("send", Integer),
    _time("time"),
)

# `folded`: the value as it is compared (OCPP's identifiers are case-insensitive).
tokens = Table(
    "tokens",
    metadata,
    _id("tenant", primary_key=True),
    _id("folded", primary_key=True),
    _id("type", primary_key=True),
    _id("value"),
    _word("status"),
    Column("group", ID),
    _time("expire_time", nullable=True),
    _time("update_time"),
)

# The newest snapshot of each command; its changes are in `events`.
commands = Table(
    "commands",
    metadata,
    _id("tenant", primary_key=True),
    _id("name", primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("tx_id", BigInteger, nullable=False),
    _id("key"),
    Column("revision", Integer, nullable=False),
    _time("time"),
    Column("snapshot", Json, nullable=False),
    _id("station"),
    _word("kind"),
    _word("state"),
    _word("outcome_code"),
    _time("create_time"),
    _text("workflow_id"),
    Index("ix_commands_page", "tenant", "create_time", "name"),
    Index("ix_commands_station_page", "tenant", "station", "create_time", "name"),
    Index("ix_commands_state_page", "tenant", "state", "create_time", "name"),
    _partial("ix_commands_open", "station", "state", where="state <> 'DONE'"),
)

command_labels = Table(
    "command_labels",
    metadata,
    _id("tenant", primary_key=True),
    _id("name", primary_key=True),
    _id("label", primary_key=True),
    Column("value", TEXT, nullable=False),
    Index("ix_command_labels_label_value", "tenant", "label", "value"),
)

events = Table(
    "events",
    metadata,
    Column("seq", SERIAL, primary_key=True, autoincrement=True),
    Column("tx_id", BigInteger, nullable=False),
    _id("tenant"),
    _id("name"),
    _id("key"),
    Column("revision", Integer, nullable=False),
    _time("time"),
    Column("snapshot", Json, nullable=False),
    _word("state"),
    _word("outcome_code"),
    UniqueConstraint("tenant", "name", "key"),
    UniqueConstraint("tenant", "name", "revision"),
    Index("ix_events_tx_id_seq", "tx_id", "seq"),
    sqlite_autoincrement=True,
)

wakeups = Table(
    "wakeups",
    metadata,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    *(_text(name) for name in ("workflow_id", "reason", "parked_reason")),
    Column("start", Json),
    _time("create_time"),
    Column("told", Integer, nullable=False, server_default=text("1")),
    Column("tries", Integer, nullable=False, server_default=text("0")),
    *(_time(name, nullable=True) for name in ("next_time", "parked_time")),
    Index("ix_wakeups_workflow_id", "workflow_id"),
    Index("ix_wakeups_next_time", "next_time"),
    sqlite_autoincrement=True,
)

# Notes for ExplainCommand; `command` may also be the id of a reservation.
notes = Table(
    "notes",
    metadata,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    _id("tenant"),
    _id("command"),
    _id("key"),
    _time("time"),
    _word("what"),
    _text("text"),
    Column("facts", Json, nullable=False),
    Column("times", Integer, nullable=False, server_default=text("1")),
    UniqueConstraint("tenant", "command", "key"),
    sqlite_autoincrement=True,
)

# The OCPP numbers of reservations.
wire_ids = Table(
    "wire_ids",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    _id("tenant"),
    _id("reservation"),
    _time("create_time"),
    UniqueConstraint("tenant", "reservation"),
    sqlite_autoincrement=True,
)

# The newest snapshot of each reservation; its changes are in `events`, like those of commands.
reservations = Table(
    "reservations",
    metadata,
    _id("tenant", primary_key=True),
    _id("name", primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("tx_id", BigInteger, nullable=False),
    _id("key"),
    Column("revision", Integer, nullable=False),
    _time("time"),
    Column("snapshot", Json, nullable=False),
    _id("station"),
    _word("kind"),
    _word("state"),
    _word("outcome_code"),
    _time("create_time"),
    _text("workflow_id"),
    Column("wire_id", Integer, nullable=False),
    Column("evse_id", Integer),
    _id("command"),
    _time("end_time", nullable=True),
    UniqueConstraint("wire_id"),
    Index("ix_reservations_page", "tenant", "create_time", "name"),
    Index("ix_reservations_station_page", "tenant", "station", "create_time", "name"),
    Index("ix_reservations_station_end_time", "station", "end_time"),
    _partial("ix_reservations_open", "station", "create_time", where="end_time IS NULL"),
)

# A station's last report of a reservation's end (OCPP 2.x: ReservationStatusUpdate).
reservation_reports = Table(
    "reservation_reports",
    metadata,
    _id("station", primary_key=True),
    Column("wire_id", Integer, primary_key=True, autoincrement=False),
    _word("status"),
    _time("received_time"),
)

# A credential's callback settings; caller "" where the broker runs without credentials.
callback_endpoints = Table(
    "callback_endpoints",
    metadata,
    _id("tenant", primary_key=True),
    _id("caller", primary_key=True),
    Column("url", Text, nullable=False, server_default=""),
    _word("events"),
    _flag("disabled"),
    _text("disable_reason"),
    _time("disable_time", nullable=True),
    Column("secret", Text),
    Column("previous_secret", Text),
    _time("previous_until", nullable=True),
    _time("update_time"),
)

# One row per change of a command that has a callback.
callback_deliveries = Table(
    "callback_deliveries",
    metadata,
    _id("tenant", primary_key=True),
    _id("id", primary_key=True),
    _id("command"),
    Column("revision", Integer, nullable=False),
    _word("news"),
    Column("url", Text, nullable=False),
    _word("state"),
    Column("tries", Integer, nullable=False, server_default=text("0")),
    _word("cause"),
    _text("reason"),
    Column("http_status", Integer, nullable=False, server_default=text("0")),
    *(_time(name) for name in ("create_time", "update_time")),
    *(_time(name, nullable=True) for name in ("next_time", "resend_time")),
    UniqueConstraint("tenant", "command", "revision"),
    Index("ix_callback_deliveries_page", "tenant", "create_time", "id"),
    Index("ix_callback_deliveries_state_page", "tenant", "state", "create_time", "id"),
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
