"""Commands from a gRPC call to a station's socket and back."""

import asyncio
import uuid
from typing import Any

import grpc
import pytest
from evcommand.v1 import command_options_pb2 as options_pb
from evcommand.v1 import id_token_pb2 as token_pb
from evcommand.v1 import remote_command_service_pb2 as pb
from evcommand.v1 import station_service_pb2 as stations_pb
from evcommand.v1.remote_command_pb2 import Outcome, RemoteCommand

from tests.support.benches.broker_house import (
    House,
    begin_session,
    end_session,
    failure_of,
    patient,
    start_request,
    transaction_event,
)
from tests.support.fleet_rows import start_16

pytestmark = pytest.mark.asyncio(loop_scope="session")

SUBMITTED, ANSWER, OUTCOME = 1, 2, 3


async def test_a_start_waits_for_its_outcome_and_carries_the_transaction(house: House) -> None:
    async with house.station() as (id, station):
        call = asyncio.ensure_future(house.broker.start(id, OUTCOME, evse_id=1))
        assert (await station.accept("RemoteStartTransaction"))["idTag"] == "TAG-0042"
        transaction_id = await begin_session(station)
        command = await call
    assert command.outcome.code == Outcome.CODE_SUCCEEDED
    assert command.outcome.session.transaction_id == str(transaction_id)
    assert command.outcome.session.transaction.startswith(f"stations/{id}/transactions/")
    assert command.start_session.id_token.value == "****0042"
    assert await house.broker.get(command.name) == command


async def test_an_evse_alone_names_the_connector_of_a_1_6_station(house: House) -> None:
    async with house.station() as (id, station):
        request = pb.UnlockConnectorRequest(
            station=f"stations/{id}", evse_id=2, request_id=str(uuid.uuid4())
        )
        call = asyncio.ensure_future(house.broker.commands.UnlockConnector(request))
        message_id, asked = await station.called("UnlockConnector")
        await station.answer(message_id, {"status": "Unlocked"})
        command = (await call).command
        again = (await house.broker.commands.UnlockConnector(request)).command
    assert asked == {"connectorId": 2}
    assert command.outcome.code == Outcome.CODE_SUCCEEDED
    assert (command.unlock_connector.evse_id, command.unlock_connector.connector_id) == (2, 1)
    assert again.name == command.name


async def test_an_evse_alone_is_ambiguous_on_2_x_until_its_connector_is_known(
    house: House,
) -> None:
    async with house.station("2.0.1") as (id, _):
        request = pb.UnlockConnectorRequest(station=f"stations/{id}", evse_id=1)
        failure = await failure_of(house.broker.commands.UnlockConnector(request))
    assert failure.reason == "AMBIGUOUS_TARGET"
    assert failure.fields == ["connector_id"]
    assert "say which connector of EVSE 1" in failure.message


async def test_a_call_waits_for_the_stations_answer_by_default(house: House) -> None:
    async with house.station() as (id, station):
        call = asyncio.ensure_future(house.broker.start(id))
        await station.accept("RemoteStartTransaction")
        command = await call
    assert command.station_answer.status == "Accepted"
    assert command.state == RemoteCommand.STATE_AWAITING_EFFECT
    assert command.HasField("answer_time")


async def test_a_submitted_command_is_returned_before_the_station_answers(house: House) -> None:
    async with house.station() as (id, station):
        command = await house.broker.start(id, SUBMITTED)
        assert not command.HasField("station_answer")
        assert (await house.broker.get(command.name)).revision >= command.revision >= 1
        await station.accept("RemoteStartTransaction")


async def test_a_call_returns_the_command_as_it_is_before_its_own_deadline(house: House) -> None:
    async with house.station() as (id, station):
        command = await house.broker.start(id, OUTCOME, timeout_s=2.0)
        assert command.state == RemoteCommand.STATE_SENT
        await station.accept("RemoteStartTransaction")


async def test_a_long_wait_goes_on_although_temporal_was_asked_only_once(house: House) -> None:
    async with house.station() as (id, station):
        call = asyncio.ensure_future(house.broker.start(id))
        message_id, _ = await station.called("RemoteStartTransaction")
        done, _ = await asyncio.wait([call], timeout=2.0)  # longer than the Temporal timeout
        assert not done
        await station.answer(message_id, {"status": "Rejected"})
        command = await call
    assert command.outcome.code == Outcome.CODE_REJECTED
    assert command.station_answer.status == "Rejected"


