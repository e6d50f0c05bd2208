"""Alembic's environment: it runs on the connection and in the transaction of the caller."""

from alembic import context

from fleet.tables import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection, target_metadata=metadata, compare_type=True, transactional_ddl=True
)
context.run_migrations()
