"""The row of a rotation, and what begins and ends with it, on both databases."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest

from domain.model import rotations
from domain.model.answers import StationAnswer, Verdict
from domain.model.rotations import Rotation, RotationState
from domain.model.twins import Displacements
from fleet import connections, generations, station_secrets
from fleet.database import Database
from fleet.station_secrets import StoredRotation
from tests.support.fleet_rows import NOW, connect, later, make_station

sent = partial(rotations.sent, now=NOW)


def says(verdict: Verdict) -> Callable[[Rotation], Rotation]:
    answer = StationAnswer(verdict)
    return partial(rotations.answered, answer=answer, now=NOW, grace=timedelta(0))


@pytest.fixture
async def rotating(db: Database) -> Database:
    """A fleet with a station that gets a new password."""
    async with db.write() as tx:
        await make_station(tx, password_hash="old")
        await station_secrets.begin_rotation(
            tx, "CP1", rotations.begun(NOW), hash="new", sealed="sealed"
        )
    return db


async def change(
    db: Database, how: Callable[[Rotation], Rotation], *, message_id: str | None = None
) -> Rotation | None:
    async with db.write() as tx:
        return await station_secrets.change_rotation(
            tx, "CP1", lambda found: how(found.rotation), message_id=message_id
        )


async def stored(db: Database) -> StoredRotation:
    async with db.read() as tx:
        found = await station_secrets.rotation_of(tx, "CP1")
    assert found is not None
    return found


async def hashes(db: Database) -> tuple[str, ...]:
    async with db.read() as tx:
        return (await station_secrets.get_with_secrets(tx, "CP1"))[1].hashes


async def due(db: Database, seconds: float, gateway: str = "gw1") -> list[str]:
    async with db.read() as tx:
        found = await station_secrets.due_rotations(
            tx, gateway=gateway, now=later(seconds), limit=10
        )
    return [one.station for one in found]


async def test_a_rotation_is_read_back_as_it_was_made(rotating: Database) -> None:
    assert await stored(rotating) == StoredRotation("CP1", rotations.begun(NOW), "", "sealed")
    assert await hashes(rotating) == ("new", "old")
    await change(rotating, sent, message_id="m-1")
    frame = sent(rotations.begun(NOW))
    assert await stored(rotating) == StoredRotation("CP1", frame, "m-1", "sealed")


async def test_a_password_that_is_refused_ends_and_the_old_one_stays(rotating: Database) -> None:
    await change(rotating, sent, message_id="m-1")
    await change(rotating, says(Verdict.REJECTED))
    assert await hashes(rotating) == ("old",)
    assert (await stored(rotating)).sealed is None


async def test_a_password_that_was_used_is_the_only_one(rotating: Database) -> None:
    async with rotating.write() as tx:
        assert not await station_secrets.confirm_password(tx, "CP1", "old", NOW)
    assert (await stored(rotating)).rotation.is_open
    async with rotating.write() as tx:
        assert await station_secrets.confirm_password(tx, "CP1", "new", later(5))
    ended = await stored(rotating)
    assert (ended.rotation.state, ended.rotation.end_time) == (RotationState.DONE, later(5))
    assert (ended.sealed, await hashes(rotating)) == (None, ("new",))


async def test_a_refusal_that_comes_after_the_use_changes_nothing(rotating: Database) -> None:
    await change(rotating, sent, message_id="m-1")
    async with rotating.write() as tx:
        await station_secrets.confirm_password(tx, "CP1", "new", NOW)
    assert await change(rotating, says(Verdict.REJECTED)) is None
    assert await hashes(rotating) == ("new",)


async def test_what_a_change_leaves_alone_stays(rotating: Database) -> None:
    async with rotating.write() as tx:
        assert await station_secrets.change_rotation(tx, "CP1", lambda _: None) is None
    assert await stored(rotating) == StoredRotation("CP1", rotations.begun(NOW), "", "sealed")


async def test_the_socket_that_showed_the_old_password_is_out(rotating: Database) -> None:
    async with rotating.write() as tx:
        await connect(tx)
        await station_secrets.confirm_password(tx, "CP1", "new", NOW)
        assert await connections.holder(tx, "CP1", now=NOW) is None


@pytest.mark.parametrize(("shown", "stands"), [("new", True), ("old", True), ("other", False)])
async def test_a_socket_is_claimed_with_a_valid_password_only(
    rotating: Database, shown: str, stands: bool
) -> None:
    async with rotating.write() as tx:
        station, _ = await station_secrets.get_with_secrets(tx, "CP1")
        assert station is not None
        assert stands is await generations.stands_for_claim(
            tx, "CP1", station.generation, password_hash=shown
        )


async def test_what_is_due_is_found_at_the_gateway_of_its_station(rotating: Database) -> None:
    assert await due(rotating, 0) == []
    async with rotating.write() as tx:
        await connect(tx)
    assert (await due(rotating, -1), await due(rotating, 0)) == ([], ["CP1"])
    assert await due(rotating, 0, gateway="gw2") == []
    await change(rotating, sent, message_id="m-1")
    assert (await due(rotating, 29), await due(rotating, 30)) == ([], ["CP1"])


async def test_nothing_is_due_at_a_station_in_quarantine(rotating: Database) -> None:
    async with rotating.write() as tx:
        await connect(tx)
        await connections.keep_displacements(tx, "CP1", Displacements((), later(60)))
    assert (await due(rotating, 59), await due(rotating, 60)) == ([], ["CP1"])


async def test_a_rotation_goes_with_its_station(rotating: Database) -> None:
    async with rotating.write() as tx:
        await generations.delete(tx, "CP1", now=NOW)
        assert await station_secrets.rotation_of(tx, "CP1") is None
        assert await station_secrets.change_rotation(tx, "CP1", lambda _: None) is None


async def test_a_new_rotation_takes_the_place_of_one_that_has_ended(rotating: Database) -> None:
    async with rotating.write() as tx:
        await station_secrets.confirm_password(tx, "CP1", "new", NOW)
        await station_secrets.begin_rotation(
            tx, "CP1", rotations.begun(later(9)), hash="newest", sealed="sealed too"
        )
    assert (await stored(rotating)).rotation == rotations.begun(later(9))
    assert await hashes(rotating) == ("newest", "new")
