"""Every call that a callback workflow makes, with its timeouts and retries written out.

A try is one activity, made once: when the next one is due is decided by the workflow's timers, so
that no second try is under way while a first one may still be.
"""

from datetime import datetime, timedelta

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
from workflows.calls.commands import LOOK_UP, ONCE, UNTIL_IT_WORKS

TRY_LIMIT = timedelta(seconds=30)
"""A broker that does not come back with a try's result for so long has died with it."""


async def next_callback(order: CallbackInput, tried: int) -> NextCallbackResult:
    """What is due now, from the log."""
    return await workflow.execute_local_activity(
        stubs.next_callback,
        NextCallbackInput(order.tenant, order.command, workflow.now(), tried),
        start_to_close_timeout=LOOK_UP,
        retry_policy=UNTIL_IT_WORKS,
        summary="What is to be posted?",
    )


async def post(order: CallbackInput, due: NextCallbackResult, tries: int) -> PostCallbackResult:
    """One try. It waits for a broker as long as there is none."""
    try:
        return await workflow.execute_activity(
            stubs.post_callback,
            PostCallbackInput(order.tenant, order.command, due.revision, due.id, due.news),
            task_queue=names.CALLBACKS_QUEUE,
            start_to_close_timeout=TRY_LIMIT,
            retry_policy=ONCE,
            summary=f"{due.news.value} {due.revision}, try {tries}",
        )
    except ActivityError:
        return PostCallbackResult(
            PostStatus.RETRY,
            DeliveryCause.TRY_LOST.value,
            "The broker that tried it did not say what became of it.",
        )


async def settle(
    order: CallbackInput,
    due: NextCallbackResult,
    result: PostCallbackResult,
    tries: int,
    next_time: datetime | None,
) -> SettleCallbackResult:
    """Writes down what became of a try."""
    return await workflow.execute_local_activity(
        stubs.settle_callback,
        SettleCallbackInput(
            order.tenant, order.command, due, result, tries, workflow.now(), next_time
        ),
        start_to_close_timeout=LOOK_UP,
        retry_policy=UNTIL_IT_WORKS,
        summary=f"{due.revision}: {result.status.value}",
    )
