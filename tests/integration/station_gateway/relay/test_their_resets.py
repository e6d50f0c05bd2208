"""A reset of the back end (CSMS) is known as the cause of a boot, and is judged by it."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from domain.commands.judging import judge
from domain.commands.timing import Timing
from domain.evidence.facts import Facts
from domain.model.specs import ResetMode, ResetSpec
from fleet.back_end import calls
from fleet.back_end.calls import KeptCall
from journal.commands.facts import read_facts
from tests.support.benches.gateway_bench import Bench, now
from tests.support.relay.back_end import BackEnd
from tests.support.stations.scripted_station import ScriptedStation, connected, found

VERSIONS = pytest.mark.parametrize("subprotocol", ["ocpp1.6", "ocpp2.0.1", "ocpp2.1"])
RESET = {
    "ocpp1.6": '[2,"theirs","Reset",{"type":"Hard"}]',
    "ocpp2.0.1": '[2,"theirs","Reset",{"type":"Immediate"}]',
    "ocpp2.1": '[2,"theirs","Reset",{"type":"OnIdle"}]',
}
ACCEPTED = {"status": "Accepted"}
Stored = Callable[[KeptCall], bool]


@pytest.fixture
async def relay(bench: Bench, back_end: BackEnd) -> Bench:
    """The gateway, which relays every station to the back end and sends commands."""
    await bench.restart(upstream_url=back_end.url, upstream_mode="command")
    return bench


async def kept(relay: Bench, fits: Stored = lambda _: True) -> KeptCall:
    """The only command of the back end, as soon as it is as the test waits for it."""

    async def look() -> KeptCall | None:
        async with relay.db.read() as tx:
            rows = await calls.of_station(tx, "S1", now() - timedelta(minutes=1), now())
        return next((row for row in rows if fits(row)), None)

    return await found(look)


async def booted(relay: Bench, station: ScriptedStation) -> None:
    """Boot, and wait until commands may go out."""
    await station.boot()
    held = relay.gateway.registry.get("S1")
    assert held is not None
    await held.wait_booted(asyncio.get_running_loop().time() + 5)


async def reset_by(back_end: BackEnd, station: ScriptedStation, answer: str = "Accepted") -> None:
    """The back end resets the station, which answers."""
    await back_end.say(RESET[str(station.socket.subprotocol)])
    theirs, _ = await station.called("Reset")
    await station.answer(theirs, {"status": answer})


@VERSIONS
async def test_a_boot_after_an_accepted_reset_is_its_effect(
    relay: Bench, back_end: BackEnd, subprotocol: str
) -> None:
    async with connected(relay.url("S1"), subprotocol=subprotocol) as station:
        await booted(relay, station)
        await reset_by(back_end, station)
        await kept(relay, lambda row: row.answer is not None)
    async with connected(relay.url("S1"), subprotocol=subprotocol) as station:
        await station.boot()
        row = await kept(relay, lambda row: row.code != "")
    assert (row.kind, row.code, row.cause) == ("RESET", "SUCCEEDED", "STATION_RESTARTED")
    assert (row.mode, row.message_id) == (
        {"ocpp1.6": "Hard", "ocpp2.0.1": "Immediate", "ocpp2.1": "OnIdle"}[subprotocol],
        "theirs",
    )


async def test_a_refused_reset_is_told_by_its_answer(relay: Bench, back_end: BackEnd) -> None:
    async with connected(relay.url("S1")) as station:
        await booted(relay, station)
        await reset_by(back_end, station, "Rejected")
        row = await kept(relay, lambda row: row.code != "")
    assert (row.code, row.cause, row.effect_time) == ("REJECTED", "STATION_REJECTED", None)


async def test_a_reset_that_is_only_observed_is_followed_as_well(
    relay: Bench, back_end: BackEnd
) -> None:
    await relay.restart(upstream_mode="observe")
    async with connected(relay.url("S1")) as station:
        await station.boot()
        await reset_by(back_end, station)
        await kept(relay, lambda row: row.answer is not None)
        await station.boot()
        assert (await kept(relay, lambda row: row.code != "")).cause == "STATION_RESTARTED"


async def after_both(
    relay: Bench,
    back_end: BackEnd,
    subprotocol: str,
    before_boot: Callable[[ScriptedStation], Awaitable[None]],
) -> tuple[str, KeptCall | None]:
    """What a reset of ours is told as, and the back end's. before_boot: what happens after ours."""
    async with connected(relay.url("S1"), subprotocol=subprotocol) as station:
        await booted(relay, station)
        request = await relay.request(ResetSpec(ResetMode.HARD))
        sending = relay.sending(request)
        ours, _ = await station.called("Reset")
        await station.answer(ours, ACCEPTED)
        await sending
        await before_boot(station)
    async with connected(relay.url("S1"), subprotocol=subprotocol) as station:
        await station.boot()
        command = await relay.command(request)

        async def seen() -> Facts | None:
            async with relay.db.read() as tx:
                facts = await read_facts(tx, command, None, Timing(), now())
            return facts if facts.restart.boot_time else None

        facts = await found(seen)
        late = now() + timedelta(minutes=20)
        outcome = judge(command, facts, Timing(), late).outcome
        assert outcome is not None
        async with relay.db.read() as tx:
            rows = await calls.of_station(tx, "S1", now() - timedelta(minutes=1), now())
        theirs = await kept(relay, lambda row: row.code != "") if rows else None
    return outcome.cause, theirs


@VERSIONS
async def test_one_boot_after_two_resets_proves_neither(
    relay: Bench, back_end: BackEnd, subprotocol: str
) -> None:
    async def theirs_too(station: ScriptedStation) -> None:
        await reset_by(back_end, station)
        await kept(relay, lambda row: row.answer is not None)

    ours, theirs = await after_both(relay, back_end, subprotocol, theirs_too)
    assert ours == "RESTART_NOT_CONFIRMED"
    assert theirs is not None
    assert (theirs.code, theirs.cause) == ("UNKNOWN", "RESTART_NOT_CONFIRMED")


@VERSIONS
async def test_a_boot_is_the_effect_of_ours_where_the_back_end_asked_for_none(
    relay: Bench, back_end: BackEnd, subprotocol: str
) -> None:
    async def refused(station: ScriptedStation) -> None:
        await reset_by(back_end, station, "Rejected")
        await kept(relay, lambda row: row.answer is not None)

    ours, _ = await after_both(relay, back_end, subprotocol, refused)
    assert ours == "STATION_RESTARTED"


async def test_a_reset_of_theirs_that_nobody_can_read_makes_the_boot_doubtful(
    relay: Bench, back_end: BackEnd
) -> None:
    async def unreadable(station: ScriptedStation) -> None:
        await back_end.say('[2,"theirs","Reset",{"type":"' + "T" * 300_000 + '"}]')
        theirs, _ = await station.called("Reset")
        await station.answer(theirs, ACCEPTED)

    assert await after_both(relay, back_end, "ocpp1.6", unreadable) == (
        "RESTART_NOT_CONFIRMED",
        None,
    )
