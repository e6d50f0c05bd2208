"""Stations that use a message id again: an old id is not an old message."""

import asyncio
import json
from datetime import datetime

import pytest

from tests.e2e.field.crowd import calling
from tests.e2e.field.raw_station import Payload, RawStation, event, raw_station
from tests.e2e.field.starting import DELAYS_MS, VERSIONS
from tests.e2e.foreign_system import System

pytestmark = pytest.mark.e2e


def status(subprotocol: str, word: str, connector: int = 1) -> Payload:
    if subprotocol == "ocpp1.6":
        return {"connectorId": connector, "errorCode": "NoError", "status": word}
    return {
        "timestamp": "2026-01-01T00:00:00Z",
        "connectorStatus": word,
        "evseId": connector,
        "connectorId": 1,
    }


async def both(station: RawStation, identity: str, *frames: Payload, action: str) -> list[Payload]:
    """Two messages with one id in one breath: their answers, in order."""
    answers: asyncio.Queue[Payload] = asyncio.Queue()
    station.listen(identity, answers.put_nowait)
    for payload in frames:
        await station.send_text(json.dumps([2, identity, action, payload]))
    async with asyncio.timeout(20):
        return [await answers.get() for _ in frames]


def report(subprotocol: str, evse: int) -> Payload:
    if subprotocol == "ocpp1.6":
        at = "2026-01-01T00:00:00Z"
        return {"connectorId": evse, "idTag": "DRIVER-1", "meterStart": 5, "timestamp": at}
    started = event("Started", 0, "Authorized", {"transactionId": f"T{evse}"})
    return started | {"evse": {"id": evse}, "timestamp": "2026-01-01T00:00:00Z"}


def whole_seconds(first: Payload, second: Payload) -> int:
    """The time from one answer to the other; the gateway tells whole seconds."""
    times = (datetime.fromisoformat(answer["currentTime"]) for answer in (first, second))
    earlier, later = times
    return round((later - earlier).total_seconds())


async def uses_ids_again(system: System, subprotocol: str, delay_ms: int) -> dict[str, object]:
    """What became of the messages of one station that uses its ids again."""
    identity = f"ids-{subprotocol}-{delay_ms}"
    action = "StartTransaction" if subprotocol == "ocpp1.6" else "TransactionEvent"
    reserved = "Preparing" if subprotocol == "ocpp1.6" else "Occupied"
    async with raw_station(system.ocpp_url, identity, subprotocol) as station:
        first = await station.call("Heartbeat", {}, "6")
        for number, word in (("7", "Available"), ("8", reserved), ("7", "Available")):
            await station.call("StatusNotification", status(subprotocol, word), number)
            await asyncio.sleep(delay_ms / 1000)  # of the station, between two messages
        second = await station.call("Heartbeat", {}, "6")
        one, two = report(subprotocol, 1), report(subprotocol, 2)
        breath = await both(station, "9", one, two, action=action)
        again = await station.call(action, one, "9")
    seen = await calling(lambda: system.broker.station(f"stations/{identity}"))
    connectors = [c.state for evse in seen.evses for c in evse.connectors]
    ids = len({json.dumps(answer) for answer in breath})
    return {
        "seconds between": whole_seconds(first, second) >= 3 * delay_ms // 1000,
        "status": connectors,
        "answers": ids if subprotocol == "ocpp1.6" else len(breath),
        "repeat": again == breath[0],
    }


async def test_a_message_under_an_old_id_is_handled_and_a_repeated_report_is_not(
    system: System,
) -> None:
    cases = [(version, delay_ms) for version in VERSIONS for delay_ms in DELAYS_MS]
    told = await asyncio.gather(*(uses_ids_again(system, *case) for case in cases))
    right = {"seconds between": True, "status": ["Available"], "answers": 2, "repeat": True}
    assert dict(zip(cases, told, strict=True)) == dict.fromkeys(cases, right)
