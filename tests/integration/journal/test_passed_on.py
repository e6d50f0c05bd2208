"""A station of OCPP 2.x agrees to a second start, and names the first one, which was over."""

import pytest

from domain.evidence.facts import Act
from domain.model.command import Code
from domain.model.outcomes import Cause
from fleet.database import Database
from tests.support.hub import REFUSED, Hub


async def two_starts(db: Database, **second: object) -> tuple[Hub, int]:
    """The first is given up after 76 s, the second is sent after 100 s. The first one's number."""
    hub = await Hub(db).open("ocpp2.0.1")
    first = await hub.start("first", 0)
    await hub.give_up("first", Cause.NO_CABLE_OR_NO_TRANSACTION, 77)
    await hub.start("second", 100, **second)  # type: ignore[arg-type]
    return hub, first.id


async def test_a_session_that_names_a_start_that_was_over_may_be_the_next_ones(
    db: Database,
) -> None:
    hub, number = await two_starts(db)
    await hub.session_2x(110, remote_start_id=number)
    first = await hub.weigh("first", 111)
    assert first.act is not Act.UNDO, "somebody wants it"
    assert (await hub.weigh("second", 111)).outcome is None
    second = (await hub.weigh("second", 200)).outcome
    assert second is not None
    assert (second.code, second.cause) == (Code.UNKNOWN, Cause.SESSION_DOUBTFUL)


@pytest.mark.parametrize(
    "second",
    [
        pytest.param({"token": "other"}, id="for another driver"),
        pytest.param({"evse_id": 2}, id="for another place"),
        pytest.param({"answer": REFUSED}, id="that was refused"),
    ],
)
async def test_without_a_next_start_such_a_session_is_unwanted(
    db: Database, second: dict[str, object]
) -> None:
    hub, number = await two_starts(db, **second)
    await hub.session_2x(110, remote_start_id=number)
    assert (await hub.weigh("first", 111)).act is Act.UNDO


async def test_a_session_within_the_time_of_the_start_that_it_names_is_its_own(
    db: Database,
) -> None:
    hub = await Hub(db).open("ocpp2.0.1")
    first = await hub.start("first", 0)
    await hub.start("second", 20)
    await hub.session_2x(30, remote_start_id=first.id)
    outcome = (await hub.weigh("first", 31)).outcome
    assert outcome is not None
    assert outcome.code is Code.SUCCEEDED
