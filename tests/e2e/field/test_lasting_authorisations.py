"""The answer to a start is lost, and the station repeats it when its command is long DONE."""

import asyncio
from collections.abc import Iterator

import pytest
from evcommand.v1 import id_token_pb2
from evcommand.v1 import remote_command_pb2 as command_pb
from evcommand.v1 import remote_command_service_pb2 as pb

from tests.e2e.field.crowd import calling
from tests.e2e.field.raw_station import Payload, event, raw_station
from tests.e2e.field.starting import (
    DELAYS_MS,
    VERSIONS,
    FieldSession,
    accepts_starts,
    authorize,
    start,
)
from tests.e2e.foreign_system import System, running_system

pytestmark = pytest.mark.e2e

Outcome = command_pb.Outcome


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A system that knows its stations and no token."""
    with running_system(tmp_path_factory.mktemp("closed"), open_to_all=False) as running:
        yield running


def url_of(system: System, identity: str) -> str:
    password = system.broker.register(identity)
    return f"ws://{identity}:{password}@{system.ocpp_address}/ocpp"


async def repeats_its_start(system: System, subprotocol: str, delay_ms: int) -> list[str]:
    """What the station is told about its token, from the first start to after the end."""
    identity = f"repeats-{subprotocol}-{delay_ms}"
    url = await calling(lambda: url_of(system, identity))
    async with raw_station(url, identity, subprotocol) as station:
        answered, asked = accepts_starts(station, subprotocol)
        starting = calling(lambda: start(system, identity))
        await answered.wait()
        session = FieldSession(subprotocol, identity, asked[0].get("remoteStartId"))
        told = [await session.begins(station)]
        assert (await starting).outcome.code == Outcome.CODE_SUCCEEDED
    await asyncio.sleep(delay_ms / 1000)  # of the network, before the next socket
    async with raw_station(url, identity, subprotocol) as station:
        told += [await session.begins(station), await authorize(station, subprotocol)]
        told += [await session.ends(station), await session.ends(station)]
        told += [await authorize(station, subprotocol)]
        told += [await FieldSession(subprotocol, f"{identity}-2").begins(station)]
    return told


async def test_a_repeated_start_is_answered_as_the_first_one_whatever_the_delay(
    system: System,
) -> None:
    cases = [(version, delay_ms) for version in VERSIONS for delay_ms in DELAYS_MS]
    told = await asyncio.gather(*(repeats_its_start(system, *case) for case in cases))
    within, afterwards = ["Accepted"] * 5, ["Invalid"] * 2
    assert dict(zip(cases, told, strict=True)) == dict.fromkeys(cases, within + afterwards)


async def tells_its_token_late(system: System, subprotocol: str, delay_ms: int) -> list[str]:
    """A session without a token, which is told after the command is DONE."""
    identity = f"late-{subprotocol}-{delay_ms}"
    url = await calling(lambda: url_of(system, identity))
    async with raw_station(url, identity, subprotocol) as station:
        answered, asked = accepts_starts(station, subprotocol)
        starting = calling(lambda: start(system, identity))
        await answered.wait()
        named = {
            "transactionId": f"T-{identity}",
            "remoteStartId": asked[0]["remoteStartId"],
            "chargingState": "Charging",
        }
        await station.call("TransactionEvent", event("Started", 0, "RemoteStart", named))
        assert (await starting).outcome.code == Outcome.CODE_SUCCEEDED
        await asyncio.sleep(delay_ms / 1000)  # of the network, before the token is told
        token = {"idToken": {"idToken": "driver-1", "type": "ISO14443"}}
        answer = await station.call(
            "TransactionEvent", event("Updated", 1, "Authorized", named, **token)
        )
        return [answer["idTokenInfo"]["status"], await authorize(station, subprotocol)]


async def test_a_token_told_late_is_the_command_s_token_whatever_the_delay(
    system: System,
) -> None:
    cases = [(version, delay_ms) for version in VERSIONS[1:] for delay_ms in DELAYS_MS]
    told = await asyncio.gather(*(tells_its_token_late(system, *case) for case in cases))
    assert dict(zip(cases, told, strict=True)) == {case: ["Accepted"] * 2 for case in cases}


async def stopped_by_token(system: System, subprotocol: str, *, by_answer: bool) -> str:
    """A session that never tells a token is stopped by its token: OCPP's id of what was stopped."""
    identity = f"by-token-{subprotocol}-{by_answer}"
    url = await calling(lambda: url_of(system, identity))
    async with raw_station(url, identity, subprotocol) as station:
        named: Payload = {"transactionId": f"T-{identity}"}
        if by_answer:
            await station.call("TransactionEvent", event("Started", 0, "CablePluggedIn", named))
        asked: list[int] = []

        def agree(request: Payload) -> Payload:
            asked.append(request["remoteStartId"])
            return {"status": "Accepted", **(named if by_answer else {})}

        answered = station.answers("RequestStartTransaction", agree)
        starting = calling(lambda: start(system, identity))
        await answered.wait()
        charging = {**named, "chargingState": "Charging"}
        if not by_answer:
            charging["remoteStartId"] = asked[0]
        kind = "Updated" if by_answer else "Started"
        await station.call("TransactionEvent", event(kind, 1, "ChargingStateChanged", charging))
        assert (await starting).outcome.code == Outcome.CODE_SUCCEEDED
        stopped = station.answers("RequestStopTransaction", lambda _: {"status": "Accepted"})
        request = pb.StopSessionRequest(
            station=f"stations/{identity}", id_token=id_token_pb2.IdToken(value="DRIVER-1")
        )
        stopping = calling(lambda: system.broker.commands.StopSession(request, timeout=20))
        await asyncio.wait_for(stopped.wait(), 20)
        await stopping
        return str(station.requests[-1][1]["transactionId"])


async def test_a_session_that_never_told_its_token_is_stopped_by_the_command_s_token(
    system: System,
) -> None:
    cases = [(version, by_answer) for version in VERSIONS[1:] for by_answer in (False, True)]
    told = await asyncio.gather(
        *(stopped_by_token(system, version, by_answer=by) for version, by in cases)
    )
    assert told == [f"T-by-token-{version}-{by}" for version, by in cases]
