"""What a workflow costs, counted by the server itself: events and state transitions."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHandle


@dataclass(frozen=True)
class Cost:
    """One line of the cost card. kinds: how often each kind of event is in the history."""

    events: int
    transitions: int
    kinds: dict[str, int]

    def __str__(self) -> str:
        return f"{self.events} events / {self.transitions} T"


async def cost_of(handle: WorkflowHandle[Any, Any]) -> Cost:
    """The cost of a workflow that has ended."""
    await handle.result()
    description = await handle.describe()
    history = await handle.fetch_history()
    kinds = Counter(
        EventType.Name(event.event_type).removeprefix("EVENT_TYPE_") for event in history.events
    )
    return Cost(
        events=len(history.events),
        transitions=description.raw_description.workflow_execution_info.state_transition_count,
        kinds=dict(kinds),
    )
