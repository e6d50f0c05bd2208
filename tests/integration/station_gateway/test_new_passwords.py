"""A station gets a new password: whatever is cut meanwhile, one that it has lets it in.

Two gateways share one fleet. They look for rotations when a test says. `both`: on SQLite and on
PostgreSQL, where transactions of several gateways meet.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs
from websockets.exceptions import InvalidStatus

from domain.model import rotations
from domain.model.rotations import PAUSES, RotationState
from fleet import station_secrets
from fleet.database import Database
from fleet.engine.unavailable import DatabaseUnavailable
from station_gateway.session.events import AnswerReceived
from station_gateway.session.queue import Priority
from tests.support.benches.gateway_bench import PASSWORD, Bench, now, quick, waiting_at
from tests.support.benches.gateway_pair import NEVER_S, GatewayPair, running_pair
from tests.support.databases import db, fleet_url, postgres_server
from tests.support.stations.scripted_station import ScriptedStation, connected, eventually, found

__all__ = ["db", "fleet_url", "postgres_server"]

NEW = "the-new-password"
VERSIONS = ["ocpp1.6", "ocpp2.0.1", "ocpp2.1"]
ACTIONS = dict.fromkeys(VERSIONS, "SetVariables") | {"ocpp1.6": "ChangeConfiguration"}
every_version = pytest.mark.parametrize("version", VERSIONS)


class Rotating(GatewayPair):
    """Two gateways, and the station S1 that gets a new password."""

    async def begin(self) -> None:
        """Ask for a new password, as the broker does."""
        hash, sealed = self.old.passwords.hash_generated(NEW), self.old.sealer.seal(NEW)
        begun = rotations.begun(now())
        await self.old.write(
            lambda tx: station_secrets.begin_rotation(tx, "S1", begun, hash=hash, sealed=sealed)
        )

    async def look(self, bench: Bench | None = None) -> None:
        """Have a gateway do what is due."""
        await (bench or self.old).gateway.passwords.look()

    def later(self, by: timedelta) -> None:
        for bench in (self.old, self.new):
            bench.skew += by

    async def state(self) -> RotationState:
        async with self.old.db.read() as tx:
            stored = await station_secrets.rotation_of(tx, "S1")
        assert stored is not None
        return stored.rotation.state

    async def reached(self, state: RotationState) -> None:
        async def look() -> bool:
            return await self.state() is state

        await found(look)

    def with_new(
        self, bench: Bench | None = None, **how: Any
    ) -> AbstractAsyncContextManager[ScriptedStation]:
        return connected((bench or self.old).url("S1"), NEW, **how)

    async def lets_in(self, password: str) -> bool:
        try:
            async with connected(self.new.url("S1"), password):
                return True
        except InvalidStatus as refused:
            assert refused.response.status_code == 401
            return False


SETTINGS = quick(rotation_interval_s=NEVER_S, revocation_interval_s=0.05, ask_timeout_s=5.0)


@pytest.fixture
async def fleet(database: Database) -> AsyncIterator[Rotating]:
    async with running_pair(Rotating, database, SETTINGS) as fleet:
        yield fleet


@pytest.fixture
async def both(db: Database) -> AsyncIterator[Rotating]:
    async with running_pair(Rotating, db, SETTINGS) as fleet:
        yield fleet


@asynccontextmanager
async def sent_to(
    fleet: Rotating, version: str = "ocpp1.6"
) -> AsyncIterator[tuple[ScriptedStation, str, Any]]:
    """S1 has the frame with the new password, and has not answered yet."""
    async with fleet.old.station("S1", subprotocol=version) as station:
        await fleet.begin()
        await fleet.look()
        message_id, payload = await station.called(ACTIONS[version])
        yield station, message_id, payload


def says(version: str, word: str) -> dict[str, Any]:
    if version == "ocpp1.6":
        return {"status": word}
    named = {
        "component": {"name": "SecurityCtrlr"},
        "variable": {"name": "BasicAuthPassword"},
    }
    return {"setVariableResult": [{"attributeStatus": word, **named}]}


@every_version
async def test_a_station_that_agrees_comes_back_and_the_old_password_ends(
    fleet: Rotating, version: str
) -> None:
    async with sent_to(fleet, version) as (station, message_id, payload):
        assert await fleet.state() is RotationState.SENT
        assert NEW in str(payload) or NEW.encode().hex().upper() in str(payload)
        await station.answer(message_id, says(version, "Accepted"))
        await fleet.reached(RotationState.ACCEPTED)
        await station.leave()
    async with fleet.with_new(subprotocol=version) as back:
        await back.boot()
        assert await fleet.state() is RotationState.DONE
        await fleet.look()
        assert not await fleet.lets_in(PASSWORD)
        await back.call("Heartbeat", {})


@every_version
async def test_a_station_that_refuses_keeps_its_password(fleet: Rotating, version: str) -> None:
    async with sent_to(fleet, version) as (station, message_id, _):
        await station.answer(message_id, says(version, "Rejected"))
        await fleet.reached(RotationState.REJECTED)
        await station.call("Heartbeat", {})
    assert not await fleet.lets_in(NEW)
    assert await fleet.lets_in(PASSWORD)


async def test_a_station_that_knows_no_such_frame_keeps_its_password(fleet: Rotating) -> None:
    async with sent_to(fleet, "ocpp2.0.1") as (station, message_id, _):
        await station.send([4, message_id, "NotImplemented", "", {}])
        await fleet.reached(RotationState.REJECTED)
    assert await fleet.lets_in(PASSWORD)


@every_version
async def test_a_station_that_needs_a_restart_is_let_in_with_both(
    fleet: Rotating, version: str
) -> None:
    async with sent_to(fleet, version) as (station, message_id, _):
        await station.answer(message_id, says(version, "RebootRequired"))
        await fleet.reached(RotationState.REBOOT_REQUIRED)
    assert await fleet.lets_in(PASSWORD)
    assert await fleet.state() is RotationState.REBOOT_REQUIRED
    assert await fleet.lets_in(NEW)
    assert await fleet.state() is RotationState.DONE
    assert not await fleet.lets_in(PASSWORD)


async def test_a_station_that_stays_is_sent_away_once_and_asked_anew(fleet: Rotating) -> None:
    async with sent_to(fleet) as (station, message_id, _):
        await station.answer(message_id, says("ocpp1.6", "Accepted"))
        await fleet.reached(RotationState.ACCEPTED)
        await fleet.look()
        await station.call("Heartbeat", {})
        fleet.later(PAUSES[0])
        await fleet.look()
        assert await station.closed() == 1012
    assert await fleet.state() is RotationState.RECONNECTING
    async with fleet.new.station("S1") as same:  # it has not changed its password after all
        fleet.later(PAUSES[0])
        await fleet.look(fleet.new)
        assert (await same.called("ChangeConfiguration"))[1]["key"] == "AuthorizationKey"
    assert await fleet.lets_in(NEW)


async def test_a_station_that_is_away_gets_it_when_it_comes(both: Rotating) -> None:
    await both.old.register("S1")
    await both.begin()
    await both.look()
    assert await both.state() is RotationState.REQUESTED
    async with both.new.station("S1") as station:
        await both.look()
        await both.look(both.new)
        await station.called("ChangeConfiguration")


async def test_a_gateway_looks_by_itself(fleet: Rotating) -> None:
    await fleet.old.restart(rotation_interval_s=0.01)
    async with fleet.old.station("S1") as station:
        await fleet.begin()
        message_id, _ = await station.called("ChangeConfiguration")
        await station.answer(message_id, says("ocpp1.6", "Accepted"))
        await fleet.reached(RotationState.ACCEPTED)


async def test_one_frame_is_out_at_a_time(fleet: Rotating) -> None:
    async with fleet.old.station("S1") as station:
        held = fleet.old.gateway.registry.get("S1")
        assert held is not None
        await held.queue().wait_turn("command", Priority.NORMAL, NEVER_S)
        await fleet.begin()
        for _ in range(3):
            await fleet.look()
        await eventually(lambda: waiting_at(fleet.old, "S1") == 2)
        assert (await fleet.state(), station.calls.qsize()) == (RotationState.REQUESTED, 0)
        held.queue().leave("command")
        await station.called("ChangeConfiguration")


async def test_a_frame_that_waited_until_another_rotation_began_is_not_sent(
    fleet: Rotating,
) -> None:
    """It would give the station a password that has ended."""
    async with fleet.old.station("S1") as station:
        held = fleet.old.gateway.registry.get("S1")
        assert held is not None
        await held.queue().wait_turn("command", Priority.NORMAL, NEVER_S)
        await fleet.begin()
        await fleet.look()
        await eventually(lambda: waiting_at(fleet.old, "S1") == 2)
        await fleet.begin()
        held.queue().leave("command")
        await eventually(lambda: waiting_at(fleet.old, "S1") == 0)
        await station.call("Heartbeat", {})
        assert (await fleet.state(), station.calls.qsize()) == (RotationState.REQUESTED, 0)


# --- cut


@pytest.mark.parametrize("password", [PASSWORD, NEW])
async def test_a_lost_answer_locks_nobody_out(both: Rotating, password: str) -> None:
    async with sent_to(both) as (station, _, _):
        station.drop()
    assert await both.state() is RotationState.SENT
    assert await both.lets_in(password)
    done = password == NEW
    assert (await both.state() is RotationState.DONE) == done
    assert await both.lets_in(PASSWORD) is not done


async def test_a_frame_without_an_answer_is_sent_again_and_its_no_ends_nothing(
    both: Rotating,
) -> None:
    async with sent_to(both) as (station, _, first):
        station.drop()
    async with both.new.station("S1") as same:
        await both.look(both.new)
        assert same.calls.empty()  # not before the pause is over
        both.later(PAUSES[0])
        await both.look(both.new)
        message_id, again = await same.called("ChangeConfiguration")
        assert again == first
        await same.answer(message_id, says("ocpp1.6", "Rejected"))
        await same.call("Heartbeat", {})
    assert await both.state() is RotationState.SENT
    assert await both.lets_in(PASSWORD)
    assert await both.lets_in(NEW)


async def test_a_late_answer_counts(fleet: Rotating) -> None:
    await fleet.old.restart(ask_timeout_s=0.05)
    async with sent_to(fleet) as (station, message_id, _):
        await eventually(lambda: waiting_at(fleet.old, "S1") == 0)
        await station.answer(message_id, says("ocpp1.6", "Accepted"))
        await fleet.reached(RotationState.ACCEPTED)


async def test_an_answer_counts_though_the_station_is_back_on_another_socket(
    both: Rotating,
) -> None:
    async with sent_to(both) as (_, message_id, _):
        first = both.old.gateway.registry.get("S1")
        assert first is not None
        async with connected(both.new.url("S1"), PASSWORD):
            refused = AnswerReceived(message_id, "ChangeConfiguration", says("ocpp1.6", "Rejected"))
            await both.old.gateway.passwords.keep_answer(first, refused)
            assert await both.state() is RotationState.REJECTED


async def test_while_the_database_is_away_nothing_is_sent_and_later_all_goes_on(
    fleet: Rotating, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = asyncio.Event()

    async def away(*_: Any, **__: Any) -> None:
        asked.set()
        raise DatabaseUnavailable("away")

    async with fleet.old.station("S1") as station:
        await fleet.begin()
        with monkeypatch.context() as patch:
            patch.setattr(station_secrets, "change_rotation", away)
            await fleet.look()
            await asked.wait()
            assert station.calls.empty()
        await fleet.look()
        message_id, _ = await station.called("ChangeConfiguration")
        asked.clear()
        with monkeypatch.context() as patch:
            patch.setattr(station_secrets, "change_rotation", away)
            await station.answer(message_id, says("ocpp1.6", "Rejected"))
            await asked.wait()
            assert await fleet.lets_in(PASSWORD)
        await fleet.reached(RotationState.REJECTED)


async def test_a_socket_that_showed_the_old_password_is_closed_though_nobody_follows_it(
    both: Rotating,
) -> None:
    """The station's new socket was cut between its handshake and its claim."""
    async with both.old.station("S1") as station:
        await both.begin()
        hashed = both.old.passwords.hash_generated(NEW)
        await both.old.write(lambda tx: station_secrets.confirm_password(tx, "S1", hashed, now()))
        assert await station.closed() == 1008


