"""Requests about reservations: faults, and how they are read."""

from datetime import timedelta

import pytest
from evcommand.v1 import reservation_pb2
from evcommand.v1 import reservation_service_pb2 as pb
from evcommand.v1.remote_command_service_pb2 import TimeRange
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from broker.proto import reservations
from domain.reservations.reservation import ChangeState, ReservationChange, ReservationState
from fleet.log.event_log import Entry, Filter
from journal.reservations.record import to_snapshot
from tests.unit.broker.edges import BAD_TIME, RESERVATION, fields_of
from tests.unit.broker.requests import NOW, REQUEST_ID, at
from tests.unit.broker.things import held

RESERVED_STATES = {"STATE_UNSPECIFIED", "STATE_SCHEDULED"}


def update(**fields: object) -> pb.UpdateReservationRequest:
    return pb.UpdateReservationRequest(name=RESERVATION, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("request_", "faults"),
    [
        (update(ttl=Duration(seconds=1)), []),
        (update(evse_id=2), []),
        (update(), ["end"]),
        (update(evse_id=0), ["evse_id"]),
        (update(ttl=Duration()), ["ttl"]),
        (update(ttl=Duration(seconds=10**14)), ["ttl"]),
        (update(expire_time=at(NOW)), ["expire_time"]),
        (update(expire_time=BAD_TIME), ["expire_time"]),
        (update(evse_id=1, request_id="7"), ["request_id"]),
        (pb.UpdateReservationRequest(name="x", evse_id=1), ["name"]),
    ],
)
def test_each_fault_of_a_change_is_named(
    request_: pb.UpdateReservationRequest, faults: list[str]
) -> None:
    assert fields_of(reservations.check_update(request_, NOW)) == faults


@pytest.mark.parametrize(
    ("end", "expire_time"),
    [
        ({"ttl": Duration(seconds=90)}, NOW + timedelta(seconds=90)),
        ({"expire_time": at(NOW + timedelta(hours=1))}, NOW + timedelta(hours=1)),
        ({}, None),
    ],
)
def test_a_change_is_read_with_its_end(end: dict[str, Timestamp], expire_time: object) -> None:
    change = reservations.change_in(update(evse_id=2, request_id=REQUEST_ID, **end), NOW)
    assert (change.request_id, change.evse_id) == (REQUEST_ID, 2)
    assert change.expire_time == expire_time


def test_a_change_without_an_id_gets_one() -> None:
    ids = {reservations.change_in(update(evse_id=2), NOW).request_id for _ in range(2)}
    assert len(ids) == 2


def test_a_list_checks_every_filter() -> None:
    request = pb.ListReservationsRequest(station="x", command="x", page_size=201)
    assert fields_of(reservations.check_list(request)) == ["station", "command", "page_size"]


def test_a_watch_selects_one_thing() -> None:
    assert reservations.check_watch(pb.WatchReservationsRequest(all=True)) == ()
    both = pb.WatchReservationsRequest(names=["x"], all=True)
    assert fields_of(reservations.check_watch(both)) == ["names", "names[0]"]


def test_every_state_is_in_the_contract_and_the_others_are_reserved() -> None:
    ours = {f"STATE_{state.value}" for state in ReservationState}
    assert ours == set(reservation_pb2.Reservation.State.keys()) - RESERVED_STATES


def test_a_reserved_state_can_be_asked_for_and_is_no_state_of_ours() -> None:
    request = pb.ListReservationsRequest(states=[reservation_pb2.Reservation.STATE_SCHEDULED])
    assert reservations.check_list(request) == ()
    (state,) = reservations.filter_in(request, "t").states
    assert state not in set(ReservationState)


def test_list_filters_are_read() -> None:
    request = pb.ListReservationsRequest(
        station="stations/CP-1",
        states=[reservation_pb2.Reservation.STATE_HELD],
        command=f"commands/{REQUEST_ID}",
        create_time=TimeRange(start_time=at(NOW), end_time=at(NOW + timedelta(days=1))),
    )
    assert reservations.check_list(request) == ()
    assert reservations.filter_in(request, "t") == Filter(
        tenant="t",
        station="CP-1",
        states=["HELD"],
        created_from=NOW,
        created_to=NOW + timedelta(days=1),
        where={"command": REQUEST_ID},
    )
    assert reservations.filter_in(pb.ListReservationsRequest(), "t") == Filter("t", states=[])


def test_a_watch_selection_is_read() -> None:
    named = pb.WatchReservationsRequest(names=[RESERVATION])
    assert reservations.watched_in(named, "t").names == [RESERVATION.removeprefix("reservations/")]
    of_station = pb.WatchReservationsRequest(station="stations/A")
    assert reservations.watched_in(of_station, "t").station == "A"


def test_a_reservation_is_shown_masked_with_its_change_and_its_history() -> None:
    change = ReservationChange(REQUEST_ID, ChangeState.PENDING, evse_id=2, request_time=NOW)
    known = held(change=change, transaction="tx-abc")
    entry = Entry(1, 0, "default", known.name, "key", 1, NOW, to_snapshot(held()))
    shown = reservations.reservation_out(known, [entry])
    assert shown.name == RESERVATION
    assert shown.state == reservation_pb2.Reservation.STATE_HELD
    assert shown.id_token.value == "****B2C3"
    assert shown.transaction == "stations/CP%2F1/transactions/tx-abc"
    assert shown.change.state == reservation_pb2.ReservationChange.STATE_PENDING
    assert [event.state for event in shown.history] == [reservation_pb2.Reservation.STATE_HELD]
    assert not reservations.reservation_out(held()).HasField("change")
