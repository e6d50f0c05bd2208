"""Two starts of one token at one station of OCPP 1.6, at any plug: whose is the session?"""

import pytest

from domain.model.command import Code
from fleet.database import Database
from tests.support.fleet_rows import later
from tests.support.hub import Hub


async def codes(hub: Hub, at_s: float, order: tuple[str, ...]) -> dict[str, Code | None]:
    """What each start is told, judged in this order."""
    weighed = {name: (await hub.weigh(name, at_s)).outcome for name in order}
    return {name: outcome.code if outcome else None for name, outcome in weighed.items()}


ORDERS = pytest.mark.parametrize("order", [("first", "second"), ("second", "first")])


@ORDERS
@pytest.mark.parametrize(
    ("began_s", "told_s", "owner"),
    [
        pytest.param(5, 5, "first", id="before the second start"),
        pytest.param(15, 25, None, id="before it, told after it"),
        pytest.param(19, 21, None, id="just before it"),
        pytest.param(21, 22, "second", id="just after it"),
        pytest.param(30, 30, "second", id="after it"),
    ],
)
async def test_one_session_is_the_effect_of_at_most_one_of_two_starts_at_any_plug(
    db: Database, began_s: float, told_s: float, owner: str | None, order: tuple[str, str]
) -> None:
    hub = await Hub(db).open()
    await hub.start("first", 0, evse_id=None)
    if told_s > 20:
        await hub.start("second", 20, evse_id=None)
    await hub.session(began_s, now=later(told_s))
    if told_s < 20:
        assert await codes(hub, told_s + 1, ("first",)) == {"first": Code.SUCCEEDED}
        await hub.start("second", 20, evse_id=None)
    await codes(hub, told_s + 1, order)
    told = await codes(hub, 200, order)
    assert told == {name: Code.SUCCEEDED if name == owner else Code.UNKNOWN for name in order}
    assert list((await hub.claims()).values()) == ([owner] if owner else [])


@ORDERS
async def test_two_sessions_are_the_effects_of_two_starts_at_any_plug(
    db: Database, order: tuple[str, str]
) -> None:
    hub = await Hub(db).open()
    await hub.start("first", 0, evse_id=None)
    await hub.session(5)
    await codes(hub, 6, ("first",))
    await hub.start("second", 20, evse_id=None)
    await hub.session(25, evse_id=2)
    told = await codes(hub, 26, order)
    assert told == dict.fromkeys(order, Code.SUCCEEDED)
    assert sorted((await hub.claims()).values()) == ["first", "second"]
