"""The story of a command's posts: real receivers on loopback, and days that pass in seconds."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from temporalio.testing import WorkflowEnvironment

from broker.settings import BrokerSettings
from domain.callbacks import TRIES
from domain.model.command import CallbackEvents, Command
from domain.model.outcomes import Cause
from fleet.database import Database
from telemetry import metrics
from tests.support.benches.callback_bench import SETTINGS, CallbackBench, callback_bench
from tests.support.certificates import pki
from tests.support.receiver import GARBAGE, HANG_UP, HUGE, SLOW, Answer, Receiver, receiving

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def posts(
    skipping: WorkflowEnvironment, database: Database, request: pytest.FixtureRequest
) -> AsyncIterator[CallbackBench]:
    """Everything that posts, with a credential that has a secret."""
    async with callback_bench(database, skipping) as bench:
        await bench.own()
        bench.story = request.node.originalname.removeprefix("test_")
        yield bench


@pytest_asyncio.fixture(loop_scope="session")
async def receiver() -> AsyncIterator[Receiver]:
    """A receiver that says yes unless told otherwise."""
    async with receiving() as receiver:
        yield receiver


async def started(posts: CallbackBench, receiver: Receiver) -> Command:
    """A command whose outcome is to be told: it is DONE."""
    command = await posts.queued(receiver.url())
    return await posts.ended(await posts.sent(command))


async def test_outcome_is_posted_signed_and_once(posts: CallbackBench, receiver: Receiver) -> None:
    command = await started(posts, receiver)
    await posts.posted(command)
    (post,) = receiver.posts
    content = post.verify(posts.secret)
    assert (content["type"], content["sequence"]) == ("command.outcome", 3)
    assert content["data"]["name"] == f"commands/{command.name}"
    assert content["data"]["outcome"]["code"] == "CODE_SUCCEEDED"
    assert await posts.states(command) == [(3, "DELIVERED", "")]


async def test_every_state_is_posted_in_order(posts: CallbackBench, receiver: Receiver) -> None:
    command = await posts.queued(receiver.url(), CallbackEvents.ALL)
    await posts.sent(command)
    await posts.answered(command)
    await posts.ended(command)
    await posts.posted(command)
    assert [post.sequence for post in receiver.posts] == [1, 2, 3, 4]
    assert [post.json["type"] for post in receiver.posts] == [
        *["command.state"] * 3,
        "command.outcome",
    ]


@pytest.mark.parametrize("cause", [Cause.ANSWER_TIMEOUT, Cause.STATION_OFFLINE])
async def test_failures_and_timeouts_are_told_too(
    posts: CallbackBench, receiver: Receiver, cause: Cause
) -> None:
    posts.story = ""
    command = await posts.queued(receiver.url())
    await posts.ended(command, cause)
    await posts.posted(command)
    (post,) = receiver.posts
    assert post.json["data"]["outcome"]["cause"] == cause.value


async def test_unknown_that_is_raised_is_told_again(
    posts: CallbackBench, receiver: Receiver
) -> None:
    command = await posts.queued(receiver.url())
    await posts.sent(command)
    await posts.ended(command, Cause.ANSWER_TIMEOUT)
    await posts.posted(command)
    await posts.ended(command, Cause.SESSION_STARTED)
    await posts.posted(command)
    codes = [post.json["data"]["outcome"]["code"] for post in receiver.posts]
    assert codes == ["CODE_UNKNOWN", "CODE_SUCCEEDED"]


async def test_command_without_callback_starts_nothing(posts: CallbackBench) -> None:
    command = await posts.queued("http://127.0.0.1:1/")
    assert await posts.never_started(command)  # it is QUEUED: no outcome yet


async def test_f27_receiver_down_for_72_hours_is_parked_and_sent_again_by_call(
    posts: CallbackBench,
) -> None:
    async with receiving() as receiver:
        port = receiver.port
    command = await started(posts, receiver)  # nobody listens there any longer
    began = await posts.now()
    await posts.posted(command)
    (parked,) = await posts.deliveries(command)
    assert (parked.state, parked.cause, parked.tries) == ("PARKED", "UNREACHABLE", TRIES)
    took = await posts.now() - began
    assert timedelta(hours=72) <= took <= timedelta(hours=74)
    async with receiving(port=port, receiver=receiver):
        await posts.resend(command, parked)
        await posts.posted(command)
    (post,) = receiver.posts
    assert post.id == parked.id
    post.verify(posts.secret)
    assert await posts.states(command) == [(3, "DELIVERED", "")]


async def test_receiver_that_comes_back_gets_the_post_under_the_same_id(
    posts: CallbackBench, receiver: Receiver
) -> None:
    receiver.answers += [Answer(500), Answer(503), HANG_UP]
    command = await started(posts, receiver)
    await posts.posted(command)
    assert len(receiver.posts) == 4
    assert len({post.id for post in receiver.posts}) == 1
    (row,) = await posts.deliveries(command)
    assert (row.state, row.tries, row.http_status) == ("DELIVERED", 4, 204)


POISON = {
    "400": (Answer(400), "REFUSED", 1),
    "404": (Answer(404), "REFUSED", 1),
    "410": (Answer(410), "GONE", 1),
    "redirect": (Answer(302, {"location": "http://127.0.0.1:1/"}), "REDIRECTED", 1),
    "huge": (HUGE, "ANSWER_TOO_LARGE", 1),
    "slow": (SLOW, "NO_ANSWER", TRIES),
    "garbage": (GARBAGE, "BROKEN_ANSWER", TRIES),
    "hang-up": (HANG_UP, "BROKEN_ANSWER", TRIES),
    "500": (Answer(500), "RECEIVER_FAILED", TRIES),
    "429": (Answer(429), "RECEIVER_BUSY", TRIES),
}


@pytest.mark.parametrize("poison", POISON)
async def test_f28_poison_callback_is_parked_with_its_reason(
    posts: CallbackBench, receiver: Receiver, poison: str
) -> None:
    posts.story = ""
    receiver.otherwise, cause, tries = POISON[poison]
    command = await started(posts, receiver)
    await posts.posted(command)
    (row,) = await posts.deliveries(command)
    assert (row.state, row.cause, row.tries) == ("PARKED", cause, tries)
    assert row.reason
    assert len(receiver.posts) == tries


async def test_f28_bad_certificate_is_tried_to_the_end_and_parked(
    posts: CallbackBench, tmp_path: Path
) -> None:
    posts.story = ""
    async with receiving(tls=pki(tmp_path).server) as receiver:
        command = await started(posts, receiver)
        await posts.posted(command)
    (row,) = await posts.deliveries(command)
    assert (row.state, row.cause, row.tries) == ("PARKED", "TLS_FAILED", TRIES)
    assert receiver.posts == []


async def test_f28_parked_post_does_not_hold_back_the_next(
    posts: CallbackBench, receiver: Receiver
) -> None:
    receiver.answers += [Answer(400), Answer(400)]
    command = await posts.queued(receiver.url(), CallbackEvents.ALL)
    await posts.sent(command)
    await posts.ended(command)
    await posts.posted(command)
    assert await posts.states(command) == [
        (1, "PARKED", "REFUSED"),
        (2, "PARKED", "REFUSED"),
        (3, "DELIVERED", ""),
    ]


async def test_f28_other_commands_do_not_wait_for_a_poisoned_one(
    posts: CallbackBench, receiver: Receiver
) -> None:
    async with receiving() as bad:
        bad.otherwise = SLOW
        first = await started(posts, bad)
        second = await started(posts, receiver)
        await posts.until(second, "DELIVERED")
        await posts.until(first, "RETRYING")
        bad.otherwise = Answer()
        await posts.posted(first)


async def test_state_in_retry_gives_way_to_the_outcome(
    posts: CallbackBench, receiver: Receiver
) -> None:
    receiver.answers += [Answer(500)]
    command = await posts.queued(receiver.url(), CallbackEvents.ALL)
    await posts.until(command, "RETRYING")
    await posts.sent(command)
    await posts.ended(command)
    await posts.posted(command)
    assert receiver.posts[-1].json["type"] == "command.outcome"
    sequences = [post.sequence for post in receiver.posts]
    assert sequences == sorted(sequences)
    states = await posts.states(command)
    assert states[0] == (1, "SUPERSEDED", "RECEIVER_FAILED")
    assert states[-1] == (3, "DELIVERED", "")


async def test_second_outcome_waits_for_the_first(posts: CallbackBench, receiver: Receiver) -> None:
    receiver.answers += [Answer(500), Answer(500)]
    command = await posts.queued(receiver.url())
    await posts.sent(command)
    await posts.ended(command, Cause.ANSWER_TIMEOUT)
    await posts.until(command, "RETRYING")
    await posts.ended(command, Cause.SESSION_STARTED)
    await posts.posted(command)
    assert [post.sequence for post in receiver.posts] == [3, 3, 3, 4]


async def test_retry_after_is_respected(posts: CallbackBench, receiver: Receiver) -> None:
    receiver.answers += [Answer(429, {"retry-after": "7200"})]
    command = await started(posts, receiver)
    row = await posts.until(command, "RETRYING")
    assert row.next_time is not None
    assert row.next_time - row.update_time == timedelta(hours=2)
    await posts.posted(command)
    assert len(receiver.posts) == 2


async def test_410_disables_the_default_receiver_until_it_is_enabled(
    posts: CallbackBench, receiver: Receiver
) -> None:
    await posts.own(receiver.url())
    receiver.answers += [Answer(410)]
    first = await posts.queued(receiver.url(), default=True)
    await posts.ended(first)
    await posts.posted(first)
    settings = await posts.settings()
    assert settings.disabled
    assert "410" in settings.disable_reason
    second = await posts.queued(receiver.url(), default=True)
    await posts.ended(second)
    await posts.posted(second)
    assert await posts.states(second) == [(2, "PARKED", "DISABLED")]
    assert len(receiver.posts) == 1
    await posts.own(receiver.url("/new"))
    (parked,) = await posts.deliveries(second)
    await posts.resend(second, parked)
    await posts.posted(second)
    assert receiver.posts[-1].path == "/new"


async def test_410_parks_the_rest_of_a_commands_own_callback(
    posts: CallbackBench, receiver: Receiver
) -> None:
    await posts.own(receiver.url("/default"))
    receiver.answers += [Answer(410)]
    command = await posts.queued(receiver.url(), CallbackEvents.ALL)
    await posts.ended(command)
    await posts.posted(command)
    assert await posts.states(command) == [(1, "PARKED", "GONE"), (2, "PARKED", "GONE")]
    assert len(receiver.posts) == 1
    assert not (await posts.settings()).disabled


async def test_an_operator_finds_the_run_that_parked_a_post(
    posts: CallbackBench, receiver: Receiver
) -> None:
    receiver.answers += [Answer(400)]
    command = await started(posts, receiver)
    await posts.posted(command)
    assert await posts.attention(command) == ["CALLBACK_PARKED"]
    (parked,) = await posts.deliveries(command)
    await posts.resend(command, parked)
    await posts.until(command, "DELIVERED")
    await posts.posted(command)
    assert await posts.attention(command) == []  # of the newest run


async def test_one_that_waits_is_tried_at_once_when_asked_for_again(
    posts: CallbackBench, receiver: Receiver
) -> None:
    receiver.answers += [Answer(500)]
    command = await started(posts, receiver)
    row = await posts.until(command, "RETRYING")
    await posts.resend(command, row)
    async with asyncio.timeout(10):
        await receiver.received(2)  # no time was skipped
    await posts.posted(command)
    assert await posts.states(command) == [(3, "DELIVERED", "")]


async def test_asking_again_while_a_try_is_under_way_is_not_forgotten(
    posts: CallbackBench, receiver: Receiver
) -> None:
    posts.story = ""
    receiver.answers += [Answer(400, delay_s=0.3)]
    command = await started(posts, receiver)
    await receiver.received(1)
    (row,) = await posts.deliveries(command)
    await posts.resend(command, row)
    await posts.posted(command)
    assert len(receiver.posts) == 2
    assert await posts.states(command) == [(3, "DELIVERED", "")]


async def test_what_is_parked_is_counted(posts: CallbackBench, receiver: Receiver) -> None:
    posts.story = ""
    parked = metrics.CALLBACKS.labels("PARKED")
    before = parked._value.get()
    receiver.answers += [Answer(400)]
    command = await started(posts, receiver)
    await posts.posted(command)
    assert parked._value.get() == before + 1


async def test_without_a_secret_nothing_is_posted(
    skipping: WorkflowEnvironment, database: Database, receiver: Receiver
) -> None:
    async with callback_bench(database, skipping) as posts:
        command = await started(posts, receiver)
        await posts.posted(command)
        assert await posts.states(command) == [(3, "PARKED", "SECRET_MISSING")]
    assert receiver.posts == []


async def test_private_receiver_is_not_posted_to_unless_allowed(
    skipping: WorkflowEnvironment, database: Database, receiver: Receiver
) -> None:
    async with callback_bench(database, skipping, BrokerSettings()) as posts:
        await posts.own()
        plain = await started(posts, receiver)
        await posts.posted(plain)
        assert await posts.states(plain) == [(3, "PARKED", "ADDRESS_INVALID")]
    assert receiver.posts == []


async def test_posts_beyond_a_share_wait_for_their_turn_and_lose_no_try(
    skipping: WorkflowEnvironment, database: Database, receiver: Receiver
) -> None:
    receiver.otherwise = Answer(delay_s=0.2)
    put_off = metrics.CALLBACKS_PUT_OFF.labels("tenant")
    before = put_off._value.get()
    async with callback_bench(
        database, skipping, replace(SETTINGS, callback_max_posts=2, callback_timeout_s=5)
    ) as bench:
        await bench.own()
        commands = [await started(bench, receiver) for _ in range(5)]
        for command in commands:
            await bench.posted(command)
            (row,) = await bench.deliveries(command)
            assert (row.state, row.tries) == ("DELIVERED", 1)
    assert len(receiver.posts) == 5
    assert put_off._value.get() > before
