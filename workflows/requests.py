"""The frames and questions of a command workflow, as inputs of `send_frame` and `ask_station`.

Four frames can leave for one command: its own, its own once more, the stop of a session that an
unlock ends first, and the frame that undoes an effect which nobody wants any longer.
"""

from dataclasses import replace
from datetime import datetime

from contract.commands import (
    PrepareCommandResult,
    SendFrameInput,
    WeighEvidenceResult,
)
from contract.questions import AskStationInput
from domain.commands.rules import FrameSpec, SessionTarget
from domain.commands.stop_session import frame_that_stops
from domain.commands.table import rules_of
from domain.commands.timing import Timing
from domain.model.command import Command
from domain.model.specs import only_spec, specs_of


def send_request(
    command: Command, timing: Timing, attempt: int, *, offered: bool = False, is_new: bool = False
) -> SendFrameInput:
    """The command's own frame.

    offered: this attempt may have been handed over before. is_new: the log does not have the
    command yet; who sends the frame records it.
    """
    return SendFrameInput(
        command=command.name,
        tenant=command.tenant,
        workflow_id=command.workflow_id,
        station=command.station,
        kind=command.kind,
        attempt=attempt,
        not_after=command.not_after,
        answer_timeout_s=timing.answer_timeout_s,
        offered=offered,
        initial=command if is_new else None,
        **specs_of(command),
    )


def own_request(
    command: Command, timing: Timing, attempt: int, route: PrepareCommandResult
) -> SendFrameInput:
    """The command's own frame, as it goes the way that was found."""
    request = send_request(command, timing, attempt, offered=route.offered)
    return replace(request, line=route.line)


def again_request(
    command: Command, timing: Timing, attempt: int, ocpp_transaction_id: str
) -> SendFrameInput:
    """The command's own frame once more.

    ocpp_transaction_id: of a stop, which may be another one than the caller named.
    """
    spec = rules_of(command).repeated(command, ocpp_transaction_id)
    return _with(send_request(command, timing, attempt), FrameSpec(command.kind, spec))


def stop_first_request(
    command: Command, timing: Timing, attempt: int, route: PrepareCommandResult
) -> SendFrameInput:
    """The stop of the session that a command ends before it is sent."""
    return _with(send_request(command, timing, attempt), frame_that_stops(_session_of(route)))


def undo_request(
    command: Command,
    timing: Timing,
    attempt: int,
    weighed: WeighEvidenceResult,
    not_after: datetime,
) -> SendFrameInput:
    """The frame that undoes the effect of a command which nobody wants any longer.

    Raises: ValueError for a command whose effect cannot be undone; no decision asks for that.
    """
    undo = rules_of(command).undo
    if undo is None:
        raise ValueError(f"the effect of {command.kind.value} cannot be undone")
    request = replace(send_request(command, timing, attempt), not_after=not_after, undo=True)
    return _with(request, undo.frame(command, _session_of(weighed)))


def ask_request(command: Command) -> AskStationInput:
    """The question what became of the command."""
    about = rules_of(command).question(command)
    return AskStationInput(
        station=command.station,
        kind=command.kind,
        command=command.name,
        evse_id=about.evse_id,
        connector_id=about.connector_id,
        ocpp_transaction_id=about.ocpp_transaction_id,
    )


def ask_first_request(command: Command, route: PrepareCommandResult) -> AskStationInput:
    """The question what became of the session that a command ends before it is sent."""
    stop = frame_that_stops(_session_of(route))
    return AskStationInput(
        station=command.station,
        kind=stop.kind,
        command=command.name,
        evse_id=route.evse_id,
        ocpp_transaction_id=route.ocpp_transaction_id,
    )


def _with(request: SendFrameInput, frame: FrameSpec) -> SendFrameInput:
    """The same request with another frame."""
    return replace(request, kind=frame.kind, **only_spec(frame.kind, frame.spec))


def _session_of(known: PrepareCommandResult | WeighEvidenceResult) -> SessionTarget:
    return SessionTarget(known.ocpp_transaction_id, known.transaction, known.evse_id)
