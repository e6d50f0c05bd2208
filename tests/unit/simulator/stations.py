"""Stations under test, and the CALLs of a back end in the words of each version."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from simulator.behaviour import Behaviour
from simulator.config import StationConfig
from simulator.station import SimulatedStation
from tests.unit.simulator.central_system import CentralSystem, Payload, central_system

TOKEN, OTHER, GROUP = "04AB", "05CD", "FLEET-1"
EVERY = pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])
NEWER = pytest.mark.parametrize("version", ["2.0.1", "2.1"])
Pair = tuple[CentralSystem, SimulatedStation]


@asynccontextmanager
async def connected(
    version: str, *flaws: Behaviour, lawful: bool = True, **settings: Any
) -> AsyncIterator[Pair]:
    """A booted station. lawful: at the end, every frame must have obeyed the schemas."""
    async with central_system() as system:
        quick = {"plug_delay_s": 0.01, "reconnect_s": 0.01, "reboot_s": 0.01, **settings}
        config = StationConfig("CP1", system.url, version=version, flaws=flaws, **quick)
        async with SimulatedStation(config) as station:
            await system.hears("StatusNotification", config.evses)
            await station.delivered()
            yield system, station
    if lawful:
        assert system.violations == []


async def start(system: CentralSystem, version: str, **fields: Any) -> Payload:
    return await system.ask(*start_call(version, **fields))


def start_call(version: str, token: str = TOKEN, **fields: Any) -> tuple[str, Payload]:
    if version == "1.6":
        return "RemoteStartTransaction", {"idTag": token, **fields}
    return "RequestStartTransaction", {"idToken": id_token(token), "remoteStartId": 7, **fields}


def stop_call(station: SimulatedStation) -> tuple[str, Payload]:
    session = station.charger.sessions[-1]
    if station.config.version == "1.6":
        return "RemoteStopTransaction", {"transactionId": session.csms_transaction_id}
    return "RequestStopTransaction", {"transactionId": session.id}


def unlock_call(version: str, evse_id: int = 1) -> tuple[str, Payload]:
    if version == "1.6":
        return "UnlockConnector", {"connectorId": evse_id}
    return "UnlockConnector", {"evseId": evse_id, "connectorId": 1}


def reset_call(version: str) -> tuple[str, Payload]:
    return "Reset", {"type": "Hard" if version == "1.6" else "Immediate"}


def reserve_call(
    version: str,
    evse_id: int | None = 1,
    *,
    reservation_id: int = 5,
    token: str = TOKEN,
    group: str | None = None,
    lasts_s: float = 3600,
    connector_type: str | None = None,
) -> tuple[str, Payload]:
    expiry = (datetime.now(UTC) + timedelta(seconds=lasts_s)).isoformat()
    if version == "1.6":
        parent = {"parentIdTag": group} if group else {}
        fields = {"reservationId": reservation_id, "idTag": token, "expiryDate": expiry}
        return "ReserveNow", {"connectorId": evse_id or 0, **fields, **parent}
    request = {"id": reservation_id, "idToken": id_token(token), "expiryDateTime": expiry}
    if evse_id is not None:
        request["evseId"] = evse_id
    if group is not None:
        request["groupIdToken"] = id_token(group)
    if connector_type is not None:
        request["connectorType"] = connector_type
    return "ReserveNow", request


def cancel_call(reservation_id: int = 5) -> tuple[str, Payload]:
    return "CancelReservation", {"reservationId": reservation_id}


def id_token(value: str) -> Payload:
    return {"idToken": value, "type": "ISO14443"}


async def hears_session(system: CentralSystem, version: str, count: int = 1) -> Payload:
    if version == "1.6":
        return await system.hears("StartTransaction", count)
    return await system.hears("TransactionEvent", count, eventType="Started")


async def hears_end(system: CentralSystem, version: str) -> str:
    if version == "1.6":
        reason = (await system.hears("StopTransaction"))["reason"]
    else:
        ended = await system.hears("TransactionEvent", eventType="Ended")
        reason = ended["transactionInfo"]["stoppedReason"]
    return str(reason)


async def hears_status(system: CentralSystem, version: str, word: str, count: int = 1) -> None:
    field = "status" if version == "1.6" else "connectorStatus"
    await system.hears("StatusNotification", count, **{field: word})


async def charges(system: CentralSystem, station: SimulatedStation, **fields: Any) -> None:
    """Starts a session and waits until the back end knows of it."""
    assert (await start(system, station.config.version, **fields))["status"] == "Accepted"
    await station.until(lambda: bool(station.active_sessions))
    await station.delivered()


def order(system: CentralSystem) -> list[str]:
    """The actions of the station's CALLs, and `answer` for each answer, in order."""
    return [frame[2] if frame[0] == 2 else "answer" for frame in system.frames]
