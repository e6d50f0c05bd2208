"""Which right each method needs, and what a credential without the right is told."""

import re
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from evcommand.v1 import remote_command_pb2 as command_pb
from evcommand.v1 import remote_command_service_pb2 as pb

from broker.access.caller import Caller
from broker.access.rights import OWN, changes_something
from broker.auth import check_rights, current_caller, set_current_caller
from broker.commands import reset, unlock_connector
from broker.commands.table import EDGES, METHOD_RIGHTS
from broker.errors import Reason, Refusal
from broker.services.registration import DESCRIPTORS
from broker.settings import ORDINARY, ApiKey, Right
from domain.model.specs import Kind

DIGEST = "0" * 64
V1 = "/evcommand.v1."
PROTOS = Path(__file__).parents[4] / "protos/evcommand/v1"
METHODS = [
    f"/{service.full_name}/{method.name}"
    for file in DESCRIPTORS
    for service in file.services_by_name.values()
    for method in service.methods
]


def test_every_method_of_every_service_says_which_right_it_needs() -> None:
    assert METHODS
    for method in METHODS:
        assert METHOD_RIGHTS.of(method) is not None, f"{method} says nothing"


READING = {
    *("GetCommand", "ListCommands", "WatchCommands", "ExplainCommand"),
    *("GetReservation", "ListReservations", "WatchReservations"),
    *("GetStation", "ListStations", "ListTransactions", "GetTransaction"),
    *("GetToken", "ListTokens", "GetCallbackSettings", "ListCallbackDeliveries"),
    *("WatchStations", "WatchTransactions", "GetTruthReport", "ListAuditEntries"),
    *("GetPool", "ListPools", "GetBookingPolicy", "ListBookingPolicies"),
    *("GetBooking", "ListBookings", "SearchAvailability", "WatchBookings", "ExplainBooking"),
    *("GetWaitlistEntry", "ListWaitlistEntries", "WatchWaitlist"),
}


def test_every_method_is_known_as_one_that_reads_or_one_that_changes() -> None:
    reading = {method.rpartition("/")[2] for method in METHODS if not changes_something(method)}
    assert reading == READING
    assert not changes_something("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo")


def test_a_method_that_nobody_gave_a_right_needs_admin() -> None:
    with pytest.raises(Refusal) as refused:
        METHOD_RIGHTS.check(f"{V1}NewService/Forgotten", frozenset(Right) - {Right.ADMIN}, "desk")
    assert refused.value.facts == {"right": "admin"}


@pytest.mark.parametrize(
    ("method", "right"),
    [
        ("RemoteCommandService/StartSession", "command"),
        ("RemoteCommandService/StopSession", "command"),
        ("RemoteCommandService/UnlockConnector", "unlock"),
        ("RemoteCommandService/ReserveNow", "reserve"),
        ("RemoteCommandService/CancelReservation", "reserve"),
        ("RemoteCommandService/ListCommands", "read"),
        ("RemoteCommandService/ExplainCommand", "read"),
        ("ReservationService/UpdateReservation", "reserve"),
        ("ReservationService/WatchReservations", "read"),
        ("StationService/CreateStation", "admin"),
        ("StationService/DeleteStation", "admin"),
        ("StationService/GetTransaction", "read"),
        ("TokenService/ListTokens", "tokens"),
        ("TokenService/PutToken", "tokens"),
        ("CallbackService/ResendCallbackDelivery", "command"),
    ],
)
def test_a_call_without_its_right_is_denied_and_told_which(method: str, right: str) -> None:
    others = frozenset(Right) - {Right(right)}
    METHOD_RIGHTS.check(V1 + method, frozenset({Right(right)}), "desk")
    with pytest.raises(Refusal, match=rf"desk has not the right {right}\b") as refused:
        METHOD_RIGHTS.check(V1 + method, others, "desk")
    assert refused.value.reason is Reason.RIGHT_MISSING
    assert refused.value.code is grpc.StatusCode.PERMISSION_DENIED
    assert refused.value.facts == {"right": right}


def test_a_method_that_two_rights_open_is_closed_to_who_has_neither() -> None:
    both = f"{V1}RemoteCommandService/Reset"
    METHOD_RIGHTS.check(both, frozenset({Right.COMMAND}), "desk")
    METHOD_RIGHTS.check(both, frozenset({Right.HARD_RESET}), "desk")
    with pytest.raises(Refusal, match="command or hard-reset") as refused:
        METHOD_RIGHTS.check(both, frozenset({Right.READ}), "desk")
    assert refused.value.facts == {"right": "command"}


