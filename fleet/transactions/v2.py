"""Transactions of OCPP 2.x: events come late, twice and in any order, and make the same row.

Each group of fields is taken from one event. Which event is chosen by a rank that the event itself
carries (its sequence number), never by its time of arrival. The column `sources` stores the rank of
the event that each group was taken from. So merging is commutative and idempotent: the same events
make the same row, in any order and with any repetition.
"""

import secrets
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NotRequired, TypedDict, Unpack

from sqlalchemy import bindparam, select, update

from domain.ocpp_words import ChargingState, TransactionPhase
from fleet.engine.precompiled import precompiled
from fleet.engine.statements import Tx, Upsert, bound
from fleet.engine.values import cut, identifier, int64, lenient_int32
from fleet.log.changes import SessionChanged, session_changed
from fleet.tables import transactions
from fleet.transactions import judged
from fleet.transactions.alive import later_life, shown_at
from fleet.transactions.rows import (
    ACTIVE,
    ENDED,
    HAS_CHARGED,
    MAY_REPEAT,
    TRANSACTION,
    Transaction,
    change_of,
    contradicts_start,
    runs_backwards,
    shed_observed,
)

_SEQ_MAX = 2**40
_STARTED = -(_SEQ_MAX + 1)
"""Added to the rank of a Started event: it is lower than every sequence number."""

_REQUESTED = _SEQ_MAX
"""The rank of a token that the station did not tell: any token that it tells wins."""

Ranks = dict[str, int]
Fields = dict[str, Any]

_MERGED = (
    *("evse_id", "connector_id", "token_digest", "token_masked", "group_digest"),
    *("remote_start_id", "reservation_id", "start_time", "clock_suspect", "offline"),
    *("authorized", "meter_start_wh", "stop_time", "stop_received_time", "meter_stop_wh"),
    *("stop_reason", "state", "observed_only", "charging_state", "meter_suspect"),
    *("token_time", "token_unknown", "end_unreported", "start_slack_s"),
)
_STORED = (*_MERGED, "alive_time")
_INSERT = Upsert(
    lambda insert: (
        insert(transactions)
        .values(
            **bound(
                transactions,
                "name",
                "tenant",
                "station",
                "ocpp_transaction_id",
                "received_time",
                "sources",
                "epoch",
            ),
            **bound(transactions, *_STORED),
        )
        .on_conflict_do_nothing()
        .returning(*TRANSACTION)
    )
)
_LOCK = precompiled(
    select(*TRANSACTION)
    .where(
        transactions.c.station == bindparam("of_station"),
        transactions.c.ocpp_transaction_id == bindparam("of_ocpp_transaction_id"),
    )
    .with_for_update()
)
_UPDATE = precompiled(
    update(transactions)
    .where(transactions.c.id == bindparam("of_id"))
    .values(
        {
            name: bindparam(f"new_{name}", type_=transactions.c[name].type)
            for name in (*_STORED, "sources")
        }
    )
    .returning(*TRANSACTION)
)


@dataclass(frozen=True, slots=True)
class _Event:
    type: str
    seq: int
    time: datetime
    fields: Fields
    lead_s: float | None
    written: datetime | None

    def alive_time(self, now: datetime) -> datetime | None:
        """When it showed that the transaction runs; None: it does not show that, or is old."""
        begins_or_ends = self.type in {TransactionPhase.STARTED, TransactionPhase.ENDED}
        if begins_or_ends or self.fields["offline"] or self.fields["clock_suspect"]:
            return None
        return shown_at(self.time, now, self.lead_s)


class EventTold(TypedDict):
    """What a TransactionEvent tells of its transaction, besides its place among the others.

    authorized: None when it tells a token that nobody has judged.
    """

    evse_id: int | None
    connector_id: int | None
    token_digest: str | None
    token_masked: str
    group_digest: str | None
    remote_start_id: int | None
    reservation_id: int | None
    clock_suspect: bool
    offline: bool
    authorized: bool | None
    meter_wh: int | None
    stop_reason: str
    charging_state: str
    token_unknown: NotRequired[bool]


