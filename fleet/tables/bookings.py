"""Pools of EVSEs, the rules of their bookings, and the bookings."""

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text, UniqueConstraint

from fleet.engine.columns import SERIAL, TEXT, metadata, partial_index
from fleet.engine.columns import id_column as _id
from fleet.engine.columns import time_column as _time
from fleet.engine.columns import word as _word
from fleet.engine.values import Json

# Each revision of each policy, as the table of its file (`domain.bookings.policies.reading`).
booking_policies = Table(
    "booking_policies",
    metadata,
    _id("tenant", primary_key=True),
    _id("name", primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("content", Json, nullable=False),
    _time("create_time"),
)

# version: grows with each change of the pool and of its plan; whoever plans locks this row.
pools = Table(
    "pools",
    metadata,
    _id("tenant", primary_key=True),
    _id("name", primary_key=True),
    Column("content", Json, nullable=False),
    Column("version", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
    _time("create_time"),
    _time("update_time"),
)

# An EVSE belongs to one pool at most.
pool_members = Table(
    "pool_members",
    metadata,
    _id("tenant", primary_key=True),
    _id("pool", primary_key=True),
    _id("station", primary_key=True),
    Column("evse_id", Integer, primary_key=True),
    UniqueConstraint("tenant", "station", "evse_id"),
)

# The newest snapshot of each booking. place: where the plan has it. What rules and plan ask of
# others than the new booking stands in columns of its own, so that snapshots need not be read:
# until_time: until when it wants its place; holder_groups, needs: as JSON in one form; pause_s: the
# least time after it on its place.
bookings = Table(
    "bookings",
    metadata,
    _id("tenant", primary_key=True),
    _id("name", primary_key=True),
    _id("pool"),
    _word("state"),
    _id("place"),
    Column("revision", Integer, nullable=False),
    _time("start_time"),
    _time("end_time"),
    _time("due_time", nullable=True),
    Column("snapshot", Json, nullable=False),
    _time("until_time"),
    _time("create_time"),
    Column("holder_token", TEXT, nullable=False),
    Column("holder_account", TEXT, nullable=False),
    Column("holder_groups", Text, nullable=False),
    Column("needs", Text, nullable=False),
    Column("pause_s", Integer, nullable=False, server_default="0"),
    Index(
        "ix_bookings_tenant_pool_start_time_end_time", "tenant", "pool", "start_time", "end_time"
    ),
    Index(
        "ix_bookings_tenant_pool_holder_token_start_time",
        *("tenant", "pool", "holder_token", "start_time"),
    ),
    partial_index(
        "ix_bookings_tenant_pool_holder_account_start_time",
        *("tenant", "pool", "holder_account", "start_time"),
        where="holder_account <> ''",
    ),
    Index("ix_bookings_tenant_start_time_name", "tenant", "start_time", "name"),
    Index("ix_bookings_due_time", "due_time"),
    # Who may charge now: the few live ones among all that were.
    Index(*("ix_bookings_tenant_pool_state_start_time", "tenant", "pool", "state", "start_time")),
)

# Each series of bookings, with what became of its occurrences.
booking_series = Table(
    "booking_series",
    metadata,
    _id("tenant", primary_key=True),
    _id("name", primary_key=True),
    _id("pool"),
    Column("snapshot", Json, nullable=False),
)

# Who waits for a place. due_time: when something has to be done about it next.
waitlist_entries = Table(
    "waitlist_entries",
    metadata,
    _id("tenant", primary_key=True),
    _id("name", primary_key=True),
    _id("pool"),
    _word("state"),
    Column("revision", Integer, nullable=False),
    *(_time("start_time"), _time("end_time"), _time("due_time", nullable=True)),
    Column("snapshot", Json, nullable=False),
    Index("ix_waitlist_entries_tenant_pool_state", "tenant", "pool", "state"),
    Index("ix_waitlist_entries_due_time", "due_time"),
    Index("ix_waitlist_entries_tenant_start_time_name", "tenant", "start_time", "name"),
)

# Every change of every booking, append-only. details: what was decided when it was taken, changed.
booking_changes = Table(
    "booking_changes",
    metadata,
    Column("seq", SERIAL, primary_key=True, autoincrement=True),
    Column("tx_id", BigInteger, nullable=False),
    _id("tenant"),
    _id("name"),
    _id("pool"),
    Column("revision", Integer, nullable=False),
    _time("time"),
    Column("snapshot", Json, nullable=False),
    Column("details", Json),
    UniqueConstraint("tenant", "name", "revision"),
    Index("ix_booking_changes_tenant_tx_id_seq", "tenant", "tx_id", "seq"),
    sqlite_autoincrement=True,
)

# Every change of every entry of a waiting list, append-only.
waitlist_changes = Table(
    "waitlist_changes",
    metadata,
    Column("seq", SERIAL, primary_key=True, autoincrement=True),
    Column("tx_id", BigInteger, nullable=False),
    _id("tenant"),
    _id("name"),
    _id("pool"),
    Column("revision", Integer, nullable=False),
    _time("time"),
    Column("snapshot", Json, nullable=False),
    UniqueConstraint("tenant", "name", "revision"),
    Index("ix_waitlist_changes_tenant_tx_id_seq", "tenant", "tx_id", "seq"),
    sqlite_autoincrement=True,
)

# The place of the newest change that was deleted of a log of a tenant: who reads on from before it
# has missed something.
forgotten_changes = Table(
    "forgotten_changes",
    metadata,
    _id("tenant", primary_key=True),
    _word("log", primary_key=True),
    Column("tx_id", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
)
