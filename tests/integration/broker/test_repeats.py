"""Repeats of requests that gave a time to come, when that time is past."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from evcommand.v1 import reservation_pb2
from evcommand.v1 import reservation_service_pb2 as reservations_pb
from evcommand.v1.remote_command_pb2 import Outcome
from evcommand.v1.reservation_service_pb2_grpc import ReservationServiceStub

from tests.integration.broker.test_reservations import held
from tests.support.benches.broker_house import WAIT_S, House, failure_of, patient, start_request

pytestmark = pytest.mark.asyncio(loop_scope="session")

OUTCOME = 3


async def test_a_repeat_is_the_same_command_when_the_time_that_it_gives_is_past(
    house: House,
) -> None:
    request = start_request(await house.offline_station(), OUTCOME, request_id=str(uuid.uuid4()))
    request.options.MergeFrom(patient())
    request.options.not_after.FromDatetime(datetime.now(UTC) + timedelta(seconds=1))
    first = (await house.broker.commands.StartSession(request, timeout=WAIT_S)).command
    assert (first.outcome.code, first.outcome.cause) == (Outcome.CODE_NOT_SENT, "NOT_AFTER_PASSED")
    again = (await house.broker.commands.StartSession(request, timeout=WAIT_S)).command
    assert (again.name, again.revision) == (first.name, first.revision)
    request.request_id = str(uuid.uuid4())
    failure = await failure_of(house.broker.commands.StartSession(request, timeout=WAIT_S))
    assert failure.code is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_repeated_change_is_the_same_one_when_the_end_that_it_gives_is_past(
    house: House,
) -> None:
    service: Any = ReservationServiceStub(house.broker.channel)
    async with house.station() as (id, station):
        command = await held(house, id, station)
        request = reservations_pb.UpdateReservationRequest(
            name=command.reserve_now.reservation, request_id=str(uuid.uuid4())
        )
        request.expire_time.FromDatetime(datetime.now(UTC) + timedelta(seconds=3))
        asked = asyncio.ensure_future(service.UpdateReservation(request, timeout=WAIT_S))
        await station.accept("ReserveNow")
        changed = (await asked).reservation
        assert changed.change.state == reservation_pb2.ReservationChange.STATE_ACCEPTED
        watch = service.WatchReservations(
            reservations_pb.WatchReservationsRequest(names=[changed.name])
        )
        while (await watch.read()).reservation.state != reservation_pb2.Reservation.STATE_EXPIRED:
            pass
        watch.cancel()
        again = (await service.UpdateReservation(request, timeout=WAIT_S)).reservation
        assert again.change.request_time == changed.change.request_time
