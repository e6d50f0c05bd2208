"""What changed of stations and of their charging sessions, for those who watch them."""

from sqlalchemy import BigInteger, Column, Index, Table

from fleet.engine.columns import ID, SERIAL, metadata
from fleet.engine.columns import id_column as _id
from fleet.engine.columns import time_column as _time
from fleet.engine.columns import word as _word
from fleet.engine.values import Json

# `session`: our id of the session that changed; NULL for a change of the station itself.
station_changes = Table(
    "station_changes",
    metadata,
    Column("seq", SERIAL, primary_key=True, autoincrement=True),
    Column("tx_id", BigInteger, nullable=False),
    _id("tenant"),
    _id("station"),
    Column("session", ID),
    _word("what"),
    Column("facts", Json),
    _time("time"),
    Index("ix_station_changes_tenant_tx_id_seq", "tenant", "tx_id", "seq"),
    Index("ix_station_changes_station_tx_id", "station", "tx_id"),
    sqlite_autoincrement=True,
)
