"""Posts about one thing, in order, until nothing is due: what both workflows that post share."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Generic, Protocol, TypeVar

from temporalio import workflow

from contract.callbacks import PostCallbackResult, PostStatus, SettleCallbackResult
from domain.callbacks import DeliveryCause, DeliveryState, pause_after
from workflows.calls import filters

_PATCH = "callback-attention"
"""A run of an older version parked without a word in the search attributes."""


class Due(Protocol):
    """A post that is due. See `NextCallbackResult`."""

    @property
    def revision(self) -> int: ...
    @property
    def news(self) -> str: ...
    @property
    def resent(self) -> bool: ...
    @property
    def gone(self) -> bool: ...


DueT = TypeVar("DueT", bound=Due)


class Posts(Protocol[DueT]):
    """The calls for the posts about one thing."""

    async def next(self, tried: int) -> DueT:
        """What is due now. tried: what failed and waits for its next try; 0 for nothing."""

    async def post(self, due: DueT, tries: int) -> PostCallbackResult:
        """Makes one try."""

    async def settle(
        self, due: DueT, result: PostCallbackResult, tries: int, next_time: datetime | None
    ) -> SettleCallbackResult:
        """Records what became of a try."""


class PostsInOrder(Generic[DueT]):
    """Posts what is due, one after the other.

    The log and the tables of deliveries say what is due. A wake-up only says that there is
    something to read, so a lost wake-up, or a run that ended a moment too early, loses nothing.
    """

    def __init__(self, posts: Posts[DueT], go_on: Callable[[], object] = lambda: None) -> None:
        """go_on: called where a run may hand over to the next one; raises when it does."""
        self._posts = posts
        self._go_on = go_on
        self._woken = False
        self._settled = 0
        self._parked: set[int] = set()  # the revisions whose posts this run gave up on

    def wake(self) -> None:
        """There is something to read."""
        self._woken = True

    async def run(self) -> int:
        """Delivers what is due; ends when nothing is. Returns how many were settled."""
        while True:
            self._go_on()
            self._woken = False
            due = await self._posts.next(tried=0)
            if due.revision:
                await self._deliver(due)
            elif not self._woken:
                return self._settled

    async def _deliver(self, due: DueT) -> None:
        """Tries until it is delivered or parked, or until a newer change takes its place."""
        tries = 0
        while True:
            tries += 1
            result = _gone() if due.gone else await self._posts.post(due, tries)
            pause = None
            if result.status is PostStatus.RETRY:
                pause = pause_after(tries, result.retry_after_s)
            next_time = None if pause is None else workflow.now() + pause
            settled = await self._posts.settle(due, result, tries, next_time)
            _show(due, settled.state, result, tries)
            if pause is None:
                self._settled += 1
                self._heed_parked(due.revision, is_parked=settled.state == DeliveryState.PARKED)
                return
            newer = await self._wait(due, pause)
            if newer is not None:
                self._go_on()
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

    async def _wait(self, due: DueT, pause: timedelta) -> DueT | None:
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
            newer = await self._posts.next(tried=due.revision)
            if newer.resent or newer.revision != due.revision:
                return newer
        return None


def _show(due: Due, state: str, result: PostCallbackResult, tries: int) -> None:
    """What an operator reads in the web UI."""
    why = f": {result.reason}" if result.reason else ""
    workflow.set_current_details(
        f"{due.news}, sequence {due.revision}: {state} after {tries} tries{why}"
    )


def _gone() -> PostCallbackResult:
    """The result of a delivery that is parked without a try."""
    return PostCallbackResult(
        PostStatus.PARK,
        DeliveryCause.GONE.value,
        "The command's receiver answered an earlier post with 410 Gone.",
    )
