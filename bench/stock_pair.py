"""The reference server: the packages `websockets` and `ocpp` with their defaults.

Run as a process it prints its port and serves until its standard input closes. It answers
BootNotification and Heartbeat and has no database.
"""

import asyncio
import sys
from datetime import UTC, datetime
from typing import Any

from ocpp.routing import on
from ocpp.v16 import ChargePoint, call_result
from ocpp.v16.enums import Action, RegistrationStatus
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol


class StockStation(ChargePoint):  # type: ignore[misc]
    """The back end's side of one station, as in the example of the package."""

    @on(Action.boot_notification)  # type: ignore[untyped-decorator]
    def on_boot(self, **_: Any) -> Any:
        return call_result.BootNotification(
            current_time=datetime.now(UTC).isoformat(),
            interval=300,
            status=RegistrationStatus.accepted,
        )

    @on(Action.heartbeat)  # type: ignore[untyped-decorator]
    def on_heartbeat(self) -> Any:
        return call_result.Heartbeat(current_time=datetime.now(UTC).isoformat())


async def _on_connect(connection: ServerConnection) -> None:
    assert connection.request is not None
    station = StockStation(connection.request.path.strip("/"), connection)
    try:
        await station.start()
    except ConnectionClosed:
        return


async def _main() -> None:
    protocols = [Subprotocol("ocpp1.6")]
    async with serve(_on_connect, "127.0.0.1", 0, subprotocols=protocols) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        print(port, flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_main())
