"""Two that speak as one station: the newest socket is the station, wherever the older one is.

Two gateways share one fleet, on SQLite and on PostgreSQL. The incumbent is connected at the first.
`unswept` gateways never look for displaced sockets: what holds there, holds before any sweep.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from contract.commands import SendFrameResult, SendStatus
from domain.model.specs import UnlockSpec
from domain.model.twins import QUARANTINE, TWIN_LIMIT
from fleet import connections, generations, reports, stations, transactions
from fleet.database import Database
from fleet.engine.unavailable import DatabaseUnavailable
from station_gateway.facts import session_reports
from station_gateway.settings import GatewaySettings
from telemetry import metrics
from tests.support.benches.gateway_bench import now, quick
from tests.support.benches.gateway_pair import (
    NEVER_S,
    START,
    STATUS,
    GatewayPair,
    running_pair,
    silent_end,
)
from tests.support.databases import db, fleet_url, postgres_server
from tests.support.stations.scripted_station import eventually, found

__all__ = ["db", "fleet_url", "postgres_server"]


class Fleet(GatewayPair):
    """Two gateways on one database. The incumbent speaks with `old`, its twin with `new`."""

    async def sessions(self) -> int:
        async with self.old.db.read() as tx:
            return len(await transactions.list_page(tx, tenant="default", limit=10))

    async def counted(self) -> int:
        async with self.old.db.read() as tx:
            return len((await connections.displacements(tx, "S1")).times)


def looking(interval_s: float, *, ping_s: float = 5.0) -> GatewaySettings:
    return quick(revocation_interval_s=interval_s, ping_timeout_s=ping_s)


@pytest.fixture
async def fleet(db: Database) -> AsyncIterator[Fleet]:
    """Gateways that look for displaced sockets often."""
    async with running_pair(Fleet, db, looking(0.05)) as fleet:
        yield fleet


@pytest.fixture
async def unswept(db: Database) -> AsyncIterator[Fleet]:
    """Gateways that never do."""
    async with running_pair(Fleet, db, looking(NEVER_S)) as fleet:
        yield fleet


def security_events(event: str) -> float:
    return float(metrics.SECURITY_EVENTS.labels(event=event)._value.get())


async def quarantined(fleet: Fleet) -> None:
    """A twin takes the station's place once more than is borne."""
    async with AsyncExitStack() as stack:
        last = await stack.enter_async_context(fleet.old.station("S1"))
        for each in range(TWIN_LIMIT + 1):
            bench = (fleet.new, fleet.old)[each % 2]
            following = await stack.enter_async_context(bench.station("S1"))
            assert await last.closed() == 1008
            last = following

            async def is_counted(expected: int = each + 1) -> bool:
                return await fleet.counted() == expected

            await found(is_counted)


# --- the displaced socket


@pytest.mark.parametrize("at", ["old", "new"])
async def test_the_displaced_socket_is_closed_at_whichever_gateway_it_is(
    fleet: Fleet, at: str
) -> None:
    async with fleet.old.station("S1") as incumbent, getattr(fleet, at).station("S1") as twin:
        assert await incumbent.closed() == 1008
        await twin.call("Heartbeat", {})
        held = await fleet.holder()
    assert held is not None
    assert held.epoch == 2


@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("StartTransaction", START),
        ("StatusNotification", STATUS),
        ("BootNotification", {"chargePointVendor": "Old", "chargePointModel": "Holder"}),
        ("Authorize", {"idTag": "TAG1"}),
    ],
)
async def test_what_a_displaced_socket_reports_is_no_fact(
    unswept: Fleet, action: str, payload: dict[str, Any]
) -> None:
    async with unswept.old.station("S1") as incumbent, unswept.new.station("S1"):
        await silent_end(incumbent, action, payload)
    async with unswept.old.db.read() as tx:
        shown = await stations.get(tx, "S1")
        assert await stations.connectors(tx, "S1") == []
    assert shown is not None
    assert shown.vendor != "Old"
    assert await unswept.sessions() == 0


