"""`evcommand explain`: what happened to one command, as a table that a human can follow.

A client as any other: it asks the broker over gRPC and knows nothing of the database. What stations
and callers wrote reaches the terminal only as printable text: nobody moves the cursor from afar.
"""

import json
import shutil
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import grpc
from evcommand.v1 import remote_command_service_pb2 as pb
from evcommand.v1 import remote_command_service_pb2_grpc as pb_grpc
from google.protobuf.json_format import MessageToDict

from entrypoints.errors import CannotStart

Step = pb.Step

CALL_S = 15.0
_COLLECTION = "commands/"
_NARROWEST = 60
_HEAD = ("command", "workflow_id", "trace_id")

_REMEDIES = {
    grpc.StatusCode.UNAVAILABLE: "Is a broker running there? Name another with --address.",
    grpc.StatusCode.DEADLINE_EXCEEDED: "The broker did not reply in time; try again.",
    grpc.StatusCode.UNAUTHENTICATED: "Give an API key with --key or EVCOMMAND_KEY.",
    grpc.StatusCode.PERMISSION_DENIED: "Use the API key of a caller who may read this command.",
    grpc.StatusCode.NOT_FOUND: (
        "Is it the name of a command of your tenant? ListCommands lists them, the newest first."
    ),
    grpc.StatusCode.INVALID_ARGUMENT: "A command is named by its request_id: a UUID.",
    grpc.StatusCode.UNIMPLEMENTED: "The broker there is older than this program; update it.",
}


@dataclass(frozen=True)
class Line:
    """How the broker is reached. ca: a PEM file to trust; without it, the system's (or no TLS)."""

    address: str
    key: str | None = None
    tls: bool = False
    ca: Path | None = None


def explain(name: str, line: Line, *, as_json: bool, facts: bool) -> None:
    """Asks the broker for the command's story and prints it.

    Raises: CannotStart with the remedy when there is no story to print.
    """
    if not name.startswith(_COLLECTION):
        name = f"{_COLLECTION}{name}"
    steps = _asked(name, line)
    if as_json:
        click.echo(json.dumps([MessageToDict(step) for step in steps], indent=2))
        return
    width = max(shutil.get_terminal_size((100, 24)).columns, _NARROWEST)
    for row in told(steps, width, every_fact=facts):
        click.echo(row)


def _asked(name: str, line: Line) -> list[Step]:
    metadata = [("authorization", f"Bearer {line.key}")] if line.key else []
    with _channel(line) as channel:
        stub: Any = pb_grpc.RemoteCommandServiceStub(channel)
        try:
            request = pb.ExplainCommandRequest(name=name)
            reply = stub.ExplainCommand(request, metadata=metadata, timeout=CALL_S)
        except grpc.RpcError as error:
            raise CannotStart(_trouble(error, line.address)) from error
    return list(reply.steps)


def _channel(line: Line) -> grpc.Channel:
    if line.ca is None and not line.tls:
        return grpc.insecure_channel(line.address)
    try:
        roots = None if line.ca is None else line.ca.read_bytes()
    except OSError as error:
        why = f"{line.ca} cannot be read ({error.strerror})"
        raise CannotStart(f"{why}: --ca names a PEM file of certificates.") from error
    return grpc.secure_channel(line.address, grpc.ssl_channel_credentials(roots))


def _trouble(error: Any, address: str) -> str:
    code = error.code()
    said = printable(error.details() or "")
    remedy = _REMEDIES.get(code, "The broker's log has more.")
    return f"{address} answered {code.name}: {said}\n{remedy}"


def told(steps: list[Step], width: int, *, every_fact: bool = False) -> Iterator[str]:
    """The story as lines of at most `width` characters, but for ids and frames."""
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
    who = Step.Actor.Name(step.actor).removeprefix("ACTOR_").lower()
    start = f"{after_s:>10.3f} s  {who:<8} {kind:<13} "
    indent = " " * len(start)
    lines = textwrap.wrap(printable(step.summary), max(width - len(start), 30)) or [""]
    yield start + lines[0]
    yield from (indent + line for line in lines[1:])
    for name in _shown(step, every_fact):
        yield f"{indent}  {name}: {printable(step.facts[name])}"


def _shown(step: Step, every_fact: bool) -> list[str]:
    """Which facts stand below a step: what it is followed by elsewhere, or all of them."""
    if every_fact:
        return sorted(step.facts)
    wanted = {
        Step.KIND_FRAME_SENT: ("message_id", "frame"),
        Step.KIND_EVIDENCE: ("station_time",),
        Step.KIND_DECIDED: ("sessions", "connectors"),
    }
    return [name for name in wanted.get(step.kind, ()) if name in step.facts]


def printable(text: str) -> str:
    """The text without anything that a terminal obeys."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)
