"""The tables of the first release.

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def _name(limit: int) -> sa.types.TypeEngine[str]:
    return sa.String(limit).with_variant(sa.String(limit, collation="C"), "postgresql")


def upgrade() -> None:
    _command_labels()
    _commands()
    _connections()
    _connectors()
    _events()
    _gateways()
    _keys()
    _sends()
    _stations()
    _tokens()
    _transactions()
    _transaction_indexes()
    _wakeups()


def downgrade() -> None:
    op.drop_table("wakeups")
    op.drop_table("transactions")
    op.drop_table("tokens")
    op.drop_table("stations")
    op.drop_table("sends")
    op.drop_table("keys")
    op.drop_table("gateways")
    op.drop_table("events")
    op.drop_table("connectors")
    op.drop_table("connections")
    op.drop_table("commands")
    op.drop_table("command_labels")


def _command_labels() -> None:
    op.create_table(
        "command_labels",
        sa.Column("tenant", _name(255), nullable=False),
        sa.Column("name", _name(255), nullable=False),
        sa.Column("label", _name(255), nullable=False),
        sa.Column("value", _name(500), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "name", "label", name=op.f("pk_command_labels")),
    )
    op.create_index(
        "ix_command_labels_label_value",
        "command_labels",
        ["tenant", "label", "value"],
        unique=False,
    )


def _commands() -> None:
    op.create_table(
        "commands",
        sa.Column("tenant", _name(255), nullable=False),
        sa.Column("name", _name(255), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("tx_id", sa.BigInteger(), nullable=False),
        sa.Column("key", _name(255), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("snapshot", sa.Text(), nullable=False),
        sa.Column("station", _name(255), nullable=False),
        sa.Column("kind", _name(64), server_default="", nullable=False),
        sa.Column("state", _name(64), server_default="", nullable=False),
        sa.Column("outcome_code", _name(64), server_default="", nullable=False),
        sa.Column("create_time", sa.BigInteger(), nullable=False),
        sa.Column("workflow_id", _name(500), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("tenant", "name", name=op.f("pk_commands")),
    )
    op.create_index(
        "ix_commands_open",
        "commands",
        ["station", "state"],
        unique=False,
        sqlite_where=sa.text("state <> 'DONE'"),
        postgresql_where=sa.text("state <> 'DONE'"),
    )
    op.create_index("ix_commands_page", "commands", ["tenant", "create_time", "name"], unique=False)
    op.create_index(
        "ix_commands_state_page",
        "commands",
        ["tenant", "state", "create_time", "name"],
        unique=False,
    )
    op.create_index(
        "ix_commands_station_page",
        "commands",
        ["tenant", "station", "create_time", "name"],
        unique=False,
    )


def _connections() -> None:
    op.create_table(
        "connections",
        sa.Column("station", _name(255), nullable=False),
        sa.Column("gateway", _name(255), nullable=True),
        sa.Column("connection_id", _name(255), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("ocpp_version", _name(64), server_default="", nullable=False),
        sa.Column("connected_time", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("station", name=op.f("pk_connections")),
    )
    op.create_index("ix_connections_gateway", "connections", ["gateway"], unique=False)


def _connectors() -> None:
    op.create_table(
        "connectors",
        sa.Column("station", _name(255), nullable=False),
        sa.Column("evse_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("connector_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("type", _name(64), server_default="", nullable=False),
        sa.Column("status", _name(64), server_default="", nullable=False),
        sa.Column("previous_status", _name(64), server_default="", nullable=False),
        sa.Column("status_time", sa.BigInteger(), nullable=False),
        sa.Column("error_code", _name(500), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("station", "evse_id", "connector_id", name=op.f("pk_connectors")),
    )


def _events() -> None:
    op.create_table(
        "events",
        sa.Column("seq", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("tx_id", sa.BigInteger(), nullable=False),
        sa.Column("tenant", _name(255), nullable=False),
        sa.Column("name", _name(255), nullable=False),
        sa.Column("key", _name(255), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("snapshot", sa.Text(), nullable=False),
        sa.Column("state", _name(64), server_default="", nullable=False),
        sa.Column("outcome_code", _name(64), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_events")),
        sa.UniqueConstraint("tenant", "name", "key", name=op.f("uq_events_tenant_name_key")),
        sa.UniqueConstraint(
            "tenant", "name", "revision", name=op.f("uq_events_tenant_name_revision")
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_events_tx_id_seq", "events", ["tx_id", "seq"], unique=False)


def _gateways() -> None:
    op.create_table(
        "gateways",
        sa.Column("gateway", _name(255), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("gateway", name=op.f("pk_gateways")),
    )


def _keys() -> None:
    op.create_table(
        "keys",
        sa.Column("name", _name(255), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_keys")),
    )


def _sends() -> None:
    op.create_table(
        "sends",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("command", _name(255), nullable=False),
        sa.Column("tenant", _name(255), nullable=False),
        sa.Column("workflow_id", _name(500), server_default="", nullable=False),
        sa.Column("station", _name(500), server_default="", nullable=False),
        sa.Column("kind", _name(64), server_default="", nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("state", _name(64), server_default="", nullable=False),
        sa.Column("message_id", _name(500), server_default="", nullable=False),
        sa.Column("epoch", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("undo", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.Column("evse_id", sa.Integer(), nullable=True),
        sa.Column("connector_id", sa.Integer(), nullable=True),
        sa.Column("token_digest", _name(255), nullable=True),
        sa.Column("group_digest", _name(255), nullable=True),
        sa.Column("wire_id", _name(255), nullable=True),
        sa.Column("send_time", sa.BigInteger(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("answer_time", sa.BigInteger(), nullable=True),
        sa.Column("closed", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.Column("cause", _name(500), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sends")),
        sa.UniqueConstraint(
            "tenant", "command", "attempt", name=op.f("uq_sends_tenant_command_attempt")
        ),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_sends_open",
        "sends",
        ["station", "id"],
        unique=False,
        sqlite_where=sa.text("NOT closed AND state <> 'VOID'"),
        postgresql_where=sa.text("NOT closed AND state <> 'VOID'"),
    )
    op.create_index("ix_sends_station_message_id", "sends", ["station", "message_id"], unique=False)


def _stations() -> None:
    op.create_table(
        "stations",
        sa.Column("id", _name(255), nullable=False),
        sa.Column("tenant", _name(255), nullable=False),
        sa.Column("location", _name(500), server_default="", nullable=False),
        sa.Column("security_profile", sa.Integer(), nullable=False),
        sa.Column("registered", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.Column("ocpp_version", _name(64), server_default="", nullable=False),
        sa.Column("vendor", _name(500), server_default="", nullable=False),
        sa.Column("model", _name(500), server_default="", nullable=False),
        sa.Column("serial_number", _name(500), server_default="", nullable=False),
        sa.Column("firmware_version", _name(500), server_default="", nullable=False),
        sa.Column("boot_state", _name(64), server_default="", nullable=False),
        sa.Column("boot_time", sa.BigInteger(), nullable=True),
        sa.Column("last_seen_time", sa.BigInteger(), nullable=True),
        sa.Column("connection_timeout_s", sa.Float(), nullable=True),
        sa.Column("create_time", sa.BigInteger(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("previous_password_hash", sa.Text(), nullable=True),
        sa.Column("password_time", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stations")),
    )
    op.create_index("ix_stations_tenant_id", "stations", ["tenant", "id"], unique=False)


def _tokens() -> None:
    op.create_table(
        "tokens",
        sa.Column("tenant", _name(255), nullable=False),
        sa.Column("folded", _name(255), nullable=False),
        sa.Column("type", _name(255), nullable=False),
        sa.Column("value", _name(255), nullable=False),
        sa.Column("status", _name(64), server_default="", nullable=False),
        sa.Column("group", _name(255), nullable=True),
        sa.Column("expire_time", sa.BigInteger(), nullable=True),
        sa.Column("update_time", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "folded", "type", name=op.f("pk_tokens")),
    )


def _transactions() -> None:
    op.create_table(
        "transactions",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("name", _name(255), nullable=False),
        sa.Column("tenant", _name(255), nullable=False),
        sa.Column("station", _name(255), nullable=False),
        sa.Column("ocpp_id", _name(255), nullable=False),
        sa.Column("evse_id", sa.Integer(), nullable=True),
        sa.Column("connector_id", sa.Integer(), nullable=True),
        sa.Column("token_digest", _name(255), nullable=True),
        sa.Column("token_masked", _name(500), server_default="", nullable=False),
        sa.Column("group_digest", _name(255), nullable=True),
        sa.Column("remote_start_id", sa.Integer(), nullable=True),
        sa.Column("reservation_id", sa.Integer(), nullable=True),
        sa.Column("start_time", sa.BigInteger(), nullable=True),
        sa.Column("received_time", sa.BigInteger(), nullable=False),
        sa.Column("clock_suspect", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.Column("offline", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.Column("authorized", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.Column("meter_start_wh", sa.BigInteger(), nullable=True),
        sa.Column("stop_time", sa.BigInteger(), nullable=True),
        sa.Column("stop_received_time", sa.BigInteger(), nullable=True),
        sa.Column("meter_stop_wh", sa.BigInteger(), nullable=True),
        sa.Column("stop_reason", _name(500), server_default="", nullable=False),
        sa.Column("state", _name(64), server_default="", nullable=False),
        sa.Column("observed_only", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.Column("charging_state", _name(64), server_default="", nullable=False),
        sa.Column("meter_suspect", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.Column("minted", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.Column("start_key", _name(255), nullable=True),
        sa.Column("sources", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transactions")),
        sa.UniqueConstraint("name", name=op.f("uq_transactions_name")),
        sa.UniqueConstraint("station", "ocpp_id", name=op.f("uq_transactions_station_ocpp_id")),
        sa.UniqueConstraint("station", "start_key", name=op.f("uq_transactions_station_start_key")),
        sqlite_autoincrement=True,
    )


def _transaction_indexes() -> None:
    op.create_index(
        "ix_transactions_active",
        "transactions",
        ["station"],
        unique=False,
        sqlite_where=sa.text("state = 'ACTIVE'"),
        postgresql_where=sa.text("state = 'ACTIVE'"),
    )
    op.create_index(
        "ix_transactions_observed",
        "transactions",
        ["station", "id"],
        unique=False,
        sqlite_where=sa.text("observed_only"),
        postgresql_where=sa.text("observed_only"),
    )
    op.create_index(
        "ix_transactions_remote_start",
        "transactions",
        ["station", "remote_start_id"],
        unique=False,
        sqlite_where=sa.text("remote_start_id IS NOT NULL"),
        postgresql_where=sa.text("remote_start_id IS NOT NULL"),
    )
    op.create_index(
        "ix_transactions_station_received_time",
        "transactions",
        ["station", "received_time"],
        unique=False,
    )
    op.create_index(
        "ix_transactions_tenant_received_time_name",
        "transactions",
        ["tenant", "received_time", "name"],
        unique=False,
    )


def _wakeups() -> None:
    op.create_table(
        "wakeups",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("workflow_id", _name(500), server_default="", nullable=False),
        sa.Column("reason", _name(500), server_default="", nullable=False),
        sa.Column("create_time", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wakeups")),
        sqlite_autoincrement=True,
    )
