"""A token that its back end has not answered for: a third value beside yes and no."""

import pytest

from fleet import transactions
from fleet.database import Database
from fleet.transactions import judged
from journal.commands.sessions import token_state_of
from tests.support.fleet_rows import start_16

OWED = {"token": judged.UNJUDGED}


async def test_a_start_without_an_answer_is_neither_accepted_nor_refused(db: Database) -> None:
    async with db.write() as tx:
        begun, _ = await start_16(
            tx, given_id=0, token_digest="token", authorized=False, judged=OWED
        )
    assert token_state_of(begun) == "NOT_JUDGED"
    assert judged.may_charge(begun)
    assert not judged.is_brought(begun, "token")


@pytest.mark.parametrize(("accepted", "state"), [(True, "ACCEPTED"), (False, "REFUSED")])
async def test_the_answer_that_comes_after_all_judges_it(
    db: Database, accepted: bool, state: str
) -> None:
    said = {"token": judged.JUDGED, "token:start": "ACCEPTED" if accepted else "BLOCKED"}
    async with db.write() as tx:
        begun, _ = await start_16(
            tx, given_id=0, token_digest="token", authorized=False, judged=OWED
        )
        after = await judged.keep(tx, begun, said, accepted=accepted)
        stored = await transactions.get(tx, name=begun.name)
    assert stored == after
    assert token_state_of(after) == state
    assert judged.may_charge(after) is accepted


async def test_what_was_judged_stays_judged_when_the_next_question_has_no_answer(
    db: Database,
) -> None:
    said = {"token": judged.JUDGED, "token:start": "ACCEPTED"}
    async with db.write() as tx:
        begun, _ = await start_16(tx, given_id=7, token_digest="token", judged=said)
        after = await judged.keep(tx, begun, OWED)
    assert token_state_of(after) == "ACCEPTED"
