"""A gateway that is killed writes nothing: others tell that its stations are lost."""

from fleet import connections
from fleet.database import Database
from fleet.log.changes_read import ChangeFilter, read_after
from fleet.log.order import Cursor
from journal.lost_gateways import LostGateways
from tests.support.fleet_rows import connect, later, make_station


async def test_each_loss_is_told_once_whoever_looks(db: Database) -> None:
    async with db.write() as tx:
        for id in ("CP1", "CP2"):
            await make_station(tx, id)
        await connect(tx, "CP1", "gw1")
        await connect(tx, "CP2", "gw2")
        await connections.renew_gateway(tx, "gw2", until=later(3_600))
    clock = later(59)
    one, other = LostGateways(db, lambda: clock), LostGateways(db, lambda: clock)
    assert await one.look() == 0
    clock = later(61)
    assert [await one.look(), await other.look()] == [1, 0]
    async with db.read() as tx:
        told = await read_after(tx, Cursor(0, 0), ChangeFilter("acme", sessions=False), 9)
    assert [(each.station, each.what) for each in told[-2:]] == [
        ("CP2", "CONNECTED"),
        ("CP1", "DISCONNECTED"),
    ]
