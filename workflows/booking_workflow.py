"""The life of one booking from the moment its EVSE is to be chosen, to its end.

Before that a booking is rows, so that a hundred thousand of them cost no workflow. A run looks at
the facts, has written what they mean and asked for what follows, and waits: for a wake-up (its
reservation changed, somebody cancelled it), or for the next look. A run ends when nothing is left
to be done; later news start another one under the same workflow id.
"""

from datetime import datetime

from temporalio import workflow
from temporalio.common import SearchAttributeKey

from contract import names
from contract.bookings import BookingInput, BookingResult
from contract.commands import WakeInput
from workflows.alarms import Alarms
from workflows.calls import bookings as calls
from workflows.limits import HISTORY_LIMIT

_OUTCOME = SearchAttributeKey.for_keyword(names.OUTCOME_ATTRIBUTE)


@workflow.defn(name=names.BOOKING_WORKFLOW)
class BookingWorkflow:
    """One run of a booking's life."""

    @workflow.init
    def __init__(self, about: BookingInput) -> None:
        self._about = about
        self._woken = False
        self._alarms = Alarms()

    @workflow.run
    async def run(self, about: BookingInput) -> BookingResult:
        """Carries the booking on until nothing is left to be done about it."""
        del about  # `__init__` has it
        while True:
            self._woken = False
            step = await calls.carry(self._about, self._now())
            workflow.set_current_details(step.details)
            if step.is_done and not self._woken:
                workflow.upsert_search_attributes([_OUTCOME.value_set(step.state)])
                return BookingResult(step.state, step.cause)
            await self._something_new(step.look_again)
            if workflow.info().get_current_history_length() > HISTORY_LIMIT:
                workflow.continue_as_new(self._about)

    @workflow.signal(name=names.WAKE_SIGNAL)
    def wake(self, wake: WakeInput) -> None:
        """Something was written that concerns this booking."""
        del wake  # the fact is read from the fleet
        self._woken = True

    async def _something_new(self, until: datetime | None) -> None:
        self._alarms.set(until)
        await workflow.wait_condition(lambda: self._woken or self._alarms.is_due(until))

    def _now(self) -> datetime:
        """The workflow's time, never before an alarm that has rung."""
        return self._alarms.no_earlier(workflow.now())
