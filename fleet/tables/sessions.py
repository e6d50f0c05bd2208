"""Charging sessions as stations report them, and the tokens that may charge."""

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    Index,
    Integer,
    Table,
    UniqueConstraint,
)

from fleet.engine.columns import ID, SERIAL, metadata
from fleet.engine.columns import flag as _flag
from fleet.engine.columns import id_column as _id
from fleet.engine.columns import index_of_known as _known
from fleet.engine.columns import partial_index as _partial
from fleet.engine.columns import text_column as _text
from fleet.engine.columns import time_column as _time
from fleet.engine.columns import word as _word
from fleet.engine.values import Json

transactions = Table(
    "transactions",
    metadata,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
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
    Column("epoch", SERIAL),
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
    _partial("ix_transactions_minted", "ocpp_transaction_id", where="minted AND state = 'ACTIVE'"),
    _partial(
        "ix_transactions_active_page",
        *("tenant", "received_time", "name"),
        where="state = 'ACTIVE'",
    ),
    _partial("ix_transactions_observed", "station", "id", where="observed_only"),
    _known("ix_transactions_reservation", "station", "reservation_id"),
    _known("ix_transactions_remote_start", "station", "remote_start_id"),
    sqlite_autoincrement=True,
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
