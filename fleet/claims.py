"""Claims: which command has a session as its effect, and which frames still wait for theirs.

A session is the effect of one start at most. The row of a claim is written in the transaction of
the decision that uses the session, and its key lets only the first one stand. PostgreSQL makes the
second transaction wait for the end of the first one, so that it sees the row that stands.

The frame of a start that has claimed its session explains no other one. So the frames that may be
the cause of a session are few, however many starts a station gets.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import (
    Integer,
    Select,
    Text,
    bindparam,
    cast,
    delete,
    or_,
    select,
    text,
    type_coerce,
    union_all,
    update,
)

from fleet.engine.precompiled import precompiled
from fleet.engine.statements import Tx, Upsert, bound, columns_of
from fleet.engine.values import identifier
from fleet.tables import claims, sends

CAUSES_LIMIT = 32
"""How many frames with one digest are read at most as possible causes of one session."""

NAMES_LIMIT = 500
"""How many sessions one query asks about."""


OF_BACK_END = "back-end:"
"""In place of a command: frames that another back end sent (`fleet.remote_starts`) begin so."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A session (our id of it) and the command that has it. send: of the command's frame."""

    session: str
    tenant: str
    command: str
    send: int | None
    time: datetime


@dataclass(frozen=True, slots=True)
class OpenCause:
    """A frame that was perhaps sent and has no session yet. id: of its send."""

    id: int
    tenant: str
    command: str
    send_time: datetime
    token_digest: str | None
    group_digest: str | None
    evse_id: int | None
    answer: dict[str, Any] | None

    @property
    def foreign(self) -> bool:
        """Whether another back end (CSMS) sent it."""
        return self.command.startswith(OF_BACK_END)


_CLAIM = columns_of(claims, Claim)
_TAKE = Upsert(
    lambda insert: (
        insert(claims)
        .values(**bound(claims, "session", "tenant", "command", "send", "time"))
        .on_conflict_do_nothing(index_elements=["session"])
        .returning(claims.c.session)
    )
)
_OWNED = precompiled(
    select(claims.c.session).where(
        claims.c.session == bindparam("of_session"),
        claims.c.tenant == bindparam("of_tenant"),
        claims.c.command == bindparam("of_command"),
    )
)
_MARK = precompiled(
    update(sends)
    .where(sends.c.id == bindparam("of_send"))
    .values(claimed=bindparam("is_claimed", type_=sends.c.claimed.type))
)
_RELEASE = precompiled(delete(claims).where(claims.c.session == bindparam("of_session")))
# The same text as in the partial indexes: with parameters neither database would use them.
_UNCLAIMED = text("NOT sends.claimed")
_IS_OPEN = text("NOT sends.closed AND sends.state <> 'VOID'")


def _with(digest: str, column: Any) -> Select[Any]:
    evse = cast(bindparam("of_evse"), Integer)
    return (
        select(sends.c.id)
        .where(
            sends.c.station == bindparam("of_station"),
            sends.c.kind == bindparam("of_kind"),
            column == bindparam(digest),
            sends.c.send_time >= bindparam("foreign_from", type_=sends.c.send_time.type),
            or_(
                sends.c.send_time >= bindparam("sent_from", type_=sends.c.send_time.type),
                sends.c.command.startswith(OF_BACK_END, autoescape=True),
            ),
            sends.c.send_time <= bindparam("sent_to", type_=sends.c.send_time.type),
            _UNCLAIMED,
            ~sends.c.undo,
            sends.c.state != "VOID",
            or_(evse.is_(None), sends.c.evse_id.is_(None), sends.c.evse_id == evse),
        )
        .order_by(sends.c.send_time.desc())
        .limit(CAUSES_LIMIT + 1)
    )


_FOUND = union_all(
    *(
        select(_with(digest, column).subquery().c.id)
        for digest in ("token", "group")
        for column in (sends.c.token_digest, sends.c.group_digest)
    )
).subquery()
_CAUSES = precompiled(
    select(*columns_of(sends, OpenCause)).where(sends.c.id.in_(select(_FOUND.c.id)))
)


async def take(
    tx: Tx, *, session: str, tenant: str, command: str, send: int | None, now: datetime
) -> bool:
    """Claim the session for the command; a command may claim its own session again.

    Returns whether the command has it: False when another command does. A transaction that is
    claiming the session just now is waited for.
    """
    claim = {"session": identifier(session), "tenant": tenant, "command": command}
    made = await tx.execute(_TAKE(tx), {**claim, "send": send, "time": now})
    if made.first() is None:
        owned = await tx.execute(_OWNED, {f"of_{name}": value for name, value in claim.items()})
        return owned.first() is not None
    await _mark(tx, send, claimed=True)
    return True


async def release(tx: Tx, *, session: str, send: int | None) -> None:
    """Give the session up, in the transaction that claimed it: the decision did not come true."""
    await tx.execute(_RELEASE, {"of_session": session})
    await _mark(tx, send, claimed=False)


async def _mark(tx: Tx, send: int | None, *, claimed: bool) -> None:
    if send is not None:
        await tx.execute(_MARK, {"of_send": send, "is_claimed": claimed})


async def of_sessions(tx: Tx, sessions: Sequence[str]) -> list[Claim]:
    """The claims of these sessions, by whomever."""
    found: list[Claim] = []
    for first in range(0, len(sessions), NAMES_LIMIT):
        names = sessions[first : first + NAMES_LIMIT]
        rows = await tx.execute(select(*_CLAIM).where(claims.c.session.in_(names)))
        found += [Claim(*row) for row in rows]
    return found


async def answered_with(
    tx: Tx, station: str, kind: str, ocpp_transaction_id: str
) -> list[tuple[int, datetime, dict[str, Any]]]:
    """Open frames of a kind whose answer contains the id: (send, send time, answer), the newest."""
    stored = orjson.dumps(ocpp_transaction_id).decode()
    rows = await tx.execute(
        select(sends.c.id, sends.c.send_time, sends.c.answer)
        .where(sends.c.station == station, _IS_OPEN, sends.c.kind == kind, ~sends.c.undo)
        .where(type_coerce(sends.c.answer, Text).contains(stored, autoescape=True))
        .order_by(sends.c.id.desc())
        .limit(CAUSES_LIMIT)
    )
    return [(send, send_time, answer) for send, send_time, answer in rows]


async def open_causes(
    tx: Tx,
    station: str,
    kind: str,
    *,
    digests: tuple[str | None, str | None],
    evse_id: int | None,
    sent: tuple[datetime, datetime],
    foreign_from: datetime | None = None,
) -> tuple[list[OpenCause], bool]:
    """The frames of a kind that have no session yet and carry one of the digests.

    digests: of a session's token and of its group. evse_id: None: any EVSE; a frame without an EVSE
    is for any. sent: between which times, both included.
    foreign_from: since when those of another back end count, if that is earlier.

    Returns the newest frames of each digest, and whether there may be more than were read.
    """
    token, group = digests
    values: dict[str, Any] = {
        "of_station": station,
        "of_kind": kind,
        "token": token,
        "group": group,
    }
    values |= {"of_evse": evse_id, "sent_from": sent[0], "sent_to": sent[1]}
    values["foreign_from"] = min(sent[0], foreign_from or sent[0])
    rows = [OpenCause(*row) for row in await tx.execute(_CAUSES, values)]
    return rows, len(rows) > CAUSES_LIMIT