async def test_an_offline_station_is_an_outcome_and_no_error(house: House) -> None:
    command = await house.broker.start(await house.offline_station())
    assert command.outcome.code == Outcome.CODE_NOT_SENT
    assert command.outcome.cause == "STATION_OFFLINE"


async def test_the_same_request_id_from_20_callers_is_one_command_and_one_frame(
    house: House,
) -> None:
    request_id = str(uuid.uuid4())
    async with house.station() as (id, station):
        calls = [
            asyncio.ensure_future(house.broker.start(id, request_id=request_id)) for _ in range(20)
        ]
        await station.accept("RemoteStartTransaction")
        commands = await asyncio.gather(*calls)
        assert {command.name for command in commands} == {f"commands/{request_id}"}
        again = await house.broker.start(id, request_id=request_id)
        assert again.name == f"commands/{request_id}"
        assert [f[2] for f in station.frames if f[0] == 2].count("RemoteStartTransaction") == 1


async def test_the_same_request_id_with_another_body_is_refused(house: House) -> None:
    request_id = str(uuid.uuid4())
    id = await house.offline_station()
    await house.broker.start(id, request_id=request_id)
    other = start_request(id, request_id=request_id, evse_id=2)
    failure = await failure_of(house.broker.commands.StartSession(other))
    assert failure.code is grpc.StatusCode.ALREADY_EXISTS
    assert (failure.reason, failure.facts["fields"]) == ("REQUEST_ID_REUSED", "evse_id")


async def test_two_bodies_at_once_under_one_request_id_are_one_command(house: House) -> None:
    request_id = str(uuid.uuid4())
    id = await house.offline_station()
    calls = [
        house.broker.commands.StartSession(start_request(id, request_id=request_id, evse_id=n))
        for n in (1, 2)
    ]
    replies = await asyncio.gather(*calls, return_exceptions=True)
    kinds = sorted(type(reply).__name__ for reply in replies)
    assert kinds == ["AioRpcError", "StartSessionResponse"]


async def test_a_session_is_stopped_by_each_kind_of_target(house: House) -> None:
    async with house.station() as (id, station):
        call = asyncio.ensure_future(house.broker.start(id, OUTCOME))
        await station.accept("RemoteStartTransaction")
        number = await begin_session(station)
        started = await call
        here = f"stations/{id}"
        targets: list[dict[str, Any]] = [
            {"transaction": started.outcome.session.transaction},
            {"start_command": started.name},
            {"evse_id": 1, "station": here},
            {"id_token": token_pb.IdToken(value="tag-0042"), "station": here},
            {"transaction_id": str(number), "station": here},
        ]
        for target in targets:
            stopping = asyncio.ensure_future(house.broker.stop(**target))
            frame = await station.accept("RemoteStopTransaction")
            assert frame == {"transactionId": number}
            command = await stopping
            assert command.stop_session.WhichOneof("target") == next(iter(target))
            assert command.stop_session.resolved_transaction == started.outcome.session.transaction
        await end_session(station, number)


async def test_stopping_an_ended_session_succeeds_without_a_frame(house: House) -> None:
    async with house.station() as (id, station):
        number = await begin_session(station, tag="SWIPED")
        running = await house.broker.stations.ListTransactions(
            stations_pb.ListTransactionsRequest(station=f"stations/{id}", active=True)
        )
        await end_session(station, number)
        name = running.transactions[0].name
        command = await house.broker.stop(OUTCOME, transaction=name)
        assert (command.outcome.code, command.outcome.cause) == (
            Outcome.CODE_SUCCEEDED,
            "ALREADY_ENDED",
        )
        assert station.calls.empty()


async def test_a_repeated_stop_is_the_same_command_though_its_session_has_ended(
    house: House,
) -> None:
    request_id = str(uuid.uuid4())
    async with house.station() as (id, station):
        number = await begin_session(station, tag="SWIPED")
        target: dict[str, Any] = {
            "evse_id": 1,
            "station": f"stations/{id}",
            "request_id": request_id,
        }
        stopping = asyncio.ensure_future(house.broker.stop(OUTCOME, **target))
        await station.accept("RemoteStopTransaction")
        await end_session(station, number)
        first = await stopping
        assert first.outcome.cause == "SESSION_STOPPED"
        assert await house.broker.stop(**target) == first


