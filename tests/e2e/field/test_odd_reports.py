"""Sessions that really start and end, at stations whose reports are odd: the caller is told so."""

import asyncio
import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from evcommand.v1 import command_options_pb2, id_token_pb2
from evcommand.v1 import remote_command_pb2 as command_pb
from evcommand.v1 import remote_command_service_pb2 as pb

from tests.e2e.field.crowd import repeated
from tests.e2e.field.raw_station import Payload, RawStation, event, raw_station
from tests.e2e.foreign_system import System

pytestmark = pytest.mark.e2e

TAG = "DRIVER-1"
WAIT = command_options_pb2.CommandOptions(wait_for=command_options_pb2.WAIT_FOR_OUTCOME)
Change = Callable[[Payload], Payload]
Spell = Callable[[str], str]


def but(**values: Any) -> Change:
    return lambda payload: payload | values


def without(*keys: str) -> Change:
    return lambda payload: {key: value for key, value in payload.items() if key not in keys}


def as_it_is(payload: Payload) -> Payload:
    return payload


STARTS_16: dict[str, tuple[Change, Spell]] = {
    "timestamp as a number": (
        lambda payload: payload | {"timestamp": int(datetime.now(UTC).timestamp())},
        str,
    ),
    "meterStart null": (but(meterStart=None), str),
    "no meterStart": (without("meterStart"), str),
    "meterStart with a unit": (but(meterStart="1.0005 kWh"), str),
    "meterStart a fraction": (but(meterStart=10.5), str),
    "meterStart with a comma": (but(meterStart="26008,3"), str),
    "no timestamp": (without("timestamp"), str),
    "timestamp null": (but(timestamp=None), str),
    "connectorId as text": (but(connectorId="1"), str),
    "connectorId in a list": (but(connectorId=[1]), str),
    "reservationId -1": (but(reservationId=-1), str),
    "reservationId text": (but(reservationId="none"), str),
    "control characters behind the tag": (but(idTag=f"{TAG}\r\n"), str),
    "a tag in blanks": (but(idTag=f"  {TAG}"), str),
    "a tag and thirteen NULs": (but(idTag=TAG + "\x00" * 13), str),
    "a raw tab": (but(vendor="a\tb"), lambda text: text.replace("\\t", "\t")),
    "a raw NUL": (but(vendor="a\x00b"), lambda text: text.replace("\\u0000", "\x00")),
    "a NUL behind the frame": (as_it_is, lambda text: text + "\x00"),
    "a byte order mark": (as_it_is, lambda text: "\ufeff" + text),
    "a key twice": (as_it_is, lambda text: text.replace("{", '{"connectorId": 1, ', 1)),
    "a key twice that differs": (as_it_is, lambda text: text.replace("{", '{"meterStart": 9, ', 1)),
    "a comma too many": (as_it_is, lambda text: text.replace("}", ",}", 1)),
    "payload in a list": (as_it_is, lambda text: text.replace("{", "[{").replace("}", "}]")),
}
STOPS_16: dict[str, tuple[Change, Spell]] = {
    "a tag of 21 characters": (but(idTag="T" * 21), str),
    "two control characters behind the tag": (but(idTag="T" * 20 + "\r\n"), str),
    "meterStop null": (but(meterStop=None), str),
    "no meterStop": (without("meterStop"), str),
    "meterStop with a comma": (but(meterStop="26008,3"), str),
    "meterStop below zero": (but(meterStop=-7), str),
    "transactionId null": (but(transactionId=None), str),
    "transactionId empty": (but(transactionId=""), str),
    "transactionId beyond all bounds": (but(transactionId=2**63 - 1), str),
    "no transactionId": (without("transactionId"), str),
    "timestamp null": (but(timestamp=None), str),
    "no timestamp": (without("timestamp"), str),
    "transactionData an object": (but(transactionData={"timestamp": "2026-01-01T00:00:00Z"}), str),
    "a sample that is null": (
        but(transactionData=[{"timestamp": "x", "sampledValue": [{"value": None}]}]),
        str,
    ),
    "a reason in lower case": (but(reason="remote"), str),
    "a NUL behind the frame": (as_it_is, lambda text: text + "\x00"),
}
STARTS_2: dict[str, Change] = {
    "meterValue empty": but(meterValue=[]),
    "meterValue an object": but(meterValue={"sampledValue": {"value": "12 Wh"}}),
    "a value with a unit": but(
        meterValue=[{"timestamp": "2026-01-01T00:00:00Z", "sampledValue": [{"value": "12 Wh"}]}]
    ),
    "seqNo null": but(seqNo=None),
    "seqNo -1": but(seqNo=-1),
    "no timestamp": without("timestamp"),
    "no triggerReason": without("triggerReason"),
    "no type of the token": but(idToken={"idToken": TAG}),
    "a bare token": but(idToken=TAG),
    "additionalInfo empty": but(idToken={"idToken": TAG, "type": "Central", "additionalInfo": []}),
    "customData without vendor": but(customData={"x": 1}),
    "a fraction of an ampere": but(cableMaxCurrent=32.5),
    "reservationId -1": but(reservationId=-1),
    "eventType in lower case": but(eventType="started"),
    "transactionId of 39 characters": lambda payload: (
        payload | {"transactionInfo": payload["transactionInfo"] | {"transactionId": "T" * 39}}
    ),
    "remoteStartId one level too high": lambda payload: (
        payload
        | {"remoteStartId": payload["transactionInfo"]["remoteStartId"]}
        | {"transactionInfo": {"transactionId": payload["transactionInfo"]["transactionId"]}}
    ),
    "evse a number": but(evse=1),
    "no evse": without("evse"),
    "offline as text": but(offline="no"),
}
ENDS_2: dict[str, Change] = {
    "transactionId null": but(transactionInfo={"transactionId": None}),
    "no transactionInfo": without("transactionInfo"),
    "seqNo null": but(seqNo=None),
    "eventType in capitals": but(eventType="ENDED"),
    "meterValue text": but(meterValue="none"),
}


