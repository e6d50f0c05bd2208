"""Posts the events of one resource to one credential, in order, until nothing is due.

A type of its own, so that a worker that knows no events leaves them to one that does.
"""

from temporalio import workflow

from contract import names
from contract.callbacks import CallbackResult, EventPostsInput, NextEventResult
from contract.commands import WakeInput
from workflows.calls.event_posts import EventPosts
from workflows.limits import HISTORY_LIMIT
from workflows.posting import PostsInOrder


@workflow.defn(name=names.EVENT_POSTS_WORKFLOW)
class EventPostsWorkflow:
    """The posts of one station, transaction, reservation or booking, one after the other."""

    @workflow.init
    def __init__(self, about: EventPostsInput) -> None:
        self._about = about
        self._posts = PostsInOrder[NextEventResult](EventPosts(about), self._go_on)

    @workflow.run
    async def run(self, about: EventPostsInput) -> CallbackResult:
        """Delivers what is due; ends when nothing is."""
        del about  # `__init__` has it
        return CallbackResult(await self._posts.run())

    @workflow.signal(name=names.WAKE_SIGNAL)
    def wake(self, wake: WakeInput) -> None:
        """Something has happened, or a delivery is to be sent again."""
        del wake  # what is due is read from the table of deliveries
        self._posts.wake()

    def _go_on(self) -> None:
        """A station whose receiver is away may have events for days: no history gets too long."""
        if workflow.info().get_current_history_length() > HISTORY_LIMIT:
            workflow.continue_as_new(self._about)
