"""From a command to its frame, and to what the fleet keeps of it.

Tokens are opened from their seal here and nowhere else, each time a frame is built, and not kept.
"""

from dataclasses import dataclass, replace

from contract.commands import SendFrameInput
from domain.model.specs import IdToken, Kind
from fleet.keys import Sealer
from station_gateway.dialects.interface import Dialect
from station_gateway.dialects.messages import OutgoingCall, Unsendable


class Unopenable(Exception):
    """A token's seal is not of our key: nothing can be sent."""


@dataclass(frozen=True, slots=True)
class Traces:
    """By what the facts that follow a frame are recognised.

    token_digest, group_digest: equal to those of the tokens that the station will report, whatever
    it calls their types. wire_id: of the transaction that is stopped, or of the reservation.
    """

    evse_id: int | None = None
    connector_id: int | None = None
    token_digest: str | None = None
    group_digest: str | None = None
    wire_id: str | None = None


def build(
    dialect: Dialect, sealer: Sealer, request: SendFrameInput, remote_start_id: int = 0
) -> OutgoingCall:
    """The frame of a command in this version's words.

    Raises:
        Unsendable: the version has no words for it, or what it needs is not in the request.
        Unopenable: a token cannot be read.
    """
    match request:
        case SendFrameInput(kind=Kind.START_SESSION, start=spec) if spec is not None:
            return dialect.start(
                spec,
                token_value=_opened(sealer, spec.id_token),
                group_token_value=_opened_if_any(sealer, spec.group_id_token),
                remote_start_id=remote_start_id,
            )
        case SendFrameInput(kind=Kind.STOP_SESSION, stop=spec) if spec is not None:
            return dialect.stop(spec)
        case SendFrameInput(kind=Kind.UNLOCK_CONNECTOR, unlock=spec) if spec is not None:
            return dialect.unlock(spec)
        case SendFrameInput(kind=Kind.RESET, reset=spec) if spec is not None:
            return dialect.reset(spec)
        case SendFrameInput(kind=Kind.RESERVE_NOW, reserve=spec) if spec is not None:
            return dialect.reserve(
                spec,
                token_value=_opened(sealer, spec.id_token),
                group_token_value=_opened_if_any(sealer, spec.group_id_token),
            )
        case SendFrameInput(kind=Kind.CANCEL_RESERVATION, cancel_reservation=spec) if (
            spec is not None
        ):
            return dialect.cancel_reservation(spec)
    raise Unsendable(f"{request.kind.value}: what it is about is missing")


def traces(request: SendFrameInput) -> Traces:
    """What the intent of a frame is found again by."""
    match request:
        case SendFrameInput(kind=Kind.START_SESSION, start=spec) if spec is not None:
            return Traces(
                evse_id=spec.evse_id,
                connector_id=spec.connector_id,
                token_digest=spec.id_token.digest,
                group_digest=_digest(spec.group_id_token),
            )
        case SendFrameInput(kind=Kind.STOP_SESSION, stop=spec) if spec is not None:
            return Traces(wire_id=spec.wire_id)
        case SendFrameInput(kind=Kind.UNLOCK_CONNECTOR, unlock=spec) if spec is not None:
            return Traces(evse_id=spec.on_evse, connector_id=spec.on_connector)
        case SendFrameInput(kind=Kind.RESET, reset=spec) if spec is not None:
            return Traces(evse_id=spec.evse_id)
        case SendFrameInput(kind=Kind.RESERVE_NOW, reserve=spec) if spec is not None:
            return Traces(
                evse_id=spec.evse_id,
                connector_id=spec.connector_id,
                token_digest=spec.id_token.digest,
                group_digest=_digest(spec.group_id_token),
                wire_id=str(spec.wire_id),
            )
        case SendFrameInput(kind=Kind.CANCEL_RESERVATION, cancel_reservation=spec) if (
            spec is not None
        ):
            return Traces(wire_id=str(spec.wire_id))
    return Traces()


def _digest(token: IdToken | None) -> str | None:
    return None if token is None else token.digest


def _opened_if_any(sealer: Sealer, token: IdToken | None) -> str | None:
    return None if token is None else _opened(sealer, token)


def _opened(sealer: Sealer, token: IdToken) -> str:
    try:
        return sealer.open(token.sealed)
    except Exception as error:
        raise Unopenable from error


def at_evse(request: SendFrameInput, evse_id: int) -> SendFrameInput:
    """A start or a hold of any EVSE, at this one."""
    start, reserve = request.start, request.reserve
    return replace(
        request,
        start=replace(start, evse_id=evse_id) if start else None,
        reserve=replace(reserve, evse_id=evse_id) if reserve else None,
    )
