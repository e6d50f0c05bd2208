"""Which command has a session as its effect: one session, one claim.

Commands that ended before have claims too: the sessions of their outcomes, and those that were
stopped because nobody wanted them. What was told as a success goes first, then what is older.

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_BACKFILL = """
INSERT INTO claims (session, tenant, command, send, time)
SELECT session, tenant, name, send, time FROM (
    SELECT told.*, sends.id AS send, row_number() OVER (
        PARTITION BY session ORDER BY rank, told.create_time, told.tenant, told.name
    ) AS place
    FROM (
        SELECT tenant, name, create_time, time, 1 AS rank, {outcome_session} AS session
        FROM commands WHERE kind = 'START_SESSION' AND outcome_code = 'SUCCEEDED'
        UNION ALL
        SELECT tenant, name, create_time, time, 2 AS rank, {undone_session} AS session
        FROM commands WHERE kind = 'START_SESSION' AND {undone_state} IN ('PENDING', 'DONE')
        UNION ALL
        SELECT tenant, name, create_time, time, 3 AS rank, {outcome_session} AS session
        FROM commands WHERE kind = 'START_SESSION' AND outcome_code = 'NO_EFFECT'
    ) AS told
    LEFT JOIN sends ON sends.tenant = told.tenant AND sends.command = told.name
        AND sends.kind = 'START_SESSION' AND NOT sends.undo AND sends.state <> 'VOID'
    WHERE session IS NOT NULL
) AS ranked
WHERE place = 1
"""
_PATHS = {
    "sqlite": "json_extract(snapshot, '$.{0}')",
    "postgresql": "CAST(snapshot AS json) #>> '{{{1}}}'",
}
_SPENT = "UPDATE sends SET claimed = true WHERE id IN (SELECT send FROM claims)"


def _name(limit: int) -> sa.types.TypeEngine[str]:
    return sa.String(limit).with_variant(sa.String(limit, collation="C"), "postgresql")


def _index(name: str, column: str) -> None:
    where = sa.text("NOT claimed")
    columns = ["station", "kind", column, "send_time"]
    op.create_index(name, "sends", columns, sqlite_where=where, postgresql_where=where)


def _stored(*path: str) -> str:
    """A value in a snapshot, as SQL."""
    return _PATHS[op.get_bind().dialect.name].format(".".join(path), ",".join(path))


def upgrade() -> None:
    op.add_column(
        "sends", sa.Column("claimed", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.create_table(
        "claims",
        sa.Column("session", _name(255), nullable=False),
        sa.Column("tenant", _name(255), nullable=False),
        sa.Column("command", _name(255), nullable=False),
        sa.Column("send", sa.Integer(), nullable=True),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("session", name=op.f("pk_claims")),
    )
    filled = _BACKFILL.format(
        outcome_session=_stored("outcome", "session", "transaction"),
        undone_session=_stored("compensation", "transaction"),
        undone_state=_stored("compensation", "state"),
    )
    op.execute(filled)
    op.execute(_SPENT)
    _index("ix_sends_token", "token_digest")
    _index("ix_sends_group", "group_digest")


def downgrade() -> None:
    op.drop_index("ix_sends_group", "sends")
    op.drop_index("ix_sends_token", "sends")
    op.drop_table("claims")
    op.drop_column("sends", "claimed")
