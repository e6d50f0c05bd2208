"""The commands of another back end (CSMS): one row for each, with its answer and what came of it.

They are of no command of ours and wake nobody by themselves. They explain what happened at a
station, and are told in the truth report. No token is kept, only its digest.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, delete, exists, insert, select, update

from fleet.engine.precompiled import precompiled
from fleet.engine.statements import Tx, columns_of
from fleet.engine.values import WORD_LIMIT, cut, identifier, lenient_int32
from fleet.tables import back_end_calls

KEPT_FOR = timedelta(days=32)
"""A call is deleted after this time: a report goes back for 31 days at most."""

READ_LIMIT = 200
"""Calls that one look returns, the newest."""


@dataclass(frozen=True)
class NewCall:
    """A command of the back end. send_time: when it was passed on.

    connection_id: of the station's socket. mode: how to reset. named_id: of the transaction.
    number: of the reservation, or the remote start id of a start (OCPP 2.x).
    """

    tenant: str
    station: str
    kind: str
    send_time: datetime
    connection_id: str = ""
    message_id: str = ""
    mode: str = ""
    evse_id: int | None = None
    named_id: str = ""
    number: int | None = None
    token_digest: str | None = None
    group_digest: str | None = None
    expire_time: datetime | None = None


@dataclass(frozen=True)
class KeptCall(NewCall):
    """Its row. code, cause: how it ended; "" while that is not known.

    effect_time: when a report of the station decided it, or no report can: it was never passed on.
    """

    id: int = 0
    answer: dict[str, Any] | None = None
    answer_time: datetime | None = None
    code: str = ""
    cause: str = ""
    effect_time: datetime | None = None


_CALL = back_end_calls.c
_ROW = columns_of(back_end_calls, KeptCall)
_OF_STATION = _CALL.station == bindparam("of_station")
_FORGET = precompiled(
    delete(back_end_calls).where(
        _OF_STATION, _CALL.send_time < bindparam("before", type_=_CALL.send_time.type)
    )
)

_IS_UNDECIDED = (
    _OF_STATION,
    _CALL.send_time >= bindparam("since", type_=_CALL.send_time.type),
    _CALL.kind == bindparam("of_kind"),
    _CALL.effect_time.is_(None),
)
_ANY_UNDECIDED = precompiled(select(exists().where(*_IS_UNDECIDED)))  # each boot asks it
_UNDECIDED = precompiled(
    select(*_ROW)
    .where(*_IS_UNDECIDED)
    .order_by(_CALL.send_time.desc(), _CALL.id.desc())
    .limit(READ_LIMIT)
)


async def keep(tx: Tx, call: NewCall) -> int:
    """Keep a command, and delete those of the station that are too old. Returns the row's id."""
    before = call.send_time - KEPT_FOR
    await tx.execute(_FORGET, {"of_station": call.station, "before": before})
    values = {
        "tenant": identifier(call.tenant),
        "station": identifier(call.station),
        "connection_id": cut(call.connection_id),
        "message_id": cut(call.message_id),
        "kind": identifier(call.kind, WORD_LIMIT),
        "mode": cut(call.mode, WORD_LIMIT),
        "evse_id": lenient_int32(call.evse_id),
        "named_id": cut(call.named_id),
        "number": call.number,
        "token_digest": call.token_digest,
        "group_digest": call.group_digest,
        "expire_time": call.expire_time,
        "send_time": call.send_time,
    }
    made = await tx.execute(insert(back_end_calls).values(**values).returning(_CALL.id))
    return int(made.scalar_one())


async def answered(tx: Tx, id: int, answer: dict[str, Any], now: datetime) -> None:
    """Store what the station answered to it."""
    await tx.execute(
        update(back_end_calls).where(_CALL.id == id).values(answer=answer, answer_time=now)
    )


async def ended(
    tx: Tx, id: int, *, code: str, cause: str, effect_time: datetime | None = None
) -> None:
    """Store how it ended. effect_time: None: its answer alone says so."""
    found = {"code": code, "cause": cause, "effect_time": effect_time}
    await tx.execute(update(back_end_calls).where(_CALL.id == id).values(**found))


async def by_id(tx: Tx, id: int) -> KeptCall | None:
    """One call; None: it was deleted."""
    row = (await tx.execute(select(*_ROW).where(_CALL.id == id))).first()
    return None if row is None else KeptCall(*row)


async def of_station(
    tx: Tx, station: str, since: datetime, until: datetime, kinds: Collection[str] = ()
) -> list[KeptCall]:
    """The calls to a station between two times, both included, the oldest first.

    kinds: only these; empty: all. At most `READ_LIMIT`, the newest.
    """
    found = select(*_ROW).where(_CALL.station == station, _CALL.send_time.between(since, until))
    if kinds:
        found = found.where(_CALL.kind.in_(list(kinds)))
    found = found.order_by(_CALL.send_time.desc(), _CALL.id.desc()).limit(READ_LIMIT)
    return [KeptCall(*row) for row in await tx.execute(found)][::-1]


async def any_undecided(tx: Tx, station: str, since: datetime, kind: str) -> bool:
    """Whether `undecided` finds any."""
    given = {"of_station": station, "since": since, "of_kind": kind}
    return bool((await tx.execute(_ANY_UNDECIDED, given)).scalar_one())


async def undecided(tx: Tx, station: str, since: datetime, kind: str) -> list[KeptCall]:
    """The calls since then whose end no report of the station has decided, the oldest first."""
    given = {"of_station": station, "since": since, "of_kind": kind}
    return [KeptCall(*row) for row in await tx.execute(_UNDECIDED, given)][::-1]
