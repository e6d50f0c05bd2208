"""Judges a command by all facts, and claims the session that the decision is about.

The claim is written in the transaction that records the decision. When another command has the
session, or is getting it at this very moment, all is judged again with that fact.
"""

from datetime import datetime

from domain.commands.judging import claim_of, judge, keeps_claim
from domain.commands.timing import Timing
from domain.evidence.facts import Asked, Decision, Facts
from domain.model.command import Command
from fleet import claims
from fleet.engine.statements import Tx
from fleet.log.changes import session_claimed
from journal.commands.facts import read_facts

TRIES = 8
"""How often a command is judged again because its session was claimed meanwhile."""


class SessionsKeepBeingClaimed(Exception):
    """Other commands claimed one session after the other while this one was judged."""


async def decide(
    tx: Tx, command: Command, asked: Asked | None, timing: Timing, now: datetime
) -> tuple[Facts, Decision]:
    """The facts and the decision; a session that it takes is claimed for the command.

    Raises:
        SessionsKeepBeingClaimed: nothing is decided; try again in another transaction.
    """
    for _ in range(TRIES):
        facts = await read_facts(tx, command, asked, timing, now)
        decision = judge(command, facts, timing, now)
        if await _claim(tx, command, facts, decision, now):
            return facts, decision
    raise SessionsKeepBeingClaimed(f"command {command.name} of tenant {command.tenant!r}")


async def _claim(tx: Tx, command: Command, facts: Facts, decision: Decision, now: datetime) -> bool:
    """Whether the command may do what was decided: the session, if there is one, is its own."""
    session = claim_of(command, decision)
    if session is None:
        return True
    send = facts.frame.id if facts.frame else None
    return await claims.take(
        tx, session=session, tenant=command.tenant, command=command.name, send=send, now=now
    )


async def release_unkept(tx: Tx, facts: Facts, decision: Decision, recorded: Command) -> None:
    """Gives the claim up when the recorded command ended otherwise in the meantime."""
    session = claim_of(recorded, decision)
    if session is not None and not keeps_claim(recorded, decision):
        await claims.release(tx, session=session, send=facts.frame.id if facts.frame else None)


async def tell_claim(tx: Tx, command: Command, decision: Decision, now: datetime) -> None:
    """Tells who watches the session that this decision has claimed it, if it has and keeps it."""
    session = claim_of(command, decision)
    if session is not None:
        await session_claimed(tx, session, tenant=command.tenant, command=command.name, now=now)