async def test_a_handshake_that_was_judged_before_the_old_password_ended_gets_no_station(
    both: Rotating, monkeypatch: pytest.MonkeyPatch
) -> None:
    await both.old.register("S1")
    await both.begin()
    judge = both.old.gateway.handshake_judge
    judged = judge.judge

    async def overtaken(request: Any) -> Any:
        admitted = await judged(request)
        assert await both.lets_in(NEW)
        return admitted

    monkeypatch.setattr(judge, "judge", overtaken)
    async with connected(both.old.url("S1"), PASSWORD) as station:
        assert await station.closed() == 1008
    holder = await both.holder()
    assert holder is None or holder.gateway == both.new.gateway.gateway_id


async def test_a_password_that_its_version_cannot_say_is_refused_and_nothing_is_sent(
    fleet: Rotating,
) -> None:
    await fleet.old.register("S1")
    begun, sealed = rotations.begun(now()), fleet.old.sealer.seal("z" * 40)
    await fleet.old.write(
        lambda tx: station_secrets.begin_rotation(tx, "S1", begun, hash="hmac:x", sealed=sealed)
    )
    async with fleet.old.station("S1") as station:
        await fleet.look()
        await fleet.reached(RotationState.REJECTED)
        await station.call("Heartbeat", {})
        assert station.calls.empty()


@pytest.mark.parametrize("mark", ["relayed", "certified"])
async def test_a_station_that_does_not_show_a_password_of_ours_is_sent_none(
    fleet: Rotating, mark: str
) -> None:
    async with fleet.old.station("S1") as station:
        held = fleet.old.gateway.registry.get("S1")
        assert held is not None
        setattr(held.peer, mark, True)
        await fleet.begin()
        await fleet.look()
        await fleet.reached(RotationState.REJECTED)
        await station.call("Heartbeat", {})
        assert station.calls.empty()


async def test_no_line_of_the_log_has_the_password(fleet: Rotating) -> None:
    with capture_logs() as lines:
        async with sent_to(fleet) as (station, message_id, payload):
            await station.send([4, message_id, "FormationViolation", payload["value"], {}])
            await fleet.reached(RotationState.REJECTED)
    told = str(lines)
    assert "password_rotation" in told
    assert NEW not in told
    assert payload["value"] not in told
