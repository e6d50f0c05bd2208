"""From a command to its frame, and to what the fleet keeps of that frame.

`KEPT` says for each kind of command which part of its spec is kept beside the frame, so that the
facts that follow can be matched with it. How the frame is written is the matter of the dialects.
Tokens are opened from their seal here and nowhere else, each time a frame is built, and not kept.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from contract.commands import SendFrameInput
from domain.model.specs import (
    SPEC_PLACES,
    CancelReservationSpec,
    IdToken,
    Kind,
    ReserveSpec,
    ResetSpec,
    StartSpec,
    StopSpec,
    UnlockSpec,
)
from fleet.keys import Sealer
from station_gateway.dialects.command_words import FrameParts
from station_gateway.dialects.interface import Dialect
from station_gateway.dialects.messages import OutgoingCall, Unsendable


class Unopenable(Exception):
    """A token's seal is not of our key: nothing can be sent."""


@dataclass(frozen=True, slots=True)
class KeptOfFrame:
    """What the fleet keeps beside a frame, to recognise the facts that follow it.

    id_token, group_id_token: the tokens that the frame carries. Their digests equal those of the
        tokens that the station will report, whatever it calls their types.
    named_id: OCPP's id of the transaction that is stopped, or of the reservation.
    """

    evse_id: int | None = None
    connector_id: int | None = None
    id_token: IdToken | None = None
    group_id_token: IdToken | None = None
    named_id: str | None = None

    @property
    def token_digest(self) -> str | None:
        """The digest of the token, None when the frame carries none."""
        return None if self.id_token is None else self.id_token.digest

    @property
    def token_masked(self) -> str:
        """The token for people, "" when the frame carries none."""
        return "" if self.id_token is None else self.id_token.masked

    @property
    def group_digest(self) -> str | None:
        """The digest of the group token, None when the frame carries none."""
        return None if self.group_id_token is None else self.group_id_token.digest


def _of_start(spec: StartSpec) -> KeptOfFrame:
    return KeptOfFrame(spec.evse_id, spec.connector_id, spec.id_token, spec.group_id_token)


def _of_stop(spec: StopSpec) -> KeptOfFrame:
    return KeptOfFrame(named_id=spec.found_ocpp_transaction_id)


def _of_unlock(spec: UnlockSpec) -> KeptOfFrame:
    return KeptOfFrame(spec.on_evse, spec.on_connector)


def _of_reset(spec: ResetSpec) -> KeptOfFrame:
    return KeptOfFrame(spec.evse_id)


def _of_reserve_now(spec: ReserveSpec) -> KeptOfFrame:
    return KeptOfFrame(
        spec.evse_id, spec.connector_id, spec.id_token, spec.group_id_token, str(spec.wire_id)
    )


def _of_cancel_reservation(spec: CancelReservationSpec) -> KeptOfFrame:
    return KeptOfFrame(named_id=str(spec.wire_id))


KEPT: Mapping[Kind, Callable[[Any], KeptOfFrame]] = {
    Kind.START_SESSION: _of_start,
    Kind.STOP_SESSION: _of_stop,
    Kind.UNLOCK_CONNECTOR: _of_unlock,
    Kind.RESET: _of_reset,
    Kind.RESERVE_NOW: _of_reserve_now,
    Kind.CANCEL_RESERVATION: _of_cancel_reservation,
}
"""What is kept of the frame of each kind. A row for every kind."""

AWAIT_CABLE = frozenset({Kind.START_SESSION})
"""Kinds whose deadline depends on how long the station waits for the cable."""


def build(
    dialect: Dialect, sealer: Sealer, request: SendFrameInput, remote_start_id: int = 0
) -> OutgoingCall:
    """The frame of a command in this version's words.

    Raises:
        Unsendable: the version has no words for it, or its spec is not in the request.
        Unopenable: a token cannot be read.
    """
    spec = _spec_of(request)
    if spec is None:
        raise Unsendable(f"{request.kind.value}: what it is about is missing")
    kept = KEPT[request.kind](spec)
    parts = FrameParts(
        id_token=_opened(sealer, kept.id_token),
        group_id_token=_opened(sealer, kept.group_id_token),
        number=remote_start_id,
    )
    return dialect.COMMANDS[request.kind].write(spec, parts)


def kept_of(request: SendFrameInput) -> KeptOfFrame:
    """What the fleet keeps beside the frame of this request."""
    spec = _spec_of(request)
    return KeptOfFrame() if spec is None else KEPT[request.kind](spec)


def lacks_evse(dialect: Dialect, request: SendFrameInput) -> bool:
    """Whether the frame names no EVSE although stations of this version want one named."""
    wants_evse = dialect.COMMANDS[request.kind].wants_evse
    return wants_evse and kept_of(request).evse_id is None


def at_evse(request: SendFrameInput, evse_id: int) -> SendFrameInput:
    """The same request at this EVSE."""
    spec = replace(_spec_of(request), evse_id=evse_id)
    return replace(request, **{SPEC_PLACES[request.kind]: spec})


def _spec_of(request: SendFrameInput) -> Any:
    return getattr(request, SPEC_PLACES[request.kind])


def _opened(sealer: Sealer, token: IdToken | None) -> str | None:
    if token is None:
        return None
    try:
        return sealer.open(token.sealed)
    except Exception as error:
        raise Unopenable from error
