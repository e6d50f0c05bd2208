"""ReserveNow at the edge."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from evcommand.v1 import remote_command_service_pb2 as pb
from google.protobuf.duration_pb2 import Duration

from broker.commands import reserve_now
from broker.commands.edge import ParsedRequest
from domain.model.command import Command
from domain.model.specs import ReserveSpec
from tests.unit.broker.edges import drafted, fields_of, is_possible, shown
from tests.unit.broker.requests import NOW, at, reserve, token
from tests.unit.broker.things import SEALER


def read(**fields: Any) -> ParsedRequest[ReserveSpec]:
    return reserve_now.read(reserve(**fields), SEALER, NOW)


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
    assert field in fields_of(reserve_now.check(reserve(**fields), NOW))


def test_a_good_reserve_now_has_no_faults() -> None:
    assert reserve_now.check(reserve(evse_id=1, connector_id=1), NOW) == ()


def test_a_reservation_needs_an_end() -> None:
    endless = pb.ReserveNowRequest(station="stations/CP-1", id_token=token())
    assert fields_of(reserve_now.check(endless, NOW)) == ["end"]
    with pytest.raises(ValueError, match="not checked"):
        reserve_now.read(endless, SEALER, NOW)


@pytest.mark.parametrize(("version", "possible"), [("1.6", False), ("2.0.1", True), ("2.1", True)])
def test_only_2x_names_a_connector_type(version: str, possible: bool) -> None:
    parsed = read(connector_type="cCCS2")
    assert is_possible(lambda: reserve_now.check_fits(parsed, version, [])) == possible


def test_a_hold_can_name_only_the_only_connector() -> None:
    parsed = read(evse_id=1, connector_id=1)
    assert is_possible(lambda: reserve_now.check_fits(parsed, "2.1", [(1, 1)]))
    assert not is_possible(lambda: reserve_now.check_fits(parsed, "2.1", [(1, 1), (1, 2)]))


def test_a_token_must_fit_the_stations_version() -> None:
    parsed = read(group_id_token=token("G" * 21))
    assert not is_possible(lambda: reserve_now.check_fits(parsed, "1.6", []))
    assert is_possible(lambda: reserve_now.check_fits(parsed, "2.0.1", []))


def test_the_end_is_counted_from_the_request() -> None:
    assert read(ttl=Duration(seconds=90)).spec.expire_time == NOW + timedelta(seconds=90)
    assert read(expire_time=at(NOW + timedelta(hours=1))).spec.expire_time == NOW + timedelta(
        hours=1
    )


def test_a_hold_is_not_sent_when_it_would_be_over() -> None:
    until = NOW + timedelta(seconds=30)
    assert reserve_now.send_until(read(expire_time=at(until))) == until
    later = at(NOW + timedelta(hours=1))
    assert reserve_now.send_until(read(expire_time=later)) == NOW + timedelta(minutes=2)


def test_what_was_asked_for_is_echoed_with_masked_tokens() -> None:
    parsed = read(evse_id=1, connector_type="cCCS2", group_id_token=token("GROUP-9"))
    echoed = shown(with_numbers(drafted(reserve_now.EDGE, parsed))).reserve_now
    assert (echoed.evse_id, echoed.connector_type, echoed.wire_id) == (1, "cCCS2", 7)
    assert echoed.ttl.seconds == 600
    assert not echoed.HasField("expire_time")
    assert echoed.id_token.value.startswith("****")
    assert echoed.group_id_token.value.startswith("****")


def test_an_end_that_was_given_is_echoed_as_a_time() -> None:
    end = at(NOW + timedelta(hours=1))
    echoed = shown(drafted(reserve_now.EDGE, read(expire_time=end))).reserve_now
    assert (echoed.expire_time, echoed.WhichOneof("end")) == (end, "expire_time")


def with_numbers(command: Command) -> Command:
    spec = command.reserve
    assert isinstance(spec, ReserveSpec)
    return replace(command, reserve=replace(spec, wire_id=7, reservation="0" * 24))
