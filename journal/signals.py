"""One signal to one workflow, and what Temporal says to it.

Temporal may refuse a signal for the sake of its workflow, or because nothing works at the moment.
The difference matters: what only one workflow has is tried again with growing pauses, and an
outage must not leave long pauses behind. Where the answer does not tell, the caller decides by
what other workflows were told meanwhile.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto
from typing import Any

from temporalio.client import Client
from temporalio.common import (
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDReusePolicy,
)
from temporalio.service import RPCError, RPCStatusCode

from contract.commands import WakeInput
from contract.names import WAKE_SIGNAL
from contract.priorities import start_priority
from fleet.wakeups import Start, Wakeup

TemporalClient = Client
"""The SDK's client, by a name for modules that only hand it on."""

_OF_THE_WORKFLOW = ("limit for signal", "workflow is busy", "workflow is closing")
"""What Temporal's message says when only this workflow takes no signal now."""


class Word(Enum):
    """What Temporal said to a signal.

    TAKEN: it has it. NOBODY: the workflow has ended, and is not to be started.
    REFUSED: this workflow takes no signal now. NEVER: it can never be taken.
    DOWN: Temporal cannot be reached. UNCLEAR: it may be this workflow, or everything.
    """

    TAKEN = auto()
    NOBODY = auto()
    REFUSED = auto()
    NEVER = auto()
    DOWN = auto()
    UNCLEAR = auto()


@dataclass(frozen=True, slots=True)
class SignalReply:
    """Temporal's word, and why in a few words for the log."""

    word: Word
    why: str = ""


async def send_signal(
    client: Client, workflow_id: str, rows: Sequence[Wakeup], limit: timedelta
) -> SignalReply:
    """Signals the workflow of these rows once; starts it when one of them says how.

    limit: of the RPC. Every failure is a reply.
    """
    reason = rows[-1].reason
    try:
        start = _newest_start(rows)
        if start is None:
            handle = client.get_workflow_handle(workflow_id)
            await handle.signal(WAKE_SIGNAL, WakeInput(reason), rpc_timeout=limit)
        else:
            await _start(client, workflow_id, reason, start, limit)
    except RPCError as error:
        return _reply(error, may_start=start is not None)
    except (RuntimeError, OSError) as error:  # a client that never reached the server
        return SignalReply(Word.DOWN, _brief(error))
    except Exception as error:  # a row that nobody can use
        return SignalReply(Word.NEVER, _brief(error))
    return SignalReply(Word.TAKEN)


def _reply(error: RPCError, *, may_start: bool) -> SignalReply:
    why = f"{error.status.name}: {error.message}"[:200]
    said = error.message.lower()
    if any(each in said for each in _OF_THE_WORKFLOW):
        return SignalReply(Word.REFUSED, why)
    match error.status:
        case RPCStatusCode.NOT_FOUND if not may_start and "namespace" not in said:
            return SignalReply(Word.NOBODY, why)
        case RPCStatusCode.INVALID_ARGUMENT:
            return SignalReply(Word.NEVER, why)
        case RPCStatusCode.UNAVAILABLE:
            return SignalReply(Word.DOWN, why)
        case _:
            return SignalReply(Word.UNCLEAR, why)


def _newest_start(rows: Sequence[Wakeup]) -> Start | None:
    """Raises: AttributeError, TypeError when it cannot be read."""
    return next((row.starts for row in reversed(rows) if row.start is not None), None)


async def _start(
    client: Client, workflow_id: str, reason: str, start: Start, limit: timedelta
) -> None:
    """Signals the workflow; starts it where none with this id is running."""
    attributes: list[SearchAttributePair[Any]] = [
        SearchAttributePair(SearchAttributeKey.for_keyword(name), value)
        for name, value in start.attributes.items()
    ]
    await client.start_workflow(
        start.workflow,
        start.argument,
        id=workflow_id,
        task_queue=start.queue,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        start_signal=WAKE_SIGNAL,
        start_signal_args=[WakeInput(reason)],
        search_attributes=TypedSearchAttributes(attributes),
        static_summary=start.summary or None,
        static_details=start.details or None,
        priority=start_priority(start.workflow, start.attributes),
        rpc_timeout=limit,
    )


def _brief(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".partition("\n")[0][:200]
