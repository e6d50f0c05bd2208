"""What a command workflow asks of gateways: its inputs of `send_frame` and `ask_station`."""

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
from domain.model.specs import CancelReservationSpec, Kind, StopSpec, specs_of


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


def stop_first_request(
    command: Command, timing: Timing, attempt: int, route: PrepareCommandResult
) -> SendFrameInput:
    """The stop of the session that an unlock ends before it is sent."""
    stop = StopSpec(
        evse_id=route.evse_id,
        wire_id=route.wire_id,
        resolved_transaction=route.transaction or None,
    )
    request = send_request(command, timing, attempt)
    return replace(request, kind=Kind.STOP_SESSION, unlock=None, stop=stop)


def ask_first_request(command: Command, route: PrepareCommandResult) -> AskStationInput:
    """What became of the session that was to be stopped first?"""
    return AskStationInput(
        station=command.station,
        kind=Kind.STOP_SESSION,
        command=command.name,
        evse_id=route.evse_id,
        wire_id=route.wire_id,
    )


def again_request(command: Command, timing: Timing, attempt: int, wire_id: str) -> SendFrameInput:
    """The frame repeated; a stop perhaps with the id that the station really uses."""
    request = send_request(command, timing, attempt)
    if command.stop is None:
        return request
    return replace(request, stop=replace(command.stop, wire_id=wire_id))


def undo_request(
    command: Command,
    timing: Timing,
    attempt: int,
    weighed: WeighEvidenceResult,
    not_after: datetime,
) -> SendFrameInput:
    """What ends the session, or the hold, that nobody wants any longer."""
    request = replace(send_request(command, timing, attempt), not_after=not_after, undo=True)
    if command.reserve is not None:
        cancel = CancelReservationSpec(
            command.reserve.wire_id, resolved_reservation=command.reserve.reservation
        )
        return replace(
            request, kind=Kind.CANCEL_RESERVATION, reserve=None, cancel_reservation=cancel
        )
    stop = StopSpec(
        evse_id=weighed.evse_id,
        wire_id=weighed.wire_id,
        resolved_transaction=weighed.transaction or None,
    )
    return replace(request, kind=Kind.STOP_SESSION, start=None, stop=stop)


def ask_request(command: Command) -> AskStationInput:
    """What became of it? By transaction where one is known, else by EVSE."""
    answer, start, stop = command.station_answer, command.start, command.stop
    about = start or stop or command.reset
    named = answer.transaction_id if answer and answer.transaction_id else ""
    return AskStationInput(
        station=command.station,
        kind=command.kind,
        command=command.name,
        evse_id=about.evse_id if about else None,
        connector_id=start.connector_id if start else None,
        wire_id=stop.wire_id if stop else named,
    )
