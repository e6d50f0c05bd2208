"""Every call that a reservation workflow makes, with its timeouts and retries written out."""

from datetime import datetime

from temporalio import workflow
from temporalio.exceptions import ActivityError

from contract import activities as stubs
from contract.commands import SendFrameInput
from contract.reservations import (
    ChangeInput,
    ChangeReservationInput,
    ReservationInput,
    WeighReservationInput,
    WeighReservationResult,
)
from domain.model.specs import Kind
from domain.reservations.reservation import Reservation
from workflows.calls import commands as calls


async def weigh(
    order: ReservationInput, now: datetime, not_before: datetime | None
) -> WeighReservationResult:
    """What do all facts mean for this hold? It is recorded, with what is to be done next."""
    return await workflow.execute_local_activity(
        stubs.weigh_reservation,
        WeighReservationInput(order.tenant, order.reservation, now, not_before),
        start_to_close_timeout=calls.LOOK_UP,
        retry_policy=calls.UNTIL_IT_WORKS,
        summary="What do the facts mean for this hold?",
    )


async def change(order: ReservationInput, asked: ChangeInput) -> Reservation:
    """Writes down that a change was asked for."""
    return await _change(order, asked, "")


async def withdraw(order: ReservationInput, reason: str) -> Reservation:
    """Writes down that an operator ended the reservation."""
    return await _change(order, None, reason)


async def _change(order: ReservationInput, asked: ChangeInput | None, reason: str) -> Reservation:
    return await workflow.execute_local_activity(
        stubs.change_reservation,
        ChangeReservationInput(order.tenant, order.reservation, workflow.now(), asked, reason),
        start_to_close_timeout=calls.LOOK_UP,
        retry_policy=calls.UNTIL_IT_WORKS,
        summary="Record the change" if asked else "Record the operator's end",
    )


async def transmit(gateway: str, request: SendFrameInput) -> None:
    """Hands one frame to a gateway. What became of it stands in the fleet afterwards."""
    verb = "Cancel" if request.kind is Kind.CANCEL_RESERVATION else "Ask for"
    summary = f"{verb} the hold at {request.station} (frame {request.attempt}, by {gateway})"
    try:
        await calls.closed(request, await calls.start_frame(gateway, request, summary))
    except ActivityError:
        await calls.settle(request, give_up=True)
