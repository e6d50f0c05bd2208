"""The life of one reservation: kept until its end, changed when asked, cleared away afterwards.

The transaction that records the station's yes also starts this workflow. It has all facts weighed,
does what the decision calls for, and then waits: for the reservation's end, for a wake-up, or for
what became of a frame. After each of them it reads all facts again, so a lost wake-up costs time
and nothing else.

A run ends when nothing is left to do. Later news (a station that shows the place as reserved again)
start another run under the same workflow id.
"""

import asyncio
from datetime import datetime

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
from workflows.calls import reservations as calls
from workflows.limits import END_IS_NEAR, HISTORY_LIMIT, NO_GATEWAY_PAUSE

_OUTCOME = SearchAttributeKey.for_keyword(names.OUTCOME_ATTRIBUTE)


@workflow.defn(name=names.RESERVATION_WORKFLOW)
class ReservationWorkflow:
    """One run of a reservation's life."""

    @workflow.init
    def __init__(self, about: ReservationInput) -> None:
        self._about = about
        self._reservation: Reservation | None = None  # None before the first look
        self._woken = False
        self._alarms = Alarms()
        self._one_change = asyncio.Lock()  # changes are made one after the other
        self._sending: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sending.set_result(None)

    @workflow.run
    async def run(self, about: ReservationInput) -> ReservationResult:
        """Keeps the reservation until nothing is left to be done about it."""
        del about  # `__init__` has it
        story = asyncio.create_task(self._story())
        try:
            return await asyncio.shield(story)
        except asyncio.CancelledError:
            # An operator cancelled the workflow itself. That ends the reservation, and the run goes
            # on until its station holds nothing.
            await self._withdraw()
            return await story

    async def _story(self) -> ReservationResult:
        while True:
            self._woken = False
            now = self._now()
            step = await calls.weigh(self._about, now, self._end_within(now))
            self._note(step.reservation)
            if step.act is ReservationAct.END and self._is_idle():
                return self._ended(step.reservation)
            # One frame at a time; its result is a fact that the next look weighs.
            if step.request is not None and step.gateway is not None and self._sending.done():
                self._sending = asyncio.create_task(calls.transmit(step.gateway, step.request))
            await self._something_new(step)
            if workflow.info().get_current_history_length() > HISTORY_LIMIT:
                await workflow.wait_condition(self._is_idle)  # a run takes its frames with it
                workflow.continue_as_new(self._about)

    @workflow.signal(name=names.WAKE_SIGNAL)
    def wake(self, wake: WakeInput) -> None:
        """A fact was written that concerns this reservation."""
        del wake  # the fact is read from the fleet
        self._woken = True

    @workflow.update(name=names.CHANGE_UPDATE)
    async def change(self, change: ChangeInput) -> UpdateResult:
        """Asks the station for another end or EVSE; returns when that is decided. Idempotent."""
        async with self._one_change:
            self._note(await calls.record_change(self._about, change))
            self._woken = True
            await workflow.wait_condition(self._change_is_decided)
            return UpdateResult(self._reservation.revision if self._reservation else 0)

    def _change_is_decided(self) -> bool:
        change = self._reservation.change if self._reservation else None
        return change is None or change.state is not ChangeState.PENDING

    async def _withdraw(self) -> None:
        self._note(await calls.withdraw(self._about, "cancelled in Temporal"))
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

        It never waits for a frame alone: a silent station must not put off the reservation's end.
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
        """When the facts are read again, unless woken; None: only when woken."""
        reservation = step.reservation
        if reservation.ended:
            return step.look_again
        soon = self._now() + NO_GATEWAY_PAUSE if step.gateway is None and step.request else None
        end = reservation.expire_time - END_IS_NEAR
        return min(when for when in (end, step.look_again, soon) if when)

    def _end_within(self, now: datetime) -> datetime | None:
        """The reservation's end, when it is so near that the activity waits for it; else None."""
        known = self._reservation
        if known is None or known.ended:
            return None
        return known.expire_time if now < known.expire_time <= now + END_IS_NEAR else None

    def _is_idle(self) -> bool:
        """Whether no frame is out and nobody waits for an update."""
        return self._sending.done() and workflow.all_handlers_finished()

    def _now(self) -> datetime:
        """The workflow's time, never before an alarm that has rung."""
        return self._alarms.no_earlier(workflow.now())
