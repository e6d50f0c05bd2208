"""What a worker learns when it offers a frame to a gateway over the gateway's direct line."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from contract.commands import SendFrameInput, SendFrameResult
from domain.model.ways import LineUse


@dataclass(frozen=True)
class Offered:
    """What became of an offer.

    line: how far the line was of use. sent: the frame's result, only with USED; None says nothing
    of the frame: the gateway may have it.
    """

    line: LineUse
    sent: SendFrameResult | None = None


Offer = Callable[[str, str, SendFrameInput], Awaitable[Offered]]
"""Hands a frame to a gateway, at the address of its direct line (`lines.DirectLines.offer`)."""


async def no_line(_gateway: str, _address: str, _frame: SendFrameInput) -> Offered:
    """An offer that nobody takes: frames go over the task queues only."""
    return Offered(LineUse.TURNED_OFF)
