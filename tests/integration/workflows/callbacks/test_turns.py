"""What Temporal repeats of a post: only what a broker handed back, and nothing that was a try."""

import asyncio
import uuid
from collections import Counter
from datetime import timedelta

import pytest
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.exceptions import ActivityError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from broker.callbacks.turns import pause_before_turn
from broker.places import Share, ShareTaken
from broker.settings import BrokerSettings
from broker.temporal_posts import Posters, serve_posts
from contract import names
from contract.callbacks import PostCallbackInput, PostCallbackResult, PostEventInput, PostStatus
from domain.callbacks import NewsKind
from telemetry.supervision import background
from workflows.calls.retries import UNTIL_ITS_TURN

pytestmark = pytest.mark.asyncio(loop_scope="session")


@workflow.defn(name="one-post")
class OnePost:
    """One post, as a callback workflow makes it, with a shorter limit."""

    @workflow.run
    async def run(self, post: PostCallbackInput) -> str:
        try:
            result = await workflow.execute_activity(
                names.POST_CALLBACK,
                post,
                task_queue=names.CALLBACKS_QUEUE,
                start_to_close_timeout=timedelta(seconds=2),
                retry_policy=UNTIL_ITS_TURN,
                result_type=PostCallbackResult,
            )
        except ActivityError:
            return "lost"
        return str(result.status.value)


async def no_event(_: PostEventInput) -> PostCallbackResult:
    raise AssertionError


async def test_only_a_post_that_was_handed_back_is_made_again(real_client: Client) -> None:
    made: Counter[str] = Counter()

    async def post(request: PostCallbackInput) -> PostCallbackResult:
        made[request.command] += 1
        if request.command == "waits" and made["waits"] < 3:
            raise ShareTaken(Share.TENANT, 50)
        if request.command == "fails":
            raise LookupError
        if request.command == "hangs":
            await asyncio.Event().wait()
        return PostCallbackResult(PostStatus.DELIVERED)

    queue = f"turns-{uuid.uuid4()}"
    runner = UnsandboxedWorkflowRunner()
    settings = BrokerSettings(callback_timeout_s=0.1)
    async with (
        Worker(real_client, task_queue=queue, workflows=[OnePost], workflow_runner=runner),
        background(
            "posts",
            lambda: serve_posts(real_client, Posters(post, no_event), pause_before_turn, settings),
        ),
    ):
        stories = {"waits": "DELIVERED", "fails": "lost", "hangs": "lost"}
        handles = {
            name: await real_client.start_workflow(
                OnePost.run,
                PostCallbackInput("acme", name, 1, name, NewsKind.OUTCOME),
                id=f"{queue}/{name}",
                task_queue=queue,
            )
            for name in stories
        }
        assert {name: await handle.result() for name, handle in handles.items()} == stories
    assert made == {"waits": 3, "fails": 1, "hangs": 1}


async def test_a_broker_that_ends_as_it_starts_leaves_no_worker_behind(real_client: Client) -> None:
    client = await Client.connect(real_client.service_client.config.target_host)

    async def post(_: PostCallbackInput) -> PostCallbackResult:
        raise AssertionError

    for turns in range(4):
        settings = BrokerSettings(callback_timeout_s=0.1)
        serving = asyncio.create_task(
            serve_posts(client, Posters(post, no_event), pause_before_turn, settings)
        )
        for _ in range(turns):
            await asyncio.sleep(0)
        serving.cancel()
        await asyncio.wait([serving])

    @activity.defn
    async def another() -> None: ...

    async with Worker(client, task_queue=names.CALLBACKS_QUEUE, activities=[another]):
        pass  # the SDK refuses a second worker of one queue
