"""Commands, their frames and events, and what wakes their workflows."""

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    Table,
    UniqueConstraint,
    text,
)

from fleet.engine.columns import ID, SERIAL, TEXT, WORD, metadata
from fleet.engine.columns import flag as _flag
from fleet.engine.columns import id_column as _id
from fleet.engine.columns import partial_index as _partial
from fleet.engine.columns import text_column as _text
from fleet.engine.columns import time_column as _time
from fleet.engine.columns import word as _word
from fleet.engine.values import Json

sends = Table(
    "sends",
    metadata,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
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
    _word("line"),
    *(_time(f"token_{what}_time", nullable=True) for what in ("refused", "unclear")),
    UniqueConstraint("tenant", "command", "attempt"),
    Index("ix_sends_station_message_id", "station", "message_id"),
    _partial("ix_sends_open", "station", "id", where="NOT closed AND state <> 'VOID'"),
    _partial("ix_sends_token", "station", "kind", "token_digest", "send_time", where="NOT claimed"),
    _partial("ix_sends_group", "station", "kind", "group_digest", "send_time", where="NOT claimed"),
    sqlite_autoincrement=True,
)

# Which command has a session as its effect: one session, one claim.
claims = Table(
    "claims",
    metadata,
    _id("session", primary_key=True),
    _id("tenant"),
    _id("command"),
    Column("send", SERIAL),
    _time("time"),
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
    Column("outcome_cause", WORD),
    _time("outcome_time", nullable=True),
    Index("ix_commands_page", "tenant", "create_time", "name"),
    Index("ix_commands_station_page", "tenant", "station", "create_time", "name"),
    Index("ix_commands_state_page", "tenant", "state", "create_time", "name"),
    _partial(
        "ix_commands_outcome_page",
        *("tenant", "outcome_code", "create_time", "name"),
        where="outcome_code NOT IN ('', 'SUCCEEDED')",
    ),
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
