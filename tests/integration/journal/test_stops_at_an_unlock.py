"""Which stops a refused unlock is judged by: those that have ended its session since its frame."""

from dataclasses import replace
from typing import Any

import pytest

from domain.commands import transitions as changes
from domain.model.answers import StationAnswer, Verdict
from domain.model.command import Command
from fleet import sends
from fleet.back_end import calls
from fleet.back_end.calls import NewCall
from fleet.database import Database
from fleet.engine.statements import Tx
from fleet.sends import Send
from journal.commands.answers import answer_to_row
from journal.commands.facts import read_facts
from tests.support.fleet_rows import connect, intend, later, start_16, stop_16
from tests.support.hub import TIMING
from tests.unit.domain import situations

YES = StationAnswer(Verdict.ACCEPTED, "Accepted")
NO = StationAnswer(Verdict.REJECTED, "Rejected")


def refused_unlock() -> Command:
    """An unlock of EVSE 1 that left at 100 s and was refused a second later."""
    sent = changes.sent(situations.unlock(create_time=later(99)), later(100))
    return changes.answered(sent, NO, later(101), decides=False)


async def sent(tx: Tx, command: str, at_s: float, answer: StationAnswer | None, **of: Any) -> Send:
    """A frame that left then; answered a second later, unless `answer` is None."""
    row = await intend(tx, command, now=later(at_s), token_digest=None, **of)
    if answer is not None:
        said = answer_to_row(answer)
        await sends.answered(tx, row.id, answer=said, now=later(at_s + 1))
    return row


async def stops_known(
    db: Database,
    *,
    at_s: float = 102,
    answer: StationAnswer | None = YES,
    end: dict[str, Any] | None = None,
    **of: Any,
) -> tuple[list[int], int]:
    """The stops that the unlock is judged by, and the one that was sent then."""
    async with db.write() as tx:
        await connect(tx)
        running, _ = await start_16(tx)
        command = refused_unlock()
        await sent(tx, command.name, 100, NO, kind="UNLOCK_CONNECTOR")
        named = {"kind": "STOP_SESSION", "named_id": running.ocpp_transaction_id, **of}
        stop = await sent(tx, "stop-1", at_s, answer, **named)
        told = {"now": later(104), "stop_time": later(104), **(end or {})}
        await stop_16(tx, running.ocpp_transaction_id, **told)
        known = await read_facts(tx, command, None, TIMING, later(106))
        accepted = replace(command, station_answer=YES)
        assert not (await read_facts(tx, accepted, None, TIMING, later(106))).stops
    return [each.id for each in known.stops], stop.id


@pytest.mark.parametrize("at_s", [95, 102])
@pytest.mark.parametrize(
    "of", [{}, {"kind": "START_SESSION", "undo": True}], ids=["a stop", "an undo of a start"]
)
async def test_an_accepted_stop_that_has_ended_the_session_is_known(
    db: Database, at_s: float, of: dict[str, Any]
) -> None:
    known, stop = await stops_known(db, at_s=at_s, **of)
    assert known == [stop]


@pytest.mark.parametrize(
    "told",
    [
        pytest.param({"answer": NO}, id="it was refused"),
        pytest.param({"answer": None}, id="nobody answered it"),
        pytest.param({"named_id": "999"}, id="it names another session"),
        pytest.param({"kind": "CANCEL_RESERVATION"}, id="it names a reservation"),
        pytest.param({"at_s": 105}, id="it left after the end"),
        pytest.param({"end": {"reason": "UnlockCommand"}}, id="the end has another reason"),
        pytest.param({"end": {"now": later(99)}}, id="the end was told before the unlock"),
    ],
)
async def test_any_other_stop_explains_nothing(db: Database, told: dict[str, Any]) -> None:
    known, _ = await stops_known(db, **told)
    assert known == []


async def test_the_stop_of_another_evse_explains_nothing(db: Database) -> None:
    async with db.write() as tx:
        await connect(tx)
        elsewhere, _ = await start_16(tx, evse_id=2)
        command = refused_unlock()
        await sent(tx, command.name, 100, NO, kind="UNLOCK_CONNECTOR")
        named = {"kind": "STOP_SESSION", "named_id": elsewhere.ocpp_transaction_id, "evse_id": 2}
        await sent(tx, "stop-1", 102, YES, **named)
        await stop_16(tx, elsewhere.ocpp_transaction_id, now=later(104))
        assert not (await read_facts(tx, command, None, TIMING, later(106))).stops


@pytest.mark.parametrize(
    ("at_s", "answer", "named", "known"),
    [
        (102, YES, True, True),
        (102, NO, True, False),
        (102, YES, False, False),
        (105, YES, True, False),
    ],
)
async def test_a_stop_of_the_stations_own_back_end_explains_as_much(
    db: Database, at_s: float, answer: StationAnswer, named: bool, known: bool
) -> None:
    async with db.write() as tx:
        await connect(tx)
        running, _ = await start_16(tx)
        id = running.ocpp_transaction_id
        command = refused_unlock()
        await sent(tx, command.name, 100, NO, kind="UNLOCK_CONNECTOR")
        call = NewCall(
            "acme", "CP1", "STOP_SESSION", later(at_s), named_id=id if named else "other"
        )
        theirs = await calls.keep(tx, call)
        await calls.answered(tx, theirs, answer_to_row(answer), later(at_s + 1))
        await stop_16(tx, id, now=later(104), stop_time=later(104))
        facts = await read_facts(tx, command, None, TIMING, later(106))
    assert [each.send_time for each in facts.stops] == ([later(at_s)] if known else [])
