"""One session is the effect of one command, however many starts a station gets."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from contract.commands import WeighEvidenceResult
from domain.evidence.facts import Act
from domain.model.command import Code, Command, CompensationState, Outcome
from domain.model.outcomes import Cause
from fleet import claims
from fleet.database import Database
from tests.support.databases import Postgres
from tests.support.fleet_rows import NOW, later
from tests.support.hub import ACCEPTED, REFUSED, Hub

NAMED = replace(ACCEPTED, ocpp_transaction_id="tx-1")


@pytest.fixture
async def hub(db: Database) -> Hub:
    """The station, connected with OCPP 1.6."""
    return await Hub(db).open()


@pytest.fixture
async def fresh_postgres(postgres_server: Postgres) -> AsyncIterator[Database]:
    """An empty PostgreSQL database."""
    async with postgres_server.fresh() as url:
        database = await Database.open(url, migrate=False)
        yield database
        await database.close()


def told(what: WeighEvidenceResult | Command) -> Outcome:
    """The outcome, which is there."""
    assert what.outcome is not None
    return what.outcome


async def busy_hub(hub: Hub, cause: Cause) -> str:
    """An old start was given up; a newer one has its session; 55 still newer ones followed."""
    await hub.start("old", 0)
    await hub.start("owner", 40)
    session = await hub.session(45)
    assert told(await hub.weigh("owner", 46)).code is Code.SUCCEEDED
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
    assert told(old).code is Code.UNKNOWN
    assert told(old).session is None
    assert told(owner).code is Code.SUCCEEDED
    assert await hub.claims() == {session: "owner"}


async def test_an_old_given_up_start_at_a_busy_hub_does_not_stop_the_session_of_another(
    hub: Hub,
) -> None:
    await busy_hub(hub, Cause.NO_CABLE_OR_NO_TRANSACTION)
    weighed = await hub.weigh("old", 140)
    assert weighed.act is not Act.UNDO
    assert (await hub.command("old")).compensation.state is CompensationState.NONE


@pytest.mark.parametrize("first", ["older", "newer"])
async def test_the_one_of_two_starts_that_comes_first_has_the_session_and_the_other_one_has_not(
    hub: Hub, first: str
) -> None:
    """Neither sees the other one's frame as a cause: only the claim keeps them apart."""
    await hub.start("older", 0, answer=NAMED)
    await hub.start("newer", 1, answer=NAMED)
    session = await hub.session_2x(5, ocpp_transaction_id="tx-1")
    second = "newer" if first == "older" else "older"
    assert told(await hub.weigh(first, 6)).code is Code.SUCCEEDED
    lost = await hub.weigh(second, 200)
    assert told(lost).cause == Cause.SESSION_DOUBTFUL
    assert (await hub.claims()) == {session.name: first}


async def claimed_by_the_second(db: Database) -> Hub:
    """Two starts of one token at one plug; the station began the session for the first one."""
    hub = await Hub(db).open("ocpp2.0.1")
    await hub.start("first", 0)
    await hub.start("second", 20)
    await hub.session_2x(30)
    assert told(await hub.weigh("second", 200)).code is Code.SUCCEEDED
    return hub


async def test_a_start_whose_session_another_one_claimed_and_that_has_ended_knows_of_it(
    db: Database,
) -> None:
    hub = await claimed_by_the_second(db)
    await hub.session_2x(210, type="Ended", seq_no=1)
    assert told(await hub.weigh("first", 220)).cause == Cause.SESSION_DOUBTFUL


@pytest.mark.parametrize(
    "beside",
    [
        pytest.param({"token_digest": "other"}, id="another token"),
        pytest.param({"token_digest": None, "authorized": False}, id="no token"),
        pytest.param({"event_time": later(-900)}, id="its token, begun before"),
    ],
)
async def test_a_session_that_cannot_be_a_starts_own_hides_none_that_another_one_claimed(
    db: Database, beside: dict[str, Any]
) -> None:
    hub = await claimed_by_the_second(db)
    await hub.session_2x(205, ocpp_transaction_id="beside", evse_id=2, **beside)
    await hub.session_2x(210, type="Ended", seq_no=1)
    assert told(await hub.weigh("first", 220)).cause == Cause.SESSION_DOUBTFUL


async def test_two_starts_that_are_judged_at_once_do_not_share_a_session(hub: Hub) -> None:
    for number in range(12):
        names = [f"a-{number}", f"b-{number}"]
        answer = replace(ACCEPTED, ocpp_transaction_id=f"tx-{number}")
        for name in names:
            await hub.start(name, 0, answer=answer)
        await hub.session_2x(5, ocpp_transaction_id=f"tx-{number}")
        weighed = await asyncio.gather(*(hub.weigh(name, 200) for name in names))
        assert sorted(told(each).code for each in weighed) == [Code.SUCCEEDED, Code.UNKNOWN]
    assert len(await hub.claims()) == 12


async def test_a_start_that_claims_while_another_one_is_claiming_waits_and_sees_it(
    fresh_postgres: Database,
) -> None:
    """Two transactions are open at once: the second one waits for the first."""
    hub = await Hub(fresh_postgres).open()
    await hub.start("slow", 0, answer=NAMED)
    await hub.start("quick", 1, answer=NAMED)
    session = await hub.session_2x(5, ocpp_transaction_id="tx-1")
    async with hub.db.write() as tx:
        taken = await claims.take(
            tx, session=session.name, tenant="acme", command="slow", send=None, now=NOW
        )
        assert taken
        waiting = asyncio.create_task(hub.weigh("quick", 200))
        await hub.until_blocked()
        assert not waiting.done()
    assert told(await waiting).cause == Cause.SESSION_DOUBTFUL


