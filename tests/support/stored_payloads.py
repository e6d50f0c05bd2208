"""The payloads of recorded histories, each with the type that reads it today."""

import inspect
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_type_hints

from temporalio.api.common.v1 import Payload
from temporalio.api.history.v1 import HistoryEvent

from contract import activities, names
from contract.bookings import BookingInput, BookingResult
from contract.callbacks import CallbackInput, CallbackResult, EventPostsInput
from contract.commands import (
    CancelInput,
    CommandInput,
    CommandResult,
    SubmitInput,
    UpdateResult,
    WakeInput,
)
from contract.reservations import ChangeInput, ReservationInput, ReservationResult
from domain.model.specs import Kind
from tests.support.histories.golden import read

STUBS = {
    stub.__name__: stub for stub in vars(activities).values() if inspect.iscoroutinefunction(stub)
}
"""Every activity's stub by its name."""

WORKFLOW_TYPES: dict[str, tuple[type, type]] = {
    names.COMMAND_WORKFLOW: (CommandInput, CommandResult),
    **{names.command_workflow(kind): (CommandInput, CommandResult) for kind in Kind},
    names.RESERVATION_WORKFLOW: (ReservationInput, ReservationResult),
    names.BOOKING_WORKFLOW: (BookingInput, BookingResult),
    names.CALLBACK_WORKFLOW: (CallbackInput, CallbackResult),
    names.EVENT_POSTS_WORKFLOW: (EventPostsInput, CallbackResult),
}
UPDATE_INPUTS: dict[str, type] = {
    names.SUBMIT_UPDATE: SubmitInput,
    names.CANCEL_UPDATE: CancelInput,
    names.CHANGE_UPDATE: ChangeInput,
}


_LOCAL_ACTIVITY = "core_local_activity"
"""The SDK's name of the marker that holds the result of a local activity."""


def activity_types(stub: Any) -> tuple[type, type]:
    """The input and the result of an activity, by its stub."""
    hints = get_type_hints(stub)
    result: type = hints.pop("return")
    (given,) = hints.values()
    return given, result


ACTIVITY_TYPES = {name: activity_types(stub) for name, stub in STUBS.items()}


@dataclass(frozen=True)
class Stored:
    """One payload of a history. where: what it is, for a person who reads a failure."""

    where: str
    payload: Payload
    type: type


def stored_payloads(path: Path) -> Iterator[Stored]:
    """Every payload of one recorded history that one of our dataclasses reads."""
    workflow_type = ""
    activity_of: dict[int, str] = {}
    for event in read(path).events:
        if event.HasField("workflow_execution_started_event_attributes"):
            workflow_type = event.workflow_execution_started_event_attributes.workflow_type.name
        if event.HasField("activity_task_scheduled_event_attributes"):
            scheduled = event.activity_task_scheduled_event_attributes
            activity_of[event.event_id] = scheduled.activity_type.name
        for where, payload, type_ in _of_event(event, workflow_type, activity_of):
            yield Stored(f"{path.stem}, event {event.event_id}: {where}", payload, type_)


def _of_event(
    event: HistoryEvent, workflow_type: str, activity_of: dict[int, str]
) -> Iterator[tuple[str, Payload, type]]:
    match event.WhichOneof("attributes"):
        case "workflow_execution_started_event_attributes":
            given = event.workflow_execution_started_event_attributes.input
            yield "workflow input", given.payloads[0], WORKFLOW_TYPES[workflow_type][0]
        case "workflow_execution_completed_event_attributes":
            result = event.workflow_execution_completed_event_attributes.result
            yield "workflow result", result.payloads[0], WORKFLOW_TYPES[workflow_type][1]
        case "workflow_execution_signaled_event_attributes":
            signal = event.workflow_execution_signaled_event_attributes
            assert signal.signal_name == names.WAKE_SIGNAL
            yield "signal", signal.input.payloads[0], WakeInput
        case "workflow_execution_update_accepted_event_attributes":
            asked = event.workflow_execution_update_accepted_event_attributes.accepted_request.input
            yield f"update {asked.name}", asked.args.payloads[0], UPDATE_INPUTS[asked.name]
        case "workflow_execution_update_completed_event_attributes":
            done = event.workflow_execution_update_completed_event_attributes.outcome.success
            yield "update result", done.payloads[0], UpdateResult
        case "activity_task_scheduled_event_attributes":
            name = activity_of[event.event_id]
            given = event.activity_task_scheduled_event_attributes.input
            yield f"{name} input", given.payloads[0], ACTIVITY_TYPES[name][0]
        case "activity_task_completed_event_attributes":
            done_task = event.activity_task_completed_event_attributes
            name = activity_of[done_task.scheduled_event_id]
            yield f"{name} result", done_task.result.payloads[0], ACTIVITY_TYPES[name][1]
        case "marker_recorded_event_attributes":
            marker = event.marker_recorded_event_attributes
            if marker.marker_name != _LOCAL_ACTIVITY:
                return  # a patch marker, which holds nothing of ours
            details = marker.details
            name = json.loads(details["data"].payloads[0].data)["activity_type"]
            yield f"{name} result", details["result"].payloads[0], ACTIVITY_TYPES[name][1]
