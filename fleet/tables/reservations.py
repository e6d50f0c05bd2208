"""Reservations and their numbers at the stations."""

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    Table,
    UniqueConstraint,
)

from fleet.engine.columns import SERIAL, metadata
from fleet.engine.columns import id_column as _id
from fleet.engine.columns import partial_index as _partial
from fleet.engine.columns import text_column as _text
from fleet.engine.columns import time_column as _time
from fleet.engine.columns import word as _word
from fleet.engine.values import Json

# What is counted to give reservations their OCPP numbers.
wire_ids = Table(
    "wire_ids",
    metadata,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
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
    UniqueConstraint("wire_id", "station"),
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