@pytest.mark.parametrize("version", ["2.0.1", "2.1"])
async def test_a_2_x_session_is_started_with_its_transaction_and_stopped_by_it(
    house: House, version: str
) -> None:
    async with house.station(version) as (id, station):
        starting = asyncio.ensure_future(house.broker.start(id, OUTCOME, evse_id=1))
        asked = await station.accept("RequestStartTransaction")
        await station.call(
            "TransactionEvent",
            transaction_event("Started", 0, remoteStartId=asked["remoteStartId"]),
        )
        started = await starting
        assert started.outcome.code == Outcome.CODE_SUCCEEDED
        assert started.outcome.session.transaction_id == "their-own-id"
        stopping = asyncio.ensure_future(house.broker.stop(OUTCOME, start_command=started.name))
        assert await station.accept("RequestStopTransaction") == {"transactionId": "their-own-id"}
        await station.call(
            "TransactionEvent", transaction_event("Ended", 1, stoppedReason="Remote")
        )
        stopped = await stopping
    assert (stopped.outcome.cause, stopped.outcome.session.stop_reason) == (
        "SESSION_STOPPED",
        "Remote",
    )


async def test_an_unknown_ocpp_id_is_sent_as_it_is(house: House) -> None:
    async with house.station() as (id, station):
        stopping = asyncio.ensure_future(
            house.broker.stop(transaction_id="987654", station=f"stations/{id}")
        )
        message_id, frame = await station.called("RemoteStopTransaction")
        assert frame == {"transactionId": 987654}
        await station.answer(message_id, {"status": "Rejected"})
        assert (await stopping).stop_session.resolved_transaction == ""


async def test_a_stop_without_a_session_says_so(house: House) -> None:
    async with house.station() as (id, _):
        request = pb.StopSessionRequest(station=f"stations/{id}", evse_id=1)
        failure = await failure_of(house.broker.commands.StopSession(request))
    assert (failure.code, failure.reason) == (grpc.StatusCode.NOT_FOUND, "NO_RUNNING_SESSION")


async def test_a_stop_with_several_sessions_lists_them(house: House) -> None:
    async with house.station() as (id, station):
        for connector in (1, 2):
            await begin_session(station, tag="SHARED", connector=connector)
        request = pb.StopSessionRequest(
            station=f"stations/{id}", id_token=token_pb.IdToken(value="SHARED")
        )
        failure = await failure_of(house.broker.commands.StopSession(request))
    assert failure.reason == "AMBIGUOUS_TARGET"


@pytest.mark.parametrize("named", ["-1", "0"])
async def test_an_id_that_is_none_names_no_one_of_two_sessions(house: House, named: str) -> None:
    async with house.station() as (id, _):
        async with house.db.write() as tx:
            for evse in (1, 2):
                await start_16(tx, id, tenant="default", evse_id=evse, given_id=0)
        request = pb.StopSessionRequest(station=f"stations/{id}", transaction_id=named)
        failure = await failure_of(house.broker.commands.StopSession(request))
    assert failure.reason == "AMBIGUOUS_TARGET"
    assert failure.facts["transactions"].count(f"stations/{id}/transactions/") == 2


async def test_a_start_that_is_not_final_cannot_be_stopped_but_cancelled(house: House) -> None:
    async with house.station() as (id, station):
        starting = asyncio.ensure_future(house.broker.start(id))
        await station.accept("RemoteStartTransaction")
        command = await starting
        request = pb.StopSessionRequest(start_command=command.name)
        failure = await failure_of(house.broker.commands.StopSession(request))
    assert (failure.code, failure.reason) == (
        grpc.StatusCode.FAILED_PRECONDITION,
        "START_NOT_FINAL",
    )
    assert "CancelCommand" in failure.message


async def test_cancelling_twice_is_one_cancellation(house: House) -> None:
    id = await house.offline_station()
    command = await house.broker.start(id, SUBMITTED, options=patient())
    request = pb.CancelCommandRequest(name=command.name, reason="The driver left.")
    first = (await house.broker.commands.CancelCommand(request)).command
    again = (await house.broker.commands.CancelCommand(request)).command
    assert first.outcome.code == again.outcome.code == Outcome.CODE_CANCELLED
    assert again.cancel_reason == "The driver left."


async def test_cancelling_an_ended_command_returns_it_as_it_is(house: House) -> None:
    command = await house.broker.start(await house.offline_station())
    request = pb.CancelCommandRequest(name=command.name)
    assert (await house.broker.commands.CancelCommand(request)).command == command


