"""The story of a command of ours tells what the station's back end (CSMS) did meanwhile."""

from typing import Any

import pytest

from domain.model.outcomes import Cause
from fleet.back_end import calls
from fleet.back_end.calls import NewCall
from fleet.database import Database
from journal.back_end.deciding import not_sent
from journal.explain.reading import read_explanation
from journal.explain.step import Actor, ExplainStep, StepKind
from tests.support.fleet_rows import later
from tests.support.hub import TENANT, Hub

ACCEPTED = {"verdict": "ACCEPTED", "status": "Accepted"}
ERROR = {"verdict": "FAILED", "call_error": {"code": "InternalError", "description": ""}}


@pytest.fixture
async def hub(db: Database) -> Hub:
    """The station, connected with OCPP 1.6, with a start of ours at 0."""
    hub = await Hub(db).open()
    await hub.start("ours", 0)
    return hub


async def theirs(
    hub: Hub, at_s: float, kind: str, answer: dict[str, Any] | None = None, **known: Any
) -> None:
    """The back end asks for something then, and is answered half a second later."""
    async with hub.db.write() as tx:
        call = NewCall(TENANT, "CP1", kind, later(at_s), message_id=f"m{at_s}", **known)
        id = await calls.keep(tx, call)
        if answer is not None:
            await calls.answered(tx, id, answer, later(at_s + 0.5))


async def told(hub: Hub) -> list[ExplainStep]:
    async with hub.db.read() as tx:
        steps = await read_explanation(tx, TENANT, "ours")
    assert steps is not None
    assert steps[0].kind is StepKind.ASKED
    return [step for step in steps if step.actor is Actor.BACK_END]


async def test_what_the_back_end_asked_for_meanwhile_is_told_with_the_answer(hub: Hub) -> None:
    await theirs(hub, 2, "RESET", ACCEPTED, mode="Hard")
    await theirs(hub, 3, "STOP_SESSION", ERROR, named_id="4711")
    await theirs(hub, 4, "UNLOCK_CONNECTOR", evse_id=1)
    assert [step.summary for step in await told(hub)] == [
        "The back end asked the station to reset (Hard): Accepted after 0.50 s.",
        "The back end asked the station to stop session 4711: InternalError after 0.50 s.",
        "The back end asked the station to unlock connector at EVSE 1: no answer is known.",
    ]


async def test_how_it_ended_is_told_as_far_as_it_is_known(hub: Hub) -> None:
    await theirs(hub, 2, "RESET", ACCEPTED)
    async with hub.db.write() as tx:
        (row,) = await calls.of_station(tx, "CP1", later(0), later(9))
        await calls.ended(tx, row.id, code="SUCCEEDED", cause="STATION_RESTARTED")
    (step,) = await told(hub)
    assert step.summary.endswith("Accepted after 0.50 s (SUCCEEDED, STATION_RESTARTED).")
    assert (step.facts["code"], step.facts["message_id"]) == ("SUCCEEDED", "m2")


async def test_one_that_never_left_for_the_station_is_told_as_that(hub: Hub) -> None:
    await theirs(hub, 2, "RESET")
    async with hub.db.write() as tx:
        (row,) = await calls.of_station(tx, "CP1", later(0), later(9))
        await not_sent(tx, row.id)
    (step,) = await told(hub)
    ending = "it never left for the station (NOT_SENT, STATION_OFFLINE)."
    assert step.summary.endswith(ending)


async def test_a_reservation_of_the_back_end_that_stands_is_told_however_old_it_is(
    hub: Hub,
) -> None:
    held = {"number": 9, "expire_time": later(900)}
    await theirs(hub, -50_000, "RESERVE_NOW", ACCEPTED, evse_id=1, **held)
    await theirs(hub, -40_000, "RESERVE_NOW", ACCEPTED, evse_id=2, **(held | {"number": 8}))
    await theirs(hub, -30_000, "RESET", ACCEPTED)
    (step,) = await told(hub)
    assert (step.time, step.facts["number"]) == (later(-50_000), "9")


async def test_what_came_after_the_end_of_the_command_is_another_story(hub: Hub) -> None:
    await hub.give_up("ours", Cause.CABLE_WAIT_ENDED, 100)
    await theirs(hub, 2, "RESET", ACCEPTED)
    await theirs(hub, 200, "RESET", ACCEPTED)
    assert (await hub.command("ours")).outcome is not None
    assert [step.time for step in await told(hub)] == [later(2)]


async def test_another_tenants_calls_are_never_told(hub: Hub) -> None:
    async with hub.db.write() as tx:
        await calls.keep(tx, NewCall("other", "CP1", "RESET", later(2)))
    assert await told(hub) == []
