"""`evcommand explain`: prints what happened to one command as a table.

It is a client like any other: it asks the broker over gRPC and knows nothing of the database. Texts
of stations and callers reach the terminal only as printable characters, so that nobody can send it
control sequences.
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
class BrokerAccess:
    """How to reach the broker.

    key: an API key; None sends none. tls: use TLS with the system's authorities.
    ca: use TLS with this PEM file of authorities.
    """

    address: str
    key: str | None = None
    tls: bool = False
    ca: Path | None = None


def explain(name: str, access: BrokerAccess, *, as_json: bool, facts: bool) -> None:
    """Asks the broker for the explanation of a command and prints it.

    Raises: CannotStart with the remedy when the broker cannot be asked or refuses.
    """
    if not name.startswith(_COLLECTION):
        name = f"{_COLLECTION}{name}"
    steps = _steps_of(name, access)
    if as_json:
        click.echo(json.dumps([MessageToDict(step) for step in steps], indent=2))
        return
    width = max(shutil.get_terminal_size((100, 24)).columns, _NARROWEST)
    for row in rendered(steps, width, every_fact=facts):
        click.echo(row)


def _steps_of(name: str, access: BrokerAccess) -> list[Step]:
    metadata = [("authorization", f"Bearer {access.key}")] if access.key else []
    with _channel(access) as channel:
        stub: Any = pb_grpc.RemoteCommandServiceStub(channel)
        try:
            request = pb.ExplainCommandRequest(name=name)
            reply = stub.ExplainCommand(request, metadata=metadata, timeout=CALL_S)
        except grpc.RpcError as error:
            raise CannotStart(_message(error, access.address)) from error
    return list(reply.steps)


def _channel(access: BrokerAccess) -> grpc.Channel:
    if access.ca is None and not access.tls:
        return grpc.insecure_channel(access.address)
    try:
        roots = None if access.ca is None else access.ca.read_bytes()
    except OSError as error:
        why = f"{access.ca} cannot be read ({error.strerror})"
        raise CannotStart(f"{why}: --ca names a PEM file of certificates.") from error
    return grpc.secure_channel(access.address, grpc.ssl_channel_credentials(roots))


def _message(error: Any, address: str) -> str:
    code = error.code()
    details = printable(error.details() or "")
    remedy = _REMEDIES.get(code, "The broker's log has more.")
    return f"{address} answered {code.name}: {details}\n{remedy}"


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
    who = Step.Actor.Name(step.actor).removeprefix("ACTOR_").lower()
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
    }
    return [name for name in wanted.get(step.kind, ()) if name in step.facts]


def printable(text: str) -> str:
    """The text with every control character replaced."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)
