"""The signature of every activity, declared once.

Workflows call an activity by its stub, so that mypy checks the argument and the result of each
call. The implementation stands in the process that has what the activity needs (the worker its
database, a gateway its sockets, a broker its HTTP client), and is bound to its stub by
`implements`: mypy refuses an implementation with another input or result.

A stub is never run: it has the name that Temporal sees, and no body.
"""

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from temporalio import activity

from contract import names
from contract.bookings import CarryBookingInput, CarryBookingResult
from contract.callbacks import (
    NextCallbackInput,
    NextCallbackResult,
    NextEventInput,
    NextEventResult,
    PostCallbackInput,
    PostCallbackResult,
    PostEventInput,
    SettleCallbackInput,
    SettleCallbackResult,
    SettleEventInput,
)
from contract.commands import (
    PrepareCommandInput,
    PrepareCommandResult,
    RecordChangeInput,
    RecordChangeResult,
    SendFrameInput,
    SendFrameResult,
    SettleSendInput,
    WeighEvidenceInput,
    WeighEvidenceResult,
)
from contract.questions import AskStationInput, AskStationResult
from contract.reservations import (
    ChangeReservationInput,
    WeighReservationInput,
    WeighReservationResult,
)
from domain.reservations.reservation import Reservation

Owner = TypeVar("Owner")
Input = TypeVar("Input")
Result = TypeVar("Result")

Stub = Callable[[Input], Coroutine[Any, Any, Result]]
Method = Callable[[Owner, Input], Coroutine[Any, Any, Result]]


def implements(
    stub: Stub[Input, Result],
) -> Callable[[Method[Owner, Input, Result]], Method[Owner, Input, Result]]:
    """Declares a method as the activity of this stub: same name, same input, same result."""
    return activity.defn(name=stub.__name__)


# The worker: reads and writes of the fleet's database. All of them are local activities.


@activity.defn(name=names.PREPARE_COMMAND)
async def prepare_command(_: PrepareCommandInput) -> PrepareCommandResult:
    """Records the command as queued, finds its station's gateway, and says what to do next."""
    raise NotImplementedError


@activity.defn(name=names.SETTLE_SEND)
async def settle_send(_: SettleSendInput) -> SendFrameResult:
    """Decides whether an attempt was sent: if nothing says so, it never will be."""
    raise NotImplementedError


@activity.defn(name=names.WEIGH_EVIDENCE)
async def weigh_evidence(_: WeighEvidenceInput) -> WeighEvidenceResult:
    """Reads all facts about a command, decides by the domain's rules, records the decision."""
    raise NotImplementedError


@activity.defn(name=names.RECORD_CHANGE)
async def record_change(_: RecordChangeInput) -> RecordChangeResult:
    """Records what only the workflow knows: not sent, cancelled, guard ended."""
    raise NotImplementedError


@activity.defn(name=names.WEIGH_RESERVATION)
async def weigh_reservation(_: WeighReservationInput) -> WeighReservationResult:
    """Reads all facts about a reservation, records what they mean, and says what to do next."""
    raise NotImplementedError


@activity.defn(name=names.CHANGE_RESERVATION)
async def change_reservation(_: ChangeReservationInput) -> Reservation:
    """Records a change that was asked for, or that an operator ended the reservation."""
    raise NotImplementedError


@activity.defn(name=names.CARRY_BOOKING)
async def carry_booking(_: CarryBookingInput) -> CarryBookingResult:
    """Reads all facts about a booking, writes what they mean, and asks for what follows."""
    raise NotImplementedError


@activity.defn(name=names.NEXT_CALLBACK)
async def next_callback(_: NextCallbackInput) -> NextCallbackResult:
    """Finds the delivery to try next; writes off what newer changes replace."""
    raise NotImplementedError


@activity.defn(name=names.SETTLE_CALLBACK)
async def settle_callback(_: SettleCallbackInput) -> SettleCallbackResult:
    """Writes down what became of a try."""
    raise NotImplementedError


@activity.defn(name=names.NEXT_EVENT)
async def next_event(_: NextEventInput) -> NextEventResult:
    """Finds the event to post next; writes off what newer ones replace."""
    raise NotImplementedError


@activity.defn(name=names.SETTLE_EVENT)
async def settle_event(_: SettleEventInput) -> SettleCallbackResult:
    """Writes down what became of a try of an event."""
    raise NotImplementedError


# A gateway: what goes to a station. Scheduled on the gateway's own task queue.


@activity.defn(name=names.SEND_FRAME)
async def send_frame(_: SendFrameInput) -> SendFrameResult:
    """Sends one frame, at most once."""
    raise NotImplementedError


@activity.defn(name=names.ASK_STATION)
async def ask_station(_: AskStationInput) -> AskStationResult:
    """Asks the station what became of a command. Safe to repeat."""
    raise NotImplementedError


# A broker: what goes to a caller's receiver.


@activity.defn(name=names.POST_CALLBACK)
async def post_callback(_: PostCallbackInput) -> PostCallbackResult:
    """Makes one try of one delivery."""
    raise NotImplementedError


@activity.defn(name=names.POST_EVENT)
async def post_event(_: PostEventInput) -> PostCallbackResult:
    """Makes one try of one event."""
    raise NotImplementedError
