from datetime import UTC, datetime
from fleet import log, stations
from fleet.database import Database

NOW = datetime(2026, 1, 1, tzinfo=UTC)


async def test_smoke(db: Database) -> None:
    async with db.write() as tx:
        s = await stations.create(
            tx, id="A", tenant="t", location="x", security_profile=1, password_hash="h", now=NOW
        )
    async with db.read() as tx:
        assert await stations.get(tx, "A") == s
