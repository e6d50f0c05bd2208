"""The row of a charging transaction, and how a row is found by OCPP's id."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, bindparam, delete, select

from domain.ocpp_words import told_id
from fleet.engine.precompiled import precompiled
from fleet.engine.statements import Tx, columns_of
from fleet.log.changes import SessionChanged, session_changed
from fleet.tables import transactions

ACTIVE = "ACTIVE"
ENDED = "ENDED"

MAY_REPEAT = "may_repeat"
"""The mark in `sources` of a session whose start may be that of an ended one, told again."""

HAS_CHARGED = "has_charged"
"""The mark in `sources` of a session of which an event said that energy flows."""


@dataclass(frozen=True, slots=True)
class Transaction:
    """A charging transaction. Times are the station's, except the `received` times, which are ours.

    id: our number, never used again.
    name: the random name that clients see; it cannot be guessed from another one.
    ocpp_transaction_id: the id in OCPP messages; it is unique within the station only. On OCPP
        1.6 we draw it.
    start_time: None while only its end was reported.
    clock_suspect: one of the station's times was out of bounds and was replaced, or its end
        contradicts its start (`contradicts_start`).
    authorized: whether we accepted its token.
    state: "ACTIVE" or "ENDED".
    observed_only: its start was never reported; known from meter values or its end only.
    meter_suspect: the meter ran backwards.
    token_time: when its token was first told, by our clock; None: with its start, or never.
    token_unknown: nobody knows its token: no table, no command and no reservation names it.
    epoch: of the socket on which it was first reported; None when that is not known.
    end_unreported: it has ended, but the station never said so: it has no `stop_time`, and
        `stop_received_time` is when we knew. With a `stop_time`: the station told an end that named
        no session of ours, and this one was taken for it.
    start_slack_s: by how much later than start_time it began at most, by our clock, in seconds;
        less than 0 for a station whose clock is ahead. None: its clock is not known.
    freed_time: when its connector was first shown as free while it stood as running, by our clock.
    judged: what was said about tokens within it; see `fleet.transactions.judged`.
    alive_time: when it last showed that it runs, by our clock; None: never after its start.
    sources: OCPP 2.x: where each group of fields was taken from (`v2.py`), and marks of the row.
    """

    id: int
    name: str
    tenant: str
    station: str
    ocpp_transaction_id: str
    evse_id: int | None
    connector_id: int | None
    token_digest: str | None
    token_masked: str
    group_digest: str | None
    remote_start_id: int | None
    reservation_id: int | None
    start_time: datetime | None
    received_time: datetime
    clock_suspect: bool
    offline: bool
    authorized: bool
    meter_start_wh: int | None
    stop_time: datetime | None
    stop_received_time: datetime | None
    meter_stop_wh: int | None
    stop_reason: str
    state: str
    observed_only: bool
    charging_state: str
    meter_suspect: bool = False
    token_time: datetime | None = None
    token_unknown: bool = False
    epoch: int | None = None
    end_unreported: bool = False
    freed_time: datetime | None = None
    start_slack_s: float | None = None
    judged: dict[str, str] | None = None
    alive_time: datetime | None = None
    sources: dict[str, int] | None = None

    @property
    def may_repeat(self) -> bool:
        """Whether it may be an ended session of OCPP 2.x whose start was told again."""
        return self.sources is not None and MAY_REPEAT in self.sources

    @property
    def id_taken(self) -> bool:
        """Whether another session of the station has its OCPP id now: no frame can name it."""
        renamed = self.ocpp_transaction_id.endswith(f"~{self.id}")
        return renamed and bool(told_id(self.ocpp_transaction_id))

    @property
    def known_stop_time(self) -> datetime | None:
        """When it ended: as its station told, else when we heard of it. None: not yet."""
        return self.stop_time or self.stop_received_time

    @property
    def has_charged(self) -> bool:
        """Whether energy flowed in it: a station of OCPP 2.x said so, or its meter rose."""
        told = self.sources is not None and HAS_CHARGED in self.sources
        start_wh, stop_wh = self.meter_start_wh, self.meter_stop_wh
        return told or (start_wh is not None and stop_wh is not None and stop_wh > start_wh)


TRANSACTION = columns_of(transactions, Transaction)

OBSERVED_LIMIT = 1_000
"""How many `observed_only` rows a station keeps; older ones are deleted."""

BY_OCPP_TRANSACTION_ID = precompiled(
    select(*TRANSACTION).where(
        transactions.c.station == bindparam("of_station"),
        transactions.c.ocpp_transaction_id == bindparam("of_ocpp_transaction_id"),
    )
)


async def by_ocpp_transaction_id(
    tx: Tx, station: str, ocpp_transaction_id: str
) -> Transaction | None:
    """The station's transaction with this OCPP id; None when it has none, even if another does."""
    row = (
        await tx.execute(
            BY_OCPP_TRANSACTION_ID,
            {"of_station": station, "of_ocpp_transaction_id": ocpp_transaction_id},
        )
    ).first()
    return None if row is None else Transaction(*row)


def change_of(before: Transaction | None, after: Transaction) -> SessionChanged:
    """What happened to it. before: None when it is new."""
    if after.state == ENDED and (before is None or before.state != ENDED):
        return SessionChanged.ENDED
    return SessionChanged.STARTED if before is None else SessionChanged.UPDATED


def runs_backwards(start_wh: Any, stop_wh: Any) -> bool:
    """True when the meter's value fell between start and stop; False when one is unknown."""
    return start_wh is not None and stop_wh is not None and stop_wh < start_wh


def contradicts_start(
    start_time: datetime | None, start_slack_s: float | None, written: datetime | None
) -> bool:
    """Whether the station wrote an end that was not after its start, by the clock of both.

    start_slack_s: None where the start stands as the station wrote it, its clock being unknown.
    written: the end as the station wrote it, where it was corrected; else None.
    """
    if start_time is None or start_slack_s is not None or written is None:
        return False
    return written <= start_time


async def forget_observed(tx: Tx, which: ColumnElement[bool], now: datetime) -> None:
    """Delete these `observed_only` rows, and tell the end of those that ran."""
    gone = await tx.execute(delete(transactions).where(which).returning(*TRANSACTION))
    for row in gone.all():
        session = Transaction(*row)
        if session.state == ACTIVE:
            await session_changed(tx, session, SessionChanged.ENDED, now)


async def shed_observed(tx: Tx, station: str, now: datetime) -> None:
    """Delete the oldest `observed_only` rows of a station beyond the limit."""
    of_station = (transactions.c.station == station) & transactions.c.observed_only
    too_old = (
        select(transactions.c.id)
        .where(of_station)
        .order_by(transactions.c.id.desc())
        .offset(OBSERVED_LIMIT)
        .limit(10)
    )
    await forget_observed(tx, transactions.c.id.in_(too_old), now)
