"""Page and resume tokens that a client made up: INVALID_ARGUMENT, whatever is in them."""

from typing import Any

import grpc
import pytest
from evcommand.v1 import audit_service_pb2 as audit_pb
from evcommand.v1 import callback_service_pb2 as callbacks_pb
from evcommand.v1 import remote_command_service_pb2 as commands_pb
from evcommand.v1 import reservation_service_pb2 as reservations_pb
from evcommand.v1 import station_service_pb2 as stations_pb
from evcommand.v1 import token_service_pb2 as tokens_pb
from evcommand.v1.audit_service_pb2_grpc import AuditServiceStub
from evcommand.v1.callback_service_pb2_grpc import CallbackServiceStub
from evcommand.v1.reservation_service_pb2_grpc import ReservationServiceStub

from broker.proto.selection import list_selection, watch_selection
from broker.reading.opaque_tokens import write_token
from tests.support.benches.broker_house import House, failure_of

pytestmark = pytest.mark.asyncio(loop_scope="session")

TENANT = "default"
SURROGATE, NUL = "\ud800", "\x00"
TOO_LARGE = (10**30, 2**63, -1, -(10**30))
BY_TIME = [
    *([moment, "x"] for moment in (*TOO_LARGE, 2**62)),
    *([1, name] for name in (SURROGATE, NUL)),
]
BY_NAME = [[SURROGATE], [NUL]]
LISTS: list[tuple[Any, list[list[Any]]]] = [
    (commands_pb.ListCommandsRequest, BY_TIME),
    (reservations_pb.ListReservationsRequest, BY_TIME),
    (callbacks_pb.ListCallbackDeliveriesRequest, BY_TIME),
    (stations_pb.ListStationsRequest, BY_NAME),
    (stations_pb.ListTransactionsRequest, BY_NAME),
    (audit_pb.ListAuditEntriesRequest, BY_TIME),
    (tokens_pb.ListTokensRequest, [["x", SURROGATE], [NUL, "x"], [SURROGATE, "x"]]),
]
PLACES = [
    *([number, 1, "told", ""] for number in TOO_LARGE),
    *([0, number, "", ""] for number in TOO_LARGE),
    [0, 1, "2026-01-01T00:00:00+00:00", SURROGATE],
    [0, 1, "2026-01-01T00:00:00+00:00", NUL],
    [0, 1, SURROGATE, "x"],
]
WATCHES: list[Any] = [commands_pb.WatchCommandsRequest, reservations_pb.WatchReservationsRequest]


def method_of(house: House, request: Any) -> Any:
    channel = house.broker.channel
    stubs: list[Any] = [
        *(house.broker.commands, house.broker.stations, house.broker.tokens),
        *(ReservationServiceStub(channel), CallbackServiceStub(channel), AuditServiceStub(channel)),
    ]
    name = request.DESCRIPTOR.name.removesuffix("Request")
    return next(getattr(stub, name) for stub in stubs if hasattr(stub, name))


def quiet(capsys: pytest.CaptureFixture[str]) -> None:
    shown = "".join(capsys.readouterr())
    assert "Traceback" not in shown
    assert "call_failed" not in shown


@pytest.mark.parametrize(
    ("kind", "positions"), LISTS, ids=lambda value: getattr(value, "__name__", "")
)
async def test_a_forged_page_token_is_an_invalid_argument_and_no_failure(
    house: House, kind: Any, positions: list[list[Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    for position in positions:
        token = write_token(list_selection(TENANT, kind()), position)
        request = kind(page_token=token)
        failure = await failure_of(method_of(house, request)(request))
        assert failure.code is grpc.StatusCode.INVALID_ARGUMENT, position
        assert (failure.reason, failure.fields) == ("PAGE_TOKEN_INVALID", ["page_token"]), position
    quiet(capsys)


@pytest.mark.parametrize("kind", WATCHES, ids=lambda value: value.__name__)
async def test_a_forged_resume_token_is_an_invalid_argument_and_no_failure(
    house: House, kind: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    for place in PLACES:
        token = write_token(watch_selection(TENANT, kind(all=True)), place)
        request = kind(all=True, resume_token=token)
        failure = await failure_of(method_of(house, request)(request, timeout=5))
        assert failure.code is grpc.StatusCode.INVALID_ARGUMENT, place
        assert (failure.reason, failure.fields) == ("RESUME_TOKEN_INVALID", ["resume_token"]), place
    quiet(capsys)
