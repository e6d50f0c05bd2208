"""The reference: a bare forwarder of websockets, as one writes it with the package `websockets`.

Run as a process with the URL of the back end it prints its port, and passes every message on until
its standard input closes. It reads no message and records none.
"""

import asyncio
import sys

import uvloop
from websockets.asyncio.client import connect
from websockets.asyncio.connection import Connection
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

PROTOCOLS = [Subprotocol("ocpp1.6")]


async def _pass_on(source: Connection, target: Connection) -> None:
    try:
        async for message in source:
            await target.send(message)
    except ConnectionClosed:
        return
    finally:
        await target.close()


async def _on_connect(station: ServerConnection) -> None:
    assert station.request is not None
    url = sys.argv[1] + "/" + station.request.path.rpartition("/")[2]
    async with connect(url, subprotocols=PROTOCOLS, compression=None) as back_end:
        await asyncio.gather(_pass_on(station, back_end), _pass_on(back_end, station))


async def _main() -> None:
    async with serve(
        _on_connect, "127.0.0.1", 0, subprotocols=PROTOCOLS, compression=None, backlog=1024
    ) as server:
        print(next(iter(server.sockets)).getsockname()[1], flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    uvloop.run(_main())
