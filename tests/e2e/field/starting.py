"""Starts and stops as a client asks for them, many at a time, beside stations that are sockets."""

import asyncio
import uuid
from datetime import UTC, datetime

from evcommand.v1 import command_options_pb2, id_token_pb2
from evcommand.v1 import remote_command_pb2 as command_pb
from evcommand.v1 import remote_command_service_pb2 as pb

from tests.e2e.field.crowd import CALL_LIMIT_S, repeated
from tests.e2e.field.raw_station import Payload, RawStation, event
from tests.e2e.foreign_system import System

VERSIONS = ("ocpp1.6", "ocpp2.0.1", "ocpp2.1")
DELAYS_MS = (0, 30, 100, 500, 3_000)


def start(system: System, identity: str, token: str = "DRIVER-1") -> command_pb.RemoteCommand:
    """Starts a session on EVSE 1 and waits for the outcome."""
    request = pb.StartSessionRequest(
        station=f"stations/{identity}",
        evse_id=1,
        id_token=id_token_pb2.IdToken(value=token),
        request_id=str(uuid.uuid4()),
        options=command_options_pb2.CommandOptions(wait_for=command_options_pb2.WAIT_FOR_OUTCOME),
    )
    starts = system.broker.commands.StartSession
    return repeated(lambda: starts(request, timeout=CALL_LIMIT_S)).command


def accepts_starts(station: RawStation, subprotocol: str) -> tuple[asyncio.Event, list[Payload]]:
    """The station agrees to starts from now on: set once one was answered, and the requests."""
    asked: list[Payload] = []

    def agree(request: Payload) -> Payload:
        asked.append(request)
        return {"status": "Accepted"}

    action = "RemoteStartTransaction" if subprotocol == "ocpp1.6" else "RequestStartTransaction"
    return station.answers(action, agree), asked


class FieldSession:
    """One session, told in the words of the station's version; a message is the same each time."""

    def __init__(self, subprotocol: str, identity: str, number: int | None = None) -> None:
        self.old = subprotocol == "ocpp1.6"
        self.transaction = f"T-{identity}"
        self.number = {} if number is None else {"remoteStartId": number}
        self.id = 0
        self.at = datetime.now(UTC).isoformat()
        told = {"transactionId": self.transaction, "chargingState": "Charging", **self.number}
        self._started = event("Started", 0, "RemoteStart", told)
        self._updated = event("Updated", 1, "MeterValuePeriodic", told)
        self._ended = event("Ended", 9, "StopAuthorized", told | {"stoppedReason": "Local"})

    async def begins(self, station: RawStation, token: str = "DRIVER-1") -> str:
        """The verdict on the token."""
        if not self.old:
            named = self._started | {"idToken": {"idToken": token, "type": "ISO14443"}}
            answer = await station.call("TransactionEvent", named)
            return str(answer["idTokenInfo"]["status"])
        started = {"connectorId": 1, "idTag": token, "meterStart": 5, "timestamp": self.at}
        answer = await station.call("StartTransaction", started)
        assert self.id in {0, answer["transactionId"]}, "a repeat got another id"
        self.id = answer["transactionId"]
        return str(answer["idTagInfo"]["status"])

    async def meters(self, station: RawStation) -> None:
        """One reading: the session runs."""
        if not self.old:
            await station.call("TransactionEvent", self._updated)
            return
        reading = {"timestamp": self.at, "sampledValue": [{"value": "7"}]}
        told = {"connectorId": 1, "transactionId": self.id, "meterValue": [reading]}
        await station.call("MeterValues", told)

    async def ends(self, station: RawStation, token: str = "DRIVER-1") -> str:
        """The verdict on the token that ends it."""
        if not self.old:
            named = self._ended | {"idToken": {"idToken": token, "type": "ISO14443"}}
            answer = await station.call("TransactionEvent", named)
            return str(answer["idTokenInfo"]["status"])
        stopped = {"transactionId": self.id, "meterStop": 9, "timestamp": self.at, "idTag": token}
        answer = await station.call("StopTransaction", stopped)
        return str(answer["idTagInfo"]["status"])


async def authorize(station: RawStation, subprotocol: str, token: str = "DRIVER-1") -> str:
    """The verdict on a token that names no session."""
    if subprotocol == "ocpp1.6":
        answer = await station.call("Authorize", {"idTag": token})
        return str(answer["idTagInfo"]["status"])
    answer = await station.call("Authorize", {"idToken": {"idToken": token, "type": "ISO14443"}})
    return str(answer["idTokenInfo"]["status"])
