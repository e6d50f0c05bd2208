"""From what was asked to the command that is submitted: pure but for the sealing of tokens."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from broker.commands.asks import (
    Ask,
    CancelReservationAsk,
    PlainToken,
    ReserveAsk,
    ResetAsk,
    StartAsk,
    StopAsk,
    UnlockAsk,
)
from broker.errors import Reason, Refusal
from contract.names import command_workflow_id
from domain.commands.table import COMMANDS
from domain.model.command import Callback, Command, State
from domain.model.specs import (
    CancelReservationSpec,
    IdToken,
    ReserveSpec,
    ResetSpec,
    StartSpec,
    StopSpec,
    UnlockSpec,
)
from fleet.keys import Sealer


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


def unlock_spec(ask: UnlockAsk, _sealer: Sealer) -> UnlockSpec:
    """What an UnlockConnector asked for."""
    return UnlockSpec(ask.connector_id, ask.evse_id, ask.stop_first)


def reset_spec(ask: ResetAsk, _sealer: Sealer) -> ResetSpec:
    """What a Reset asked for."""
    return ResetSpec(ask.mode, ask.evse_id)


def reserve_spec(ask: ReserveAsk, sealer: Sealer) -> ReserveSpec:
    """What a ReserveNow asked for, tokens sealed. What the broker makes for it is still missing.

    With a `ttl` the end is counted when the command is made: until then it stands in 1970.
    """
    group = ask.group_id_token
    return ReserveSpec(
        id_token=seal(sealer, ask.id_token),
        expire_time=ask.expire_time or _NOT_COUNTED,
        evse_id=ask.evse_id,
        connector_id=ask.connector_id,
        connector_type=ask.connector_type,
        group_id_token=seal(sealer, group) if group else None,
        ttl_s=None if ask.ttl is None else ask.ttl.total_seconds(),
    )


_NOT_COUNTED = datetime(1970, 1, 1, tzinfo=UTC)


def cancel_reservation_spec(ask: CancelReservationAsk, _sealer: Sealer) -> CancelReservationSpec:
    """What a CancelReservation asked for, its reservation not yet looked for."""
    return CancelReservationSpec(ask.wire_id, ask.reservation, reason=ask.reason)


Spec = StartSpec | StopSpec | UnlockSpec | ResetSpec | ReserveSpec | CancelReservationSpec

_SPECS: dict[type[Any], Callable[[Any, Sealer], Spec]] = {
    StartAsk: start_spec,
    StopAsk: stop_spec,
    UnlockAsk: unlock_spec,
    ResetAsk: reset_spec,
    ReserveAsk: reserve_spec,
    CancelReservationAsk: cancel_reservation_spec,
}


def spec_of(ask: Ask, sealer: Sealer) -> Spec:
    """What was asked for, tokens sealed, nothing looked up."""
    return _SPECS[type(ask)](ask, sealer)


def draft(
    ask: Ask, name: str, station: str, spec: Spec, *, origin: Origin, now: datetime
) -> Command:
    """The command as it is submitted: QUEUED, nothing sent."""
    options = ask.options
    command = Command(
        name=name,
        tenant=origin.tenant,
        kind=ask.kind,
        station=station,
        state=State.QUEUED,
        create_time=now,
        not_after=options.not_after or _sent_until(ask, spec, now),
        workflow_id=command_workflow_id(origin.tenant, name),
        offline_policy=options.offline_policy or COMMANDS[ask.kind].offline_policy,
        labels=options.labels,
        caller=origin.caller,
        trace_id=origin.trace_id,
    )
    given: dict[str, Any] = {_PLACES[type(spec)]: spec}
    return replace(command, **given)


def _sent_until(ask: Ask, spec: Spec, now: datetime) -> datetime:
    """The kind's default; nobody asks for a hold that is over."""
    default = now + COMMANDS[ask.kind].not_after
    return min(default, spec.expire_time) if isinstance(spec, ReserveSpec) else default


_PLACES: dict[type[Any], str] = {
    StartSpec: "start",
    StopSpec: "stop",
    UnlockSpec: "unlock",
    ResetSpec: "reset",
    ReserveSpec: "reserve",
    CancelReservationSpec: "cancel_reservation",
}
"""Where a command keeps each kind of spec."""


def check_same(command: Command, ask: Ask, spec: Spec) -> None:
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
    policy = options.offline_policy or COMMANDS[ask.kind].offline_policy
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


def _differing_spec(command: Command, spec: Spec) -> list[str]:
    known = getattr(command, _PLACES[type(spec)])
    if known is None:
        return []  # another kind: said already
    return [
        _SHOWN.get(field, field)
        for field in _COMPARED[type(spec)]
        if _bare(getattr(known, field)) != _bare(getattr(spec, field))
        and not _is_counted(spec, field)
    ]


def _is_counted(spec: Spec, field: str) -> bool:
    """What the broker computed or looked up is not the caller's word."""
    if isinstance(spec, ReserveSpec):
        return field == "expire_time" and spec.ttl_s is not None
    if isinstance(spec, CancelReservationSpec):
        return field == "wire_id" and spec.reservation is not None
    return False


def _bare(value: object) -> object:
    """A token without its seal, which is never the same twice; the digest tells it."""
    return replace(value, sealed="", masked="") if isinstance(value, IdToken) else value


_SHOWN = {"ttl_s": "ttl"}
_COMPARED: dict[type[Any], tuple[str, ...]] = {
    StartSpec: (
        *("evse_id", "connector_id", "id_token", "group_id_token", "reservation"),
        "charging_profile",
    ),
    StopSpec: (
        *("transaction", "start_command", "evse_id", "id_token", "reservation", "transaction_id"),
    ),
    UnlockSpec: ("evse_id", "connector_id", "stop_first"),
    ResetSpec: ("evse_id", "mode"),
    ReserveSpec: (
        *("evse_id", "connector_id", "connector_type", "id_token", "group_id_token"),
        *("expire_time", "ttl_s"),
    ),
    CancelReservationSpec: ("reservation", "wire_id", "reason"),
}
"""What a repeat of a request must say again."""
