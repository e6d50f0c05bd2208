"""Posts the news of one command, in order, until nothing is due; later news start another run."""

from temporalio import workflow

from contract import names
from contract.callbacks import CallbackInput, CallbackResult, NextCallbackResult
from contract.commands import WakeInput
from workflows.calls.callbacks import CommandPosts
from workflows.posting import PostsInOrder


@workflow.defn(name=names.CALLBACK_WORKFLOW)
class CallbackWorkflow:
    """The posts of one command, one after the other."""

    @workflow.init
    def __init__(self, about: CallbackInput) -> None:
        self._posts = PostsInOrder[NextCallbackResult](CommandPosts(about))

    @workflow.run
    async def run(self, about: CallbackInput) -> CallbackResult:
        """Delivers what is due; ends when nothing is."""
        del about  # `__init__` has it
        return CallbackResult(await self._posts.run())

    @workflow.signal(name=names.WAKE_SIGNAL)
    def wake(self, wake: WakeInput) -> None:
        """There are news, or a delivery is to be sent again."""
        del wake  # what is due is read from the log
        self._posts.wake()
