"""Reservations as a client sees them: made once, listed, watched, changed, ended."""

import asyncio
import uuid
from datetime import UTC, datetime
from typing import Any

import grpc
import pytest
import pytest_asyncio
from evcommand.v1 import command_options_pb2 as options_pb
from evcommand.v1 import id_token_pb2 as token_pb
from evcommand.v1 import remote_command_service_pb2 as pb
from evcommand.v1 import reservation_pb2
from evcommand.v1 import reservation_service_pb2 as reservations_pb
from evcommand.v1.reservation_service_pb2_grpc import ReservationServiceStub
from google.protobuf.duration_pb2 import Duration

from tests.support.benches.broker_house import WAIT_S, House, failure_of, patient, waiting_for

pytestmark = pytest.mark.asyncio(loop_scope="session")

OUTCOME = 3
UNKNOWN = "reservations/0123456789abcdef01234567"
State = reservation_pb2.Reservation


@pytest_asyncio.fixture(loop_scope="session")
async def service(house: House) -> Any:
    """The service's calls."""
    return ReservationServiceStub(house.broker.channel)


def reserve_request(station: str, wait_for: int = OUTCOME, **fields: Any) -> pb.ReserveNowRequest:
    request = pb.ReserveNowRequest(
        station=f"stations/{station}",
        id_token=token_pb.IdToken(value="TAG-0042"),
        evse_id=1,
        **{"ttl": Duration(seconds=600), **fields},
    )
    request.options.MergeFrom(waiting_for(wait_for))
    return request


async def held(house: House, id: str, station: Any, **fields: Any) -> Any:
    """A reservation that the station accepted."""
    asked = house.broker.commands.ReserveNow(reserve_request(id, **fields), timeout=WAIT_S)
    asking = asyncio.ensure_future(asked)
    await station.accept("ReserveNow")
    return (await asking).command


async def test_the_same_reserve_now_from_20_callers_is_one_hold(house: House, service: Any) -> None:
    request_id = str(uuid.uuid4())
    async with house.station() as (id, station):
        request = reserve_request(id, request_id=request_id)
        calls = [
            asyncio.ensure_future(house.broker.commands.ReserveNow(request, timeout=WAIT_S))
            for _ in range(20)
        ]
        await station.accept("ReserveNow")
        made = {
            (reply.command.reserve_now.reservation, reply.command.reserve_now.wire_id)
            for reply in await asyncio.gather(*calls)
        }
        assert len(made) == 1
        frames = [f for f in station.frames if f[0] == 2 and f[2] == "ReserveNow"]
        assert [frame[3]["reservationId"] for frame in frames] == [next(iter(made))[1]]
        listed = await service.ListReservations(
            reservations_pb.ListReservationsRequest(station=f"stations/{id}"), timeout=WAIT_S
        )
        assert len(listed.reservations) == 1


async def test_a_reserve_now_with_another_body_is_refused(house: House) -> None:
    request_id = str(uuid.uuid4())
    id = await house.offline_station()
    first = reserve_request(id, wait_for=1, request_id=request_id)
    await house.broker.commands.ReserveNow(first, timeout=WAIT_S)
    other = reserve_request(id, request_id=request_id, ttl=Duration(seconds=601))
    failure = await failure_of(house.broker.commands.ReserveNow(other))
    assert failure.code is grpc.StatusCode.ALREADY_EXISTS
    assert failure.facts["fields"] == "ttl"


async def test_unknown_reservations_are_not_found(house: House, service: Any) -> None:
    calls = [
        service.GetReservation(reservations_pb.GetReservationRequest(name=UNKNOWN)),
        service.UpdateReservation(
            reservations_pb.UpdateReservationRequest(name=UNKNOWN, evse_id=1)
        ),
        service.WatchReservations(reservations_pb.WatchReservationsRequest(names=[UNKNOWN])),
        house.broker.commands.CancelReservation(pb.CancelReservationRequest(reservation=UNKNOWN)),
    ]
    for call in calls:
        failure = await failure_of(call)
        assert failure.code is grpc.StatusCode.NOT_FOUND
        assert failure.reason == "RESERVATION_NOT_FOUND"


async def test_bad_requests_name_every_field(service: Any) -> None:
    failure = await failure_of(
        service.UpdateReservation(reservations_pb.UpdateReservationRequest(name="x"))
    )
    assert failure.fields == ["name", "end"]
    failure = await failure_of(
        service.ListReservations(reservations_pb.ListReservationsRequest(station="x", command="y"))
    )
    assert failure.fields == ["station", "command"]
    failure = await failure_of(
        service.WatchReservations(reservations_pb.WatchReservationsRequest())
    )
    assert failure.fields == ["names"]


