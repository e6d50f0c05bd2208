"""Odd reports of stations: those that nobody could take, and what was mended in the others.

A report that was refused, or could not be read, may have told anything. So it is a fact: while it
may have told the effect of a command, nobody may say that nothing happened.

Both tables are bounded. A station has at most `UNTAKEN_LIMIT` untaken reports, the newest, and
repeats of one message share a row. Mends have one row per message and kind, and both are words of
closed sets.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, case, delete, select

from fleet.engine.precompiled import precompiled
from fleet.engine.statements import Tx, Upsert, bound, columns_of
from fleet.engine.values import WORD_LIMIT, cut, identifier, lenient_int32
from fleet.log.changes import StationChanged, station_changed
from fleet.tables import mended_reports, untaken_reports

UNTAKEN_LIMIT = 100
"""Untaken reports that are kept of a station."""

READ_LIMIT = 20
"""Untaken reports that one look returns, the oldest since the given time."""


@dataclass(frozen=True)
class UntakenRow:
    """A report of a station that nobody could take.

    action: the OCPP message, "" when it could not be read (then it may have been any). reason: a
    word of the gateway. detail: where and what, never a value of the station.
    evse_id, ocpp_transaction_id: None and "" where they could not be read.
    received_time: of its newest repeat.
    """

    action: str
    reason: str
    detail: str
    evse_id: int | None
    ocpp_transaction_id: str
    received_time: datetime


@dataclass(frozen=True)
class MendedReports:
    """What was mended in the messages of one action, in one way.

    kind: a word of the gateway. field: where, as of the newest. times: how many messages.
    """

    station: str
    action: str
    kind: str
    field: str
    times: int
    first_time: datetime
    last_time: datetime


_REPORT = columns_of(untaken_reports, UntakenRow)
_COLUMNS = (
    "station",
    "key",
    "action",
    "reason",
    "detail",
    "evse_id",
    "ocpp_transaction_id",
    "received_time",
)
_OF_KEY = untaken_reports.c.key == bindparam("of_key")
_OF_STATION = untaken_reports.c.station == bindparam("station")


def _adding(insert: Any) -> Any:
    statement = insert(untaken_reports).values(**bound(untaken_reports, *_COLUMNS))
    newest = {name: statement.excluded[name] for name in ("received_time", "reason", "detail")}
    return statement.on_conflict_do_update(
        index_elements=["station", "key"],
        set_={**newest, "times": untaken_reports.c.times + 1},
    ).returning(untaken_reports.c.times)


_ADD = Upsert(_adding)
_SHED = precompiled(
    delete(untaken_reports).where(
        _OF_STATION,
        untaken_reports.c.id.not_in(
            select(untaken_reports.c.id)
            .where(_OF_STATION)
            .order_by(untaken_reports.c.received_time.desc(), untaken_reports.c.id.desc())
            .limit(UNTAKEN_LIMIT)
        ),
    )
)
_SINCE = precompiled(
    select(*_REPORT)
    .where(
        and_(
            _OF_STATION,
            untaken_reports.c.received_time
            >= bindparam("since", type_=untaken_reports.c.received_time.type),
        )
    )
    .order_by(untaken_reports.c.received_time, untaken_reports.c.id)
    .limit(READ_LIMIT)
)


async def add_untaken(tx: Tx, *, station: str, key: str, report: UntakenRow) -> bool:
    """Keep a report that nobody could take. Returns whether it is new, and no repeat.

    key: the same for each repeat of one message.
    """
    values = {
        "station": identifier(station),
        "key": identifier(key),
        "action": cut(report.action, WORD_LIMIT),
        "reason": cut(report.reason, WORD_LIMIT),
        "detail": cut(report.detail),
        "evse_id": lenient_int32(report.evse_id),
        "ocpp_transaction_id": cut(report.ocpp_transaction_id),
        "received_time": report.received_time,
    }
    times = (await tx.execute(_ADD(tx), values)).scalar_one()
    if times > 1:
        return False
    await tx.execute(_SHED, {"station": station})
    return True


async def taken(tx: Tx, *, station: str, key: str, reason: str) -> None:
    """Forget a report that could not be taken for this reason, and was taken after all."""
    of_report = (_OF_KEY, untaken_reports.c.reason == bindparam("of_reason"))
    given = {"station": station, "of_key": identifier(key), "of_reason": reason}
    await tx.execute(delete(untaken_reports).where(_OF_STATION, *of_report), given)


async def untaken_since(tx: Tx, station: str, since: datetime) -> list[UntakenRow]:
    """The reports that nobody could take and that came at `since` or later, the oldest first.

    At most `READ_LIMIT`. None means: nothing that this station said since then is lost.
    """
    rows = await tx.execute(_SINCE, {"station": station, "since": since})
    return [UntakenRow(*row) for row in rows]


async def times_of(tx: Tx, station: str, reason: str, since: datetime) -> list[datetime]:
    """When reports could not be taken for this reason, since then. At most `READ_LIMIT`, the last.

    reason: a word of the gateway.
    """
    column = untaken_reports.c
    found = (
        select(column.received_time)
        .where(column.station == station, column.received_time >= since, column.reason == reason)
        .order_by(column.received_time.desc())
        .limit(READ_LIMIT)
    )
    return list((await tx.execute(found)).scalars())


_MENDED = columns_of(mended_reports, MendedReports)
_MENDED_KEY = ["station", "action", "kind"]


def _counting(insert: Any) -> Any:
    columns = (*_MENDED_KEY, "field", "times", "first_time", "last_time")
    statement = insert(mended_reports).values(**bound(mended_reports, *columns))
    new, old = statement.excluded, mended_reports.c
    return statement.on_conflict_do_update(
        index_elements=_MENDED_KEY,
        set_={
            "field": new.field,
            "times": old.times + new.times,
            "last_time": case((new.last_time > old.last_time, new.last_time), else_=old.last_time),
        },
    ).returning(old.times)


_COUNT = Upsert(_counting)
_OF_ONE = precompiled(
    select(*_MENDED)
    .where(mended_reports.c.station == bindparam("station"))
    .order_by(mended_reports.c.last_time.desc(), mended_reports.c.action, mended_reports.c.kind)
)
_FORGET = precompiled(
    delete(mended_reports).where(mended_reports.c.station == bindparam("station"))
)


async def add_mended(tx: Tx, mended: MendedReports) -> None:
    """Count messages that were mended: `mended.times` more of this action and kind."""
    count = await tx.execute(
        _COUNT(tx),
        {
            "station": identifier(mended.station),
            "action": identifier(mended.action, WORD_LIMIT),
            "kind": identifier(mended.kind, WORD_LIMIT),
            "field": cut(mended.field),
            "times": mended.times,
            "first_time": mended.first_time,
            "last_time": mended.last_time,
        },
    )
    if count.scalar_one() == mended.times:  # the first ones of this action and kind
        facts = {"action": mended.action, "kind": mended.kind, "field": cut(mended.field)}
        what = StationChanged.CONFORMANCE
        await station_changed(tx, mended.station, what, mended.last_time, facts)


async def mended_of(tx: Tx, station: str) -> list[MendedReports]:
    """What was mended in the messages of a station, the newest first."""
    return [MendedReports(*row) for row in await tx.execute(_OF_ONE, {"station": station})]


async def forget_mended(tx: Tx, station: str) -> None:
    """Forget what was mended: the station was deleted."""
    await tx.execute(_FORGET, {"station": station})
