"""Every call that a callback workflow makes, with its timeouts and retries written out.

A try is one activity, made once; Temporal repeats it only when a broker handed it back before it
sent anything. The workflow's timers decide when the next try is due, so no second try is under way
while the first one may still be.
"""

from datetime import datetime

from temporalio import workflow
from temporalio.exceptions import ActivityError

from contract import activities as stubs
from contract import names
from contract.callbacks import (
    CallbackInput,
    NextCallbackInput,
    NextCallbackResult,
    PostCallbackInput,
    PostCallbackResult,
    PostStatus,
    SettleCallbackInput,
    SettleCallbackResult,
)
from domain.callbacks import DeliveryCause
from workflows.calls.retries import UNTIL_IT_WORKS, UNTIL_ITS_TURN
from workflows.limits import LOOK_UP, POST_HEARTBEAT, POST_LIMIT


class CommandPosts:
    """The calls for the posts of one command."""

    def __init__(self, about: CallbackInput) -> None:
        self._about = about

    async def next(self, tried: int) -> NextCallbackResult:
        """What is due now."""
        return await next_callback(self._about, tried)

    async def post(self, due: NextCallbackResult, tries: int) -> PostCallbackResult:
        """Makes one try."""
        return await post(self._about, due, tries)

    async def settle(
        self,
        due: NextCallbackResult,
        result: PostCallbackResult,
        tries: int,
        next_time: datetime | None,
    ) -> SettleCallbackResult:
        """Records what became of a try."""
        return await settle(self._about, due, result, tries, next_time)


async def next_callback(about: CallbackInput, tried: int) -> NextCallbackResult:
    """Reads from the log which delivery is due now."""
    return await workflow.execute_local_activity(
        stubs.next_callback,
        NextCallbackInput(about.tenant, about.command, workflow.now(), tried),
        start_to_close_timeout=LOOK_UP,
        retry_policy=UNTIL_IT_WORKS,
        summary="What is to be posted?",
    )


async def post(about: CallbackInput, due: NextCallbackResult, tries: int) -> PostCallbackResult:
    """Makes one try. While no broker has a place for it, it waits for one."""
    try:
        return await workflow.execute_activity(
            stubs.post_callback,
            PostCallbackInput(about.tenant, about.command, due.revision, due.id, due.news),
            task_queue=names.CALLBACKS_QUEUE,
            start_to_close_timeout=POST_LIMIT,
            heartbeat_timeout=POST_HEARTBEAT,
            retry_policy=UNTIL_ITS_TURN,
            summary=f"{due.news.value} {due.revision}, try {tries}",
        )
    except ActivityError:
        return try_lost()


def try_lost() -> PostCallbackResult:
    """The result of a try whose broker did not live to tell it."""
    return PostCallbackResult(
        PostStatus.RETRY,
        DeliveryCause.TRY_LOST.value,
        "The broker that tried it did not say what became of it.",
    )


async def settle(
    about: CallbackInput,
    due: NextCallbackResult,
    result: PostCallbackResult,
    tries: int,
    next_time: datetime | None,
) -> SettleCallbackResult:
    """Records what became of a try."""
    now = workflow.now()
    return await workflow.execute_local_activity(
        stubs.settle_callback,
        SettleCallbackInput(about.tenant, about.command, due, result, tries, now, next_time),
        start_to_close_timeout=LOOK_UP,
        retry_policy=UNTIL_IT_WORKS,
        summary=f"{due.revision}: {result.status.value}",
    )
