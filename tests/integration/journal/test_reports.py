"""What is written down of commands is what a report counts."""

from datetime import timedelta

import pytest

from domain.model.outcomes import Cause
from fleet.database import Database
from fleet.log import counting
from tests.support.fleet_rows import NOW
from tests.support.hub import TENANT, Hub


@pytest.fixture
async def hub(db: Database) -> Hub:
    """The station, connected with OCPP 1.6."""
    return await Hub(db).open()


async def test_a_report_counts_the_outcomes_that_were_written_down(hub: Hub) -> None:
    await hub.start("began", 0, token="one")
    await hub.session(4, token_digest="one", evse_id=1)
    await hub.weigh("began", 5)
    await hub.start("nothing", 20, token="two")
    await hub.give_up("nothing", Cause.NO_CABLE_OR_NO_TRANSACTION, 95)
    await hub.start("waits", 40, token="three")
    which = counting.Counted(TENANT, NOW, NOW + timedelta(days=1))
    async with hub.db.read() as tx:
        ends = await counting.count_ends(tx, which)
        (times,) = await counting.measure_times(tx, which)
    assert {each.newest: (each.code, each.cause) for each in ends} == {
        "began": ("SUCCEEDED", "SESSION_STARTED"),
        "nothing": ("NO_EFFECT", "NO_CABLE_OR_NO_TRANSACTION"),
        "waits": ("", ""),
    }
    spans = (times.median.total_seconds(), times.percentile_99.total_seconds())
    assert (times.count, spans, times.slow) == (2, (5, 75), "nothing")
