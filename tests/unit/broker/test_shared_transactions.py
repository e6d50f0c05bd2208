"""Calls that share a transaction keep their own callers, though it runs in the task of one."""

import asyncio
from typing import Any, cast

import pytest
from evcommand.v1 import station_service_pb2 as pb

from broker.access.caller import Caller
from broker.auth import set_current_caller
from broker.backend import Backend
from broker.errors import Reason, Refusal
from broker.services.stations import StationServicer
from broker.settings import BrokerSettings
from fleet import stations
from fleet.database import Database
from fleet.log import audit
from fleet.log.event_log import Filter
from tests.support.databases import db, fleet_url, postgres_server
from tests.support.fleet_rows import NOW

__all__ = ["db", "fleet_url", "postgres_server"]

ALL, MINE = Caller("all", "acme"), Caller("mine", "acme", groups=("MINE-",))


def servicer(db: Database) -> StationServicer:
    """A servicer of this fleet. Stations need nothing else of the broker."""
    others = dict.fromkeys(("temporal", "sealer", "passwords", "follower", "watches"))
    parts = cast("dict[str, Any]", others)
    return StationServicer(
        Backend(
            db=db, **parts, settings=BrokerSettings(), draining=asyncio.Event(), now=lambda: NOW
        )
    )


async def deleted(at: StationServicer, caller: Caller, station: str) -> str:
    """The reason why a DeleteStation of this caller was refused; empty when it was not."""
    set_current_caller(caller)
    request = pb.DeleteStationRequest(name=f"stations/{station}")
    try:
        await at.DeleteStation(request, cast("Any", None))
    except Refusal as refusal:
        return refusal.reason.value
    return ""


async def both(db: Database, *calls: tuple[Caller, str]) -> list[str]:
    """How calls end that begin in the same turn of the loop."""
    async with db.write() as tx:
        for _, id in calls:
            await stations.create(
                tx,
                id=id,
                tenant="acme",
                location="",
                security_profile=1,
                password_hash="x",
                now=NOW,
            )
    at = servicer(db)
    tasks = [asyncio.create_task(deleted(at, caller, station)) for caller, station in calls]
    return list(await asyncio.gather(*tasks))


@pytest.mark.parametrize("turned", [False, True])
async def test_a_call_in_a_shared_transaction_reaches_its_own_stations_only(
    db: Database, turned: bool
) -> None:
    calls = {(ALL, "MINE-1"): "", (MINE, "OTHER-1"): Reason.STATION_NOT_FOUND.value}
    order = list(reversed(calls)) if turned else list(calls)
    assert await both(db, *order) == [calls[call] for call in order]


async def test_each_change_in_a_shared_transaction_is_told_of_its_own_caller(db: Database) -> None:
    assert await both(db, (ALL, "OTHER-1"), (MINE, "MINE-1")) == ["", ""]
    async with db.read() as tx:
        rows = await audit.list_page(tx, Filter("acme"), limit=9)
    assert {row.station: row.caller for row in rows} == {"OTHER-1": "all", "MINE-1": "mine"}
