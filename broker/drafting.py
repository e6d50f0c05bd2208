"""From what was asked to the command that is submitted: pure but for the sealing of tokens."""

from dataclasses import dataclass, replace
from datetime import datetime

from broker.asks import Ask, PlainToken, StartAsk, StopAsk
from broker.errors import Reason, Refusal
from fleet.keys import Sealer
from workflows.domain.kinds import default_not_after, default_offline_policy
from workflows.domain.model import Callback, Command, IdToken, StartSpec, State, StopSpec
from workflows.names import command_workflow_id


@dataclass(frozen=True)
class Resolution:
    """The session that a stop is about: where, its id on the wire, and our id when we know it."""

    station: str
    wire_id: str
    transaction: str | None = None


@dataclass(frozen=True)
class Origin:
    """Whose call it was: what a command keeps of it."""

    tenant: str
    caller: str
    trace_id: str


def seal(sealer: Sealer, token: PlainToken) -> IdToken:
    """A token that nobody can read from a history or a log."""
    return IdToken(
        type=token.type,
        masked=sealer.mask(token.value),
        sealed=sealer.seal(token.value),
        digest=sealer.digest(token.type, token.value),
    )


def start_spec(ask: StartAsk, sealer: Sealer) -> StartSpec:
    """What a StartSession asked for, tokens sealed."""
    group = ask.group_id_token
    return StartSpec(
        id_token=seal(sealer, ask.id_token),
        evse_id=ask.evse_id,
        connector_id=ask.connector_id,
        group_id_token=seal(sealer, group) if group else None,
        reservation=ask.reservation,
        charging_profile=ask.charging_profile,
    )


def stop_spec(ask: StopAsk, sealer: Sealer) -> StopSpec:
    """What a StopSession asked for, tokens sealed, its session not yet looked for."""
    return StopSpec(
        transaction=ask.transaction,
        start_command=ask.start_command,
        evse_id=ask.evse_id,
        id_token=seal(sealer, ask.id_token) if ask.id_token else None,
        reservation=ask.reservation,
        transaction_id=ask.transaction_id,
    )


def draft(
    ask: Ask,
    name: str,
    station: str,
    spec: StartSpec | StopSpec,
    *,
    origin: Origin,
    now: datetime,
) -> Command:
    """The command as it is submitted: QUEUED, nothing sent."""
    options = ask.options
    return Command(
        name=name,
        tenant=origin.tenant,
        kind=ask.kind,
        station=station,
        state=State.QUEUED,
        create_time=now,
        not_after=options.not_after or now + default_not_after(ask.kind),
        workflow_id=command_workflow_id(origin.tenant, name),
        offline_policy=options.offline_policy or default_offline_policy(ask.kind),
        start=spec if isinstance(spec, StartSpec) else None,
        stop=spec if isinstance(spec, StopSpec) else None,
        labels=options.labels,
        caller=origin.caller,
        trace_id=origin.trace_id,
    )


def check_same(command: Command, ask: Ask, spec: StartSpec | StopSpec) -> None:
    """Refuse a request id that was used for something else.

    What a repeat leaves to the defaults is not compared, and what was found for a stop neither:
    the session may have ended since.

    Raises: Refusal (REQUEST_ID_REUSED), naming the fields that differ.
    """
    differing = [*_differing(command, ask), *_differing_spec(command, spec)]
    if differing:
        raise Refusal(
            Reason.REQUEST_ID_REUSED,
            f"The request_id {command.name} was used for a command that differs in: "
            f"{', '.join(differing)}. Use a new request_id for a new command.",
            facts={"command": f"commands/{command.name}", "fields": ",".join(differing)},
        )


def _differing(command: Command, ask: Ask) -> list[str]:
    if command.kind is not ask.kind:
        return ["kind"]
    options = ask.options
    policy = options.offline_policy or default_offline_policy(ask.kind)
    same = {
        "station": ask.station in (None, command.station),
        "options.not_after": options.not_after in (None, command.not_after),
        "options.offline_policy": policy is command.offline_policy,
        "options.labels": options.labels == command.labels,
        "options.callback": _same_callback(command.callback, options.callback),
    }
    return [field for field, holds in same.items() if not holds]


def _same_callback(known: Callback | None, asked: Callback | None) -> bool:
    if asked is None or known is None:
        return asked is None
    return (known.url, known.events) == (asked.url, asked.events)


def _differing_spec(command: Command, spec: StartSpec | StopSpec) -> list[str]:
    if isinstance(spec, StartSpec):
        known: StartSpec | StopSpec | None = command.start
        fields: tuple[str, ...] = _START_FIELDS
    else:
        known, fields = command.stop, _STOP_FIELDS
    if known is None:
        return []  # another kind: said already
    return [
        field for field in fields if _bare(getattr(known, field)) != _bare(getattr(spec, field))
    ]


def _bare(value: object) -> object:
    """A token without its seal, which is never the same twice; the digest tells it."""
    return replace(value, sealed="", masked="") if isinstance(value, IdToken) else value


_START_FIELDS = (
    "evse_id",
    "connector_id",
    "id_token",
    "group_id_token",
    "reservation",
    "charging_profile",
)
_STOP_FIELDS = (
    "transaction",
    "start_command",
    "evse_id",
    "id_token",
    "reservation",
    "transaction_id",
)
