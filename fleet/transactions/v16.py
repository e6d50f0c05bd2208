"""Transactions of OCPP 1.6: this program draws the id, and the same message may come again.

The id is a random number of 31 bits that the station has not had yet. Two stations may have the
same one, and no station can use them up for the others, or learn from them how many sessions there
are.

A station repeats StartTransaction until it is answered, also after days offline: the same
connector, token, time and meter value are the same transaction (`start_key`). An id that was not
drawn for this station changes no other station's row: meter values of it make a row of their own
(`observed_only`), and an end of it makes none.

A station that never got an id from us sends 0 or -1, for every session. The row with the id -1 is
therefore one session at a time: when the next session begins, the old row gets another id.
"""

import hashlib
import secrets
from dataclasses import replace
from datetime import datetime
from typing import Any, NotRequired, TypedDict, Unpack

from sqlalchemy import bindparam, exists, select, text, update

from fleet.engine.precompiled import precompiled
from fleet.engine.statements import Tx
from fleet.engine.values import (
    INT32_MAX,
    InvalidValue,
    cut,
    identifier,
    int32,
    int64,
    lenient_int32,
)
from fleet.log.changes import SessionChanged, session_changed
from fleet.tables import transactions
from fleet.transactions import given_ids
from fleet.transactions.rows import (
    ACTIVE,
    BY_OCPP_TRANSACTION_ID,
    ENDED,
    TRANSACTION,
    Transaction,
    change_of,
    contradicts_start,
    runs_backwards,
    shed_observed,
)
from fleet.transactions.v16_rows import INSERT, blank_row, by_start_key, lock, retire

_DRAWS = 20
"""How many ids are drawn at most. A station has few of the 2^31 ids, unless it made them up."""

_MINTED_ELSEWHERE = precompiled(
    select(
        exists().where(
            transactions.c.ocpp_transaction_id == bindparam("id"),
            transactions.c.station != bindparam("station"),
            text("transactions.minted AND transactions.state = 'ACTIVE'"),  # as in the index
        )
    )
)


class StartTold(TypedDict):
    """What a StartTransaction tells of its session, and what was found out about its token."""

    evse_id: int | None
    token_digest: str | None
    token_masked: str
    group_digest: str | None
    meter_start_wh: int | None
    start_time: datetime
    clock_suspect: bool
    authorized: bool
    reservation_id: int | None
    judged: NotRequired[dict[str, str] | None]
    token_unknown: NotRequired[bool]
    epoch: NotRequired[int | None]
    start_slack_s: NotRequired[float | None]


async def start_v16(
    tx: Tx,
    *,
    station: str,
    tenant: str,
    now: datetime,
    station_time: str | None = None,
    same_as: Transaction | None = None,
    given_id: int | None = None,
    given_late: bool = False,
    **told: Unpack[StartTold],
) -> tuple[Transaction, bool]:
    """The transaction of a StartTransaction, and whether it is new.

    station_time: the time as the station wrote it, when `start_time` differs: it tells a repeat.
    same_as: the transaction of which this is a repeat with another time; None: it is of none.
    given_id: the id that another back end gave, 0 when it gave none; None: it is minted here.
    given_late: see `given_ids.start`.

    Raises: InvalidValue for a station or tenant that is no identifier, or when the station made up
        too many ids.
    """
    time = station_time if station_time is not None else told["start_time"].isoformat()
    place, digest, meter = told["evse_id"], told["token_digest"], told["meter_start_wh"]
    values = {
        **told,
        "station": identifier(station),
        "tenant": identifier(tenant),
        "evse_id": lenient_int32(told["evse_id"]),
        "token_masked": cut(told["token_masked"]),
        "meter_start_wh": int64(told["meter_start_wh"]),
        "reservation_id": lenient_int32(told["reservation_id"]),
        "received_time": now,
        "minted": True,
        "start_key": _digest("start", str(place), digest or "", time, str(meter)),
    }
    row = blank_row(**values)
    vague = told["clock_suspect"] and station_time is None
    if same_as is not None and not told_id_v16(same_as):
        same_as = None  # the station spoke OCPP 2.x then, and its own id is none that we can tell
    known = await _told_before(tx, row, vague=vague) or same_as
    if given_id is not None:
        return await given_ids.start(tx, row, known, given_id, late=given_late)
    return (known, False) if known is not None else await _mint(tx, row)


async def stop_v16(
    tx: Tx,
    *,
    station: str,
    ocpp_transaction_id: str,
    meter_stop_wh: int | None,
    stop_time: datetime,
    reason: str,
    now: datetime,
    guessed: bool = False,
    written: datetime | None = None,
) -> Transaction | None:
    """End the station's transaction; None when it has none of this id. The first end stands.

    An end that was never reported is completed.
    guessed: the station did not name this id. The transaction may run on: see `unreported.resume`.
    written: see `contradicts_start`.

    Raises: InvalidValue when the id is no 32-bit integer.
    """
    stop = {
        "stop_time": stop_time,
        "stop_received_time": now,
        "meter_stop_wh": int64(meter_stop_wh),
        "stop_reason": cut(reason),
        "state": ENDED,
        "end_unreported": guessed,
    }
    found = await lock(tx, station, canonical_id_v16(ocpp_transaction_id))
    if found is None or not (found.state == ACTIVE or found.end_unreported):
        return found
    if contradicts_start(found.start_time, found.start_slack_s, written):
        stop["clock_suspect"] = True
    return await _end(tx, found, stop)


