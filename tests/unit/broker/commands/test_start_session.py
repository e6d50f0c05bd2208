"""StartSession at the edge: its faults, how it is read, what a station can be asked for."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from evcommand.v1 import id_token_pb2 as token_pb
from evcommand.v1 import remote_command_service_pb2 as pb

from broker.commands import start_session
from broker.commands.edge import ParsedRequest
from broker.errors import Reason
from domain.model.command import WaitFor
from domain.model.specs import OfflinePolicy, StartSpec
from domain.reservations.reservation import Reservation, ReservationState
from tests.unit.broker.edges import START, fields_of, refused, seal
from tests.unit.broker.requests import NOW, REQUEST_ID, at, options, profile, start, token
from tests.unit.broker.things import SEALER, held


def start_faults(request: pb.StartSessionRequest) -> list[str]:
    return fields_of(start_session.check(request, NOW))


def read(**fields: object) -> ParsedRequest[StartSpec]:
    return start_session.read(start(**fields), SEALER, NOW)


def test_a_plain_start_has_no_faults() -> None:
    assert start_faults(start()) == []


def test_a_start_with_everything_has_no_faults() -> None:
    request = start(
        evse_id=1,
        connector_id=1,
        group_id_token=token("GROUP"),
        reservation="reservations/0123456789abcdef01234567",
        charging_profile=profile(),
        request_id=REQUEST_ID,
        options=options(
            wait_for=3,
            not_after=at(NOW + timedelta(minutes=5)),
            offline_policy=2,
            labels={"team": "desk", "example.com/case": "Ä 1"},
        ),
    )
    assert start_faults(request) == []


def test_every_bad_field_is_named_at_once() -> None:
    request = pb.StartSessionRequest(
        station="CP-1",
        evse_id=0,
        connector_id=-1,
        id_token=token("****1234"),
        request_id="7",
        options=options(wait_for=77, not_after=at(NOW), labels={"Ä": "x" * 256}),
    )
    assert start_faults(request) == [
        "station",
        "evse_id",
        "connector_id",
        "id_token.value",
        "request_id",
        "options.wait_for",
        "options.not_after",
        "options.labels",
        "options.labels",
    ]


def test_a_start_needs_a_station_and_a_token() -> None:
    assert start_faults(pb.StartSessionRequest()) == ["station", "id_token"]


def test_a_connector_needs_its_evse() -> None:
    assert start_faults(start(connector_id=1)) == ["connector_id"]


@pytest.mark.parametrize("value", ["", "x" * 256, "a\nb", "****"])
def test_a_token_must_be_printable_bounded_and_not_masked(value: str) -> None:
    assert set(start_faults(start(group_id_token=token(value)))) == {"group_id_token.value"}


@pytest.mark.parametrize("value", [" ", " A", "A ", "\U0001f697", "M\u00fcller", "A\u00a0B"])
def test_a_token_that_ocpp_cannot_carry_is_refused(value: str) -> None:
    assert set(start_faults(start(id_token=token(value)))) == {"id_token.value"}
    assert start_faults(start(id_token=token("DE*ABC 1-2"))) == []


def test_an_unknown_token_type_is_refused() -> None:
    assert start_faults(start(id_token=token(type=99))) == ["id_token.type"]


@pytest.mark.parametrize("name", ["7", "reservations/", "reservations/a/b", "reservations/%zz"])
def test_a_reservation_must_be_a_name(name: str) -> None:
    assert start_faults(start(reservation=name)) == ["reservation"]


def test_a_start_is_read_with_every_field() -> None:
    parsed = read(
        evse_id=1,
        connector_id=1,
        group_id_token=token("GROUP", token_pb.ID_TOKEN_TYPE_CENTRAL),
        reservation="reservations/0123456789abcdef01234567",
        charging_profile=profile(),
        request_id=REQUEST_ID.upper(),
        options=options(wait_for=3, not_after=at(NOW), offline_policy=2, labels={"a": "b"}),
    )
    spec = parsed.spec
    assert (parsed.station, spec.evse_id, spec.connector_id) == ("CP-1", 1, 1)
    assert (spec.id_token.type, SEALER.open(spec.id_token.sealed)) == ("ISO14443", "04A1B2C3")
    assert spec.group_id_token is not None
    assert (spec.group_id_token.type, SEALER.open(spec.group_id_token.sealed)) == (
        "Central",
        "GROUP",
    )
    assert spec.reservation == "reservations/0123456789abcdef01234567"
    assert spec.charging_profile is not None
    assert parsed.request_id == REQUEST_ID
    assert parsed.token_chars == {"id_token": 8, "group_id_token": 5}
    assert parsed.options.wait_for is WaitFor.OUTCOME
    assert parsed.options.not_after == NOW
    assert parsed.options.offline_policy is OfflinePolicy.WAIT
    assert parsed.options.labels == {"a": "b"}


def test_what_a_start_leaves_out_stays_open() -> None:
    parsed = read()
    spec = parsed.spec
    assert (spec.evse_id, spec.connector_id, spec.group_id_token) == (None, None, None)
    assert (spec.reservation, spec.charging_profile, parsed.request_id) == (None, None, None)
    assert parsed.options.wait_for is WaitFor.STATION_ANSWER
    assert (parsed.options.not_after, parsed.options.offline_policy) == (None, None)


def test_a_token_does_not_show_in_a_repr() -> None:
    shown = repr(read(group_id_token=token("GROUP-VALUE")))
    assert "04A1B2C3" not in shown
    assert "GROUP-VALUE" not in shown


@pytest.mark.parametrize("connectors", [[], [(1, 1)], [(1, 0), (1, 1), (2, 2)]])
def test_a_connector_can_be_named_where_it_is_the_only_one(
    connectors: list[tuple[int, int]],
) -> None:
    start_session.check_fits(named(connector_id=1), "2.0.1", connectors)
    start_session.check_fits(START, "2.0.1", connectors)


@pytest.mark.parametrize(("number", "connectors"), [(2, []), (1, [(1, 1), (1, 2)])])
def test_another_connector_cannot_be_named(number: int, connectors: list[tuple[int, int]]) -> None:
    with refused(Reason.NOT_POSSIBLE_ON_STATION):
        start_session.check_fits(named(connector_id=number), "1.6", connectors)


@pytest.mark.parametrize("field", ["id_token", "group_id_token"])
def test_a_token_that_is_too_long_for_the_station_is_refused(field: str) -> None:
    parsed = replace(START, token_chars={field: 21})
    with refused(Reason.NOT_POSSIBLE_ON_STATION):
        start_session.check_fits(parsed, "1.6", [])
    start_session.check_fits(parsed, "2.0.1", [])


def named(**changes: Any) -> ParsedRequest[StartSpec]:
    return replace(START, spec=replace(START.spec, **changes))


@pytest.mark.parametrize(
    ("reservation", "station", "reason"),
    [
        (held(), "CP/2", Reason.RESERVATION_NOT_FOUND),
        (held(state=ReservationState.EXPIRED), "CP/1", Reason.RESERVATION_NOT_HELD),
        (held(id_token=seal("OTHER")), "CP/1", Reason.RESERVATION_NOT_HELD),
    ],
)
def test_a_start_on_a_reservation_that_it_may_not_use_is_refused(
    reservation: Reservation, station: str, reason: Reason
) -> None:
    with refused(reason):
        start_session.check_usable(reservation, station, START.spec)


def test_a_start_may_use_the_reservation_of_its_token() -> None:
    start_session.check_usable(held(), "CP/1", START.spec)
    for_group = held(id_token=seal("OTHER"), group_id_token=START.spec.id_token)
    start_session.check_usable(for_group, "CP/1", START.spec)