async def test_an_answer_of_a_displaced_socket_proves_nothing(unswept: Fleet) -> None:
    async with unswept.old.station("S1") as incumbent:
        request = await unswept.old.start_request("S1")
        sending = unswept.old.sending(request)
        message_id, _ = await incumbent.called("RemoteStartTransaction")
        async with unswept.new.station("S1"):
            await incumbent.answer(message_id, {"status": "Rejected"})
            result = await sending
            assert await incumbent.closed() == 1008
    assert (result.status, result.cause) == (SendStatus.NO_ANSWER, "CONNECTION_LOST_AFTER_SEND")
    (send,) = await unswept.old.sends(request)
    assert send.answer is None


async def test_a_late_answer_of_a_displaced_socket_is_not_kept(unswept: Fleet) -> None:
    async with unswept.old.station("S1") as incumbent:
        request = replace(await unswept.old.start_request("S1"), answer_timeout_s=0.05)
        sending = unswept.old.sending(request)
        message_id, _ = await incumbent.called("RemoteStartTransaction")
        await sending
        async with unswept.new.station("S1"):
            await incumbent.answer(message_id, {"status": "Accepted"})
            assert await incumbent.closed() == 1008
    (send,) = await unswept.old.sends(request)
    assert send.answer is None


async def test_a_frame_in_flight_at_the_displacement_is_ended_with_its_socket(
    fleet: Fleet,
) -> None:
    async with fleet.old.station("S1") as incumbent:
        sending = fleet.old.sending(await fleet.old.start_request("S1"))
        await incumbent.called("RemoteStartTransaction")
        async with fleet.new.station("S1"):
            result = await sending
    assert (result.status, result.cause) == (SendStatus.NO_ANSWER, "CONNECTION_LOST_AFTER_SEND")


async def test_a_displaced_socket_is_not_seen(unswept: Fleet) -> None:
    async with unswept.old.station("S1") as incumbent, unswept.new.station("S1"):
        await incumbent.call("Heartbeat", {})
        async with unswept.old.db.read() as tx:
            before = await stations.get(tx, "S1")
        unswept.old.skew = timedelta(hours=1)
        await unswept.old.gateway.sweeper.write_seen(0.0)
        async with unswept.old.db.read() as tx:
            assert await stations.get(tx, "S1") == before


