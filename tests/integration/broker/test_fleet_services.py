"""StationService and TokenService against a real fleet."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import grpc
import pytest
from evcommand.v1 import id_token_pb2 as id_token_pb
from evcommand.v1 import remote_command_pb2 as command_pb
from evcommand.v1 import remote_command_service_pb2 as commands_pb
from evcommand.v1 import station_service_pb2 as pb
from evcommand.v1 import token_service_pb2 as tokens_pb
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp

from domain.model.twins import Displacements
from fleet import connections
from fleet.keys import load_passwords
from fleet.station_secrets import get_with_secrets
from tests.support.benches.broker_house import (
    House,
    begin_session,
    end_session,
    failure_of,
    patient,
)
from tests.support.stations.passwords import verified
from tests.support.stations.scripted_station import connected

pytestmark = pytest.mark.asyncio(loop_scope="session")


def fresh_id(prefix: str = "NEW") -> str:
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


async def create(house: House, id: str, **fields: Any) -> pb.CreateStationResponse:
    request = pb.CreateStationRequest(station_id=id, **fields)
    reply: pb.CreateStationResponse = await house.broker.stations.CreateStation(request)
    return reply


async def get(house: House, id: str) -> pb.Station:
    request = pb.GetStationRequest(name=f"stations/{id}")
    station: pb.Station = (await house.broker.stations.GetStation(request)).station
    return station


async def is_password(house: House, id: str, password: str) -> bool:
    passwords = await load_passwords(house.db)
    async with house.db.read() as tx:
        _, secrets = await get_with_secrets(tx, id)
    (stored,) = secrets.hashes
    return await verified(passwords, stored, password)


async def test_a_new_station_shows_its_password_once(house: House) -> None:
    id = fresh_id()
    reply = await create(house, id, location="Yard 3", security_profile=2)
    assert len(reply.basic_auth_password) == 20  # what a 1.6 station can store
    assert await is_password(house, id, reply.basic_auth_password)
    station = await get(house, id)
    assert station == reply.station
    assert (station.location, station.security_profile, station.registered) == ("Yard 3", 2, True)
    assert reply.basic_auth_password not in str(station)


async def test_a_chosen_password_is_taken(house: House) -> None:
    id, password = fresh_id(), "correct-horse-battery"
    reply = await create(house, id, basic_auth_password=password)
    assert reply.basic_auth_password == password
    assert await is_password(house, id, password)


@pytest.mark.parametrize("identity", ["RDAM {}", "Köln {}/1", "{} 100%", "00:1B:{}", "a+{}"])
async def test_a_station_of_any_identity_is_served_by_every_call(
    house: House, identity: str
) -> None:
    id = identity.format(uuid.uuid4().hex[:6])
    created = await create(house, id)
    name = created.station.name
    assert name == f"stations/{quote(id, safe='*-_=+|@.:')}"
    url = f"ws://127.0.0.1:{house.ocpp_port}/ocpp/{quote(id, safe='')}"
    async with connected(url, created.basic_auth_password, user=id) as station:
        await station.boot()
        begun = await begin_session(station)
        assert (await get(house, quote(id, safe=""))).connected
        request = commands_pb.ResetRequest(station=name, mode=command_pb.RESET_MODE_SOFT)
        asked = asyncio.ensure_future(house.broker.commands.Reset(request))
        await station.accept("Reset")
        command = (await asked).command
        assert command.station == name
        await end_session(station, begun)
    await _every_call_knows(house, name, command.name)


async def _every_call_knows(house: House, station: str, command: str) -> None:
    assert await house.broker.list(station=station) == [command]
    watch = house.broker.commands.WatchCommands(
        commands_pb.WatchCommandsRequest(station=station, names=[])
    )
    assert (await watch.read()).command.name == command
    watch.cancel()
    explain = commands_pb.ExplainCommandRequest(name=command)
    assert (await house.broker.commands.ExplainCommand(explain)).steps
    listed = await house.broker.stations.ListTransactions(
        pb.ListTransactionsRequest(station=station)
    )
    (transaction,) = listed.transactions
    assert transaction.name.startswith(f"{station}/transactions/")
    found = await house.broker.stations.GetTransaction(
        pb.GetTransactionRequest(name=transaction.name)
    )
    assert found.transaction == transaction


async def test_a_name_need_not_escape_what_is_clear(house: House) -> None:
    id = fresh_id("RDAM 123")
    await create(house, id)
    assert (await get(house, id)).name == (await get(house, quote(id))).name


async def test_a_station_is_created_once(house: House) -> None:
    id = fresh_id()
    await create(house, id)
    request = pb.CreateStationRequest(station_id=id)
    failure = await failure_of(house.broker.stations.CreateStation(request))
    assert (failure.code, failure.reason) == (grpc.StatusCode.ALREADY_EXISTS, "STATION_EXISTS")


async def change(house: House, mask: list[str], **fields: Any) -> pb.Station:
    request = pb.UpdateStationRequest(
        station=pb.Station(**fields), update_mask=FieldMask(paths=mask) if mask else None
    )
    changed: pb.Station = (await house.broker.stations.UpdateStation(request)).station
    return changed


async def test_what_people_say_of_a_station_is_changed(house: House) -> None:
    id = fresh_id()
    await create(house, id, location="yard", labels={"site": "7"})
    name = f"stations/{id}"
    moved = await change(house, ["location"], name=name, location="roof", labels={"x": "y"})
    assert (moved.location, dict(moved.labels), moved.security_profile) == (
        "roof",
        {"site": "7"},
        1,
    )
    raised = await change(house, [], name=name, security_profile=2)
    assert (raised.location, raised.security_profile) == ("roof", 2)
    assert await change(house, ["labels"], name=name) == await get(house, id)
    assert dict((await get(house, id)).labels) == {}


async def test_the_back_end_of_a_station_is_changed_and_taken_away(house: House) -> None:
    id, url = fresh_id(), "wss://csms.example/ocpp/{station}"
    await create(house, id)
    assert (await change(house, [], name=f"stations/{id}", upstream=url)).upstream == url
    assert (await get(house, id)).upstream == url
    assert (await change(house, ["upstream"], name=f"stations/{id}")).upstream == ""


async def test_what_happens_when_the_back_end_of_a_station_is_lost_is_changed(house: House) -> None:
    id, loss = fresh_id(), pb.Station.UpstreamLoss
    await create(house, id)
    name = f"stations/{id}"
    for wanted in (loss.UPSTREAM_LOSS_HOLD, loss.UPSTREAM_LOSS_MIRROR):
        changed = await change(house, [], name=name, upstream_loss=wanted)
        assert changed.upstream_loss == wanted
        assert (await get(house, id)).upstream_loss == wanted
    changed = await change(house, ["upstream_loss"], name=name)
    assert changed.upstream_loss == loss.UPSTREAM_LOSS_UNSPECIFIED


async def test_a_security_profile_is_not_lowered_and_nothing_else_changed(house: House) -> None:
    id = fresh_id()
    await create(house, id, security_profile=2, location="yard")
    lower = change(house, [], name=f"stations/{id}", security_profile=1, location="roof")
    failure = await failure_of(lower)
    assert failure.code is grpc.StatusCode.FAILED_PRECONDITION
    assert failure.reason == "SECURITY_PROFILE_ONLY_RAISED"
    assert failure.fields == ["station.security_profile"]
    station = await get(house, id)
    assert (station.location, station.security_profile) == ("yard", 2)


async def test_a_station_that_nobody_knows_is_not_changed(house: House) -> None:
    failure = await failure_of(change(house, [], name="stations/NOBODY", location="roof"))
    assert failure.reason == "STATION_NOT_FOUND"


async def test_a_connected_station_tells_who_it_is(house: House) -> None:
    async with house.station("2.0.1") as (id, station):
        status = {
            "timestamp": datetime.now(UTC).isoformat(),
            "connectorStatus": "Available",
            "evseId": 1,
            "connectorId": 1,
        }
        await station.call("StatusNotification", status)
        shown = await get(house, id)
    assert (shown.connected, shown.ocpp_version, shown.vendor) == (True, "2.0.1", "Acme")
    assert shown.boot_state == pb.Station.BOOT_STATE_ACCEPTED
    assert shown.registered is False
    assert shown.evses[0].connectors[0].state == "Available"


async def test_a_station_names_its_commands_that_go_on(house: House) -> None:
    id = await house.offline_station()
    command = await house.broker.start(id, 1, options=patient())
    assert list((await get(house, id)).pending_commands) == [command.name]
    request = pb.DeleteStationRequest(name=f"stations/{id}")
    failure = await failure_of(house.broker.stations.DeleteStation(request))
    assert (failure.code, failure.reason) == (
        grpc.StatusCode.FAILED_PRECONDITION,
        "STATION_BUSY",
    )


async def test_a_deleted_station_is_gone(house: House) -> None:
    id = await house.offline_station()
    request = pb.DeleteStationRequest(name=f"stations/{id}")
    await house.broker.stations.DeleteStation(request)
    failure = await failure_of(house.broker.stations.DeleteStation(request))
    assert (failure.code, failure.reason) == (grpc.StatusCode.NOT_FOUND, "STATION_NOT_FOUND")


async def test_the_socket_of_a_deleted_station_is_closed_within_5_s(house: House) -> None:
    id = fresh_id()
    created = await create(house, id)
    url = f"ws://127.0.0.1:{house.ocpp_port}/ocpp/{id}"
    request = pb.DeleteStationRequest(name=f"stations/{id}")
    async with connected(url, created.basic_auth_password) as station:
        await station.boot()
        await house.broker.stations.DeleteStation(request)
        anew = await create(house, id)
        assert anew.station.boot_state == pb.Station.BOOT_STATE_UNSPECIFIED
        assert not (await get(house, id)).connected
        assert await station.closed() == 1008
    async with connected(url, anew.basic_auth_password) as station:
        await station.boot()
        assert (await get(house, id)).connected


async def test_a_delete_that_is_refused_leaves_the_station_connected(house: House) -> None:
    async with house.station("1.6") as (id, station):
        starting = asyncio.ensure_future(house.broker.start(id, 1, options=patient()))
        message_id, _ = await station.called("RemoteStartTransaction")
        request = pb.DeleteStationRequest(name=f"stations/{id}")
        failure = await failure_of(house.broker.stations.DeleteStation(request))
        assert failure.reason == "STATION_BUSY"
        assert (await get(house, id)).connected
        await station.answer(message_id, {"status": "Rejected"})
        await starting


async def list_stations(house: House, **fields: Any) -> tuple[list[str], str]:
    reply = await house.broker.stations.ListStations(pb.ListStationsRequest(**fields))
    return [station.name for station in reply.stations], reply.next_page_token


async def test_stations_are_listed_by_page_and_filter(house: House) -> None:
    yard = fresh_id("YARD")
    made = sorted(fresh_id() for _ in range(3))
    for id in made:
        await create(house, id, location=yard)
    first, token = await list_stations(house, location=yard, page_size=2)
    second, end = await list_stations(house, location=yard, page_size=2, page_token=token)
    assert [*first, *second] == [f"stations/{id}" for id in made]
    assert end == ""
    assert await list_stations(house, location=yard, connected=True) == ([], "")
    async with house.station() as (id, _):
        names, _ = await list_stations(house, connected=True, ocpp_version="1.6", page_size=200)
        assert f"stations/{id}" in names


async def list_transactions(house: House, **fields: Any) -> list[pb.Transaction]:
    reply = await house.broker.stations.ListTransactions(pb.ListTransactionsRequest(**fields))
    return list(reply.transactions)


async def test_transactions_are_listed_and_read_with_masked_tokens(house: House) -> None:
    async with house.station() as (id, station):
        first = await begin_session(station, tag="DRIVER-1")
        await end_session(station, first)
        second = await begin_session(station, tag="DRIVER-2")
        here = {"station": f"stations/{id}"}
        both = await list_transactions(house, **here)
        assert [one.transaction_id for one in both] == [str(second), str(first)]
        assert [
            one.transaction_id for one in await list_transactions(house, active=True, **here)
        ] == [str(second)]
        ended = both[1]
        assert (ended.meter_start_wh, ended.meter_stop_wh) == (100, 500)
        assert (ended.masked_id_token, ended.stop_reason) == ("****ER-1", "Remote")
        got = await house.broker.stations.GetTransaction(pb.GetTransactionRequest(name=ended.name))
        assert got.transaction == ended


async def test_a_transaction_is_found_under_its_own_station_only(house: House) -> None:
    async with house.station() as (id, station):
        await begin_session(station)
        (one,) = await list_transactions(house, station=f"stations/{id}")
    wrong = one.name.replace(id, "another")
    request = pb.GetTransactionRequest(name=wrong)
    failure = await failure_of(house.broker.stations.GetTransaction(request))
    assert failure.reason == "TRANSACTION_NOT_FOUND"


async def test_a_token_is_put_replaced_read_and_deleted(house: House) -> None:
    value = fresh_id("TAG")
    expire = Timestamp()
    expire.FromDatetime(datetime.now(UTC) + timedelta(days=1))
    token = tokens_pb.Token(value=value, group="FLEET", expire_time=expire)
    put = (await house.broker.tokens.PutToken(tokens_pb.PutTokenRequest(token=token))).token
    assert put.status == tokens_pb.Token.STATUS_ACCEPTED
    assert put.type == id_token_pb.ID_TOKEN_TYPE_ISO14443
    token.status = tokens_pb.Token.STATUS_BLOCKED
    await house.broker.tokens.PutToken(tokens_pb.PutTokenRequest(token=token))
    key = tokens_pb.GetTokenRequest(value=value.lower())
    got = (await house.broker.tokens.GetToken(key)).token
    assert (got.status, got.group, got.value) == (tokens_pb.Token.STATUS_BLOCKED, "FLEET", value)
    await house.broker.tokens.DeleteToken(tokens_pb.DeleteTokenRequest(value=value))
    for call in (
        house.broker.tokens.GetToken(key),
        house.broker.tokens.DeleteToken(tokens_pb.DeleteTokenRequest(value=value)),
    ):
        assert (await failure_of(call)).reason == "TOKEN_NOT_FOUND"


async def test_a_token_says_what_a_station_is_told(house: House) -> None:
    value = fresh_id("TAG")
    blocked = tokens_pb.Token(value=value, status=tokens_pb.Token.STATUS_BLOCKED)
    await house.broker.tokens.PutToken(tokens_pb.PutTokenRequest(token=blocked))
    async with house.station() as (_, station):
        answer = await station.call("Authorize", {"idTag": value})
    assert answer["idTagInfo"]["status"] == "Blocked"


async def test_tokens_are_listed_page_by_page(house: House) -> None:
    made = {fresh_id("PAGED") for _ in range(5)}
    for value in made:
        token = tokens_pb.Token(value=value)
        await house.broker.tokens.PutToken(tokens_pb.PutTokenRequest(token=token))
    seen: list[str] = []
    page = ""
    while True:
        request = tokens_pb.ListTokensRequest(page_size=2, page_token=page)
        reply = await house.broker.tokens.ListTokens(request)
        seen += [token.value for token in reply.tokens]
        page = reply.next_page_token
        if not page:
            break
    assert made <= set(seen)
    assert len(seen) == len(set(seen))


@pytest.mark.parametrize("left_s", [-1, 600])
async def test_a_station_in_quarantine_is_shown_so(house: House, left_s: int) -> None:
    id, end = fresh_id(), datetime.now(UTC) + timedelta(seconds=left_s)
    await create(house, id)
    async with house.db.write() as tx:
        kept = {"station": id, "gateway": "g1", "connection_id": "c1", "ocpp_version": "1.6"}
        await connections.claim(tx, **kept, now=datetime.now(UTC))
        await connections.keep_displacements(tx, id, Displacements((datetime.now(UTC),), end))
    shown = await get(house, id)
    assert shown.HasField("quarantine_end_time") == (left_s > 0)
    if left_s > 0:
        assert shown.quarantine_end_time.ToDatetime(UTC) == end