async def test_an_activity_that_runs_twice_claims_its_own_session_again(hub: Hub) -> None:
    await hub.start("start", 0)
    session = await hub.session(5)
    first = await hub.weigh("start", 6)
    assert first == await hub.weigh("start", 6)
    assert await hub.claims() == {session.name: "start"}


async def test_a_session_that_is_stopped_as_unwanted_is_nobody_elses(hub: Hub) -> None:
    await hub.start("given up", 0)
    await hub.give_up("given up", Cause.NO_CABLE_OR_NO_TRANSACTION, 76)
    session = await hub.session(80)
    assert (await hub.weigh("given up", 81)).act is Act.UNDO
    await hub.start("next", 82)
    assert told(await hub.weigh("next", 400)).code is not Code.SUCCEEDED
    assert await hub.claims() == {session.name: "given up"}


async def test_a_session_whose_token_was_refused_is_nobody_elses(hub: Hub) -> None:
    """It is open, and gives no energy: OCPP 2.x may keep it until the car leaves."""
    await hub.start("refused", 0)
    session = await hub.session_2x(5, authorized=False, charging_state="EVConnected")
    assert (await hub.weigh("refused", 6)).outcome is None
    assert told(await hub.weigh("refused", 11)).cause == Cause.AUTHORIZATION_REFUSED
    assert await hub.claims() == {session.name: "refused"}


async def test_a_start_that_the_station_refused_does_not_take_the_session_of_an_accepted_one(
    hub: Hub,
) -> None:
    await hub.start("accepted", 0)
    await hub.start("refused", 3, answer=REFUSED)
    await hub.session(8)
    assert (await hub.weigh("refused", 9)).outcome is None
    assert told(await hub.weigh("accepted", 9)).cause == Cause.SESSION_STARTED
    assert told(await hub.weigh("refused", 30)).cause == Cause.STATION_REJECTED


async def test_a_session_that_the_answer_to_another_start_names_is_not_stopped(hub: Hub) -> None:
    """The cable came first: the session is older than the start that the station names it for."""
    await hub.start("given up", 0)
    await hub.give_up("given up", Cause.NO_CABLE_OR_NO_TRANSACTION, 76)
    session = await hub.session_2x(80, ocpp_transaction_id="tx-1")
    await hub.start("paid", 140, answer=NAMED)
    assert (await hub.weigh("given up", 142)).act is not Act.UNDO
    assert told(await hub.weigh("paid", 143)).cause == Cause.SESSION_STARTED
    assert await hub.claims() == {session.name: "paid"}


async def test_more_rivals_than_are_read_make_a_session_doubtful(hub: Hub) -> None:
    await hub.start("ours", 0)
    await hub.session(60)
    await hub.fill(range(claims.CAUSES_LIMIT + 5), from_s=1, token="digest", claimed=False)
    assert told(await hub.weigh("ours", 400)).code is Code.UNKNOWN


async def test_a_decision_that_a_newer_answer_has_overtaken_gives_its_claim_back(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    await hub.start("start", 0)
    await hub.session(5)
    found = await hub.command("start")
    await hub.cancel("start", 6)

    async def before(*_: object) -> Command:
        return found

    monkeypatch.setattr("workflows.activities.commands.latest", before)
    await hub.weigh("start", 7)
    monkeypatch.undo()
    assert told(await hub.command("start")).code is Code.CANCELLED
    assert await hub.claims() == {}
    assert (await hub.weigh("start", 8)).act is Act.UNDO


async def took_s(hub: Hub, name: str, at_s: float) -> float:
    """How long the judging takes, at best of many times: other tests run on the same cores."""
    times = []
    for _ in range(20):
        began = time.perf_counter()
        await hub.weigh(name, at_s)
        times.append(time.perf_counter() - began)
    return min(times)


@pytest.mark.parametrize("token", ["digest", None], ids=["one token", "a token each"])
@pytest.mark.parametrize("claimed", [True, False], ids=["with sessions", "without"])
async def test_judging_a_start_after_10_000_others_is_as_quick_as_after_10(
    hub: Hub, token: str | None, claimed: bool
) -> None:
    """Its session began, by the station's clock, a little before the frame left: all may count."""
    await hub.start("ours", 0)
    await hub.session(-1, now=later(2))
    await hub.fill(range(10), from_s=-20, token=token, claimed=claimed)
    few = await took_s(hub, "ours", 3)
    await hub.fill(range(10, 10_010), from_s=-10_030, token=token, claimed=claimed)
    many = await took_s(hub, "ours", 3)
    rivals = (await hub.facts("ours", 3)).rivals
    assert len(rivals) <= claims.CAUSES_LIMIT + 1
    assert many < 5 * few + 0.05  # reading all 10,000 takes several times as long


async def test_judging_a_start_on_guard_before_10_000_others_reads_what_may_be_its_own(
    hub: Hub,
) -> None:
    await hub.start("old", 0)
    await hub.give_up("old", Cause.OFFLINE_AT_DEADLINE, 76)
    await hub.fill(range(10), from_s=1, token=None, claimed=True)
    few = await took_s(hub, "old", 20_000)
    await hub.fill(range(10, 10_010), from_s=100, token=None, claimed=True)
    many = await took_s(hub, "old", 20_000)
    known = await hub.facts("old", 20_000)
    assert (known.sessions, known.rivals) == ((), ())
    assert many < 5 * few + 0.05  # the sessions of the day are passed over inside the database