async def event_v2(
    tx: Tx,
    *,
    station: str,
    tenant: str,
    ocpp_transaction_id: str,
    event_type: str,
    seq_no: int,
    event_time: datetime,
    now: datetime,
    epoch: int | None = None,
    slack_s: float | None = None,
    lead_s: float | None = None,
    written: datetime | None = None,
    may_repeat: bool = False,
    **told: Unpack[EventTold],
) -> tuple[Transaction, bool]:
    """Merge a TransactionEvent ("Started", "Updated", "Ended") into the station's transaction.

    slack_s: by how much later than `event_time` it came about at most; None: it is not known.
    lead_s: how far `event_time` is ahead of our clock, in seconds; None: it is not known.
    written: see `contradicts_start`.
    may_repeat: it may be the start of an ended session with this id, told again with a new time.

    Returns the transaction, and whether the event changed it.
    Raises: InvalidValue for a station, tenant or id that is no identifier.
    """
    fields = {
        **told,
        "evse_id": lenient_int32(told["evse_id"]),
        "connector_id": lenient_int32(told["connector_id"]),
        "remote_start_id": lenient_int32(told["remote_start_id"]),
        "reservation_id": lenient_int32(told["reservation_id"]),
        "token_masked": cut(told["token_masked"]),
        "token_unknown": told.get("token_unknown", False),
        "meter_wh": int64(told["meter_wh"]),
        "stop_reason": cut(told["stop_reason"]),
        "charging_state": cut(told["charging_state"], 64),
        "start_slack_s": slack_s,
    }
    seq = max(0, min(seq_no, _SEQ_MAX))
    event = _Event(event_type, seq, event_time, fields, lead_s, written)
    key = {"station": identifier(station), "ocpp_transaction_id": identifier(ocpp_transaction_id)}
    marks = {MAY_REPEAT: 1} if may_repeat else {}
    first = {"tenant": identifier(tenant), "epoch": epoch, "sources": marks}
    return await _store(tx, key, first, event, now)


async def name_requested(
    tx: Tx,
    session: Transaction,
    *,
    token_digest: str,
    token_masked: str,
    group_digest: str | None,
    now: datetime,
) -> Transaction:
    """Give a session without a token the token of our request that it is the effect of.

    A token that the station tells, now or later, wins. `authorized` stays what it was: nobody has
    judged anything.
    """
    key = {"of_station": session.station, "of_ocpp_transaction_id": session.ocpp_transaction_id}
    row = (await tx.execute(_LOCK, key)).one()
    known = Transaction(*row)
    if known.token_digest is not None:
        return known
    brought = [digest for digest in (token_digest, group_digest) if digest]
    values: Fields = {
        "token_digest": token_digest,
        "token_masked": cut(token_masked),
        "group_digest": group_digest,
        "judged": dict.fromkeys(brought, judged.REQUESTED) | (known.judged or {}),
    }
    await tx.execute(
        update(transactions)
        .where(transactions.c.id == known.id)
        .values(**values, sources=(known.sources or {}) | {"token": _REQUESTED})
    )
    if known.received_time != now:  # else its start is told with this token
        await session_changed(tx, known, SessionChanged.UPDATED, now)
    return replace(known, **values)


def started_seq(ranks: Ranks) -> int | None:
    """The sequence number of the Started event that a row knows; None: it was not told."""
    rank = ranks.get("start", 0)
    return rank - _STARTED if rank < 0 else None


def told_token(session: Transaction) -> str | None:
    """The digest of the token that the station itself told; None: it told none."""
    is_told = (session.sources or {}).get("token", _REQUESTED) < _REQUESTED
    return session.token_digest if is_told else None


async def _store(
    tx: Tx, key: dict[str, str], first: Fields, event: _Event, now: datetime
) -> tuple[Transaction, bool]:
    """Merge the event into the row with this key, or insert the row with the fields `first`."""
    while True:
        row = (await tx.execute(_LOCK, {f"of_{k}": v for k, v in key.items()})).first()
        if row is not None:
            return await _merge_into(tx, Transaction(*row), event, now)
        merged, ranks = _merge(_blank(), first["sources"], event, now)
        if event.type == TransactionPhase.STARTED:
            merged["token_time"] = None  # shown at the start, however late that is reported
        made = {
            **key,
            **first,
            **merged,
            "alive_time": event.alive_time(now),
            "name": secrets.token_hex(12),
            "received_time": now,
            "sources": ranks,
        }
        inserted = (await tx.execute(_INSERT(tx), made)).first()
        if inserted is not None:
            if merged["observed_only"]:
                await shed_observed(tx, key["station"], now)
            session = Transaction(*inserted)
            await session_changed(tx, session, change_of(None, session), now)
            return session, True
        # Another transaction inserted it meanwhile: merge into that row.


