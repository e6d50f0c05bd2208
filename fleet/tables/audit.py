"""Who changed what, and which calls were denied."""

from sqlalchemy import Column, Index, Integer, Table, text

from fleet.engine.columns import id_column as _id
from fleet.engine.columns import metadata
from fleet.engine.columns import text_column as _text
from fleet.engine.columns import time_column as _time
from fleet.engine.columns import word as _word

# Without the calls that made a command: `commands` has their caller and their time.
audit_entries = Table(
    "audit_entries",
    metadata,
    _id("tenant", primary_key=True),
    _id("id", primary_key=True),
    _time("create_time"),
    _text("caller"),
    _word("method"),
    _text("resource"),
    _text("station"),
    *(_word(name) for name in ("code", "reason", "request_id", "trace_id")),
    Column("times", Integer, nullable=False, server_default=text("1")),
    _time("last_time"),
    Index("ix_audit_entries_page", "tenant", "create_time", "id"),
)
