"""The life of one hold: cared for until its end, changed when asked, cleared away afterwards.

Started when the station said yes, in the very transaction that says so; its first act is to learn
how the reservation stands. From then on it waits for its end, or for news of its station, and reads
the facts afresh each time: a lost wake-up loses nothing but time.
"""

import asyncio
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.common import SearchAttributeKey

from contract import names
from contract.commands import UpdateResult, WakeInput
from contract.reservations import (
    ChangeInput,
    ReservationInput,
    ReservationResult,
    WeighReservationResult,
)
from domain.reservations import wording as reservation_wording
from domain.reservations.next_step import ReservationAct
from domain.reservations.reservation import ChangeState, Reservation
from workflows.alarms import Alarms
from workflows.calls import reservations as reservation_calls

HISTORY_LIMIT = 1_500
"""Events after which a run hands over to the next one."""

EARLY = timedelta(seconds=1)
"""How long before a hold's end its timer rings: Temporal's timers may ring a second late."""

NO_WAY_PAUSE = timedelta(seconds=10)
"""How long to wait for a way to the station, unless woken."""

_OUTCOME = SearchAttributeKey.for_keyword(names.OUTCOME_ATTRIBUTE)


@workflow.defn(name=names.RESERVATION_WORKFLOW)
class ReservationWorkflow:
    """One run of a reservation's life."""

    @workflow.init
    def __init__(self, order: ReservationInput) -> None:
        self._order = order
        self._reservation: Reservation | None = None
        self._woken = False
        self._alarms = Alarms()
        self._one_change = asyncio.Lock()
        self._sending: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sending.set_result(None)

    @workflow.run
    async def run(self, order: ReservationInput) -> ReservationResult:
        """Cares for the hold until nothing is left to be done about it."""
        del order
        story = asyncio.create_task(self._story())
        try:
            return await asyncio.shield(story)
        except asyncio.CancelledError:
            # An operator cancelled the workflow itself: that ends the reservation, not its care.
            await self._withdraw()
            return await story

    async def _story(self) -> ReservationResult:
        while True:
            self._woken = False
            now = self._now()
            step = await reservation_calls.weigh(self._order, now, self._end_within(now))
            self._note(step.reservation)
            if step.act is ReservationAct.END and self._is_idle():
                return self._ended(step.reservation)
            if step.request is not None and step.gateway is not None and self._sending.done():
                self._sending = asyncio.create_task(
                    reservation_calls.transmit(step.gateway, step.request)
                )
            await self._something_new(step)
            if workflow.info().get_current_history_length() > HISTORY_LIMIT:
                await workflow.wait_condition(self._is_idle)
                workflow.continue_as_new(self._order)

    @workflow.signal(name=names.WAKE_SIGNAL)
    def wake(self, wake: WakeInput) -> None:
        """Something was written that concerns this hold."""
        del wake
        self._woken = True

    @workflow.update(name=names.CHANGE_UPDATE)
    async def change(self, change: ChangeInput) -> UpdateResult:
        """Asks the station for another end or EVSE; returns when it is decided. Idempotent."""
        async with self._one_change:
            self._note(await reservation_calls.change(self._order, change))
            self._woken = True
            await workflow.wait_condition(self._change_is_decided)
            return UpdateResult(self._reservation.revision if self._reservation else 0)

    def _change_is_decided(self) -> bool:
        change = self._reservation.change if self._reservation else None
        return change is None or change.state is not ChangeState.PENDING

    async def _withdraw(self) -> None:
        self._note(await reservation_calls.withdraw(self._order, "cancelled in Temporal"))
        self._woken = True

    def _note(self, reservation: Reservation) -> None:
        """Remembers how the reservation stands, and shows it in the web UI."""
        self._reservation = reservation
        workflow.set_current_details(reservation_wording.details(reservation))

    def _ended(self, reservation: Reservation) -> ReservationResult:
        state = reservation.state.value
        workflow.upsert_search_attributes([_OUTCOME.value_set(state)])
        return ReservationResult(state, reservation.cause)

    async def _something_new(self, step: WeighReservationResult) -> None:
        """Waits for a wake-up, for what became of a frame, or for the time of the next look.

        Never for a frame alone: a silent station does not put off the end of its hold.
        """
        sending, until = not self._sending.done(), self._next_look(step)
        self._alarms.set(until)
        await workflow.wait_condition(
            lambda: (
                self._woken
                or self._alarms.is_due(until)
                or (sending and self._sending.done())
                or (step.act is ReservationAct.END and self._is_idle())
            )
        )

    def _next_look(self, step: WeighReservationResult) -> datetime | None:
        reservation = step.reservation
        if reservation.ended:
            return step.look_again
        soon = self._now() + NO_WAY_PAUSE if step.gateway is None and step.request else None
        end = reservation.expire_time - EARLY
        return min(when for when in (end, step.look_again, soon) if when)

    def _end_within(self, now: datetime) -> datetime | None:
        """The end of the hold, when it is so near that it is waited for."""
        known = self._reservation
        if known is None or known.ended:
            return None
        return known.expire_time if now < known.expire_time <= now + EARLY else None

    def _is_idle(self) -> bool:
        return self._sending.done() and workflow.all_handlers_finished()

    def _now(self) -> datetime:
        return self._alarms.no_earlier(workflow.now())
