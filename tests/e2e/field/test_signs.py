"""What speaks for an effect without saying so: nothing definite is told against it.

A session that may be ours comes after our yes, or before it. It names no token, no place, or not
our request. And a reservation is used by somebody else.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest
from evcommand.v1 import remote_command_pb2 as command_pb
from evcommand.v1 import token_service_pb2

from tests.e2e.field.crowd import calling
from tests.e2e.field.raw_station import Payload, RawStation, event, raw_station
from tests.e2e.field.starting import DELAYS_MS, VERSIONS, start
from tests.e2e.foreign_system import System

pytestmark = pytest.mark.e2e

Outcome = command_pb.Outcome
Said = Callable[[RawStation, str], Awaitable[None]]


def begun_16(**odd: object) -> Said:
    """A StartTransaction of the driver on connector 1, but for this."""

    async def say(station: RawStation, _: str) -> None:
        now = datetime.now(UTC).isoformat()
        payload = {"connectorId": 1, "idTag": "DRIVER-1", "meterStart": 5, "timestamp": now}
        await station.call("StartTransaction", payload | odd)

    return say


async def cable_first(station: RawStation, identity: str) -> None:
    """A transaction since the cable is in; then energy flows. Nobody says for whom."""
    told: Payload = {"transactionId": f"T-{identity}"}
    plugged = told | {"chargingState": "EVConnected"}
    await station.call("TransactionEvent", event("Started", 0, "CablePluggedIn", plugged))
    charging = told | {"chargingState": "Charging"}
    await station.call("TransactionEvent", event("Updated", 1, "ChargingStateChanged", charging))


async def charges_and_is_free(station: RawStation, _: str) -> None:
    """Connector 1 charges and is free again; the messages of the session itself still wait."""
    for status in ("Available", "Preparing", "Charging", "Finishing", "Available"):
        told = {"connectorId": 1, "errorCode": "NoError", "status": status}
        await station.call("StatusNotification", told)


SIGNS: dict[str, tuple[str, Said]] = {
    "an empty tag": ("ocpp1.6", begun_16(idTag="")),
    "a blank tag": ("ocpp1.6", begun_16(idTag="  ")),
    "no tag": ("ocpp1.6", begun_16(idTag=None)),
    "connector 0": ("ocpp1.6", begun_16(connectorId=0)),
    "no connector": ("ocpp1.6", begun_16(connectorId=None)),
    "charged and free": ("ocpp1.6", charges_and_is_free),
    "cable first, 2.0.1": ("ocpp2.0.1", cable_first),
    "cable first, 2.1": ("ocpp2.1", cable_first),
}


async def told_with(impatient: System, name: str, delay_ms: int) -> command_pb.Outcome:
    """The outcome of a start whose sign comes after the yes; below 0: as long before it."""
    subprotocol, say = SIGNS[name]
    identity = f"sign-{list(SIGNS).index(name)}-{delay_ms}"
    action = "RemoteStartTransaction" if subprotocol == "ocpp1.6" else "RequestStartTransaction"
    async with raw_station(impatient.ocpp_url, identity, subprotocol) as station:

        async def agree(_: Payload) -> Payload:
            if delay_ms < 0:
                await say(station, identity)
                await asyncio.sleep(-delay_ms / 1000)  # of the station, before its answer
            answered.set()
            return {"status": "Accepted"}

        answered = asyncio.Event()
        station.answers_later(action, agree)
        starting = calling(lambda: start(impatient, identity))
        await asyncio.wait_for(answered.wait(), 40)
        if delay_ms >= 0:
            await asyncio.sleep(delay_ms / 1000)  # of the network between the two messages
            await say(station, identity)
        return (await starting).outcome


async def test_a_session_that_may_be_ours_forbids_to_say_that_nothing_began(
    impatient: System,
) -> None:
    delays = (*DELAYS_MS, *(-delay for delay in DELAYS_MS[1:]))
    cases = [(name, delay_ms) for name in SIGNS for delay_ms in delays]
    told = await asyncio.gather(*(told_with(impatient, *case) for case in cases))
    negative = {
        case: one.cause
        for case, one in zip(cases, told, strict=True)
        if one.code not in {Outcome.CODE_SUCCEEDED, Outcome.CODE_UNKNOWN}
    }
    assert not negative


async def used_by_another(system: System, subprotocol: str) -> str:
    """The cause of the end of a reservation whose number a session of another token names."""
    identity = f"lent-{subprotocol}"
    async with raw_station(system.ocpp_url, identity, subprotocol) as station:
        station.answers("ReserveNow", lambda _: {"status": "Accepted"})
        held = await calling(lambda: system.broker.reserve(f"stations/{identity}"))
        _, asked = next(one for one in station.requests if one[0] == "ReserveNow")
        known = token_service_pb2.Token(
            value="DRIVER-2", status=token_service_pb2.Token.STATUS_ACCEPTED
        )
        put = token_service_pb2.PutTokenRequest(token=known)
        await calling(lambda: system.broker.tokens.PutToken(put, timeout=20))
        if subprotocol == "ocpp1.6":
            number = {"reservationId": asked["reservationId"]}
            await begun_16(idTag="DRIVER-2", **number)(station, identity)
        else:
            named = {"transactionId": f"T-{identity}", "chargingState": "Charging"}
            token = {"idToken": {"idToken": "DRIVER-2", "type": "ISO14443"}}
            begun = event("Started", 0, "Authorized", named, reservationId=asked["id"], **token)
            await station.call("TransactionEvent", begun)
        name = held.outcome.reservation.reservation
        ended = await calling(lambda: system.broker.reservation_until(name, "LOST"))
        return str(ended.cause)


@pytest.mark.parametrize("subprotocol", VERSIONS)
async def test_a_reservation_that_another_driver_uses_is_not_told_as_used(
    system: System, subprotocol: str
) -> None:
    assert await used_by_another(system, subprotocol) == "USED_BY_ANOTHER"
