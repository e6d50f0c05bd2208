"""Every call of the workflow that posts events: as those of commands' posts (`callbacks`)."""

from datetime import datetime

from temporalio import workflow
from temporalio.exceptions import ActivityError

from contract import activities as stubs
from contract import names
from contract.callbacks import (
    EventPostsInput,
    NextEventInput,
    NextEventResult,
    PostCallbackResult,
    PostEventInput,
    SettleCallbackResult,
    SettleEventInput,
)
from workflows.calls.callbacks import try_lost
from workflows.calls.retries import UNTIL_IT_WORKS, UNTIL_ITS_TURN
from workflows.limits import LOOK_UP, POST_HEARTBEAT, POST_LIMIT


class EventPosts:
    """The calls for the posts of one resource's events to one credential."""

    def __init__(self, about: EventPostsInput) -> None:
        self._about = about

    async def next(self, tried: int) -> NextEventResult:
        """Reads which event is due now."""
        about = self._about
        return await workflow.execute_local_activity(
            stubs.next_event,
            NextEventInput(about.tenant, about.thread, workflow.now(), tried),
            start_to_close_timeout=LOOK_UP,
            retry_policy=UNTIL_IT_WORKS,
            summary="What is to be posted?",
        )

    async def post(self, due: NextEventResult, tries: int) -> PostCallbackResult:
        """Makes one try. While no broker has a place for it, it waits for one."""
        try:
            return await workflow.execute_activity(
                stubs.post_event,
                PostEventInput(self._about.tenant, due.id),
                task_queue=names.CALLBACKS_QUEUE,
                start_to_close_timeout=POST_LIMIT,
                heartbeat_timeout=POST_HEARTBEAT,
                retry_policy=UNTIL_ITS_TURN,
                summary=f"{due.news} {due.revision}, try {tries}",
            )
        except ActivityError:
            return try_lost()

    async def settle(
        self,
        due: NextEventResult,
        result: PostCallbackResult,
        tries: int,
        next_time: datetime | None,
    ) -> SettleCallbackResult:
        """Records what became of a try."""
        given = SettleEventInput(self._about.tenant, due, result, tries, workflow.now(), next_time)
        return await workflow.execute_local_activity(
            stubs.settle_event,
            given,
            start_to_close_timeout=LOOK_UP,
            retry_policy=UNTIL_IT_WORKS,
            summary=f"{due.revision}: {result.status.value}",
        )
