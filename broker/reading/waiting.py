"""How long a call waits for its command, and for what.

A call never fails because a command takes long. When the wait is over, for whatever reason, the
call returns the command as it is now.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import grpc.aio

from broker.settings import BrokerSettings
from domain.model.command import Command, State, WaitFor
from domain.model.states import is_definite


def is_satisfied(command: Command, wait_for: WaitFor) -> bool:
    """Whether the command has reached what the caller wants to wait for."""
    if command.state is State.DONE or is_definite(command.outcome):
        return True
    if wait_for is WaitFor.SUBMITTED:
        return True
    answered = command.station_answer is not None or command.outcome is not None
    return wait_for is WaitFor.STATION_ANSWER and answered


@dataclass(frozen=True)
class Patience:
    """When a wait ends: at `until` (the event loop's clock), or as soon as `draining` is set."""

    until: float
    draining: asyncio.Event

    @property
    def remaining_s(self) -> float:
        """How long is left; 0 while draining."""
        if self.draining.is_set():
            return 0.0
        return max(self.until - asyncio.get_running_loop().time(), 0.0)


def patience_for(
    call: "grpc.aio.ServicerContext[object, object]",
    settings: BrokerSettings,
    draining: asyncio.Event,
) -> Patience:
    """How long a call may wait: our limit, but no longer than a margin before its own deadline."""
    longest_s = settings.wait_limit_s
    own_s = call.time_remaining()
    if own_s is not None:
        longest_s = min(longest_s, max(own_s - settings.deadline_margin_s, 0.0))
    return Patience(asyncio.get_running_loop().time() + longest_s, draining)


async def wait_for_command(
    changed: asyncio.Event,
    read: Callable[[], Awaitable[Command | None]],
    wait_for: WaitFor,
    patience: Patience,
    *,
    known: Command | None = None,
) -> Command | None:
    """The command as soon as it has reached `wait_for`, or as it is when patience ends.

    changed: the event of this command (`LogFollower.resource`). known: as it was read after the
    event was last cleared; None: it is read first. Returns None when the log does not know it yet.
    """
    command = known
    if command is None:
        changed.clear()  # before the read: a change during the read must wake us again
        command = await read()
    while not (command is not None and is_satisfied(command, wait_for)):
        if patience.remaining_s <= 0:
            break
        await either(changed, patience.draining, patience.remaining_s)
        changed.clear()
        command = await read()
    return command


async def either(one: asyncio.Event, other: asyncio.Event, timeout_s: float) -> None:
    """Return when one of two events is set, or when the time is over."""
    tasks = [asyncio.ensure_future(event.wait()) for event in (one, other)]
    try:
        await asyncio.wait(tasks, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        # Nothing waits for them here: a cancel of the caller would be taken for theirs, and lost.
        for task in tasks:
            task.cancel()


async def first_of(work: "asyncio.Future[None]", event: asyncio.Event) -> bool:
    """Return when the work is done or the event is set. True when the work is done."""
    waiting = asyncio.ensure_future(event.wait())
    try:
        await asyncio.wait((work, waiting), return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
    return work.done()
