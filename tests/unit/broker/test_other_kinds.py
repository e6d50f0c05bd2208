"""Unlocking, restarting, reserving and letting go, on their way in: faults, limits, repeats."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from evcommand.v1 import remote_command_pb2 as command_pb
from evcommand.v1 import remote_command_service_pb2 as pb
from google.protobuf.duration_pb2 import Duration

from broker.auth import Caller, require, set_current_caller
from broker.commands import capabilities, drafting
from broker.commands.asks import (
    Ask,
    CancelReservationAsk,
    PlainToken,
    ReserveAsk,
    ResetAsk,
    UnlockAsk,
)
from broker.commands.drafting import Origin
from broker.commands.resolving import reservation_id
from broker.errors import Reason, Refusal
from broker.proto import check_other_commands as validate_others
from broker.proto.asks import cancel_reservation_in, reserve_in, reset_in, unlock_in
from broker.proto.commands import command_out
from broker.settings import ApiKey, Right
from domain.model.command import Command
from domain.model.specs import ReserveSpec, ResetMode
from tests.unit.broker.requests import NOW, REQUEST_ID, at, token
from tests.unit.broker.test_rules import SEALER

ORIGIN = Origin("default", "desk", "")
RESERVATION = "reservations/0123456789abcdef01234567"
TOKEN = PlainToken("ISO14443", "04A1B2C3")


def reserve(**fields: Any) -> pb.ReserveNowRequest:
    """A ReserveNow that is valid as it is."""
    base = pb.ReserveNowRequest(station="stations/CP-1", id_token=token())
    if not {"ttl", "expire_time"} & fields.keys():
        fields["ttl"] = Duration(seconds=600)
    base.MergeFrom(pb.ReserveNowRequest(**fields))
    return base


def faults(found: Any) -> list[str]:
    return [one.field for one in found]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"evse_id": 0}, "evse_id"),
        ({"connector_id": 1}, "connector_id"),
        ({"connector_type": "x" * 21}, "connector_type"),
        ({"ttl": Duration()}, "ttl"),
        ({"ttl": Duration(seconds=31 * 86_400)}, "ttl"),
        ({"expire_time": at(NOW)}, "expire_time"),
        ({"expire_time": at(NOW + timedelta(days=31))}, "expire_time"),
        ({"group_id_token": token("")}, "group_id_token.value"),
    ],
)
def test_each_fault_of_a_reserve_now_is_named(fields: dict[str, Any], field: str) -> None:
    assert field in faults(validate_others.check_reserve(reserve(**fields), NOW))


def test_good_requests_have_no_faults() -> None:
    assert validate_others.check_reserve(reserve(evse_id=1, connector_id=1), NOW) == ()
    unlock = pb.UnlockConnectorRequest(station="stations/CP-1", connector_id=1)
    assert validate_others.check_unlock(unlock, NOW) == ()
    reset = pb.ResetRequest(station="stations/CP-1", mode=command_pb.RESET_MODE_SOFT)
    assert validate_others.check_reset(reset, NOW) == ()
    for target in (
        {"reservation": RESERVATION},
        {"wire_reservation": pb_wire("stations/CP-1", 7)},
    ):
        request = pb.CancelReservationRequest(**target)
        assert validate_others.check_cancel_reservation(request, NOW) == ()


def pb_wire(station: str, wire_id: int) -> command_pb.WireReservation:
    return command_pb.WireReservation(station=station, wire_id=wire_id)


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (pb.CancelReservationRequest(reservation="reservations/7"), "reservation"),
        (pb.CancelReservationRequest(wire_reservation=pb_wire("CP-1", 7)), "station"),
        (
            pb.CancelReservationRequest(wire_reservation=pb_wire("stations/CP-1", -1)),
            "wire_reservation.wire_id",
        ),
        (pb.CancelReservationRequest(reservation=RESERVATION, reason="x" * 256), "reason"),
    ],
)
def test_each_fault_of_a_cancel_is_named(request_: pb.CancelReservationRequest, field: str) -> None:
    assert faults(validate_others.check_cancel_reservation(request_, NOW)) == [field]


MODES = {
    "1.6": {ResetMode.SOFT, ResetMode.HARD},
    "2.0.1": {ResetMode.SOFT, ResetMode.HARD, ResetMode.ON_IDLE},
    "2.1": set(ResetMode),
    "": set(ResetMode),
}


@pytest.mark.parametrize("version", MODES)
@pytest.mark.parametrize("mode", ResetMode)
def test_a_version_restarts_only_as_it_can(version: str, mode: ResetMode) -> None:
    ask = ResetAsk("CP/1", mode)
    assert is_possible(lambda: capabilities.check_reset_fits(ask, version)) == (
        mode in MODES[version]
    )


@pytest.mark.parametrize(("version", "possible"), [("1.6", False), ("2.0.1", True), ("2.1", True)])
def test_only_2x_restarts_one_evse(version: str, possible: bool) -> None:
    ask = ResetAsk("CP/1", ResetMode.SOFT, evse_id=1)
    assert is_possible(lambda: capabilities.check_reset_fits(ask, version)) == possible


@pytest.mark.parametrize(("version", "possible"), [("1.6", False), ("2.0.1", True), ("2.1", True)])
def test_only_2x_names_a_second_connector_and_a_connector_type(
    version: str, possible: bool
) -> None:
    unlock = UnlockAsk("CP/1", connector_id=2, evse_id=1)
    assert is_possible(lambda: capabilities.check_unlock_fits(unlock, version)) == possible
    hold = ReserveAsk("CP/1", TOKEN, ttl=timedelta(minutes=5), connector_type="cCCS2")
    assert is_possible(lambda: capabilities.check_reserve_fits(hold, version, [])) == possible


def test_a_hold_can_name_only_the_only_connector() -> None:
    hold = ReserveAsk("CP/1", TOKEN, ttl=timedelta(minutes=5), evse_id=1, connector_id=1)
    assert is_possible(lambda: capabilities.check_reserve_fits(hold, "2.1", [(1, 1)]))
    assert not is_possible(lambda: capabilities.check_reserve_fits(hold, "2.1", [(1, 1), (1, 2)]))


def is_possible(check: Any) -> bool:
    try:
        check()
    except Refusal as refusal:
        assert refusal.reason is Reason.NOT_POSSIBLE_ON_STATION
        assert refusal.violations
        return False
    return True


def drafted(ask: Ask) -> Command:
    spec = drafting.spec_of(ask, SEALER)
    return drafting.draft(ask, REQUEST_ID, "CP/1", spec, origin=ORIGIN, now=NOW)


HOLD = ReserveAsk("CP/1", TOKEN, ttl=timedelta(minutes=5), evse_id=1)
CANCEL = CancelReservationAsk(reservation=RESERVATION, reason="late")


@pytest.mark.parametrize(
    ("known", "ask", "fields"),
    [
        (HOLD, HOLD, []),
        (HOLD, replace(HOLD, ttl=timedelta(minutes=6)), ["ttl"]),
        (HOLD, replace(HOLD, evse_id=2), ["evse_id"]),
        (HOLD, replace(HOLD, id_token=PlainToken("ISO14443", "OTHER")), ["id_token"]),
        (CANCEL, CANCEL, []),
        (CANCEL, replace(CANCEL, reason="early"), ["reason"]),
        (UnlockAsk("CP/1", 1), UnlockAsk("CP/1", 1, stop_first=True), ["stop_first"]),
        (ResetAsk("CP/1", ResetMode.SOFT), ResetAsk("CP/1", ResetMode.HARD), ["mode"]),
        (ResetAsk("CP/1", ResetMode.SOFT), UnlockAsk("CP/1", 1), ["kind"]),
    ],
)
def test_a_repeat_with_another_body_names_what_differs(
    known: Ask, ask: Ask, fields: list[str]
) -> None:
    try:
        drafting.check_same(drafted(known), ask, drafting.spec_of(ask, SEALER))
    except Refusal as refusal:
        assert refusal.reason is Reason.REQUEST_ID_REUSED
        assert refusal.facts["fields"].split(",") == fields
    else:
        assert fields == []


def test_a_repeat_does_not_compare_an_end_that_was_counted_from_now() -> None:
    known = drafted(HOLD)
    assert known.reserve is not None
    counted = replace(known, reserve=replace(known.reserve, expire_time=NOW + timedelta(minutes=5)))
    drafting.check_same(counted, HOLD, drafting.spec_of(HOLD, SEALER))


def test_a_hold_is_not_sent_when_it_would_be_over() -> None:
    ask = replace(HOLD, ttl=None, expire_time=NOW + timedelta(seconds=30))
    assert drafted(ask).not_after == NOW + timedelta(seconds=30)


def test_one_request_always_makes_the_same_reservation() -> None:
    assert reservation_id("a", REQUEST_ID) == reservation_id("a", REQUEST_ID)
    assert reservation_id("a", REQUEST_ID) != reservation_id("b", REQUEST_ID)


def test_what_was_asked_for_is_echoed_with_masked_tokens() -> None:
    hold = reserve_in(reserve(evse_id=1, connector_type="cCCS2", group_id_token=token("GROUP-9")))
    shown = command_out(with_numbers(drafted(hold))).reserve_now
    assert (shown.evse_id, shown.connector_type, shown.wire_id) == (1, "cCCS2", 7)
    assert shown.ttl.seconds == 600
    assert shown.id_token.value.startswith("****")
    assert shown.group_id_token.value.startswith("****")
    unlock = pb.UnlockConnectorRequest(station="stations/CP-1", connector_id=2, stop_first=True)
    assert command_out(drafted(unlock_in(unlock))).unlock_connector.stop_first
    reset = pb.ResetRequest(station="stations/CP-1", mode=command_pb.RESET_MODE_ON_IDLE)
    assert command_out(drafted(reset_in(reset))).reset.mode == command_pb.RESET_MODE_ON_IDLE
    cancel = pb.CancelReservationRequest(wire_reservation=pb_wire("stations/CP-1", 9))
    echoed = command_out(drafted(cancel_reservation_in(cancel))).cancel_reservation
    assert echoed.wire_reservation.wire_id == 9


def with_numbers(command: Command) -> Command:
    spec = command.reserve
    assert isinstance(spec, ReserveSpec)
    return replace(command, reserve=replace(spec, wire_id=7, reservation="0" * 24))


# --- rights

DIGEST = "0" * 64


def test_a_key_has_the_rights_that_its_setting_names() -> None:
    key = ApiKey.parse(f"desk@north+unlock+hard-reset:{DIGEST}")
    assert (key.name, key.tenant, key.rights) == ("desk", "north", frozenset(Right))
    assert ApiKey.parse(f"desk:{DIGEST}").rights == frozenset()
    with pytest.raises(ValueError, match="rights are"):
        ApiKey.parse(f"desk+everything:{DIGEST}")


def test_a_right_that_is_missing_is_named_with_the_remedy() -> None:
    set_current_caller(Caller("desk", "north", frozenset({Right.HARD_RESET})))
    try:
        require(Right.HARD_RESET)
        with pytest.raises(Refusal, match=r"desk\+unlock") as refused:
            require(Right.UNLOCK)
        assert refused.value.reason is Reason.RIGHT_MISSING
        assert refused.value.facts == {"right": "unlock"}
    finally:
        set_current_caller(Caller())
