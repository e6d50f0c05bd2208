from tests.support.databases import db, fleet_url, postgres_server

__all__ = ["db", "fleet_url", "postgres_server"]
