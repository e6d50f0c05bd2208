"""Every call that a reservation workflow makes, with its timeouts and retries written out."""

from datetime import datetime

from temporalio import workflow
from temporalio.exceptions import ActivityError

from contract import activities as stubs
from contract.commands import SendFrameInput, SendStatus
from contract.reservations import (
    ChangeInput,
    ChangeReservationInput,
    ReservationInput,
    WeighReservationInput,
    WeighReservationResult,
)
from domain.model.specs import Kind
from domain.reservations.reservation import Reservation
from workflows.calls.commands import close_if_unsent, settle, start_frame
from workflows.calls.retries import UNTIL_IT_WORKS
from workflows.limits import LOOK_UP, NOT_SENT_PAUSE

_PATCH = "pause-after-not-sent"

_VERBS = {Kind.RESERVE_NOW: "Ask for", Kind.CANCEL_RESERVATION: "Cancel"}
"""What a frame about a reservation does with it, for whoever reads its history."""


async def weigh(
    about: ReservationInput, now: datetime, not_before: datetime | None
) -> WeighReservationResult:
    """Decides what all facts mean for this reservation, records it, and says what to do next."""
    return await workflow.execute_local_activity(
        stubs.weigh_reservation,
        WeighReservationInput(about.tenant, about.reservation, now, not_before),
        start_to_close_timeout=LOOK_UP,
        retry_policy=UNTIL_IT_WORKS,
        summary="What do the facts mean for this hold?",
    )


async def record_change(about: ReservationInput, change: ChangeInput) -> Reservation:
    """Records that a change was asked for."""
    return await _change(about, change, "")


async def withdraw(about: ReservationInput, reason: str) -> Reservation:
    """Records that an operator ended the reservation."""
    return await _change(about, None, reason)


async def _change(about: ReservationInput, change: ChangeInput | None, reason: str) -> Reservation:
    return await workflow.execute_local_activity(
        stubs.change_reservation,
        ChangeReservationInput(about.tenant, about.reservation, workflow.now(), change, reason),
        start_to_close_timeout=LOOK_UP,
        retry_policy=UNTIL_IT_WORKS,
        summary="Record the change" if change else "Record the operator's end",
    )


async def transmit(gateway: str, request: SendFrameInput) -> None:
    """Hands one frame to a gateway. What became of it is in the fleet's database afterwards.

    A frame that was certainly not sent leaves no row, and the same one is decided on again: only
    after a pause, because a full queue or a gateway that ends says no as often as it is asked.
    """
    what = f"{_VERBS[request.kind]} the hold at {request.station}"
    summary = f"{what} (frame {request.attempt}, by {gateway})"
    try:
        sent = await close_if_unsent(request, await start_frame(gateway, request, summary))
    except ActivityError:
        await settle(request, give_up=True)
        return
    if sent.status is SendStatus.NOT_SENT and workflow.patched(_PATCH):
        await workflow.sleep(NOT_SENT_PAUSE, summary="Nothing was sent: wait before the next try")