def start(system: System, station: str) -> command_pb.RemoteCommand:
    request = pb.StartSessionRequest(
        request_id=str(uuid.uuid4()),
        station=f"stations/{station}",
        evse_id=1,
        id_token=id_token_pb2.IdToken(value=TAG),
        options=WAIT,
    )
    command: command_pb.RemoteCommand = repeated(
        lambda: system.broker.commands.StartSession(request, timeout=60)
    ).command
    return command


def stop(system: System, station: str) -> command_pb.RemoteCommand:
    request = pb.StopSessionRequest(
        request_id=str(uuid.uuid4()), station=f"stations/{station}", evse_id=1, options=WAIT
    )
    command: command_pb.RemoteCommand = repeated(
        lambda: system.broker.commands.StopSession(request, timeout=60)
    ).command
    return command


def told(command: command_pb.RemoteCommand) -> str:
    return command.outcome.cause


async def asked(
    station: RawStation, action: str, calling: Callable[[], Any]
) -> tuple[Any, Payload]:
    """The call under way, and what the station was asked; it agrees."""
    seen = station.answers(action, lambda _: {"status": "Accepted"})
    running = asyncio.create_task(asyncio.to_thread(calling))
    await asyncio.wait_for(seen.wait(), 30)
    return running, station.requests[-1][1]


async def say(station: RawStation, action: str, payload: Payload, spell: Spell = str) -> Payload:
    identity = str(uuid.uuid4())
    text = spell(json.dumps([2, identity, action, payload], ensure_ascii=False))
    return await station.call_text(text, identity)


def started_16() -> Payload:
    now = datetime.now(UTC).isoformat()
    return {"connectorId": 1, "idTag": TAG, "meterStart": 5, "timestamp": now}


async def start_16(system: System, number: int, name: str) -> tuple[str, str]:
    identity = f"start-16-{number}"
    change, spell = STARTS_16[name]
    async with raw_station(system.ocpp_url, identity, "ocpp1.6") as station:
        calling, _ = await asked(station, "RemoteStartTransaction", lambda: start(system, identity))
        answer = await say(station, "StartTransaction", change(started_16()), spell)
        assert answer["transactionId"] > 0
        return name, told(await calling)


async def stop_16(system: System, number: int, name: str) -> tuple[str, str]:
    identity = f"stop-16-{number}"
    change, spell = STOPS_16[name]
    async with raw_station(system.ocpp_url, identity, "ocpp1.6") as station:
        answer = await station.call("StartTransaction", started_16())
        calling, _ = await asked(station, "RemoteStopTransaction", lambda: stop(system, identity))
        now = datetime.now(UTC).isoformat()
        ended = {"transactionId": answer["transactionId"], "meterStop": 9, "timestamp": now}
        await say(station, "StopTransaction", change(ended), spell)
        return name, told(await calling)


