"""A stepped station with a running session: it is told to stop, to unlock and to restart.

Each answer waits for its own event; frames are counted over its whole life, so that a test can kill
others between any two steps and see that nothing was asked twice.
"""

import asyncio
from datetime import UTC, datetime

from simulator.dialects.messages import CallErrorReply, Payload
from tests.support.stations.stepped_station import STOPS, SteppedStation


class SteppedCharger(SteppedStation):
    """`unlocks` and `resets`: the payloads of every such frame that ever arrived."""

    def __init__(self, identity: str, url: str, version: str) -> None:
        super().__init__(identity, url, version)
        self.unlocks: list[Payload] = []
        self.resets: list[Payload] = []
        self.may_answer_unlock = asyncio.Event()
        self.may_answer_reset = asyncio.Event()
        self.may_come_back = asyncio.Event()
        self.may_come_back.set()

    async def hears_unlock(self) -> None:
        """Waits until an unlock frame has arrived."""
        await self._until(lambda: bool(self.unlocks))

    async def hears_reset(self) -> None:
        """Waits until a reset frame has arrived."""
        await self._until(lambda: bool(self.resets))

    async def charges(self) -> None:
        """A driver's own session begins on EVSE 1."""
        if self.version == "1.6":
            started = {"connectorId": 1, "idTag": "DRIVER-1", "meterStart": 100}
            result = await self._says("StartTransaction", {**started, "timestamp": _now()})
            self.transaction_id = str(result["transactionId"])
            return
        await self._says("TransactionEvent", self._event("Started", "CablePluggedIn", 0))
        self.transaction_id = self.session

    async def ends_session(self) -> None:
        """Tells the end of its session, until somebody has taken the news."""
        if self.version == "1.6":
            assert self.transaction_id is not None
            ended = {"transactionId": int(self.transaction_id), "meterStop": 200}
            await self._says("StopTransaction", {**ended, "timestamp": _now(), "reason": "Remote"})
        else:
            await self._says("TransactionEvent", self._event("Ended", "RemoteStop", 1))
        self.transaction_id = None

    def _event(self, kind: str, trigger: str, number: int) -> Payload:
        info: Payload = {"transactionId": self.session}
        if kind == "Ended":
            info["stoppedReason"] = "Remote"
        return {
            "eventType": kind,
            "timestamp": _now(),
            "triggerReason": trigger,
            "seqNo": number,
            "transactionInfo": info,
            "evse": {"id": 1, "connectorId": 1},
            "idToken": {"idToken": "DRIVER-1", "type": "ISO14443"},
        }

    async def tells_status(self, status: str = "Available") -> None:
        """The status of its connector, until somebody has taken the news."""
        if self.version == "1.6":
            told: Payload = {"connectorId": 1, "status": status, "errorCode": "NoError"}
        else:
            told = {"evseId": 1, "connectorId": 1, "connectorStatus": status, "timestamp": _now()}
        await self._says("StatusNotification", told)

    async def goes_down(self) -> None:
        """Drops its socket, and is off until `may_come_back`."""
        self.may_come_back.clear()
        self._booted = False
        if self.version != "1.6":
            self.boot = {**self.boot, "reason": "RemoteReset"}
        if self._link is not None:
            self._link.drop()

    async def comes_back(self) -> None:
        """Is switched on again, boots and tells its connector's status."""
        self.may_come_back.set()
        await self._until(lambda: self._booted and self._link is not None)
        await self.tells_status()

    async def _connect(self) -> None:
        await self.may_come_back.wait()
        await super()._connect()

    async def _on_call(self, action: str, payload: Payload) -> Payload | CallErrorReply | None:
        if action == STOPS[self.version]:
            self.stops.append(payload)
            await self._tell()
            await self.may_answer_stop.wait()
            return {"status": "Accepted"}
        if action == "UnlockConnector":
            self.unlocks.append(payload)
            await self._tell()
            await self.may_answer_unlock.wait()
            return {"status": "Unlocked"}
        if action == "Reset":
            self.resets.append(payload)
            await self._tell()
            await self.may_answer_reset.wait()
            return {"status": "Accepted"}
        if action == "GetTransactionStatus":
            return {"messagesInQueue": False, "ongoingIndicator": self.transaction_id is not None}
        return await super()._on_call(action, payload)


def _now() -> str:
    return datetime.now(UTC).isoformat()
