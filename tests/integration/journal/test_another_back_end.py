"""A session that another back end (CSMS) may have asked for is never told as the effect of ours."""

from dataclasses import asdict, replace

import pytest

from domain.evidence.proof import RELAY_GAP
from domain.model.command import Code
from domain.model.outcomes import Cause
from fleet import reports
from fleet.database import Database
from fleet.remote_starts import foreign_starts
from fleet.remote_starts.foreign_starts import ForeignStart
from fleet.reports import UntakenRow
from journal.commands.answers import answer_to_row
from tests.support.fleet_rows import later
from tests.support.hub import ACCEPTED, REFUSED, Hub


@pytest.fixture
async def hub(db: Database) -> Hub:
    """The station, connected with OCPP 1.6."""
    return await Hub(db).open()


THEIRS = ForeignStart("CP1", "acme", "theirs", "START_SESSION", 1, "digest", None, later(0))


async def told(hub: Hub) -> tuple[Code, str]:
    """How a start of ours at 5 ends, with a session that began at 10."""
    await hub.start("ours", 5)
    await hub.session(10)
    outcome = (await hub.weigh("ours", 200)).outcome
    assert outcome is not None
    return outcome.code, outcome.cause


async def keep(hub: Hub, theirs: ForeignStart) -> int:
    async with hub.db.write() as tx:
        return (await foreign_starts.keep(tx, theirs))[0]


@pytest.mark.parametrize("answered", [True, False])
async def test_a_session_that_both_asked_for_is_in_doubt(hub: Hub, answered: bool) -> None:
    number = await keep(hub, THEIRS)
    if answered:
        async with hub.db.write() as tx:
            await foreign_starts.answered(tx, number, answer_to_row(ACCEPTED), later(1))
    assert await told(hub) == (Code.UNKNOWN, Cause.SESSION_DOUBTFUL)
    assert await hub.claims() == {}


async def test_a_start_of_theirs_that_the_station_refused_explains_nothing(hub: Hub) -> None:
    number = await keep(hub, THEIRS)
    async with hub.db.write() as tx:
        await foreign_starts.answered(tx, number, answer_to_row(REFUSED), later(1))
    assert await told(hub) == (Code.SUCCEEDED, Cause.SESSION_STARTED)


@pytest.mark.parametrize("other", [{"token_digest": "other"}, {"evse_id": 2}, {"station": "CP2"}])
async def test_a_start_of_theirs_of_another_token_or_plug_explains_nothing(
    hub: Hub, other: dict[str, object]
) -> None:
    await keep(hub, ForeignStart(**(asdict(THEIRS) | other)))
    assert await told(hub) == (Code.SUCCEEDED, Cause.SESSION_STARTED)


@pytest.mark.parametrize("gap_s", [0, 8, -500, -700])
async def test_a_gap_in_which_a_start_of_theirs_may_be_hidden_is_a_doubt(
    hub: Hub, gap_s: float
) -> None:
    gap = UntakenRow("", RELAY_GAP, "", None, "", later(gap_s))
    async with hub.db.write() as tx:
        await reports.add_untaken(tx, station="CP1", key="relay:1", report=gap)
    doubted = gap_s > -600
    assert await told(hub) == (
        (Code.UNKNOWN, Cause.SESSION_DOUBTFUL)
        if doubted
        else (Code.SUCCEEDED, Cause.SESSION_STARTED)
    )


NAMED = replace(ACCEPTED, ocpp_transaction_id="tx-1")


@pytest.mark.parametrize("token_told", [True, False])
async def test_a_session_that_the_station_named_to_both_is_in_doubt(
    hub: Hub, token_told: bool
) -> None:
    """The cable came first: a station names its session to whoever asks for that place."""
    known = {"ocpp_transaction_id": "tx-1", "charging_state": "Charging"}
    await hub.session_2x(-100, **known, token_digest=None)
    await hub.start("ours", 5, answer=NAMED)
    await keep(hub, replace(THEIRS, send_time=later(6)))
    if token_told:
        await hub.session_2x(8, **known, type="Updated", seq_no=1)
    outcome = (await hub.weigh("ours", 200)).outcome
    assert outcome is not None
    assert (outcome.code, outcome.cause) == (Code.UNKNOWN, Cause.SESSION_DOUBTFUL)


async def test_a_session_that_the_station_named_to_ours_alone_is_ours(hub: Hub) -> None:
    known = {"ocpp_transaction_id": "tx-1", "charging_state": "Charging"}
    await hub.session_2x(-100, **known, token_digest=None)
    await keep(hub, replace(THEIRS, token_digest="other"))
    await hub.start("ours", 5, answer=NAMED)
    await hub.session_2x(8, **known, type="Updated", seq_no=1)
    outcome = (await hub.weigh("ours", 200)).outcome
    assert outcome is not None
    assert outcome.cause == Cause.SESSION_STARTED
