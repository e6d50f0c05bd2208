"""Endpoints of callbacks, and their deliveries."""

from sqlalchemy import (
    Column,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from fleet.engine.columns import flag as _flag
from fleet.engine.columns import id_column as _id
from fleet.engine.columns import metadata
from fleet.engine.columns import text_column as _text
from fleet.engine.columns import time_column as _time
from fleet.engine.columns import word as _word

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
