"""The worker's activities for reservations: what a reservation's workflow reads and writes.

Each is short and runs in one database transaction. Each may run twice: the keys of its records make
the second run write nothing.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import structlog

from contract import activities as stubs
from contract.activities import implements
from contract.commands import SendFrameInput
from contract.reservations import (
    ChangeReservationInput,
    WeighReservationInput,
    WeighReservationResult,
)
from domain.commands.timing import Timing
from domain.model.specs import CancelReservationSpec, Kind, ReserveSpec
from domain.reservations import transitions as changes
from domain.reservations.facts import ReservationEvidence
from domain.reservations.next_step import NextStep, ReservationAct, as_asked, next_step
from domain.reservations.observing import observe
from domain.reservations.reservation import ChangeState, Reservation, ReservationChange
from fleet import connections, sends
from fleet.database import Database
from fleet.engine.statements import Tx
from fleet.log import reservations
from journal.reservations.facts import read_reservation_evidence
from journal.reservations.record import from_snapshot, record
from telemetry import metrics
from workflows.limits import LONGEST_WAIT_FOR_END, RESERVATION_FRAME_WAIT

_log = structlog.get_logger(__name__)


class ReservationActivities:
    """Activities on the fleet's reservations. Register `all` with a worker."""

    def __init__(self, db: Database, timing: Timing) -> None:
        self._db = db
        self._timing = timing

    @property
    def all(self) -> list[Callable[..., object]]:
        """What a worker has to register."""
        return [self.weigh_reservation, self.change_reservation]

    @implements(stubs.weigh_reservation)
    async def weigh_reservation(self, request: WeighReservationInput) -> WeighReservationResult:
        """Reads all facts about a reservation, records what they mean, and says what to do next."""
        due = await _waited_for(request)
        before, step, alarm = await self._db.batch(lambda tx: self._weigh(tx, due))
        after = step.reservation
        _log.info(
            "reservation_weighed",
            reservation=after.name,
            station=after.station,
            state=after.state.value,
            act=step.act.value,
        )
        if after.ended and not before.ended:
            metrics.RESERVATIONS.labels(after.state.value, after.cause).inc()
        if alarm:
            metrics.RESERVATION_ALARMS.inc()
            _log.warning(
                "ended_reservation_is_shown", reservation=after.name, station=after.station
            )
        return step

    @implements(stubs.change_reservation)
    async def change_reservation(self, request: ChangeReservationInput) -> Reservation:
        """Records a change that was asked for, or that an operator ended the reservation."""
        return await self._db.batch(lambda tx: _change(tx, request))

    async def _weigh(
        self, tx: Tx, request: WeighReservationInput
    ) -> tuple[Reservation, WeighReservationResult, bool]:
        known = await _latest(tx, request.tenant, request.reservation)
        facts = await read_reservation_evidence(tx, known, request.now)
        after = observe(known, facts, request.now)
        if after is not known:
            key = f"{after.state.value.lower()}:{known.revision}"
            after = await _record(
                tx, known, key, lambda r: observe(r, facts, request.now), request.now
            )
        step = next_step(after, facts, request.now)
        if step.act is ReservationAct.END:
            await sends.close(tx, after.tenant, after.name)
        return known, await self._result(tx, after, facts, step, request.now), step.alarm

    async def _result(
        self,
        tx: Tx,
        reservation: Reservation,
        facts: ReservationEvidence,
        step: NextStep,
        now: datetime,
    ) -> WeighReservationResult:
        result = WeighReservationResult(step.act, reservation, step.look_again)
        if step.act in {ReservationAct.WAIT, ReservationAct.END}:
            return result
        holder = await connections.holder(tx, reservation.station, now=now)
        return replace(
            result,
            gateway=holder.gateway if holder else None,
            request=self._frame(reservation, step.act, facts.attempts + 1, now),
        )

    def _frame(
        self, known: Reservation, act: ReservationAct, attempt: int, now: datetime
    ) -> SendFrameInput:
        """The reservation's own frame. `undo` keeps the gateway from writing a command's state."""
        asked = as_asked(known, act)
        cancels = act is ReservationAct.CANCEL
        until = now + RESERVATION_FRAME_WAIT
        return SendFrameInput(
            command=known.name,
            tenant=known.tenant,
            workflow_id=known.workflow_id,
            station=known.station,
            kind=Kind.CANCEL_RESERVATION if cancels else Kind.RESERVE_NOW,
            attempt=attempt,
            not_after=until if cancels else min(until, known.expire_time),
            answer_timeout_s=self._timing.answer_timeout_s,
            undo=True,
            reserve=None if cancels else _reserve_spec(asked),
            cancel_reservation=CancelReservationSpec(known.wire_id) if cancels else None,
        )


async def _waited_for(request: WeighReservationInput) -> WeighReservationInput:
    """Waits for `not_before`, and returns the request as of then.

    A timer of Temporal may ring a second early or late; a reservation ends at its very end.
    """
    if request.not_before is None or request.not_before <= request.now:
        return request
    wait = min(request.not_before - request.now, LONGEST_WAIT_FOR_END)
    await asyncio.sleep(wait.total_seconds())
    return replace(request, now=request.now + wait, not_before=None)


def _reserve_spec(asked: Reservation) -> ReserveSpec:
    return ReserveSpec(
        id_token=asked.id_token,
        expire_time=asked.expire_time,
        evse_id=asked.evse_id,
        connector_id=asked.connector_id,
        connector_type=asked.connector_type,
        group_id_token=asked.group_id_token,
        reservation=asked.name,
        wire_id=asked.wire_id,
    )


async def _change(tx: Tx, request: ChangeReservationInput) -> Reservation:
    known = await _latest(tx, request.tenant, request.reservation)
    asked = request.change
    if asked is None:
        return await _record(
            tx,
            known,
            "withdrawn",
            lambda r: changes.withdrawn(r, request.reason, request.now),
            request.now,
        )
    facts = await read_reservation_evidence(tx, known, request.now)
    change = ReservationChange(
        request_id=asked.request_id,
        state=ChangeState.PENDING,
        attempt=facts.attempts + 1,
        expire_time=asked.expire_time,
        evse_id=asked.evse_id,
        request_time=request.now,
    )
    key = f"change:{asked.request_id}"
    return await _record(tx, known, key, lambda r: changes.change_asked(r, change), request.now)


async def _latest(tx: Tx, tenant: str, name: str) -> Reservation:
    entry = await reservations.get(tx, tenant=tenant, name=name)
    if entry is None:
        raise LookupError(f"reservation {name} of tenant {tenant!r} is not in this database")
    return from_snapshot(entry.snapshot)


async def _record(
    tx: Tx,
    known: Reservation,
    key: str,
    change: Callable[[Reservation], Reservation],
    now: datetime,
) -> Reservation:
    after = await record(tx, tenant=known.tenant, name=known.name, key=key, change=change, now=now)
    return after or known
