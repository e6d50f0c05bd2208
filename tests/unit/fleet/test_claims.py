"""Claims: one session, one command; and the frames that wait for theirs."""

from typing import Any

from fleet import claims, sends
from fleet.claims import OpenCause
from fleet.database import Database
from fleet.engine.statements import Tx
from tests.support.fleet_rows import NOW, connect, intend, later


async def take(tx: Tx, session: str, command: str, send: int | None = None) -> bool:
    return await claims.take(
        tx, session=session, tenant="acme", command=command, send=send, now=NOW
    )


async def causes(tx: Tx, **changes: Any) -> tuple[list[OpenCause], bool]:
    values: dict[str, Any] = {
        "digests": ("digest", None),
        "evse_id": 1,
        "sent": (NOW, later(100)),
    }
    return await claims.open_causes(tx, "CP1", "START_SESSION", **(values | changes))


async def commands_of(tx: Tx, **changes: Any) -> set[str]:
    found, _ = await causes(tx, **changes)
    known = {each.id for each in found}
    names = [f"s{number}" for number in range(9)]
    rows = [row for name in names for row in await sends.by_command(tx, "acme", name)]
    return {row.command for row in rows if row.id in known}


async def test_the_first_command_has_the_session_and_may_claim_it_again(db: Database) -> None:
    async with db.write() as tx:
        assert await take(tx, "session", "start-1")
        assert not await take(tx, "session", "start-2")
        assert await take(tx, "session", "start-1")
        found = await claims.of_sessions(tx, ["session", "another"])
    assert [(each.session, each.command) for each in found] == [("session", "start-1")]


async def test_a_claim_of_another_tenant_is_another_ones(db: Database) -> None:
    async with db.write() as tx:
        assert await take(tx, "session", "start-1")
        other = {"session": "session", "tenant": "other", "command": "start-1"}
        assert not await claims.take(tx, **other, send=None, now=NOW)


async def test_claims_of_more_sessions_than_one_query_takes_are_all_found(db: Database) -> None:
    names = [f"session-{number}" for number in range(claims.NAMES_LIMIT + 3)]
    async with db.write() as tx:
        for name in (names[0], names[-1]):
            assert await take(tx, name, "start-1")
        found = await claims.of_sessions(tx, names)
    assert {each.session for each in found} == {names[0], names[-1]}


async def test_a_frame_that_has_its_session_is_the_cause_of_no_other_one(db: Database) -> None:
    async with db.write() as tx:
        await connect(tx)
        send = await intend(tx, "s1")
        assert await commands_of(tx) == {"s1"}
        assert await take(tx, "session", "s1", send.id)
        assert await commands_of(tx) == set()
        await claims.release(tx, session="session", send=send.id)
        assert await commands_of(tx) == {"s1"}
        assert await take(tx, "session", "s2")


async def test_causes_have_a_digest_of_the_session_its_evse_and_left_in_time(db: Database) -> None:
    async with db.write() as tx:
        await connect(tx)
        await intend(tx, "s1")
        await intend(tx, "s2", token_digest="other", group_digest="digest", evse_id=None)
        await intend(tx, "s3", token_digest="group")
        await intend(tx, "s4", token_digest="other", group_digest="group", evse_id=2)
        await intend(tx, "s5", token_digest="unknown")
        await intend(tx, "s6", undo=True)
        await intend(tx, "s7", kind="RESERVE_NOW")
        await intend(tx, "s8", now=later(101))
        assert await commands_of(tx) == {"s1", "s2"}
        assert await commands_of(tx, digests=("digest", "group")) == {"s1", "s2", "s3"}
        every = await commands_of(tx, digests=("digest", "group"), evse_id=None)
        assert every == {"s1", "s2", "s3", "s4"}
        assert await commands_of(tx, digests=(None, None)) == set()
        assert await commands_of(tx, sent=(later(101), later(102))) == {"s8"}


async def test_the_newest_causes_are_read_and_that_there_are_more_is_said(db: Database) -> None:
    async with db.write() as tx:
        await connect(tx)
        for number in range(claims.CAUSES_LIMIT):
            await intend(tx, f"many-{number}", now=later(number))
        found, more = await causes(tx)
        assert (len(found), more) == (claims.CAUSES_LIMIT, False)
        for number in range(claims.CAUSES_LIMIT, claims.CAUSES_LIMIT + 5):
            await intend(tx, f"many-{number}", now=later(number))
        found, more = await causes(tx)
        assert more
        assert max(each.send_time for each in found) == later(claims.CAUSES_LIMIT + 4)


async def test_the_frames_whose_answers_contain_an_id_are_found_while_they_are_open(
    db: Database,
) -> None:
    odd = 'T"1%\\'
    async with db.write() as tx:
        await connect(tx)
        for name, said in (("s1", odd), ("s2", "T1"), ("s3", odd)):
            send = await intend(tx, name)
            await sends.answered(tx, send.id, answer={"ocpp_transaction_id": said}, now=NOW)
        await intend(tx, "s4")
        await sends.close(tx, "acme", "s3")
        found = await claims.answered_with(tx, "CP1", "START_SESSION", odd)
        short = await claims.answered_with(tx, "CP1", "START_SESSION", "T")
    assert [(at, answer) for _, at, answer in found] == [(NOW, {"ocpp_transaction_id": odd})]
    assert short == []
