"""Posts the news of one command, in order, until nothing is due; the next news start another run.

The log and the table of deliveries say what is due. A wake-up only says that there is something to
read, so a lost wake-up, or a run that ended a moment too early, loses nothing.
"""

from datetime import timedelta

from temporalio import workflow

from contract import names
from contract.callbacks import (
    CallbackInput,
    CallbackResult,
    NextCallbackResult,
    PostCallbackResult,
    PostStatus,
)
from contract.commands import WakeInput
from domain.callbacks import DeliveryCause, DeliveryState, pause_after
from workflows.calls import callbacks as calls
from workflows.calls import filters

_PATCH = "callback-attention"
"""A run of an older version parked without a word in the search attributes."""


@workflow.defn(name=names.CALLBACK_WORKFLOW)
class CallbackWorkflow:
    """The posts of one command, one after the other."""

    @workflow.init
    def __init__(self, about: CallbackInput) -> None:
        self._about = about
        self._woken = False
        self._settled = 0
        self._parked: set[int] = set()  # the revisions whose posts this run gave up on

    @workflow.run
    async def run(self, about: CallbackInput) -> CallbackResult:
        """Delivers what is due; ends when nothing is."""
        del about  # `__init__` has it
        while True:
            self._woken = False
            due = await calls.next_callback(self._about, tried=0)
            if due.revision:
                await self._deliver(due)
            elif not self._woken:
                return CallbackResult(self._settled)

    @workflow.signal(name=names.WAKE_SIGNAL)
    def wake(self, wake: WakeInput) -> None:
        """There are news, or a delivery is to be sent again."""
        del wake  # what is due is read from the log
        self._woken = True

    async def _deliver(self, due: NextCallbackResult) -> None:
        """Tries until it is delivered or parked, or until a newer change takes its place."""
        tries = 0
        while True:
            tries += 1
            result = _gone() if due.gone else await calls.post(self._about, due, tries)
            pause = None
            if result.status is PostStatus.RETRY:
                pause = pause_after(tries, result.retry_after_s)
            next_time = None if pause is None else workflow.now() + pause
            settled = await calls.settle(self._about, due, result, tries, next_time)
            self._show(due, settled.state, result, tries)
            if pause is None:
                self._settled += 1
                self._heed_parked(due.revision, is_parked=settled.state == DeliveryState.PARKED)
                return
            newer = await self._wait(due, pause)
            if newer is not None:
                due, tries = newer, 0

    def _heed_parked(self, revision: int, *, is_parked: bool) -> None:
        if is_parked:
            self._parked.add(revision)
        elif revision in self._parked:
            self._parked.remove(revision)
        else:
            return
        if workflow.patched(_PATCH):
            filters.show_parked(parked=bool(self._parked))

    async def _wait(self, due: NextCallbackResult, pause: timedelta) -> NextCallbackResult | None:
        """Waits for the next try; returns early with a delivery that is to be tried instead of it.

        None: the pause is over and the same delivery is due.
        """
        until = workflow.now() + pause
        while (left := until - workflow.now()) > timedelta(0):
            try:
                await workflow.wait_condition(
                    lambda: self._woken, timeout=left, timeout_summary="until the next try"
                )
            except TimeoutError:
                return None
            self._woken = False
            newer = await calls.next_callback(self._about, tried=due.revision)
            if newer.resent or newer.revision != due.revision:
                return newer
        return None

    def _show(
        self, due: NextCallbackResult, state: str, result: PostCallbackResult, tries: int
    ) -> None:
        """What an operator reads in the web UI."""
        why = f": {result.reason}" if result.reason else ""
        workflow.set_current_details(
            f"{due.news.value}, sequence {due.revision}: {state} after {tries} tries{why}"
        )


def _gone() -> PostCallbackResult:
    """The result of a delivery that is parked without a try."""
    return PostCallbackResult(
        PostStatus.PARK,
        DeliveryCause.GONE.value,
        "The command's receiver answered an earlier post with 410 Gone.",
    )
