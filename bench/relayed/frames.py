"""What we add to each relayed frame, beside a bare forwarder of websockets.

Stations and back end are both in this process, so that one clock sees a frame leave and arrive. The
ways take turns frame by frame: straight, through the forwarder, and through us in both modes, with
all facts recorded on SQLite. Exchanges begin at a fixed pace and wait for nothing. What we add is
the difference of the percentiles. A machine that is busy makes the 99th percentile of every way
longer; so the run is cut in rounds, and the median of the rounds' differences is the figure.

    python -m bench relayed-frames
"""

import asyncio
import contextlib
import itertools
import json
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.connection import Connection
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from bench.message_cost import CASES
from bench.neighbours.calls import percentile
from bench.relayed.ways import forwarder, our_relay
from bench.report import Figure, note
from bench.servers import dev_temporal

STATIONS = 40
"""Of each way."""

ROUNDS, EXCHANGES = 7, 1_000
"""So many exchanges of each way in a round: two frames each."""

PACE_S = 0.0015
"""Between the begins of two exchanges, of whatever way."""

P50_MS, P99_MS = 1.0, 5.0
PROTOCOLS = [Subprotocol("ocpp1.6")]
BOOT = {"chargePointVendor": "Bench", "chargePointModel": "Relay"}
_ARRIVE_S = 30.0

MESSAGES = [
    (case.action, json.dumps(case.payload)) for case in CASES if case.dialect.VERSION == "1.6"
]
"""What stations say. Every fourth exchange is a question of the back end instead."""


class Clock:
    """When each frame left, by its type and message id; how long it was on its way, in ms."""

    def __init__(self) -> None:
        self._left: dict[tuple[int, str], float] = {}
        self._quiet = asyncio.Event()
        self.took_ms: dict[str, list[float]] = {}

    def leaves(self, type_number: int, message_id: str) -> None:
        """A frame is written now."""
        self._left[type_number, message_id] = time.perf_counter()
        self._quiet.clear()

    def arrives(self, type_number: int, message_id: str) -> None:
        """It was read now. Its id begins with its way."""
        left = self._left.pop((type_number, message_id), None)
        if left is not None:
            way = message_id.partition(":")[0]
            self.took_ms.setdefault(way, []).append((time.perf_counter() - left) * 1e3)
        if not self._left:
            self._quiet.set()

    async def all_arrived(self) -> None:
        """Return when no frame is on its way. Raises: TimeoutError."""
        async with asyncio.timeout(_ARRIVE_S):
            await self._quiet.wait()


async def talk(socket: Connection, clock: Clock) -> None:
    """Read what comes and answer each CALL."""
    with contextlib.suppress(ConnectionClosed):
        async for text in socket:
            frame: list[Any] = json.loads(text)
            clock.arrives(frame[0], frame[1])
            if frame[0] == 2:
                boots = frame[2] == "BootNotification"
                answer = {"status": "Accepted", "interval": 300} if boots else {}
                now = datetime.now(UTC).isoformat()
                if ":" in frame[1]:  # no question of our gateway, whose answer ends there
                    clock.leaves(3, frame[1])
                await socket.send(json.dumps([3, frame[1], {**answer, "currentTime": now}]))


