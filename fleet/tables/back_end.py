"""What another back end (CSMS) asked of a station that is relayed to it."""

from sqlalchemy import BigInteger, Column, Index, Integer, Table

from fleet.engine.columns import ID, SERIAL, metadata
from fleet.engine.columns import id_column as _id
from fleet.engine.columns import text_column as _text
from fleet.engine.columns import time_column as _time
from fleet.engine.columns import word as _word
from fleet.engine.values import Json

# `effect_time`: when a report of the station decided it, and not its answer.
back_end_calls = Table(
    "back_end_calls",
    metadata,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    *(_id(name) for name in ("tenant", "station")),
    *(_text(name) for name in ("connection_id", "message_id")),
    *(_word(name) for name in ("kind", "mode")),
    Column("evse_id", Integer),
    _text("named_id"),
    Column("number", BigInteger),
    *(Column(name, ID) for name in ("token_digest", "group_digest")),
    _time("expire_time", nullable=True),
    _time("send_time"),
    Column("answer", Json),
    _time("answer_time", nullable=True),
    *(_word(name) for name in ("code", "cause")),
    _time("effect_time", nullable=True),
    Index("ix_back_end_calls_tenant_send_time", "tenant", "send_time", "id"),
    Index("ix_back_end_calls_station_send_time", "station", "send_time"),
    sqlite_autoincrement=True,
)