async def observe(
    tx: Tx,
    *,
    station: str,
    tenant: str,
    ocpp_transaction_id: str,
    evse_id: int | None,
    meter_wh: int | None,
    now: datetime,
) -> None:
    """Store that meter values named this id: an unknown id makes a running row.

    Raises: InvalidValue when the id is no 32-bit integer.
    """
    ocpp_transaction_id = canonical_id_v16(ocpp_transaction_id)
    found = await lock(tx, station, canonical_id_v16(ocpp_transaction_id))
    if found is not None and (found.state == ACTIVE or int(ocpp_transaction_id) > 0):
        return
    if found is not None:
        await retire(tx, found)
    row = blank_row(
        station=station,
        tenant=tenant,
        ocpp_transaction_id=ocpp_transaction_id,
        evse_id=lenient_int32(evse_id),
        meter_start_wh=int64(meter_wh),
        received_time=now,
        observed_only=True,
    )
    await _observe(tx, row)


async def belongs_to_another(tx: Tx, station: str, ocpp_transaction_id: str) -> bool:
    """Whether an id that this station never had is that of a session that runs at another one.

    That is a security event; do not obey it.

    Raises: InvalidValue when the id is no 32-bit integer.
    """
    key = {"id": canonical_id_v16(ocpp_transaction_id), "station": station}
    row = await tx.execute(_MINTED_ELSEWHERE, key)
    return bool(row.scalar_one())


def told_id_v16(session: Transaction) -> int:
    """The id that the answer to its StartTransaction tells; 0 for a session of another version."""
    told = session.ocpp_transaction_id.partition("~")[0]  # it may have been used again since
    return int(told) if told.isascii() and told.isdigit() and int(told) <= INT32_MAX else 0


def canonical_id_v16(ocpp_transaction_id: str) -> str:
    """An OCPP 1.6 transaction id as it is stored: without leading zeros; 0 and below become -1.

    Raises: InvalidValue when it is no 32-bit integer.
    """
    try:
        number = int32(int(ocpp_transaction_id[:20]))
    except ValueError:
        raise InvalidValue("an OCPP 1.6 transaction id is a 32-bit integer") from None
    return str(number if number > 0 else -1)


async def _told_before(tx: Tx, row: dict[str, Any], *, vague: bool) -> Transaction | None:
    """The transaction of the same start, told before.

    vague: there is no usable time, and the key of a repeated message differs. Then a running
        transaction that is equal in everything else is taken for the same one.
    """
    known = await by_start_key(tx, row["station"], row["start_key"])
    return await _running_like(tx, row) if known is None and vague else known


async def _running_like(tx: Tx, row: dict[str, Any]) -> Transaction | None:
    """A running transaction that is equal to this start in everything but the time."""
    same = ("station", "evse_id", "token_digest", "meter_start_wh")
    found = await tx.execute(
        select(*TRANSACTION)
        .where(*(transactions.c[name].is_not_distinct_from(row[name]) for name in same))
        .where(transactions.c.state == ACTIVE, transactions.c.clock_suspect, transactions.c.minted)
        .limit(1)
    )
    first = found.first()
    return None if first is None else Transaction(*first)


async def _mint(tx: Tx, row: dict[str, Any]) -> tuple[Transaction, bool]:
    """Insert the row with an id that the station has not had; or find the row of a repeat."""
    for _ in range(_DRAWS):
        drawn = str(secrets.randbelow(INT32_MAX) + 1)
        inserted = (await tx.execute(INSERT(tx), {**row, "ocpp_transaction_id": drawn})).first()
        if inserted is not None:
            made = Transaction(*inserted)
            await session_changed(tx, made, SessionChanged.STARTED, row["received_time"])
            return made, True
        # The station has this id already, or the same message came on another connection.
        known = await by_start_key(tx, row["station"], row["start_key"])
        if known is not None:
            return known, False
    raise InvalidValue(f"station {row['station']} made up too many transaction ids")


async def _end(tx: Tx, found: Transaction, stop: dict[str, Any]) -> Transaction:
    suspect = runs_backwards(found.meter_start_wh, stop["meter_stop_wh"])
    ended = replace(found, **stop, meter_suspect=suspect)
    await tx.execute(
        update(transactions)
        .where(transactions.c.id == found.id)
        .values(**stop, meter_suspect=suspect)
    )
    await session_changed(tx, ended, change_of(found, ended), stop["stop_received_time"])
    return ended


async def _observe(tx: Tx, row: dict[str, Any]) -> Transaction:
    """Insert an `observed_only` row; delete the station's oldest ones beyond the limit."""
    station = identifier(row["station"])
    inserted = (await tx.execute(INSERT(tx), row)).first()
    if inserted is None:  # another transaction inserted it meanwhile
        found = await tx.execute(
            BY_OCPP_TRANSACTION_ID,
            {"of_station": station, "of_ocpp_transaction_id": row["ocpp_transaction_id"]},
        )
        return Transaction(*found.one())
    made = Transaction(*inserted)
    await shed_observed(tx, station, made.received_time)
    await session_changed(tx, made, SessionChanged.STARTED, made.received_time)
    return made


def _digest(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "replace")).hexdigest()
