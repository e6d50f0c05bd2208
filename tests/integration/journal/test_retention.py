"""What has been over for long is deleted, with all that belongs to it, and nothing else."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from domain.model.outcomes import Cause
from fleet import connections, event_posts, pruning, tables
from fleet.database import Database
from fleet.event_posts import EventDelivery
from fleet.log import audit
from fleet.log.audit import AuditRow
from fleet.log.changes_read import ChangeFilter, read_after
from fleet.log.event_log import Filter
from fleet.log.order import Cursor
from fleet.pruning import Prunable, may_prune
from journal.lost_gateways import LostGateways
from journal.retention import Retention
from journal.settings import RetentionSettings
from telemetry import metrics
from tests.support.fleet_rows import NOW, intend, later, stop_16
from tests.support.hub import Hub

LONG_AFTER = NOW + timedelta(days=100)
SETTINGS = RetentionSettings(
    **dict.fromkeys(("commands_days", "reservations_days", "sessions_days"), 90),
    **dict.fromkeys(("reports_days", "audit_days"), 90),
    changes_days=36_500,
)
KEPT = {"connections", "gateways", "keys", "station_changes", "stations"}


@pytest.fixture
async def hub(db: Database) -> Hub:
    """The station, connected with OCPP 1.6."""
    return await Hub(db).open()


async def rows(db: Database) -> dict[str, int]:
    """How many rows each table has, without empty ones and those that no command fills."""
    counts = {}
    async with db.read() as tx:
        for table in tables.metadata.sorted_tables:
            count = (await tx.execute(select(func.count()).select_from(table))).scalar_one()
            if count and table.name not in KEPT:
                counts[table.name] = count
    return counts


async def pass_at(db: Database, now: datetime) -> dict[Prunable, int]:
    return await Retention(db, SETTINGS, lambda: now).run_once()


async def a_session_of(hub: Hub, name: str, at_s: float, *, ends: bool) -> None:
    """A start, and its session."""
    await hub.start(name, at_s, token=name)
    session = await hub.session(at_s + 5, token_digest=name, evse_id=1)
    await hub.weigh(name, at_s + 6)
    if ends:
        async with hub.db.write() as tx:
            await stop_16(tx, session.ocpp_transaction_id)


async def test_a_command_goes_with_all_that_belongs_to_it(hub: Hub) -> None:
    await a_session_of(hub, "old", 0, ends=True)
    before = await rows(hub.db)
    assert before.keys() >= {"claims", "commands", "events", "sends", "transactions"}
    assert await pass_at(hub.db, LONG_AFTER - timedelta(days=20)) == dict.fromkeys(Prunable, 0)
    assert await rows(hub.db) == before
    deleted = await pass_at(hub.db, LONG_AFTER)
    assert deleted == {**dict.fromkeys(Prunable, 0), Prunable.COMMANDS: 1, Prunable.SESSIONS: 1}
    assert await rows(hub.db) == {}


async def test_what_is_not_over_stays_with_all_that_belongs_to_it(hub: Hub) -> None:
    await hub.start("waits", 0, token="waits")
    await a_session_of(hub, "runs", 20, ends=False)
    before = await rows(hub.db)
    deleted = await pass_at(hub.db, LONG_AFTER)
    after = await rows(hub.db)
    assert deleted == {**dict.fromkeys(Prunable, 0), Prunable.COMMANDS: 1}
    assert after["transactions"] == after["claims"] == 1
    assert after["sends"] == before["sends"] - 1
    assert (await hub.command("waits")).state.value != "DONE"


async def test_a_command_whose_frame_is_watched_stays(hub: Hub) -> None:
    await hub.start("old", 0)
    await hub.give_up("old", Cause.STATION_REJECTED, 10)
    async with hub.db.write() as tx:
        watched = tables.sends.update().values(closed=True, watched_until=LONG_AFTER)
        await tx.execute(watched)
    assert (await pass_at(hub.db, LONG_AFTER - timedelta(hours=1)))[Prunable.COMMANDS] == 0
    assert (await pass_at(hub.db, LONG_AFTER))[Prunable.COMMANDS] == 1


async def test_a_pass_goes_through_many_batches_and_passes_by_what_stays(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "BATCH", 3)
    for number in range(10):
        await hub.start(f"start-{number}", number, token=f"token-{number}")
        if number not in {0, 4, 5, 6}:
            await hub.give_up(f"start-{number}", Cause.STATION_REJECTED, number + 5)
    async with hub.db.write() as tx:
        await tx.execute(tables.sends.update().values(closed=True))
    await hub.fill(range(8), from_s=0, token=None, claimed=True)
    deleted = await pass_at(hub.db, LONG_AFTER)
    assert (deleted[Prunable.COMMANDS], deleted[Prunable.SESSIONS]) == (6, 8)
    left = await rows(hub.db)
    assert left["commands"] == 4
    assert "claims" not in left


async def test_each_tenant_is_looked_at(hub: Hub) -> None:
    for number, tenant in enumerate(("acme", "beta", "zeta")):
        await hub.start(f"start-{number}", number)
        await hub.give_up(f"start-{number}", Cause.STATION_REJECTED, 5)
        async with hub.db.write() as tx:
            for table in (tables.commands, tables.events, tables.sends):
                name = "command" if table is tables.sends else "name"
                of_this = table.update().where(table.c[name] == f"start-{number}")
                closed = {"closed": True} if table is tables.sends else {}
                await tx.execute(of_this.values(tenant=tenant, **closed))
    assert (await pass_at(hub.db, LONG_AFTER))[Prunable.COMMANDS] == 3
    assert await rows(hub.db) == {}


async def test_a_reservation_goes_after_its_end(hub: Hub) -> None:
    common = {"tenant": "acme", "seq": 1, "tx_id": 1, "key": "k", "revision": 1, "station": "CP1"}
    async with hub.db.write() as tx:
        for number, end in ((7, later(60)), (8, None)):
            name = f"reservation-{number}"
            at = {"time": later(60), "create_time": later(0), "end_time": end}
            words = {"kind": "RESERVATION", "state": "", "outcome_code": "", "workflow_id": name}
            values = {"name": name, "snapshot": {}, "wire_id": number, "command": "c"}
            await tx.execute(tables.reservations.insert().values(**common, **at, **words, **values))
            await intend(tx, name, now=later(0))
            number_row = {"id": number, "reservation": name, "create_time": later(0)}
            await tx.execute(tables.wire_ids.insert().values(tenant="acme", **number_row))
        await tx.execute(tables.sends.update().values(closed=True))
    assert (await pass_at(hub.db, LONG_AFTER))[Prunable.RESERVATIONS] == 1
    assert await rows(hub.db) == {"reservations": 1, "sends": 1, "wire_ids": 1}


async def test_a_report_that_nobody_took_goes(hub: Hub) -> None:
    async with hub.db.write() as tx:
        for station in ("CP1", "CP2"):
            for number in range(3):
                known = {"station": station, "key": f"k{number}", "action": "a", "reason": "r"}
                at = later(0) if number else LONG_AFTER
                await tx.execute(tables.untaken_reports.insert().values(**known, received_time=at))
    assert (await pass_at(hub.db, LONG_AFTER))[Prunable.REPORTS] == 4
    assert await rows(hub.db) == {"untaken_reports": 2}


async def test_one_process_prunes_at_a_time(hub: Hub) -> None:
    await a_session_of(hub, "old", 0, ends=True)
    async with hub.db.write() as tx:
        assert await may_prune(tx)
        if hub.db.dialect == "postgresql":  # writers of SQLite take turns anyway
            assert sum((await pass_at(hub.db, LONG_AFTER)).values()) == 0
    assert sum((await pass_at(hub.db, LONG_AFTER)).values()) == 2


async def test_entries_of_the_audit_log_go_when_they_are_old(hub: Hub) -> None:
    async with hub.db.write() as tx:
        for id, created in {"old": NOW, "new": later(40 * 86_400)}.items():
            texts = dict.fromkeys(("caller", "method", "resource", "station"), "x")
            row = AuditRow(
                **texts,
                tenant="acme",
                id=id,
                create_time=created,
                code="OK",
                reason="",
                request_id="",
                trace_id="",
                times=1,
                last_time=created,
            )
            await audit.write(tx, [row])
    assert (await pass_at(hub.db, LONG_AFTER))[Prunable.AUDIT] == 1
    async with hub.db.read() as tx:
        assert [row.id for row in await audit.list_page(tx, Filter("acme"), limit=9)] == ["new"]


async def gateway(hub: Hub, name: str, until: datetime) -> None:
    async with hub.db.write() as tx:
        await connections.renew_gateway(tx, name, until=until)


async def gateways(db: Database) -> set[str]:
    async with db.read() as tx:
        return set(await tx.scalars(select(tables.gateways.c.gateway)))


async def test_a_gateway_that_is_gone_for_a_week_is_forgotten_once_its_loss_was_told(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "BATCH", 3)
    now = later(30 * 24 * 3600)
    await gateway(hub, "lives", now + timedelta(seconds=15))
    await gateway(hub, "died lately", now - timedelta(days=6))
    for number in range(7):
        await gateway(hub, f"died-{number}", now - timedelta(days=8))
    before = await gateways(hub.db)
    await pass_at(hub.db, now)
    assert await gateways(hub.db) == before
    await LostGateways(hub.db, lambda: now).look()
    await pass_at(hub.db, now)
    assert await gateways(hub.db) == {"lives", "died lately"}


async def test_what_was_deleted_is_counted_and_nothing_is_deleted_for_ever(hub: Hub) -> None:
    counter = metrics.PRUNED.labels(what="commands")
    await a_session_of(hub, "old", 0, ends=True)
    for_ever = RetentionSettings(0, 0, 0, 0, 0, 0, 0, 0, 0)
    assert await Retention(hub.db, for_ever, lambda: later(1e9)).run_once() == {}
    counted = counter._value.get()
    await pass_at(hub.db, LONG_AFTER)
    assert counter._value.get() == counted + 1


async def test_old_changes_of_stations_are_forgotten_while_all_else_is_kept(hub: Hub) -> None:
    await a_session_of(hub, "old", 0, ends=True)
    before = await rows(hub.db)
    for_ever = RetentionSettings(0, 0, 0, 0, 0, 0, 0, 0, 0)
    week = replace(for_ever, changes_days=7)
    deleted = await Retention(hub.db, week, lambda: LONG_AFTER).run_once()
    assert deleted == {Prunable.CHANGES: 5, Prunable.WAITLIST_CHANGES: 0}
    async with hub.db.read() as tx:
        assert await read_after(tx, Cursor(0, 0), ChangeFilter("acme", sessions=False), 9) == []
    assert await rows(hub.db) == before


def test_changes_that_nothing_is_decided_by_may_be_kept_for_a_day() -> None:
    assert RetentionSettings(changes_days=1).days("changes") == 1
    with pytest.raises(ValueError, match="retention_changes_days"):
        RetentionSettings(changes_days=-1)


@pytest.mark.parametrize("days", [1, 34, -1])
def test_a_retention_shorter_than_decisions_look_back_is_refused(days: int) -> None:
    with pytest.raises(ValueError, match="retention_sessions_days"):
        RetentionSettings(sessions_days=days)


async def test_an_old_delivery_of_an_event_goes_once_it_is_settled(hub: Hub) -> None:
    settled = ("DELIVERED", "PARKED", "SUPERSEDED")
    async with hub.db.write() as tx:
        for number, state in enumerate(("PENDING", "RETRYING", *settled)):
            delivery = EventDelivery(
                id=f"msg_{number}",
                tenant="acme",
                thread="thread",
                sequence=number,
                caller="desk",
                subject="station",
                resource="CP1",
                station="CP1",
                news="station.booted",
                revision=0,
                facts=None,
                change_time=NOW,
                url="https://r.example.com",
                state=state,
                create_time=NOW,
                update_time=NOW,
            )
            await event_posts.make(tx, delivery)
    assert (await pass_at(hub.db, NOW + timedelta(days=29)))[Prunable.EVENT_POSTS] == 0
    assert (await pass_at(hub.db, NOW + timedelta(days=31)))[Prunable.EVENT_POSTS] == 3
    assert (await rows(hub.db))["event_deliveries"] == 2
