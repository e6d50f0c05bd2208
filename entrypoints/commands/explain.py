"""`evcommand explain`: prints what happened to one command, or to one booking, as a table.

Texts of stations and callers reach the terminal only as printable characters, so that nobody can
send it control sequences.
"""

import json
import shutil
import textwrap
from collections.abc import Iterator
from typing import Any

import click
import grpc
from evcommand.v1 import booking_service_pb2 as bookings_pb
from evcommand.v1 import booking_service_pb2_grpc as bookings_grpc
from evcommand.v1 import remote_command_service_pb2 as pb
from evcommand.v1 import remote_command_service_pb2_grpc as pb_grpc
from google.protobuf.json_format import MessageToDict

from entrypoints.commands.broker_access import CALL_S, BrokerAccess, asking, printable

Step = pb.Step

_COLLECTION = "commands/"
_BOOKINGS = "bookings/"
_NARROWEST = 60
_HEAD = ("command", "booking", "pool", "workflow_id", "trace_id")

_REMEDIES = {
    grpc.StatusCode.PERMISSION_DENIED: "Use the API key of a caller who may read it.",
    grpc.StatusCode.NOT_FOUND: (
        "Is it the name of a command of your tenant? ListCommands lists them, the newest first. "
        "A booking is named `bookings/...`; ListBookings lists those."
    ),
    grpc.StatusCode.INVALID_ARGUMENT: "A command is named by its request_id: a UUID.",
}


def explain(name: str, access: BrokerAccess, *, as_json: bool, facts: bool) -> None:
    """Asks the broker for the explanation of a command, or of a booking, and prints it.

    Raises: CannotStart with the remedy when the broker cannot be asked or refuses.
    """
    if not name.startswith((_COLLECTION, _BOOKINGS)):
        name = f"{_COLLECTION}{name}"
    steps = _steps_of(name, access)
    if as_json:
        click.echo(json.dumps([MessageToDict(step) for step in steps], indent=2))
        return
    width = max(shutil.get_terminal_size((100, 24)).columns, _NARROWEST)
    for row in rendered(steps, width, every_fact=facts):
        click.echo(row)


def _steps_of(name: str, access: BrokerAccess) -> list[Step]:
    with asking(access, _REMEDIES) as channel:
        if name.startswith(_BOOKINGS):
            bookings: Any = bookings_grpc.BookingServiceStub(channel)
            asked = bookings_pb.ExplainBookingRequest(name=name)
            told = bookings.ExplainBooking(asked, metadata=access.metadata, timeout=CALL_S)
            return list(told.steps)
        stub: Any = pb_grpc.RemoteCommandServiceStub(channel)
        request = pb.ExplainCommandRequest(name=name)
        reply = stub.ExplainCommand(request, metadata=access.metadata, timeout=CALL_S)
    return list(reply.steps)


def rendered(steps: list[Step], width: int, *, every_fact: bool = False) -> Iterator[str]:
    """The explanation as lines of at most `width` characters; ids and frames may be longer."""
    if not steps:
        return
    first = steps[0]
    for name in _HEAD:
        if first.facts.get(name):
            yield f"{name.removesuffix('_id').capitalize():<10}{printable(first.facts[name])}"
    yield f"{'Began':<10}{first.time.ToDatetime():%Y-%m-%d %H:%M:%S} UTC"
    yield ""
    began = first.time.ToNanoseconds()
    for step in steps:
        yield from _row(step, (step.time.ToNanoseconds() - began) / 1e9, width, every_fact)


def _row(step: Step, after_s: float, width: int, every_fact: bool) -> Iterator[str]:
    kind = Step.Kind.Name(step.kind).removeprefix("KIND_").replace("_", " ")
    who = Step.Actor.Name(step.actor).removeprefix("ACTOR_").lower().replace("_", " ")
    start = f"{after_s:>10.3f} s  {who:<8} {kind:<13} "
    indent = " " * len(start)
    lines = textwrap.wrap(printable(step.summary), max(width - len(start), 30)) or [""]
    yield start + lines[0]
    yield from (indent + line for line in lines[1:])
    for name in _shown(step, every_fact):
        yield f"{indent}  {name}: {printable(step.facts[name])}"


def _shown(step: Step, every_fact: bool) -> list[str]:
    """The names of the facts to print below a step."""
    if every_fact:
        return sorted(step.facts)
    wanted = {
        Step.KIND_FRAME_SENT: ("message_id", "frame"),
        Step.KIND_EVIDENCE: ("station_time",),
        Step.KIND_DECIDED: ("sessions", "connectors"),
        Step.KIND_RULE: ("says",),
        Step.KIND_COMMAND: ("command",),
        Step.KIND_SESSION: ("transaction",),
    }
    return [name for name in wanted.get(step.kind, ()) if name in step.facts]
