"""A back end (CSMS) on the stock `ocpp` package (1.6, 2.0.1 and 2.1), for the end-to-end tests.

It is what others would put behind a gateway that relays. It says yes to everything, and sends a
command of its own for each line that it reads: `start`, `stop` or `unlock`, and the station.
"""

import asyncio
import itertools
import json
import sys
from datetime import UTC, datetime
from typing import Any

from ocpp import v16, v21, v201
from ocpp.charge_point import ChargePoint
from ocpp.exceptions import OCPPError
from ocpp.routing import on
from websockets.asyncio.server import ServerConnection, serve

ACCEPTED = {"status": "Accepted"}
TOKEN = "DRIVER-1"
numbers = itertools.count(1)
stations: dict[str, "Station"] = {}


def report(event: str, **fields: Any) -> None:
    """Print one event as a line of JSON."""
    print(json.dumps({"event": event, **fields}), flush=True)


def now() -> str:
    return datetime.now(UTC).isoformat()


class Station(ChargePoint):  # type: ignore[misc]
    """One station as its back end sees it. session: the id under which it charges."""

    session: Any = None

    async def route_message(self, raw_msg: str) -> None:
        frame = json.loads(raw_msg)
        if frame[0] == 2:
            report("heard", station=self.id, method=frame[2], params=frame[3])
        try:
            await super().route_message(raw_msg)
        except OCPPError as error:
            report("violation", station=self.id, frame=raw_msg, error=repr(error))

    async def command(self, word: str) -> None:
        request = self.request(word)
        method = type(request).__name__
        try:
            answer = await self.call(request, suppress=False)
        except OCPPError as error:
            report("answer", station=self.id, method=method, error=error.code)
        else:
            report("answer", station=self.id, method=method, result=vars(answer))

    def request(self, word: str) -> Any:
        raise NotImplementedError


class Station16(Station, v16.ChargePoint):  # type: ignore[misc]
    """OCPP 1.6."""

    @on("BootNotification")  # type: ignore[untyped-decorator]
    def boot(self, **_: Any) -> Any:
        return v16.call_result.BootNotification(now(), 300, "Accepted")

    @on("Heartbeat")  # type: ignore[untyped-decorator]
    def beat(self) -> Any:
        return v16.call_result.Heartbeat(now())

    @on("StatusNotification")  # type: ignore[untyped-decorator]
    def status(self, **_: Any) -> Any:
        return v16.call_result.StatusNotification()

    @on("MeterValues")  # type: ignore[untyped-decorator]
    def meter(self, **_: Any) -> Any:
        return v16.call_result.MeterValues()

    @on("Authorize")  # type: ignore[untyped-decorator]
    def authorize(self, **_: Any) -> Any:
        return v16.call_result.Authorize(ACCEPTED)

    @on("StartTransaction")  # type: ignore[untyped-decorator]
    def start_of_session(self, **_: Any) -> Any:
        self.session = next(numbers)
        return v16.call_result.StartTransaction(self.session, ACCEPTED)

    @on("StopTransaction")  # type: ignore[untyped-decorator]
    def end_of_session(self, **_: Any) -> Any:
        return v16.call_result.StopTransaction()

    def request(self, word: str) -> Any:
        if word == "start":
            return v16.call.RemoteStartTransaction(TOKEN, connector_id=1)
        if word == "stop":
            return v16.call.RemoteStopTransaction(self.session)
        return v16.call.UnlockConnector(1)


class Station201(Station, v201.ChargePoint):  # type: ignore[misc]
    """OCPP 2.0.1."""

    words: Any = v201

    @on("BootNotification")  # type: ignore[untyped-decorator]
    def boot(self, **_: Any) -> Any:
        return self.words.call_result.BootNotification(now(), 300, "Accepted")

    @on("Heartbeat")  # type: ignore[untyped-decorator]
    def beat(self) -> Any:
        return self.words.call_result.Heartbeat(now())

    @on("StatusNotification")  # type: ignore[untyped-decorator]
    def status(self, **_: Any) -> Any:
        return self.words.call_result.StatusNotification()

    @on("Authorize")  # type: ignore[untyped-decorator]
    def authorize(self, **_: Any) -> Any:
        return self.words.call_result.Authorize(ACCEPTED)

    @on("TransactionEvent")  # type: ignore[untyped-decorator]
    def transaction(self, transaction_info: Any, **told: Any) -> Any:
        self.session = transaction_info["transaction_id"]
        known = ACCEPTED if "id_token" in told else None
        return self.words.call_result.TransactionEvent(id_token_info=known)

    def request(self, word: str) -> Any:
        call = self.words.call
        if word == "start":
            token = {"id_token": TOKEN, "type": "ISO14443"}
            return call.RequestStartTransaction(token, next(numbers), evse_id=1)
        if word == "stop":
            return call.RequestStopTransaction(self.session)
        return call.UnlockConnector(1, 1)


class Station21(Station201, v21.ChargePoint):  # type: ignore[misc]
    """OCPP 2.1."""

    _ocpp_version = "2.1"
    words = v21


BY_PROTOCOL = {"ocpp1.6": Station16, "ocpp2.0.1": Station201, "ocpp2.1": Station21}


async def let_in(socket: ServerConnection) -> None:
    assert socket.request is not None
    name = socket.request.path.rpartition("/")[2]
    report("connected", station=name, protocol=socket.subprotocol)
    station = stations[name] = BY_PROTOCOL[str(socket.subprotocol)](name, socket)
    await station.start()


async def main(port: int) -> None:
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    protocols: Any = list(reversed(BY_PROTOCOL))
    running = set()
    async with serve(let_in, "127.0.0.1", port, subprotocols=protocols):
        report("ready")
        async for line in lines:
            word, _, name = line.decode().strip().partition(" ")
            running.add(asyncio.create_task(stations[name].command(word)))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