async def test_a_watch_tells_every_state_of_a_reservation(house: House, service: Any) -> None:
    async with house.station() as (id, station):
        watch = service.WatchReservations(
            reservations_pb.WatchReservationsRequest(station=f"stations/{id}"), timeout=WAIT_S
        )
        await watch.initial_metadata()
        command = await held(house, id, station)
        cancel = house.broker.commands.CancelReservation(
            pb.CancelReservationRequest(reservation=command.reserve_now.reservation),
            timeout=WAIT_S,
        )
        cancelling = asyncio.ensure_future(cancel)
        await station.accept("CancelReservation")
        await cancelling
        seen: list[int] = []
        async for change in watch:
            seen.append(change.reservation.state)
            if change.reservation.state == State.STATE_CANCELLED:
                break
        assert list(dict.fromkeys(seen)) == [
            State.STATE_REQUESTED,
            State.STATE_HELD,
            State.STATE_CANCELLED,
        ]


async def test_a_watch_tells_at_once_what_no_command_changed(house: House, service: Any) -> None:
    async with house.station() as (id, station):
        command = await held(house, id, station)
        watch = service.WatchReservations(
            reservations_pb.WatchReservationsRequest(names=[command.reserve_now.reservation]),
            timeout=WAIT_S,
        )
        assert (await watch.read()).reservation.state == State.STATE_HELD
        number = command.outcome.reservation.wire_id
        begun = {
            "connectorId": 1,
            "idTag": "TAG-0042",
            "meterStart": 5,
            "timestamp": datetime.now(UTC).isoformat(),
            "reservationId": number,
        }
        async with asyncio.timeout(10):
            await station.call("StartTransaction", begun)
            while (await watch.read()).reservation.state != State.STATE_USED:
                pass
        watch.cancel()


async def test_an_update_is_asked_of_the_station_once_and_tells_its_answer(
    house: House, service: Any
) -> None:
    async with house.station() as (id, station):
        command = await held(house, id, station)
        request = reservations_pb.UpdateReservationRequest(
            name=command.reserve_now.reservation,
            ttl=Duration(seconds=1200),
            request_id=str(uuid.uuid4()),
        )
        asked = asyncio.ensure_future(service.UpdateReservation(request, timeout=WAIT_S))
        await station.accept("ReserveNow")
        changed = (await asked).reservation
        assert changed.change.state == reservation_pb2.ReservationChange.STATE_ACCEPTED
        again = (await service.UpdateReservation(request, timeout=WAIT_S)).reservation
        assert again.revision == changed.revision
        assert [f[2] for f in station.frames if f[0] == 2].count("ReserveNow") == 2


async def test_a_reservation_that_is_still_asked_for_is_cancelled_with_its_command(
    house: House, service: Any
) -> None:
    id = await house.offline_station()
    request = reserve_request(id, wait_for=1)
    request.options.MergeFrom(patient())
    command = (await house.broker.commands.ReserveNow(request, timeout=WAIT_S)).command
    cancel = pb.CancelReservationRequest(
        reservation=command.reserve_now.reservation, reason="changed my mind"
    )
    cancel.options.MergeFrom(waiting_for(OUTCOME))
    cancelled = (await house.broker.commands.CancelReservation(cancel, timeout=WAIT_S)).command
    assert cancelled.outcome.cause == "RESERVATION_ALREADY_ENDED"
    known = await service.GetReservation(
        reservations_pb.GetReservationRequest(name=command.reserve_now.reservation)
    )
    assert known.reservation.state == State.STATE_CANCELLED
    assert known.reservation.cancel_reason == "changed my mind"


async def test_a_session_cannot_use_somebody_elses_reservation(house: House) -> None:
    async with house.station() as (id, station):
        command = await held(house, id, station)
        request = pb.StartSessionRequest(
            station=f"stations/{id}",
            id_token=token_pb.IdToken(value="SOMEBODY"),
            reservation=command.reserve_now.reservation,
        )
        failure = await failure_of(house.broker.commands.StartSession(request))
        assert failure.code is grpc.StatusCode.FAILED_PRECONDITION
        assert failure.reason == "RESERVATION_NOT_HELD"


async def test_an_ended_reservation_cannot_be_changed(house: House, service: Any) -> None:
    id = await house.offline_station()
    request = reserve_request(id, wait_for=OUTCOME)
    request.options.offline_policy = options_pb.OFFLINE_POLICY_FAIL_FAST
    command = (await house.broker.commands.ReserveNow(request, timeout=WAIT_S)).command
    assert command.outcome.cause == "STATION_OFFLINE"
    update = reservations_pb.UpdateReservationRequest(
        name=command.reserve_now.reservation, evse_id=2
    )
    failure = await failure_of(service.UpdateReservation(update))
    assert (failure.code, failure.reason) == (
        grpc.StatusCode.FAILED_PRECONDITION,
        "RESERVATION_ENDED",
    )
