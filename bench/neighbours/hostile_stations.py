"""A hostile station costs nobody else: others' p99 beside one of each kind of attack, in turn.

Eight stations refuse a start at once, eight calls at a time, at one `evcommand up`: alone, from the
first moment of an attack on, alone again, and so on. The attacker is a process of the lowest
priority, because its own work is not ours to answer for; it attacks as fast as it is let.

    python -m bench hostile-stations
"""

import asyncio
import contextlib
import itertools
import json
import os
import sys
import tempfile
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import uvloop
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from bench.neighbours.calls import Stations, percentile, refused_starts, report_beside, up
from bench.neighbours.crowd_process import LOWEST_PRIORITY
from bench.report import note
from bench.servers import dev_temporal, first_line, stop

OTHERS = 8
CALLS = 160
WARMUP = 160
ROUNDS = 2
HALF_OPEN = 300
_PAUSE_S = 0.05
"""Between a socket that was closed and the next one of the same attack."""

Attack = Callable[[ClientConnection], Awaitable[None]]

_HEARTBEAT = '[2,"z","Heartbeat",{}]'
_GARBAGE = ("", "[", "null", '[9,"x","Heartbeat",{}]', "[" * 200, '[2,"x","Nonsense",{"a":NaN}]')
_NULLS = json.dumps([2, "n", "DataTransfer", {"vendorId": "X", "data": [None] * 40_000}])


async def _floods(socket: ClientConnection) -> None:
    while True:
        await socket.send(_HEARTBEAT)


async def _pings(socket: ClientConnection) -> None:
    while True:
        await socket.ping(b"x" * 125)
        await asyncio.sleep(0)


async def _talks_nonsense(socket: ClientConnection) -> None:
    for text in itertools.cycle(_GARBAGE):
        await socket.send(text)


async def _sends_large_frames(socket: ClientConnection) -> None:
    while True:
        await socket.send(_NULLS)


async def _boots_for_ever(socket: ClientConnection) -> None:
    boot = {"chargePointVendor": "Bench", "chargePointModel": "Hostile"}
    for number in itertools.count():
        await socket.send(json.dumps([2, str(number), "BootNotification", boot]))
        await socket.recv()


async def _leaves_at_once(_: ClientConnection) -> None:
    return


async def _is_deaf(socket: ClientConnection) -> None:
    socket.transport.pause_reading()
    await _floods(socket)


ATTACKS: tuple[Attack, ...] = (
    _floods,
    _pings,
    _talks_nonsense,
    _sends_large_frames,
    _boots_for_ever,
    _leaves_at_once,
    _is_deaf,
)


async def _attack(url: str, attack: Attack) -> None:
    name = attack.__name__.upper().replace("_", "-").strip("-")
    while True:
        with contextlib.suppress(OSError, TimeoutError, WebSocketException):
            async with connect(
                f"{url}/{name}", subprotocols=[Subprotocol("ocpp1.6")], ping_interval=None
            ) as socket:
                await attack(socket)
        await asyncio.sleep(_PAUSE_S)


async def _half_open(url: str) -> None:
    """Opens many connections whose requests never end, and opens them again when they are cut."""
    host, _, port = url.removeprefix("ws://").partition("/")[0].partition(":")

    async def one() -> None:
        while True:
            with contextlib.suppress(OSError):
                reader, writer = await asyncio.open_connection(host, int(port))
                writer.write(b"GET /ocpp/HALF-OPEN HTTP/1.1\r\n")
                await reader.read()
                writer.transport.abort()
            await asyncio.sleep(_PAUSE_S)

    await asyncio.gather(*(one() for _ in range(HALF_OPEN)))


async def _be_hostile() -> None:
    """The program of a hostile station: until its standard input closes."""
    os.nice(LOWEST_PRIORITY)
    url, name = sys.argv[1:]
    attack = next((each for each in ATTACKS if each.__name__ == name), None)
    begun = asyncio.create_task(_half_open(url) if attack is None else _attack(url, attack))
    print("begun", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    begun.cancel()


@contextlib.asynccontextmanager
async def _hostile(url: str, attack: str) -> AsyncIterator[None]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.neighbours.hostile_stations", url, attack),
        stdin=PIPE,
        stdout=PIPE,
    )
    try:
        await first_line(process)
        yield
    finally:
        await stop(process)


async def measure() -> None:
    """Plays the attacks in turn and compares the percentiles of all of them."""
    alone: list[float] = []
    beside: list[float] = []
    others = Stations([f"OTHER-{number}" for number in range(OTHERS)])
    with tempfile.TemporaryDirectory() as text:
        async with (
            dev_temporal(Path(text)) as temporal,
            up(Path(text), temporal) as running,
            others.connected(running.ocpp),
        ):
            await refused_starts(running, others.names, WARMUP)
            for attack in (*(each.__name__ for each in ATTACKS), _half_open.__name__) * ROUNDS:
                before = await refused_starts(running, others.names, CALLS)
                async with _hostile(running.ocpp, attack):
                    during = await refused_starts(running, others.names, CALLS)
                alone += before
                beside += during
                p99s = percentile(during, 0.99), percentile(before, 0.99)
                note(f"hostile-stations: {attack.strip('_')}: p99 %.0f ms, alone %.0f" % p99s)
    details = {"calls": len(beside), "attacks": len(ATTACKS) + 1}
    report_beside("beside_hostile_stations", beside, alone, details)


if __name__ == "__main__":
    uvloop.run(_be_hostile())