@dataclass
class BackEnd:
    """The stations' back end. sockets: by the station's identity."""

    clock: Clock
    url: str = ""
    sockets: dict[str, ServerConnection] = field(default_factory=dict)

    async def _serve(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        self.sockets[socket.request.path.rpartition("/")[2]] = socket
        await talk(socket, self.clock)

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator["BackEnd"]:
        """Listen on a free port."""
        async with serve(
            self._serve,
            "127.0.0.1",
            0,
            subprotocols=PROTOCOLS,
            compression=None,
            ping_interval=None,
        ) as server:
            self.url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"
            yield self


class Bench:
    """The stations of all ways, and their exchanges."""

    def __init__(self, clock: Clock, back_end: BackEnd) -> None:
        self._clock = clock
        self._back_end = back_end
        self._stations: dict[str, list[tuple[str, ClientConnection]]] = {}
        self._numbers: dict[str, itertools.count[int]] = defaultdict(itertools.count)
        self._tasks: list[asyncio.Task[None]] = []

    async def connect(self, way: str, url: str) -> None:
        """Connect and boot the stations of a way."""
        stations = self._stations[way] = []
        for number in range(STATIONS):
            name = f"{way}-{number}"
            socket = await connect(
                f"{url}/{name}", subprotocols=PROTOCOLS, compression=None, ping_interval=None
            )
            self._tasks.append(asyncio.create_task(talk(socket, self._clock)))
            stations.append((name, socket))
            await self._say(socket, f"boot:{name}", "BootNotification", json.dumps(BOOT))
        await self._clock.all_arrived()

    async def _say(self, socket: Connection, id: str, action: str, payload: str) -> None:
        self._clock.leaves(2, id)
        await socket.send(f'[2,"{id}","{action}",{payload}]')

    async def _exchange(self, way: str) -> None:
        number = next(self._numbers[way])
        name, station = self._stations[way][number % STATIONS]
        kind = number // STATIONS % 4
        if kind < len(MESSAGES):
            await self._say(station, f"{way}:{number}", *MESSAGES[kind])
        else:
            asked = '{"key":["HeartbeatInterval"]}'
            socket = self._back_end.sockets[name]
            await self._say(socket, f"{way}:{number}", "GetConfiguration", asked)

    async def round(self) -> dict[str, list[float]]:
        """Play one round. Returns how long the frames of each way took."""
        self._clock.took_ms.clear()
        loop = asyncio.get_running_loop()
        due_s = loop.time()
        for _ in range(EXCHANGES):
            for way in self._stations:
                await self._exchange(way)
                due_s += PACE_S
                await asyncio.sleep(max(0.0, due_s - loop.time()))
        await self._clock.all_arrived()
        return {way: took for way, took in self._clock.took_ms.items() if way in self._stations}

    async def close(self) -> None:
        """Drop every connection."""
        for _, socket in itertools.chain.from_iterable(self._stations.values()):
            socket.transport.abort()
        await asyncio.gather(*self._tasks)


async def measure() -> None:
    """Plays the rounds and reports what each mode adds."""
    with tempfile.TemporaryDirectory() as text:
        clock, home = Clock(), Path(text)
        async with (
            BackEnd(clock).listening() as back_end,
            dev_temporal(home) as temporal,
            forwarder(back_end.url) as bare,
            our_relay(home, temporal, back_end.url, "observe") as observing,
            our_relay(home, temporal, back_end.url, "command") as commanding,
        ):
            bench = Bench(clock, back_end)
            ways = {"observe": observing, "command": commanding, "forwarder": bare}
            await bench.connect("straight", back_end.url)
            for way, server in ways.items():
                await bench.connect(way, server.url)
            await bench.round()  # warms up
            rounds = [await bench.round() for _ in range(ROUNDS)]
            await bench.close()
    for mode in ("observe", "command"):
        for share, limit_ms in ((0.5, P50_MS), (0.99, P99_MS)):
            _report(mode, share, limit_ms, rounds)


def _report(mode: str, share: float, limit_ms: float, rounds: list[dict[str, list[float]]]) -> None:
    taken = [{way: percentile(ms, share) for way, ms in one.items()} for one in rounds]
    added = [one[mode] - one["forwarder"] for one in taken]
    median = {way: statistics.median(one[way] for one in taken) for way in taken[0]}
    name = f"relayed_frame_{mode}_p{share * 100:.0f}"
    note(f"{name}: " + ", ".join(f"{way} {ms:.2f}" for way, ms in median.items()))
    Figure(
        name,
        round(median[mode], 3),
        round(median["forwarder"], 3),
        "ms",
        target=f"adds <= {limit_ms:g} ms",
        ok=statistics.median(added) <= limit_ms,
        details={
            "added_ms": round(statistics.median(added), 3),
            "added_ms_of_rounds": [round(ms, 2) for ms in added],
            "straight_ms": round(median["straight"], 3),
            "frames": sum(len(one[mode]) for one in rounds),
        },
    ).report()
