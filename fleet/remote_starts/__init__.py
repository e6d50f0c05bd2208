"""Frames as OCPP 2.x names them: by remoteStartId, of which each station has its own.

The number follows from the id of the send (`domain.model.numbers`). It comes again when all
numbers were given. So a number can be that of several ids, and a station's newest frame of these is
the one that it means.
"""

from sqlalchemy import bindparam, func, select

from domain.model.numbers import LARGEST
from fleet.engine.precompiled import precompiled
from fleet.engine.statements import Tx, columns_of
from fleet.sends import Send
from fleet.tables import sends

ROUNDS = 4
"""How many of the last frames with one number, at whatever stations, are looked at."""

_NEWEST = precompiled(select(func.max(sends.c.id)))
_last_id = _NEWEST.scalar_subquery()
_number = bindparam("number", type_=sends.c.id.type)
_BY_NUMBER = precompiled(
    select(*columns_of(sends, Send))
    .where(
        sends.c.id.in_(
            [_last_id - (_last_id - _number) % LARGEST - LARGEST * back for back in range(ROUNDS)]
        ),
        sends.c.station == bindparam("station"),
    )
    .order_by(sends.c.id.desc())
    .limit(1)
)


async def by_number(tx: Tx, station: str, number: int) -> Send | None:
    """The station's newest send with this remoteStartId; None when there is none."""
    if not 0 < number <= LARGEST:
        return None
    row = (await tx.execute(_BY_NUMBER, {"number": number, "station": station})).first()
    return None if row is None else Send(*row)


async def known_numbers(tx: Tx, station: str, kind: str, numbers: set[int]) -> set[int]:
    """Which of these are the numbers of frames of this kind that may have reached this station."""
    newest = (await tx.execute(_NEWEST)).scalar() if numbers else None
    if newest is None:
        return set()
    ids = {id: number for number in numbers for id in _ids(number, newest)}
    stmt = select(sends.c.id).where(
        sends.c.id.in_(ids),
        sends.c.station == station,
        sends.c.kind == kind,
        sends.c.state != "VOID",
        sends.c.undo.is_(False),
    )
    return {ids[id] for id in (await tx.execute(stmt)).scalars()}


def _ids(number: int, newest: int) -> range:
    """The last ids, of those given so far, that have this number."""
    if not 0 < number <= LARGEST or newest < number:
        return range(0)
    last = newest - (newest - number) % LARGEST
    return range(last, max(0, last - ROUNDS * LARGEST), -LARGEST)