async def test_a_fact_that_waits_for_the_database_becomes_a_doubt_once_its_socket_is_displaced(
    unswept: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The station has had no answer and repeats it. Until then nobody may say that nothing was."""
    await unswept.old.restart(fact_timeout_s=0.05, retry_pause_s=0.02)

    async def away(*_: object, **__: object) -> None:
        raise DatabaseUnavailable("away")

    async with unswept.old.station("S1") as incumbent:
        with monkeypatch.context() as patch, capture_logs() as lines:
            patch.setattr(session_reports, "session_started", away)
            answer = await incumbent.begin("StartTransaction", START)
            await eventually(lambda: any(e["event"] == "fact_not_written" for e in lines))
            async with unswept.new.station("S1"):
                pass
        told = await found(lambda: doubts(unswept))
        assert not answer.done()
    assert [each.action for each in told] == ["StartTransaction"]
    assert await unswept.sessions() == 0


async def doubts(fleet: Fleet) -> list[reports.UntakenRow]:
    async with fleet.old.db.read() as tx:
        return await reports.untaken_since(tx, "S1", now() - timedelta(hours=1))


# --- who is a twin


@pytest.mark.parametrize("at", ["old", "new"])
async def test_a_living_socket_that_is_displaced_is_a_security_event(fleet: Fleet, at: str) -> None:
    before = security_events("duplicate_connection")
    with capture_logs() as lines:
        async with fleet.old.station("S1") as incumbent, getattr(fleet, at).station("S1"):
            assert await incumbent.closed() == 1008
            await eventually(lambda: security_events("duplicate_connection") == before + 1)
    (line,) = [each for each in lines if each["event"] == "security_event"]
    assert line["event_type"] == "duplicate_connection"
    assert line["station"] == "S1"
    assert "new password" in line["remedy"]


@pytest.mark.parametrize("at", ["old", "new"])
async def test_a_station_that_comes_back_beside_its_dead_socket_is_no_twin(
    db: Database, at: str
) -> None:
    before = security_events("duplicate_connection")
    async with running_pair(Fleet, db, looking(0.05, ping_s=0.3)) as fleet:
        with capture_logs() as lines:
            async with fleet.old.station("S1") as dead:
                dead.go_deaf()
                async with getattr(fleet, at).station("S1") as back:
                    await eventually(lambda: "dead_socket_replaced" in {e["event"] for e in lines})
                    await back.call("Heartbeat", {})
                dead.drop()
        assert security_events("duplicate_connection") == before
        assert await fleet.counted() == 0


async def test_a_station_that_closes_its_old_socket_late_is_no_twin(unswept: Fleet) -> None:
    """A close frame is an answer, but not of somebody who stays."""
    before = security_events("duplicate_connection")
    async with unswept.old.station("S1") as old:
        old.go_deaf()
        async with unswept.old.station("S1"):
            old.socket.transport.write_eof()
            await eventually(lambda: len(unswept.old.gateway.registry) == 1)
    assert security_events("duplicate_connection") == before


# --- quarantine


async def test_a_station_whose_place_is_taken_again_and_again_is_in_quarantine(
    fleet: Fleet,
) -> None:
    before = security_events("station_quarantined")
    with capture_logs() as lines:
        await quarantined(fleet)
    assert security_events("station_quarantined") == before + 1
    (alarm,) = [each for each in lines if each["event"] == "station_quarantined"]
    assert alarm["log_level"] == "error"
    assert "new password" in alarm["remedy"]
    async with fleet.old.db.read() as tx:
        end = await connections.quarantine_end(tx, "S1")
    assert end is not None
    assert timedelta() < end - now() <= QUARANTINE


async def test_nothing_that_moves_energy_or_opens_a_lock_is_sent_in_quarantine(
    fleet: Fleet,
) -> None:
    await quarantined(fleet)
    async with fleet.new.station("S1") as station:
        start = await fleet.new.start_request("S1")
        unlock = await fleet.new.request(UnlockSpec(evse_id=1, connector_id=1))
        for request in (start, unlock):
            assert outcome(await fleet.new.sending(request)) == ("STATION_QUARANTINED", False)
            assert await fleet.new.sends(request) == []
        assert station.calls.empty()


async def test_a_session_can_be_stopped_in_quarantine(fleet: Fleet) -> None:
    await quarantined(fleet)
    async with fleet.new.station("S1") as station:
        sending = fleet.new.sending(await fleet.new.stop_request("S1", wire_id="7"))
        await station.accept("RemoteStopTransaction")
        assert (await sending).status is SendStatus.ANSWERED


async def test_a_quarantine_is_over_after_a_quiet_time(fleet: Fleet) -> None:
    await quarantined(fleet)
    fleet.new.skew = QUARANTINE + timedelta(seconds=5)
    async with fleet.new.station("S1") as station:
        request = await fleet.new.start_request("S1")
        later = replace(request, not_after=request.not_after + timedelta(hours=1))
        sending = fleet.new.sending(later)
        await station.accept("RemoteStartTransaction")
        assert (await sending).status is SendStatus.ANSWERED


async def test_a_station_that_was_created_anew_is_in_no_quarantine(fleet: Fleet) -> None:
    await quarantined(fleet)
    await fleet.new.write(lambda tx: generations.delete(tx, "S1", now=now()))
    async with fleet.new.station("S1") as station:
        sending = fleet.new.sending(await fleet.new.start_request("S1"))
        await station.accept("RemoteStartTransaction")
        assert (await sending).status is SendStatus.ANSWERED
    assert await fleet.counted() == 0


def outcome(result: SendFrameResult) -> tuple[str, bool]:
    assert result.status is SendStatus.NOT_SENT
    return result.cause, result.retry