async def _merge_into(
    tx: Tx, known: Transaction, event: _Event, now: datetime
) -> tuple[Transaction, bool]:
    ranks = known.sources or {}
    before = {name: getattr(known, name) for name in _MERGED}
    after, after_ranks = _merge(before, ranks, event, now)
    alive = later_life(known.alive_time, event.alive_time(now))
    if after == before and after_ranks == ranks and alive == known.alive_time:
        return known, False
    new = {f"new_{name}": value for name, value in after.items()} | {"new_alive_time": alive}
    row = await tx.execute(_UPDATE, {"of_id": known.id, **new, "new_sources": after_ranks})
    session = Transaction(*row.one())
    if after == before:
        return session, False
    await session_changed(tx, session, change_of(known, session), now)
    return session, True


def _blank() -> Fields:
    return dict.fromkeys(_MERGED) | {
        "token_masked": "",
        "clock_suspect": False,
        "offline": False,
        "authorized": False,
        "stop_reason": "",
        "state": ACTIVE,
        "observed_only": True,
        "charging_state": "",
        "meter_suspect": False,
        "token_unknown": False,
        "end_unreported": False,
    }


def _merge(row: Fields, ranks: Ranks, event: _Event, now: datetime) -> tuple[Fields, Ranks]:
    """The row and its ranks after the event. Pure."""
    token_told = ranks.get("token", _REQUESTED) < _REQUESTED
    row, ranks = dict(row), dict(ranks)
    for group, rank, values in _claims(event):
        if group not in ranks or rank < ranks[group]:
            ranks[group] = rank
            row.update(values)
    if event.type == TransactionPhase.STARTED:
        row["observed_only"] = False
    if event.fields["charging_state"] == ChargingState.CHARGING:
        ranks[HAS_CHARGED] = 1
    if event.fields["token_digest"] is not None and not token_told:
        row["token_time"] = row["token_time"] or now
    if row["end_unreported"] and (event.type == TransactionPhase.ENDED or _runs_on(row, event)):
        row.update(state=ACTIVE, stop_received_time=None, end_unreported=False)
    if event.type == TransactionPhase.ENDED:
        row["state"] = ENDED
        row["stop_received_time"] = row["stop_received_time"] or now
    row["clock_suspect"] = (
        row["clock_suspect"]
        or event.fields["clock_suspect"]
        or (
            event.type == TransactionPhase.ENDED
            and contradicts_start(row["start_time"], row["start_slack_s"], event.written)
        )
    )
    row["meter_suspect"] = runs_backwards(row["meter_start_wh"], row["meter_stop_wh"])
    return row, ranks


def _runs_on(row: Fields, event: _Event) -> bool:
    """Whether the event came about after the end that was never reported."""
    if event.fields["offline"]:
        return False
    return bool(event.fields["clock_suspect"] or event.time > row["stop_received_time"])


def _claims(event: _Event) -> list[tuple[str, int, Fields]]:
    """(group, rank, fields) that this event has values for; in each group the lowest rank wins."""
    fields, seq = event.fields, event.seq
    started, ended = event.type == TransactionPhase.STARTED, event.type == TransactionPhase.ENDED
    rank = seq + _STARTED if started else seq
    has_token = fields["token_digest"] is not None
    names = ("token_digest", "token_masked", "group_digest", "authorized", "token_unknown")
    token = {name: fields[name] for name in names}
    if fields["authorized"] is None:
        del token["authorized"]
    start = {"start_time": event.time, "start_slack_s": fields["start_slack_s"]}
    claims: list[tuple[str, int, Fields, bool]] = [
        ("offline", rank, {"offline": fields["offline"]}, True),
        ("start", rank, start, not ended),
        ("meter_start", seq, {"meter_start_wh": fields["meter_wh"]}, started),
        ("token", seq, token, has_token),
        ("token", _REQUESTED + 1 + seq, {"authorized": bool(fields["authorized"])}, not has_token),
        ("charging", -seq, {"charging_state": fields["charging_state"]}, fields["charging_state"]),
        ("stop", seq, _stop(event), ended),
    ]
    claims += [
        (name, rank, {name: fields[name]}, fields[name] is not None)
        for name in ("evse_id", "connector_id", "remote_start_id", "reservation_id")
    ]
    return [(group, at, values) for group, at, values, has_value in claims if has_value]


def _stop(event: _Event) -> Fields:
    return {
        "stop_time": event.time,
        "meter_stop_wh": event.fields["meter_wh"],
        "stop_reason": event.fields["stop_reason"],
    }
