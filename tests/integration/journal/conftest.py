from tests.support.databases import db, fleet_url, postgres_server, sqlite_template

__all__ = ["db", "fleet_url", "postgres_server", "sqlite_template"]
