"""How Alembic runs here: on a connection that the caller opened, in the caller's transaction."""

from alembic import context

from fleet.tables import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection, target_metadata=metadata, compare_type=True, transactional_ddl=True
)
context.run_migrations()