async def start_2(system: System, version: str, number: int, name: str) -> tuple[str, str]:
    identity = f"start-{version}-{number}"
    async with raw_station(system.ocpp_url, identity, version) as station:
        calling, request = await asked(
            station, "RequestStartTransaction", lambda: start(system, identity)
        )
        info = {"transactionId": f"T-{number}", "remoteStartId": request["remoteStartId"]}
        token = {"idToken": TAG, "type": "ISO14443"}
        info["chargingState"] = "Charging"
        begun = event("Started", 0, "RemoteStart", info, idToken=token)
        await station.call("TransactionEvent", STARTS_2[name](begun))
        return name, told(await calling)


async def stop_2(system: System, version: str, number: int, name: str) -> tuple[str, str]:
    identity = f"stop-{version}-{number}"
    async with raw_station(system.ocpp_url, identity, version) as station:
        info = {"transactionId": f"T-{number}", "chargingState": "Charging"}
        token = {"idToken": TAG, "type": "ISO14443"}
        await station.call(
            "TransactionEvent", event("Started", 0, "Authorized", info, idToken=token)
        )
        calling, _ = await asked(station, "RequestStopTransaction", lambda: stop(system, identity))
        ended = event("Ended", 1, "RemoteStop", {"transactionId": f"T-{number}"})
        await station.call("TransactionEvent", ENDS_2[name](ended))
        return name, told(await calling)


async def all_told(cases: list[Any]) -> dict[str, str]:
    room = asyncio.Semaphore(4)

    async def one(case: Any) -> tuple[str, str]:
        async with room:
            found: tuple[str, str] = await case
            return found

    found = await asyncio.gather(*(one(case) for case in cases), return_exceptions=True)
    failed = [error for error in found if isinstance(error, BaseException)]
    assert not failed
    return dict(pair for pair in found if not isinstance(pair, BaseException))


async def test_an_odd_start_of_1_6_is_a_session_that_started(system: System) -> None:
    found = await all_told([start_16(system, n, name) for n, name in enumerate(STARTS_16)])
    assert found == dict.fromkeys(STARTS_16, "SESSION_STARTED")


async def test_an_odd_stop_of_1_6_is_a_session_that_stopped(system: System) -> None:
    found = await all_told([stop_16(system, n, name) for n, name in enumerate(STOPS_16)])
    assert found == dict.fromkeys(STOPS_16, "SESSION_STOPPED")


EVENT_VERSIONS = ("ocpp2.0.1", "ocpp2.1")


@pytest.mark.parametrize("version", EVENT_VERSIONS)
async def test_an_odd_event_is_a_session_that_started(system: System, version: str) -> None:
    cases = [start_2(system, version, n, name) for n, name in enumerate(STARTS_2)]
    assert await all_told(cases) == dict.fromkeys(STARTS_2, "SESSION_STARTED")


@pytest.mark.parametrize("version", EVENT_VERSIONS)
async def test_an_odd_end_is_a_session_that_stopped(system: System, version: str) -> None:
    cases = [stop_2(system, version, n, name) for n, name in enumerate(ENDS_2)]
    assert await all_told(cases) == dict.fromkeys(ENDS_2, "SESSION_STOPPED")


ODD_METERS: list[Any] = [
    {"timestamp": "2026-01-01T00:00:00Z", "sampledValue": [{"value": "1"}]},
    [{"timestamp": "2026-01-01T00:00:00Z", "sampledValue": []}],
    [],
    None,
]


async def test_odd_meter_values_are_confirmed(system: System) -> None:
    async with raw_station(system.ocpp_url, "meter-16", "ocpp1.6") as station:
        for value in ODD_METERS:
            assert await say(station, "MeterValues", {"connectorId": 1, "meterValue": value}) == {}


@pytest.mark.parametrize("version", EVENT_VERSIONS)
async def test_odd_meter_values_of_an_evse_are_confirmed(system: System, version: str) -> None:
    async with raw_station(system.ocpp_url, f"meter-{version}", version) as station:
        for value in ODD_METERS:
            assert await say(station, "MeterValues", {"evseId": 1, "meterValue": value}) == {}
