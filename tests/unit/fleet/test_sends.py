"""Sends: the intent to write a frame, on both databases."""

import pytest

from fleet import connections, sends
from fleet.database import Database
from fleet.engine.values import InvalidValue
from fleet.sends import AlreadySettled, StaleEpoch
from tests.support.fleet_rows import NOW, connect, intend, later


@pytest.fixture
async def held(db: Database) -> Database:
    """A fleet in which CP1 is connected with epoch 1."""
    async with db.write() as tx:
        await connect(tx)
    return db


async def test_an_intent_is_read_back_and_has_an_id_of_its_own(held: Database) -> None:
    async with held.write() as tx:
        first = await intend(tx, "start-1")
        second = await intend(tx, "start-2")
        assert await sends.by_command(tx, "acme", "start-1") == [first]
        assert await sends.by_message(tx, "CP1", "m-start-2") == second
    assert (first.state, first.send_time, first.closed) == ("INTENT", NOW, False)
    assert second.id > first.id


async def test_a_stale_epoch_may_not_send(held: Database) -> None:
    async with held.write() as tx:
        await connect(tx, connection_id="newer")
        with pytest.raises(StaleEpoch):
            await intend(tx, epoch=1)
        await intend(tx, epoch=2)


async def test_nothing_is_sent_on_a_released_connection(held: Database) -> None:
    async with held.write() as tx:
        await connections.release(tx, station="CP1", connection_id="c1", now=NOW)
        with pytest.raises(StaleEpoch):
            await intend(tx, epoch=1)
        with pytest.raises(StaleEpoch):
            await intend(tx, station="never seen")


async def test_an_intent_stands_against_a_later_void(held: Database) -> None:
    async with held.write() as tx:
        sent = await intend(tx)
        stands = await sends.void(tx, tenant="acme", command="start-1", attempt=1, now=NOW)
    assert stands == sent


async def test_a_void_stands_against_a_later_intent(held: Database) -> None:
    async with held.write() as tx:
        void = await sends.void(tx, tenant="acme", command="start-1", attempt=1, now=NOW)
        with pytest.raises(AlreadySettled) as settled:
            await intend(tx)
        again = await sends.void(tx, tenant="acme", command="start-1", attempt=1, now=NOW)
    assert settled.value.send == void == again
    assert void.state == "VOID"


async def test_another_tenants_command_of_the_same_name_is_another_command(held: Database) -> None:
    async with held.write() as tx:
        await sends.void(tx, tenant="other", command="start-1", attempt=1, now=NOW)
        assert (await intend(tx)).state == "INTENT"


async def test_the_first_answer_stands(held: Database) -> None:
    async with held.write() as tx:
        sent = await intend(tx)
        await sends.answered(tx, sent.id, answer={"status": "Accepted"}, now=later(1))
        await sends.answered(tx, sent.id, answer={"status": "Rejected"}, now=later(2))
        (row,) = await sends.by_command(tx, "acme", "start-1")
    assert (row.state, row.answer, row.answer_time) == (
        "ANSWERED",
        {"status": "Accepted"},
        later(1),
    )


async def test_a_late_answer_is_kept_for_a_lost_call_but_never_lost_again(held: Database) -> None:
    async with held.write() as tx:
        sent = await intend(tx)
        await sends.lost(tx, sent.id, cause="ANSWER_TIMEOUT", now=later(30))
        (row,) = await sends.by_command(tx, "acme", "start-1")
        assert (row.state, row.cause) == ("LOST", "ANSWER_TIMEOUT")
        await sends.answered(tx, sent.id, answer={"a": "\x00"}, now=later(40))
        await sends.lost(tx, sent.id, cause="LATE", now=later(50))
        (row,) = await sends.by_command(tx, "acme", "start-1")
    assert (row.state, row.answer) == ("ANSWERED", {"a": "\x00"})


async def test_a_void_is_never_answered(held: Database) -> None:
    async with held.write() as tx:
        void = await sends.void(tx, tenant="acme", command="start-1", attempt=1, now=NOW)
        await sends.answered(tx, void.id, answer={}, now=NOW)
        assert await sends.by_command(tx, "acme", "start-1") == [void]


async def test_open_sends_are_neither_void_nor_closed(held: Database) -> None:
    async with held.write() as tx:
        await sends.void(tx, tenant="acme", command="void", attempt=1, now=NOW)
        kept = await intend(tx, "kept")
        await intend(tx, "closed")
        await sends.close(tx, "acme", "closed")
        assert await sends.open_for_station(tx, "CP1") == [kept]
        assert await sends.open_for_station(tx, "CP2") == []


async def test_a_wire_id_beyond_its_limit_is_refused(held: Database) -> None:
    async with held.write() as tx:
        with pytest.raises(InvalidValue):
            await intend(tx, named_id="x" * 256)


async def test_a_send_keeps_its_frame_and_when_its_answer_was_given_up(held: Database) -> None:
    async with held.write() as tx:
        send = await intend(tx, action="ReserveNow", frame={"idTag": "****1234"})
        await sends.reframe(tx, send.id, {"idTag": "****1234", "reservationId": 7})
        await sends.lost(tx, send.id, cause="ANSWER_TIMEOUT", now=later(30))
        (kept,) = await sends.by_command(tx, "acme", "start-1")
    assert (kept.action, kept.frame) == ("ReserveNow", {"idTag": "****1234", "reservationId": 7})
    assert kept.lost_time == later(30)


async def test_the_newest_question_about_a_token_is_kept_of_each_kind(held: Database) -> None:
    async with held.write() as tx:
        send = await intend(tx)
        for at_s in (2, 1):
            await sends.token_asked(tx, send.id, refused=True, asked=later(at_s))
        await sends.token_asked(tx, send.id, refused=False, asked=later(3))
        (row,) = await sends.by_command(tx, "acme", "start-1")
    assert (row.token_refused_time, row.token_unclear_time) == (later(2), later(3))
