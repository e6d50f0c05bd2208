"""One session is the effect of one command, however many starts a station gets."""

import pytest

from domain.evidence.facts import Act
from domain.model.command import Code, CompensationState
from domain.model.outcomes import Cause
from fleet.database import Database
from tests.support.hub import Hub


@pytest.fixture
async def hub(db: Database) -> Hub:
    """The station, connected with OCPP 1.6."""
    return await Hub(db).open()


async def busy_hub(hub: Hub, cause: Cause) -> str:
    """An old start was given up; a newer one has its session; 55 still newer ones followed."""
    await hub.start("old", 0)
    await hub.start("owner", 40)
    session = await hub.session(45)
    assert (await hub.weigh("owner", 46)).outcome.code is Code.SUCCEEDED
    await hub.give_up("old", cause, 76)
    for number in range(55):
        await hub.start(f"newer-{number}", 80 + number, token=f"other-{number}", evse_id=2)
    return session.name


async def test_an_old_unknown_start_at_a_busy_hub_is_not_raised_by_the_session_of_another(
    hub: Hub,
) -> None:
    session = await busy_hub(hub, Cause.OFFLINE_AT_DEADLINE)
    await hub.weigh("old", 140)
    old, owner = await hub.command("old"), await hub.command("owner")
    assert old.outcome.code is Code.UNKNOWN
    assert old.outcome.session is None
    assert owner.outcome.session.transaction == session


async def test_an_old_given_up_start_at_a_busy_hub_does_not_stop_the_session_of_another(
    hub: Hub,
) -> None:
    await busy_hub(hub, Cause.NO_CABLE_OR_NO_TRANSACTION)
    weighed = await hub.weigh("old", 140)
    assert weighed.act is not Act.UNDO
    assert (await hub.command("old")).compensation.state is CompensationState.NONE
