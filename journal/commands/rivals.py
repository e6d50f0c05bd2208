"""Which other starts can contest a session, read by what they can contest.

Three kinds of rivals matter to a session: the command that has claimed it, the start whose answer
has named it (2.x), and the frames that may be its cause: sent to this station in the time that
counts, with a token of the session, for its EVSE, and without a session of their own so far. How
many starts the station got besides does not matter.

What is read is limited, and the limit never makes a session ours: a session with more rivals than
were read is contested.
"""

from dataclasses import dataclass
from datetime import datetime

from domain.evidence.facts import Need, NeededFacts
from domain.evidence.matching import causes_sent, classify, foreign_since
from domain.evidence.sessions import Match, Rival, SentFrame, Session
from domain.model.answers import StationAnswer
from domain.model.command import Command
from domain.model.states import is_definite
from fleet import claims
from fleet.claims import Claim, OpenCause
from fleet.engine.statements import Tx
from fleet.log import commands as log
from journal.commands.answers import answer_from_row, said_no
from journal.commands.record import from_snapshot

CONTESTED_LIMIT = 4
"""For how many sessions of one start its rivals are read: a start has one session at most, and
several that fit it and that nobody has claimed are in doubt anyway."""


@dataclass(frozen=True)
class Rivals:
    """The rivals of a start. contested: our ids of the sessions that have more of them."""

    rivals: tuple[Rival, ...] = ()
    contested: frozenset[str] = frozenset()


async def read_rivals(
    tx: Tx,
    command: Command,
    needed: NeededFacts,
    frame: SentFrame | None,
    sessions: tuple[Session, ...],
    *,
    late_after: datetime,
) -> Rivals:
    """The rivals of the command for these sessions, where its rules need them.

    late_after: when the command's own time is over.
    """
    if Need.RIVALS not in needed.needs or frame is None:
        return Rivals()
    alone = {each.name: _alone(each, frame, late_after) for each in sessions}
    matter = [
        each
        for each in sessions
        if alone[each.name] is not Match.NO_MATCH or _is_undone(each, command)
    ]
    named = [each for each in sessions if _is_named(each, command)]
    taken = [
        each
        for each in await claims.of_sessions(tx, sorted({each.name for each in [*matter, *named]}))
        if (each.tenant, each.command) != (command.tenant, command.name)
    ]
    gone = {each.session for each in taken}
    free = [
        each
        for each in matter
        if alone[each.name] is Match.MATCH and each.name not in gone and each not in named
    ]
    causes, contested = await _causes(tx, command, frame, free)
    causes += await _theirs(tx, command, frame, [each for each in named if each.name not in gone])
    return Rivals((*(claimed_rival(each) for each in taken), *causes), contested)


def _is_undone(session: Session, command: Command) -> bool:
    """Whether the command has decided to stop the session."""
    return session.ocpp_transaction_id == command.compensation.ocpp_transaction_id


def _is_named(session: Session, command: Command) -> bool:
    """Whether the station's answer named the session."""
    answer = command.station_answer
    return answer is not None and session.ocpp_transaction_id == answer.ocpp_transaction_id


def _alone(session: Session, frame: SentFrame, late_after: datetime) -> Match:
    """Whether the session would be ours if there were no other start."""
    return classify(session, frame, named=None, rivals=(), late_after=late_after)


async def _causes(
    tx: Tx, command: Command, frame: SentFrame, free: list[Session]
) -> tuple[list[Rival], frozenset[str]]:
    """The frames that may be the cause of one of these sessions, and the sessions with more.

    A start whose answer named a session has it, whenever it left. A session that names our frame
    has its cause.
    """
    ours = [each for each in free if each.remote_start_id is None]
    ours.sort(key=lambda session: (not session.active, session.received_time))
    contested = {session.name for session in ours[CONTESTED_LIMIT:]}
    found: dict[int, Rival] = {}
    named: list[Rival] = []
    for session in ours[:CONTESTED_LIMIT]:
        causes, more = await _open_causes(tx, command, frame, session, told=session)
        for each in causes:
            if each.id not in {frame.id, *found}:
                found[each.id] = open_rival(each, unwanted=await _is_unwanted(tx, each))
        named += await _named_by(tx, command, frame, session)
        if more:
            contested.add(session.name)
    return [*named, *found.values()], frozenset(contested)


async def _theirs(tx: Tx, command: Command, frame: SentFrame, named: list[Session]) -> list[Rival]:
    """The starts of another back end that may be the cause of a session that our answer named.

    Of one whose token was not told they are those for our token.
    """
    theirs: dict[int, Rival] = {}
    for session in named:
        told = session if session.token_digest else frame
        causes, _ = await _open_causes(tx, command, frame, session, told=told)
        theirs |= {each.id: open_rival(each) for each in causes if each.foreign}
    return list(theirs.values())


async def _open_causes(
    tx: Tx, command: Command, frame: SentFrame, session: Session, *, told: Session | SentFrame
) -> tuple[list[OpenCause], bool]:
    """The frames that may be a session's cause, and whether there are more. told: its token."""
    return await claims.open_causes(
        tx,
        command.station,
        command.kind.value,
        digests=(told.token_digest, told.group_digest),
        evse_id=session.evse_id,
        sent=causes_sent(session, frame),
        foreign_from=foreign_since(session, frame),
    )


async def _named_by(tx: Tx, command: Command, frame: SentFrame, session: Session) -> list[Rival]:
    """The starts whose yes named the session (2.x): the station says that it is theirs."""
    number = session.ocpp_transaction_id
    rows = await claims.answered_with(tx, command.station, command.kind.value, number)
    return [
        Rival(send_time, claimed=session.name)
        for send, send_time, row in rows
        if send != frame.id and _says(answer_from_row(row), number)
    ]


def _says(answer: StationAnswer, number: str) -> bool:
    return answer.verdict.is_yes and answer.ocpp_transaction_id == number


def claimed_rival(claim: Claim) -> Rival:
    """The start that has claimed a session."""
    return Rival(claim.time, claimed=claim.session)


async def _is_unwanted(tx: Tx, cause: OpenCause) -> bool:
    """Whether nobody waits any longer for the session of a start of ours."""
    entry = None
    if not cause.foreign:
        entry = await log.latest(tx, tenant=cause.tenant, name=cause.command)
    return entry is not None and is_definite(from_snapshot(entry.snapshot).outcome)


def open_rival(cause: OpenCause, *, unwanted: bool = False) -> Rival:
    """A start that has no session yet. unwanted: nobody waits for one any longer."""
    return Rival(
        send_time=cause.send_time,
        token_digest=cause.token_digest,
        group_digest=cause.group_digest,
        evse_id=cause.evse_id,
        refused=said_no(cause.answer),
        foreign=cause.foreign,
        unwanted=unwanted,
    )
