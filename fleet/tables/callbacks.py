"""Endpoints of callbacks, their deliveries, and how far the logs were read for events."""

from sqlalchemy import (
    BigInteger,
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
from fleet.engine.values import Json

# A credential's callback settings; caller "" where the broker runs without credentials.
# `station_groups`: how the identities of the stations begin whose events it may get; NULL: of all.
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
    *(Column(name, Json) for name in ("event_types", "station_groups")),
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

# Up to where a log was read for the events of a credential that chose some.
event_feeds = Table(
    "event_feeds",
    metadata,
    *(_id(name, primary_key=True) for name in ("tenant", "caller")),
    _word("log", primary_key=True),
    *(Column(name, BigInteger, nullable=False) for name in ("tx_id", "seq")),
)

# One row per event and credential that chose it. `thread`: what is posted in order. `revision`: of
# a reservation. `facts`: of a change of a station or of a transaction.
event_deliveries = Table(
    "event_deliveries",
    metadata,
    *(_id(name, primary_key=True) for name in ("tenant", "id")),
    _id("thread"),
    Column("sequence", BigInteger, nullable=False),
    _id("caller"),
    _word("subject"),
    *(_id(name) for name in ("resource", "station")),
    _word("news"),
    Column("revision", Integer, nullable=False, server_default=text("0")),
    Column("facts", Json),
    _time("change_time"),
    Column("url", Text, nullable=False),
    _word("state"),
    Column("tries", Integer, nullable=False, server_default=text("0")),
    _word("cause"),
    _text("reason"),
    Column("http_status", Integer, nullable=False, server_default=text("0")),
    *(_time(name) for name in ("create_time", "update_time")),
    *(_time(name, nullable=True) for name in ("next_time", "resend_time")),
    UniqueConstraint("tenant", "thread", "sequence"),
    Index("ix_event_deliveries_page", "tenant", "create_time", "id"),
    Index("ix_event_deliveries_state_page", "tenant", "state", "create_time", "id"),
    Index("ix_event_deliveries_resource_page", "tenant", "resource", "create_time", "id"),
)
