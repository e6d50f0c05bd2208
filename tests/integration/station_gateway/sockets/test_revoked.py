"""A deleted station is out: its socket is closed everywhere, and nothing that it does counts.

Two gateways share one fleet, on SQLite and on PostgreSQL. The old holder is connected at the first.
`unswept` gateways look for revoked sockets never: what holds there, holds before any sweep.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from contract.commands import SendFrameResult, SendStatus
from domain.model.answers import Verdict
from fleet import generations, reports, stations, transactions
from fleet.connectors import StationConnector
from fleet.database import Database
from fleet.engine.unavailable import DatabaseUnavailable
from fleet.stations import Station
from station_gateway.dialects.mending.mends import MendKind
from tests.support.benches.gateway_bench import PASSWORD, now, quick
from tests.support.benches.gateway_pair import (
    NEVER_S,
    START,
    STATUS,
    GatewayPair,
    running_pair,
    silent_end,
)
from tests.support.databases import db, fleet_url, postgres_server
from tests.support.fleet_rows import NOW
from tests.support.stations.scripted_station import connected

__all__ = ["db", "fleet_url", "postgres_server"]

NEW_PASSWORD = "the-password-of-the-new-holder"


class Fleet(GatewayPair):
    """Two gateways on one database. The old holder speaks with `old`, the new one with `new`."""

    async def delete(self, station: str = "S1") -> None:
        await self.old.write(lambda tx: generations.delete(tx, station, now=now()))

    async def create(self, tenant: str = "default", password: str = NEW_PASSWORD) -> None:
        stored = self.new.passwords.hash_generated(password)
        await self.new.write(
            lambda tx: stations.create(
                tx,
                id="S1",
                tenant=tenant,
                location="",
                security_profile=1,
                password_hash=stored,
                now=now(),
            )
        )

    def new_holder(self, password: str = NEW_PASSWORD) -> Any:
        return connected(self.new.url("S1"), password)

    async def shown(self) -> tuple[Station | None, list[StationConnector]]:
        async with self.old.db.read() as tx:
            return await stations.get(tx, "S1"), await stations.connectors(tx, "S1")

    async def sessions(self, tenant: str) -> int:
        async with self.old.db.read() as tx:
            return len(await transactions.list_page(tx, tenant=tenant, limit=10))


@pytest.fixture
async def fleet(db: Database) -> AsyncIterator[Fleet]:
    """Gateways that look for revoked sockets often."""
    async with running_pair(Fleet, db, quick(revocation_interval_s=0.05)) as fleet:
        yield fleet


@pytest.fixture
async def unswept(db: Database) -> AsyncIterator[Fleet]:
    """Gateways that never do."""
    async with running_pair(Fleet, db, quick(revocation_interval_s=NEVER_S)) as fleet:
        yield fleet


async def test_the_socket_of_a_deleted_station_is_closed(fleet: Fleet) -> None:
    async with fleet.old.station("S1") as station:
        await fleet.delete()
        assert await station.closed() == 1008
    assert await fleet.holder() is None


async def test_a_new_password_closes_the_holder_of_the_old_one(fleet: Fleet) -> None:
    async with fleet.old.station("S1") as station:
        await fleet.delete()
        await fleet.create()
        assert await station.closed() == 1008
        async with fleet.new_holder() as holder:
            await holder.boot()
            held = await fleet.holder()
    assert held is not None
    assert held.gateway == fleet.new.gateway.gateway_id


async def test_sockets_of_other_stations_stay(fleet: Fleet) -> None:
    async with fleet.old.station("S1") as station, fleet.old.station("S2") as other:
        await fleet.delete()
        assert await station.closed() == 1008
        await other.call("Heartbeat", {})


async def test_a_gateway_whose_database_was_away_closes_it_later(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = asyncio.Event()

    async def away(*_: object, **__: object) -> None:
        asked.set()
        raise DatabaseUnavailable("away")

    async with fleet.old.station("S1") as station:
        with monkeypatch.context() as patch:
            patch.setattr(generations, "current", away)
            await asked.wait()
            await fleet.delete()
            assert station.socket.close_code is None
        assert await station.closed() == 1008


async def test_one_look_is_enough_for_a_gateway_that_was_told_nothing(unswept: Fleet) -> None:
    async with unswept.old.station("S1") as station:
        await unswept.delete()
        await unswept.create("other")
        await unswept.old.gateway.sweeper.close_revoked()
        assert await station.closed() == 1008


@pytest.mark.parametrize("tenant", ["default", "other"])
@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("StartTransaction", START),
        ("StatusNotification", STATUS),
        ("BootNotification", {"chargePointVendor": "Old", "chargePointModel": "Holder"}),
        ("Authorize", {"idTag": "TAG1"}),
    ],
)
async def test_what_the_old_holder_reports_is_nobodys(
    unswept: Fleet, tenant: str, action: str, payload: dict[str, Any]
) -> None:
    async with unswept.old.station("S1") as station:
        await unswept.delete()
        await unswept.create(tenant)
        await silent_end(station, action, payload)
    shown, connectors = await unswept.shown()
    assert shown is not None
    assert (shown.tenant, shown.boot_state, shown.vendor) == (tenant, "", "")
    assert shown.last_seen_time is None
    assert connectors == []
    assert await unswept.sessions("default") == await unswept.sessions("other") == 0


async def test_a_report_after_the_delete_alone_is_nobodys(unswept: Fleet) -> None:
    async with unswept.old.station("S1") as station:
        await unswept.delete()
        await silent_end(station, "StartTransaction", START)
    assert await unswept.sessions("default") == 0


async def test_the_old_holder_is_not_shown_as_connected_or_seen(unswept: Fleet) -> None:
    async with unswept.old.station("S1") as station:
        await unswept.delete()
        await unswept.create("other")
        assert await unswept.holder() is None
        await station.call("Heartbeat", {})
        sweeper = unswept.old.gateway.sweeper
        await sweeper.write_seen(asyncio.get_running_loop().time())
    shown, _ = await unswept.shown()
    assert shown is not None
    assert shown.last_seen_time is None


async def test_what_was_mended_for_the_old_holder_is_not_shown(unswept: Fleet) -> None:
    book = unswept.old.gateway.reports
    async with unswept.old.station("S1"):
        connected_station = unswept.old.gateway.registry.get("S1")
        assert connected_station is not None
        book.mended(connected_station.peer, "MeterValues", {MendKind.SAMPLES: "meterValue"})
        await unswept.delete()
        await unswept.create("other")
        await book.flush()
    async with unswept.old.db.read() as tx:
        assert await reports.mended_of(tx, "S1") == []


@pytest.mark.parametrize("tenant", ["default", "other"])
async def test_a_command_never_reaches_the_old_holder(unswept: Fleet, tenant: str) -> None:
    async with unswept.old.station("S1") as station:
        await unswept.delete()
        await unswept.create(tenant)
        request = replace(await unswept.old.start_request("S1"), tenant=tenant)
        result = await unswept.old.sending(request)
        assert station.calls.empty()
    assert not_sent(result)


async def test_a_command_of_the_old_tenant_never_reaches_the_new_holder(unswept: Fleet) -> None:
    await unswept.old.register("S1")
    request = await unswept.new.start_request("S1")
    await unswept.delete()
    await unswept.create("other")
    async with unswept.new_holder() as holder:
        await holder.boot()
        result = await unswept.new.sending(request)
        assert holder.calls.empty()
    assert not_sent(result)


def not_sent(result: SendFrameResult) -> bool:
    return (result.status, result.cause) == (SendStatus.NOT_SENT, "STATION_OFFLINE")


async def test_an_answer_that_comes_after_the_delete_proves_nothing(unswept: Fleet) -> None:
    async with unswept.old.station("S1") as station:
        request = await unswept.old.start_request("S1")
        sending = unswept.old.sending(request)
        message_id, _ = await station.called("RemoteStartTransaction")
        await unswept.delete()
        await station.answer(message_id, {"status": "Rejected"})
        result = await sending
        assert await station.closed() == 1008
    assert (result.status, result.cause) == (SendStatus.NO_ANSWER, "CONNECTION_LOST_AFTER_SEND")
    (send,) = await unswept.old.sends(request)
    assert send.answer is None


async def test_an_answer_before_the_delete_counts(unswept: Fleet) -> None:
    async with unswept.old.station("S1") as station:
        sending = unswept.old.sending(await unswept.old.start_request("S1"))
        await station.accept("RemoteStartTransaction")
        result = await sending
        await unswept.delete()
    assert result.answer is not None
    assert result.answer.verdict is Verdict.ACCEPTED


async def test_a_frame_in_flight_at_the_delete_is_ended_with_its_socket(fleet: Fleet) -> None:
    async with fleet.old.station("S1") as station:
        sending = fleet.old.sending(await fleet.old.start_request("S1"))
        await station.called("RemoteStartTransaction")
        await fleet.delete()
        result = await sending
    assert (result.status, result.cause) == (SendStatus.NO_ANSWER, "CONNECTION_LOST_AFTER_SEND")


async def test_a_late_answer_after_the_delete_is_not_kept(unswept: Fleet) -> None:
    async with unswept.old.station("S1") as station:
        request = replace(await unswept.old.start_request("S1"), answer_timeout_s=0.05)
        sending = unswept.old.sending(request)
        message_id, _ = await station.called("RemoteStartTransaction")
        await sending
        await unswept.delete()
        await station.answer(message_id, {"status": "Accepted"})
        assert await station.closed() == 1008
    (send,) = await unswept.old.sends(request)
    assert send.answer is None


async def test_a_handshake_that_was_judged_before_the_delete_gets_no_station(
    unswept: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    await unswept.old.register("S1")
    judge = unswept.old.gateway.handshake_judge
    judged = judge.judge

    async def overtaken(request: Any) -> Any:
        admitted = await judged(request)
        await unswept.delete()
        await unswept.create("other")
        return admitted

    monkeypatch.setattr(judge, "judge", overtaken)
    async with connected(unswept.old.url("S1"), PASSWORD) as station:
        assert await station.closed() == 1008
    assert await unswept.holder() is None


async def test_a_station_that_was_let_in_is_out_once_it_is_registered(unswept: Fleet) -> None:
    """Whoever came without a password does not stay when there is one."""
    await unswept.old.restart(open=True)
    async with connected(unswept.old.url("S1"), "") as station:
        await station.boot()
        await unswept.create()
        await silent_end(station, "StartTransaction", START)
    assert await unswept.sessions("default") == 0


async def test_a_socket_without_tls_is_closed_once_its_station_must_have_it(fleet: Fleet) -> None:
    async with fleet.old.station("S1") as station, fleet.old.station("S2") as other:
        await fleet.old.write(lambda tx: stations.update(tx, "S1", now=NOW, security_profile=2))
        assert await station.closed() == 1008
        await other.call("Heartbeat", {})
