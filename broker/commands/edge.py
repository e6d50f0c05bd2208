"""The shape that all commands share at the broker's edge: one `CommandEdge` per command.

A request for a command always takes the same steps. What a step does differs from command to
command, and stands in the command's own file:

    rights     which rights the caller needs for this request
    check      what is wrong with its fields: every bad field at once
    read       the request as the domain's spec, tokens sealed
    find       the station, session or reservation that it is about; what prevents the command
    prepare    what has to be done before the command is submitted
    said       what a repeat of the request must say again
    show       the spec as the contract's message

The steps themselves are taken by `broker.services.remote_commands` and `broker.submitting`, which
know no kind. The table of all edges is `broker.commands.table`.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from evcommand.v1 import command_options_pb2 as options_pb
from evcommand.v1 import remote_command_pb2 as command_pb

from broker.access.rights import Rights
from broker.commands.lookups import Lookup
from broker.errors import FieldViolation
from broker.settings import Right
from domain.model.command import Callback, Command, WaitFor
from domain.model.specs import SPEC_PLACES, Kind, OfflinePolicy, specs_of
from fleet.database import Database
from fleet.keys import Sealer

RequestT = TypeVar("RequestT", bound="CommandRequest")
SpecT = TypeVar("SpecT")


class CommandRequest(Protocol):
    """The fields that the requests for all commands share."""

    @property
    def request_id(self) -> str:
        """Makes repeats of the request one command; empty when the broker makes one."""

    @property
    def options(self) -> options_pb.CommandOptions:
        """How to treat the command."""


@dataclass(frozen=True)
class Options:
    """The CommandOptions of a request. None: the default of the kind, or of the caller."""

    wait_for: WaitFor = WaitFor.STATION_ANSWER
    not_after: datetime | None = None
    offline_policy: OfflinePolicy | None = None
    labels: dict[str, str] = field(default_factory=dict)
    callback: Callback | None = None


@dataclass(frozen=True)
class ParsedRequest(Generic[SpecT]):
    """One request after it was read: the spec, and what every request has.

    time: when the request came. All its spans count from here.
    station: its identity; None when the request names it only through something else.
    request_id: None when the broker has to make one.
    token_chars: the length of each token's value, by field. The values themselves are sealed.
    """

    spec: SpecT
    time: datetime
    station: str | None = None
    request_id: str | None = None
    options: Options = field(default_factory=Options)
    token_chars: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Found(Generic[SpecT]):
    """What the look-ups found: the station, and the spec with all that was looked up.

    send_until: the command is pointless later, whatever the default of its kind. None: no such
    limit.
    """

    station: str
    spec: SpecT
    send_until: datetime | None = None


@dataclass(frozen=True)
class Preparation:
    """What may be done before a command is submitted. cancel: takes back an earlier command."""

    db: Database
    now: datetime
    cancel: Callable[[Command, str], Awaitable[None]]


async def nothing_to_prepare(_preparation: Preparation, command: Command) -> Command:
    """The command as it is: most kinds need no preparation."""
    return command


def right_to_command(_request: object) -> Rights:
    """The right that most commands need."""
    return (Right.COMMAND,)


def right_to_reserve(_request: object) -> Rights:
    """The right that commands about reservations need."""
    return (Right.RESERVE,)


@dataclass(frozen=True)
class CommandEdge(Generic[RequestT, SpecT]):
    """Everything that the broker does for one command and not for the others.

    find raises Refusal for everything that prevents the command from being made.
    said maps names of the request's fields to values that can be compared. A field that this
    request left to be found or counted is not in it.
    show writes the spec into a RemoteCommand; its last argument is the command's station.
    opened_by: a caller needs one of these rights, whatever the request is; rights tells those that
    this very request needs, all of them. cancelled_with: the right that takes the command back.
    """

    kind: Kind
    check: Callable[[RequestT, datetime], tuple[FieldViolation, ...]]
    read: Callable[[RequestT, Sealer, datetime], ParsedRequest[SpecT]]
    find: Callable[[Lookup, ParsedRequest[SpecT]], Awaitable[Found[SpecT]]]
    said: Callable[[SpecT], dict[str, object]]
    show: Callable[[command_pb.RemoteCommand, SpecT, str], None]
    opened_by: Rights = (Right.COMMAND,)
    rights: Callable[[RequestT], Rights] = right_to_command
    cancelled_with: Right = Right.COMMAND
    prepare: Callable[[Preparation, Command], Awaitable[Command]] = nothing_to_prepare

    @property
    def method(self) -> str:
        """The name of its RPC."""
        return "".join(word.capitalize() for word in self.kind.value.split("_"))


def spec_in(command: Command) -> Any:
    """The spec of a command, of the class that belongs to its kind; None when it has none."""
    return specs_of(command)[SPEC_PLACES[command.kind]]
