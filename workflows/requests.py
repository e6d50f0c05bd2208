"""The frames and questions of a command workflow, as inputs of `send_frame` and `ask_station`.

Four frames can leave for one command: its own, its own once more, the stop of a session that an
unlock ends first, and the frame that undoes an effect which nobody wants any longer.
"""

from dataclasses import replace
from datetime import datetime

from contract.commands import (
    AskStationInput,
    PrepareCommandResult,
    SendFrameInput,
    WeighEvidenceResult,
)
from domain.commands.timing import Timing
from domain.model.command import Command
from domain.model.specs import CancelReservationSpec, Kind, Spec, StopSpec, only_spec, specs_of


def send_request(command: Command, timing: Timing, attempt: int) -> SendFrameInput:
    """The command's own frame."""
    return SendFrameInput(
        command=command.name,
        tenant=command.tenant,
        workflow_id=command.workflow_id,
        station=command.station,
        kind=command.kind,
        attempt=attempt,
        not_after=command.not_after,
        answer_timeout_s=timing.answer_timeout_s,
        **specs_of(command),
    )


def again_request(
    command: Command, timing: Timing, attempt: int, ocpp_transaction_id: str
) -> SendFrameInput:
    """The command's own frame once more.

    ocpp_transaction_id: of a stop, which may be another one than the caller named.
    """
    request = send_request(command, timing, attempt)
    if command.stop is None:
        return request
    return _as(
        request, command.kind, replace(command.stop, found_ocpp_transaction_id=ocpp_transaction_id)
    )


def stop_first_request(
    command: Command, timing: Timing, attempt: int, route: PrepareCommandResult
) -> SendFrameInput:
    """The stop of the session that an unlock ends before it is sent."""
    return _as(send_request(command, timing, attempt), Kind.STOP_SESSION, _stop_of(route))


def undo_request(
    command: Command,
    timing: Timing,
    attempt: int,
    weighed: WeighEvidenceResult,
    not_after: datetime,
) -> SendFrameInput:
    """The frame that undoes the effect of a command which nobody wants any longer."""
    request = replace(send_request(command, timing, attempt), not_after=not_after, undo=True)
    if command.reserve is None:
        return _as(request, Kind.STOP_SESSION, _stop_of(weighed))
    reserve = command.reserve
    cancel = CancelReservationSpec(reserve.wire_id, found_reservation=reserve.reservation)
    return _as(request, Kind.CANCEL_RESERVATION, cancel)


def ask_request(command: Command) -> AskStationInput:
    """The question what became of a command: about a transaction where one is known."""
    answer, start, stop = command.station_answer, command.start, command.stop
    about = start or stop or command.reset
    named = answer.ocpp_transaction_id if answer and answer.ocpp_transaction_id else ""
    return AskStationInput(
        station=command.station,
        kind=command.kind,
        command=command.name,
        evse_id=about.evse_id if about else None,
        connector_id=start.connector_id if start else None,
        ocpp_transaction_id=stop.found_ocpp_transaction_id if stop else named,
    )


def ask_first_request(command: Command, route: PrepareCommandResult) -> AskStationInput:
    """The question what became of the session that an unlock ends first."""
    return AskStationInput(
        station=command.station,
        kind=Kind.STOP_SESSION,
        command=command.name,
        evse_id=route.evse_id,
        ocpp_transaction_id=route.ocpp_transaction_id,
    )


def _as(request: SendFrameInput, kind: Kind, spec: Spec) -> SendFrameInput:
    """The same frame with another kind and its spec."""
    return replace(request, kind=kind, **only_spec(kind, spec))


def _stop_of(session: PrepareCommandResult | WeighEvidenceResult) -> StopSpec:
    return StopSpec(
        evse_id=session.evse_id,
        found_ocpp_transaction_id=session.ocpp_transaction_id,
        found_transaction=session.transaction or None,
    )
