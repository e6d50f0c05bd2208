"""From a request to the command that is submitted, and whether a repeat says the same. Pure.

Nothing here knows a kind: what differs is in the command's edge.
"""

from dataclasses import dataclass, replace
from typing import Any

from broker.auth import current_caller
from broker.commands.edge import CommandEdge, Found, ParsedRequest, spec_in
from broker.errors import Reason, Refusal
from contract.names import command_workflow_id
from domain.commands.table import COMMANDS
from domain.model.command import Callback, Command, State
from domain.model.specs import Kind, only_spec


@dataclass(frozen=True)
class Origin:
    """Whose call it was: what a command keeps of it."""

    tenant: str
    caller: str
    trace_id: str


def draft(
    kind: Kind,
    name: str,
    parsed: ParsedRequest[Any],
    found: Found[Any],
    *,
    origin: Origin,
    callback: Callback | None = None,
) -> Command:
    """The command as it is submitted: QUEUED, nothing sent. name: the request id.

    callback: where its news are posted; chosen before, because the caller's settings count.
    """
    options = parsed.options
    until = found.send_until or parsed.time + COMMANDS[kind].not_after
    command = Command(
        name=name,
        tenant=origin.tenant,
        kind=kind,
        station=found.station,
        state=State.QUEUED,
        create_time=parsed.time,
        not_after=options.not_after or until,
        workflow_id=command_workflow_id(origin.tenant, name),
        offline_policy=options.offline_policy or COMMANDS[kind].offline_policy,
        labels=options.labels,
        caller=origin.caller,
        trace_id=origin.trace_id,
        callback=callback,
    )
    return replace(command, **only_spec(kind, found.spec))


def check_same(edge: CommandEdge[Any, Any], command: Command, parsed: ParsedRequest[Any]) -> None:
    """Refuse a request id that was used for something else.

    What a repeat leaves to the defaults is not compared. Neither is what was found for the first
    request: a session may have ended since.

    Raises: Refusal (REQUEST_ID_REUSED), naming the fields that differ.
    """
    # Of a command at a station outside the caller's groups no other field is told.
    ours = current_caller().covers(command.station)
    differing = _differing(edge, command, parsed) if ours else ["station"]
    if differing:
        raise Refusal(
            Reason.REQUEST_ID_REUSED,
            f"The request_id {command.name} was used for a command that differs in: "
            f"{', '.join(differing)}. Use a new request_id for a new command.",
            facts={"command": f"commands/{command.name}", "fields": ",".join(differing)},
        )


def _differing(
    edge: CommandEdge[Any, Any], command: Command, parsed: ParsedRequest[Any]
) -> list[str]:
    if command.kind is not edge.kind:
        return ["kind"]
    options = parsed.options
    policy = options.offline_policy or COMMANDS[edge.kind].offline_policy
    same = {
        "station": parsed.station in (None, command.station),
        "options.not_after": options.not_after in (None, command.not_after),
        "options.offline_policy": policy is command.offline_policy,
        "options.labels": options.labels == command.labels,
        "options.callback": _same_callback(command.callback, options.callback),
    }
    first, again = edge.said(spec_in(command)), edge.said(parsed.spec)
    return [
        *(field for field, holds in same.items() if not holds),
        *(field for field, value in again.items() if first.get(field) != value),
    ]


def _same_callback(known: Callback | None, again: Callback | None) -> bool:
    """Whether a repeat names the same callback, or none: then the first request's stays."""
    if again is None or known is None:
        return again is None
    return (known.url, known.events) == (again.url, again.events)
