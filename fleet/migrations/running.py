"""Runs Alembic on the connection and in the transaction of the caller."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection


def config() -> Config:
    """Alembic's configuration; it finds the migrations where the package is installed."""
    made = Config()
    made.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    made.set_main_option("path_separator", "os")
    return made


def run_migrations(connection: Connection, revision: str) -> None:
    """Runs the migrations that lead from the database's revision to this one."""
    made = config()
    made.attributes["connection"] = connection
    command.upgrade(made, revision)