@pytest.mark.parametrize(
    ("method", "request_", "fields"),
    [
        ("UnlockConnector", pb.UnlockConnectorRequest(), ["station", "connector_id"]),
        ("Reset", pb.ResetRequest(), ["station", "mode"]),
        ("ReserveNow", pb.ReserveNowRequest(), ["station", "id_token", "end"]),
        ("CancelReservation", pb.CancelReservationRequest(), ["target"]),
    ],
)
async def test_what_is_missing_from_the_other_kinds_is_named(
    house: House, method: str, request_: object, fields: list[str]
) -> None:
    failure = await failure_of(getattr(house.broker.commands, method)(request_))
    assert failure.code is grpc.StatusCode.INVALID_ARGUMENT
    assert failure.fields == fields


async def test_bad_input_names_every_field(house: House) -> None:
    request = pb.StartSessionRequest(station="x", request_id="y")
    failure = await failure_of(house.broker.commands.StartSession(request))
    assert failure.code is grpc.StatusCode.INVALID_ARGUMENT
    assert failure.fields == ["station", "id_token", "request_id"]


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (start_request("nobody"), "STATION_NOT_FOUND"),
        (pb.StopSessionRequest(station="stations/nobody", evse_id=1), "STATION_NOT_FOUND"),
        (pb.StopSessionRequest(transaction="stations/a/transactions/b"), "TRANSACTION_NOT_FOUND"),
        (pb.StopSessionRequest(start_command=f"commands/{uuid.uuid4()}"), "COMMAND_NOT_FOUND"),
    ],
)
async def test_unknown_names_are_not_found(house: House, request_: object, reason: str) -> None:
    starts = isinstance(request_, pb.StartSessionRequest)
    stub = house.broker.commands
    failure = await failure_of((stub.StartSession if starts else stub.StopSession)(request_))
    assert (failure.code, failure.reason) == (grpc.StatusCode.NOT_FOUND, reason)


async def test_what_the_stations_version_cannot_do_is_refused_before_it_is_sent(
    house: House,
) -> None:
    async with house.station() as (id, station):
        long = start_request(id, id_token=token_pb.IdToken(value="1" * 21))
        failure = await failure_of(house.broker.commands.StartSession(long))
        assert failure.reason == "NOT_POSSIBLE_ON_STATION"
        wire = pb.StopSessionRequest(station=f"stations/{id}", transaction_id="not-a-number")
        failure = await failure_of(house.broker.commands.StopSession(wire))
        assert (failure.code, failure.fields) == (
            grpc.StatusCode.INVALID_ARGUMENT,
            ["transaction_id"],
        )
        assert station.calls.empty()


async def test_a_list_is_filtered_and_paged_without_gap_or_repeat(house: House) -> None:
    id = await house.offline_station()
    made = [(await house.broker.start(id)).name for _ in range(5)]
    here: dict[str, Any] = {"station": f"stations/{id}"}
    seen: list[str] = []
    token = ""
    while True:
        request = pb.ListCommandsRequest(page_size=2, page_token=token, **here)
        reply = await house.broker.commands.ListCommands(request)
        seen += [command.name for command in reply.commands]
        token = reply.next_page_token
        if not token:
            break
    assert seen == list(reversed(made))
    done = {"states": [RemoteCommand.STATE_DONE], "outcome_codes": [Outcome.CODE_NOT_SENT]}
    assert len(await house.broker.list(**here, **done)) == 5
    assert await house.broker.list(**here, kinds=[RemoteCommand.KIND_STOP_SESSION]) == []
    other = pb.ListCommandsRequest(page_token=reply.next_page_token or "x")
    assert (await failure_of(house.broker.commands.ListCommands(other))).reason == (
        "PAGE_TOKEN_INVALID"
    )


async def test_a_list_is_filtered_by_labels_and_time(house: House) -> None:
    id = await house.offline_station()
    labelled = options_pb.CommandOptions(labels={"case": id.lower()})
    command = await house.broker.start(id, options=labelled)
    assert await house.broker.list(labels={"case": id.lower()}) == [command.name]
    assert await house.broker.list(labels={"case": "another"}) == []
    made = command.create_time
    earlier = pb.TimeRange(end_time=made)
    later = pb.TimeRange(start_time=made)
    here = {"station": f"stations/{id}"}
    assert await house.broker.list(create_time=earlier, **here) == []
    assert await house.broker.list(create_time=later, **here) == [command.name]