@pytest.mark.parametrize(
    ("method", "own", "wider"),
    [
        ("GetBooking", Right.BOOKINGS_READ, Right.READ),
        ("SearchAvailability", Right.BOOKINGS_READ, Right.READ),
        ("CreateBooking", Right.BOOKINGS_WRITE, Right.RESERVE),
        ("UpdateBooking", Right.BOOKINGS_WRITE, Right.RESERVE),
        ("UpdatePool", Right.POOLS_ADMIN, Right.ADMIN),
        ("PutBookingPolicy", Right.POOLS_ADMIN, Right.ADMIN),
    ],
)
def test_bookings_have_rights_of_their_own_and_the_wider_ones_open_them_as_before(
    method: str, own: Right, wider: Right
) -> None:
    path = f"{V1}BookingService/{method}"
    METHOD_RIGHTS.check(path, frozenset({own}), "desk")
    METHOD_RIGHTS.check(path, frozenset({wider}), "desk")
    with pytest.raises(Refusal) as refused:
        METHOD_RIGHTS.check(path, frozenset(Right) - {own, wider}, "desk")
    assert refused.value.facts == {"right": own.value}


def test_a_right_of_bookings_opens_nothing_but_bookings() -> None:
    for right in (Right.BOOKINGS_READ, Right.BOOKINGS_WRITE, Right.POOLS_ADMIN):
        opened = {each for each in METHODS if right in (METHOD_RIGHTS.of(each) or ())}
        assert opened
        assert all("BookingService/" in each for each in opened)
    key = ApiKey.parse(f"desk+bookings.read+bookings.write:{DIGEST}")
    assert key.rights == {Right.BOOKINGS_READ, Right.BOOKINGS_WRITE}


def test_what_is_a_credential_s_own_needs_no_right() -> None:
    for method in ("GetCallbackSettings", "UpdateCallbackSettings", "RotateCallbackSecret"):
        assert METHOD_RIGHTS.of(f"{V1}CallbackService/{method}") == OWN
        METHOD_RIGHTS.check(f"{V1}CallbackService/{method}", frozenset(), "desk")
    METHOD_RIGHTS.check(
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", frozenset(), "desk"
    )


def test_an_unlock_that_ends_a_session_needs_the_right_of_a_stop_too() -> None:
    request = pb.UnlockConnectorRequest(station="stations/CP-1", connector_id=1)
    assert unlock_connector.rights(request) == (Right.UNLOCK,)
    request.stop_first = True
    assert unlock_connector.rights(request) == (Right.UNLOCK, Right.COMMAND)


def test_a_restart_that_ends_no_session_needs_no_right_of_a_hard_one() -> None:
    soft = pb.ResetRequest(mode=command_pb.ResetMode.RESET_MODE_SOFT)
    hard = pb.ResetRequest(mode=command_pb.ResetMode.RESET_MODE_HARD)
    assert reset.rights(soft) == (Right.COMMAND,)
    assert reset.rights(hard) == (Right.HARD_RESET,)


def test_a_command_is_cancelled_with_the_right_that_makes_one() -> None:
    reserving = {Kind.RESERVE_NOW, Kind.CANCEL_RESERVATION}
    for kind in Kind:
        expected = Right.RESERVE if kind in reserving else Right.COMMAND
        assert EDGES[kind].cancelled_with is expected


def test_an_old_key_keeps_what_it_had() -> None:
    """Before rights had classes, a key could call everything but what it had to name."""
    plain, unlocking = ApiKey.parse(f"desk:{DIGEST}"), ApiKey.parse(f"desk+unlock:{DIGEST}")
    assert plain.rights == ORDINARY == frozenset(Right) - {Right.UNLOCK, Right.HARD_RESET}
    assert unlocking.rights == ORDINARY | {Right.UNLOCK}
    for method in METHODS:
        if method.endswith("/UnlockConnector"):
            continue
        METHOD_RIGHTS.check(method, plain.rights, "desk")


def test_a_key_that_names_a_class_has_what_it_names_and_no_more() -> None:
    assert ApiKey.parse(f"eyes+read:{DIGEST}").rights == {Right.READ}
    key = ApiKey.parse(f"depot@north+read+unlock:{DIGEST}")
    assert key.tenant == "north"
    assert key.rights == {Right.READ, Right.UNLOCK}


@pytest.fixture
def limited() -> Iterator[None]:
    before = current_caller()
    set_current_caller(Caller("desk", "north", frozenset({Right.HARD_RESET})))
    yield
    set_current_caller(before)


@pytest.mark.usefixtures("limited")
def test_the_first_right_that_is_missing_is_named() -> None:
    check_rights(Right.HARD_RESET)
    with pytest.raises(Refusal) as refused:
        check_rights(Right.HARD_RESET, Right.COMMAND)
    assert refused.value.facts == {"right": "command"}


def test_the_contract_says_of_each_method_which_right_it_needs() -> None:
    said: dict[str, str] = {}
    for file in PROTOS.glob("*_service.proto"):
        text = file.read_text()
        service = re.search(r"^service (\w+)", text, re.MULTILINE)
        assert service
        for rights, name in re.findall(r"  // Right: ([^\n]+)\.\n  rpc (\w+)\(", text):
            said[f"{V1}{service[1]}/{name}"] = rights
    expected = {
        method: " or ".join(f"`{right.value}`" for right in METHOD_RIGHTS.of(method) or ())
        or "none"
        for method in METHODS
    }
    assert said == expected
