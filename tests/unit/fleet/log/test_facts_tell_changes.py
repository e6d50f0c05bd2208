"""Which facts are told to those who watch: each one once, and nothing that changes nothing."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from fleet import claims, connections, generations, reports, stations, transactions
from fleet.database import Database
from fleet.engine.statements import Tx
from fleet.log.changes import session_claimed
from fleet.log.changes_read import ChangeEntry, ChangeFilter, read_after
from fleet.log.order import Cursor
from tests.support.fleet_rows import (
    NOW,
    connect,
    event_2,
    later,
    make_station,
    start_16,
    stop_16,
)

Fact = Callable[[Tx], Awaitable[Any]]


async def told(db: Database, *, sessions: bool) -> list[ChangeEntry]:
    async with db.read() as tx:
        return await read_after(tx, Cursor(0, 0), ChangeFilter("acme", sessions=sessions), 100)


async def after(db: Database, *facts: Fact, sessions: bool = False) -> list[ChangeEntry]:
    """The changes that these facts tell, each written in a transaction of its own."""
    before = len(await told(db, sessions=sessions))
    for fact in facts:
        async with db.write() as tx:
            await fact(tx)
    return (await told(db, sessions=sessions))[before:]


@pytest.fixture
async def station(db: Database) -> Database:
    """The station CP1, connected."""
    async with db.write() as tx:
        await make_station(tx)
        await connect(tx)
    return db


def status(word: str, at_s: float, error_code: str = "NoError") -> Fact:
    return lambda tx: stations.set_connector(
        tx,
        station="CP1",
        evse_id=1,
        connector_id=2,
        status=word,
        error_code=error_code,
        now=later(at_s),
    )


def release(connection_id: str, *, moves: bool = False) -> Fact:
    return lambda tx: connections.release(
        tx, station="CP1", connection_id=connection_id, now=NOW, moves=moves
    )


def boot(tx: Tx) -> Any:
    words = dict.fromkeys(("vendor", "model", "serial_number", "firmware_version"), "x")
    return stations.record_boot(
        tx, "CP1", state="ACCEPTED", ocpp_version="2.0.1", reason="PowerUp", now=NOW, **words
    )


def mend(kind: str, times: int) -> Fact:
    mended = reports.MendedReports("CP1", "MeterValues", kind, "value", times, NOW, later(5))
    return lambda tx: reports.add_mended(tx, mended)


def connector(state: str, previous_state: str, **more: str) -> dict[str, str]:
    return {
        "evse_id": "1",
        "connector_id": "2",
        "state": state,
        "previous_state": previous_state,
        **more,
    }


async def test_a_new_station_and_its_socket_are_told(db: Database) -> None:
    made = await after(db, make_station, connect)
    assert [(each.station, each.what) for each in made] == [
        ("CP1", "CREATED"),
        ("CP1", "CONNECTED"),
    ]


@pytest.mark.parametrize(
    ("facts", "told_of"),
    [
        ([boot], [("BOOTED", {"boot_state": "ACCEPTED", "reason": "PowerUp"})]),
        (
            [lambda tx: stations.take_as_booted(tx, "CP1", ocpp_version="1.6", now=NOW)],
            [("BOOTED", {"boot_state": "ACCEPTED"})],
        ),
        (
            [status("Available", 1), status("Available", 2), status("Faulted", 3)],
            [
                ("CONNECTOR", connector("Available", "")),
                ("CONNECTOR", connector("Faulted", "Available")),
            ],
        ),
        (  # another error in the same state is told, and that there is none any more
            [
                status("Faulted", 1),
                status("Faulted", 2, "GroundFailure"),
                status("Faulted", 3, "GroundFailure"),
                status("Faulted", 4),
            ],
            [
                ("CONNECTOR", connector("Faulted", "")),
                ("CONNECTOR", connector("Faulted", "", error_code="GroundFailure")),
                ("CONNECTOR", connector("Faulted", "")),
            ],
        ),
        (
            [mend("TIME", 2), mend("TIME", 3), mend("TOKEN", 1)],
            [
                ("CONFORMANCE", {"action": "MeterValues", "kind": kind, "field": "value"})
                for kind in ("TIME", "TOKEN")
            ],
        ),
        ([lambda tx: stations.update(tx, "CP1", now=NOW, location="roof")], [("UPDATED", None)]),
        ([lambda tx: stations.touch(tx, [("CP1", later(60))])], []),
        ([lambda tx: generations.delete(tx, "CP1", now=NOW)], [("DELETED", None)]),
        ([lambda tx: generations.delete(tx, "CP9", now=NOW)], []),
        ([release("c1")], [("DISCONNECTED", None)]),
        ([release("c1", moves=True), release("c1")], [("DISCONNECTED", {"moves": "true"})]),
        ([release("older")], []),
        (
            [lambda tx: connections.drop_gateway(tx, "gw1", now=NOW)],
            [("DISCONNECTED", {"gateway": "gw1"})],
        ),
        ([lambda tx: connections.drop_gateway(tx, "gw2", now=NOW)], []),
        (
            [
                lambda tx: connections.revoke(tx, "CP1", now=later(5)),
                lambda tx: connections.revoke(tx, "CP1", now=later(6)),
                release("c1"),
            ],
            [("DISCONNECTED", None)],
        ),
    ],
)
async def test_a_fact_of_a_station_is_told_once(
    station: Database, facts: list[Fact], told_of: list[tuple[str, dict[str, str] | None]]
) -> None:
    assert [(each.what, each.facts) for each in await after(station, *facts)] == told_of


async def test_a_gateway_that_died_takes_its_stations_along_until_it_is_back(
    station: Database,
) -> None:
    async def look(at_s: float) -> list[str]:
        return [
            each.what
            for each in await after(station, lambda tx: connections.tell_lost(tx, now=later(at_s)))
        ]

    async def has_untold(at_s: float) -> bool:
        async with station.read() as tx:
            return await connections.has_untold(tx, now=later(at_s))

    assert not await has_untold(59)
    assert await look(59) == []
    assert await has_untold(60)
    assert await look(60) == ["DISCONNECTED"]
    assert not await has_untold(61)
    assert await look(61) == []
    async with station.write() as tx:
        await connections.renew_gateway(tx, "gw1", until=later(120))
    assert await look(70) == ["CONNECTED"]


async def test_a_gateway_that_was_forgotten_and_comes_back_is_told_as_back(
    station: Database,
) -> None:
    """It was cut off from the database for longer than a lost gateway is remembered."""
    late = 10 * 86_400.0

    async def back(tx: Tx) -> None:
        assert await connections.forget_lost(tx, later(late), 10) == 1
        await connections.renew_gateway(tx, "gw1", until=later(late + 60))

    told = await after(
        station,
        lambda tx: connections.tell_lost(tx, now=later(60)),
        back,
        lambda tx: connections.tell_lost(tx, now=later(late)),
        lambda tx: connections.tell_lost(tx, now=later(late + 1)),
        lambda tx: connections.renew_gateway(tx, "new one", until=later(late + 60)),
        lambda tx: connections.tell_lost(tx, now=later(late + 2)),
    )
    assert [each.what for each in told] == ["DISCONNECTED", "CONNECTED"]


async def test_a_station_that_went_to_another_gateway_is_not_lost_with_its_old_one(
    station: Database,
) -> None:
    moved = await after(
        station,
        lambda tx: connect(tx, gateway="gw2", connection_id="c2"),
        lambda tx: connections.renew_gateway(tx, "gw2", until=later(900)),
        lambda tx: connections.tell_lost(tx, now=later(60)),
    )
    assert [(each.what, each.facts) for each in moved] == [("CONNECTED", {"gateway": "gw2"})]


def words(changes: list[ChangeEntry]) -> list[str]:
    return [each.what for each in changes]


async def test_a_1_6_session_is_told_from_its_start_to_its_end(station: Database) -> None:
    began = await after(station, start_16, start_16, sessions=True)
    assert words(began) == ["STARTED"]
    async with station.read() as tx:
        (session,) = await transactions.active(tx, "CP1")
    assert began[0].session == session.name
    id = session.ocpp_transaction_id
    over = await after(
        station, lambda tx: stop_16(tx, id), lambda tx: stop_16(tx, id), sessions=True
    )
    assert words(over) == ["ENDED"]


async def test_meter_values_of_an_unknown_session_are_a_start_and_of_a_known_one_are_nothing(
    station: Database,
) -> None:
    assert words(await after(station, metered("7"), metered("7"), sessions=True)) == ["STARTED"]
    async with station.read() as tx:
        (session,) = await transactions.active(tx, "CP1")
    placed = await after(
        station,
        lambda tx: transactions.place(tx, session, 2, NOW),
        lambda tx: transactions.show_alive(tx, "CP1", "7", later(60)),
        sessions=True,
    )
    assert words(placed) == ["UPDATED"]


def metered(id: str) -> Fact:
    of = {"station": "CP1", "tenant": "acme", "ocpp_transaction_id": id, "evse_id": 0}
    return lambda tx: transactions.observe(tx, meter_wh=1, now=NOW, **of)  # type: ignore[arg-type]


async def test_a_metered_session_ends_when_its_row_goes_to_the_one_that_has_its_id(
    station: Database,
) -> None:
    changes = await after(station, metered("7"), lambda tx: start_16(tx, given_id=7), sessions=True)
    assert words(changes) == ["STARTED", "ENDED", "STARTED"]
    assert changes[0].session == changes[1].session != changes[2].session


async def test_a_metered_session_ends_when_too_many_were_made_up(
    station: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fleet.transactions.rows.OBSERVED_LIMIT", 1)
    changes = await after(
        station,
        *(metered("7"), metered("8"), lambda tx: stop_16(tx, "8"), metered("9")),
        sessions=True,
    )
    seven, eight, nine = dict.fromkeys(each.session for each in changes)
    assert [(each.session, each.what) for each in changes] == [
        (seven, "STARTED"),
        (seven, "ENDED"),
        (eight, "STARTED"),
        (eight, "ENDED"),
        (nine, "STARTED"),
    ]


async def test_an_end_that_nobody_reported_is_told_and_taken_back(station: Database) -> None:
    await after(station, start_16)
    async with station.read() as tx:
        (session,) = await transactions.active(tx, "CP1")
    changes = await after(
        station,
        lambda tx: transactions.end_unreported(tx, session.id, later(1)),
        lambda tx: transactions.end_unreported(tx, session.id, later(2)),
        lambda tx: transactions.resume(tx, session.id, later(3)),
        sessions=True,
    )
    assert words(changes) == ["ENDED", "UPDATED"]


@pytest.mark.parametrize(
    ("events", "told_of"),
    [
        ([("Started", 0, ""), ("Started", 0, ""), ("Ended", 3, "")], ["STARTED", "ENDED"]),
        ([("Ended", 3, ""), ("Started", 0, "")], ["ENDED", "UPDATED"]),
        (
            [("Started", 0, "Charging"), ("Updated", 1, "Charging"), ("Updated", 2, "SuspendedEV")],
            ["STARTED", "UPDATED"],
        ),
    ],
)
async def test_an_event_of_a_2_x_session_is_told_when_it_changes_a_fact(
    station: Database, events: list[tuple[str, int, str]], told_of: list[str]
) -> None:
    facts: list[Fact] = [
        lambda tx, type=type, seq=seq, state=state: event_2(  # type: ignore[misc]
            tx, type, seq, charging_state=state
        )
        for type, seq, state in events
    ]
    assert words(await after(station, *facts, sessions=True)) == told_of


async def test_a_claim_is_told_once_with_its_command_and_one_that_is_given_up_is_not(
    station: Database,
) -> None:
    await after(station, start_16)
    async with station.read() as tx:
        (session,) = await transactions.active(tx, "CP1")

    def claim(command: str, at_s: float, *, kept: bool) -> Fact:
        async def write(tx: Tx) -> None:
            of = {"tenant": "acme", "command": command, "now": later(at_s)}
            await claims.take(tx, session=session.name, send=None, **of)  # type: ignore[arg-type]
            if not kept:
                await claims.release(tx, session=session.name, send=None)
            await session_claimed(tx, session.name, **of)  # type: ignore[arg-type]

        return write

    claimed = await after(
        station,
        claim("given up", 1, kept=False),
        claim("c-1", 2, kept=True),
        claim("c-1", 2, kept=True),
        claim("c-1", 3, kept=True),
        claim("c-2", 4, kept=True),
        sessions=True,
    )
    assert [(each.what, each.facts) for each in claimed] == [("CLAIMED", {"command": "c-1"})]
