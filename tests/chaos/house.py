"""The house that is broken: two brokers, two workers, two gateways, PostgreSQL, Temporal."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from tests.chaos.clocks.wrong_clock import WrongClock, parent_with_clocks
from tests.chaos.network import Link, tcp, unix
from tests.chaos.plan import BOTH
from tests.chaos.record import Waits
from tests.support.databases import Postgres, running_postgres
from tests.support.ports import steady_port
from tests.support.processes import Process, TemporalProcess
from tests.support.stations.balancer import Balancer

_STOP_LIMIT_S = 25.0


class House:
    """All processes, and the network between them.

    links: by the name that a plan gives them. clocks: of each process. doors: the URLs of two
    balancers; each prefers another gateway.
    """

    def __init__(self, home: Path, postgres: Postgres, waits: Waits) -> None:
        self.postgres = postgres
        self.temporal = TemporalProcess(home)
        self.links: dict[str, Link] = {}
        self.processes: dict[str, Process] = {}
        self.clocks: dict[str, WrongClock] = {}
        self.doors: list[str] = []
        self.brokers = [f"127.0.0.1:{steady_port()}" for _ in BOTH]
        self._home = home
        self._gateways = [f"127.0.0.1:{steady_port()}" for _ in BOTH]
        self._settings = _settings(waits)

    async def start(self, stack: AsyncExitStack) -> None:
        """Starts all of it; it ends with the stack."""
        database = await stack.enter_async_context(self.postgres.fresh())
        await self.temporal.start()
        stack.push_async_callback(self.temporal.stop)
        await self._lay_links(stack)
        self._furnish(database, stack)
        for process in self.processes.values():
            stack.callback(process.kill)
        await asyncio.gather(*(process.start() for process in self.processes.values()))

    async def _lay_links(self, stack: AsyncExitStack) -> None:
        temporal = tcp(f"127.0.0.1:{self.temporal.port}")
        socket = unix(f"{self.postgres.socket_dir}/.s.PGSQL.5432")
        for number, gateway in zip(BOTH, self._gateways, strict=True):
            self.links |= {
                f"stations>gateway-{number}": Link(tcp(gateway)),
                f"gateway-{number}>database": Link(socket),
                f"gateway-{number}>temporal": Link(temporal),
                f"worker-{number}>temporal": Link(temporal),
            }
        for link in self.links.values():
            await stack.enter_async_context(link)
        ways = [self.links[f"stations>gateway-{number}"].address for number in BOTH]
        for order in (ways, ways[::-1]):
            balancer = await stack.enter_async_context(Balancer(order))
            self.doors.append(f"ws://{balancer.address}/ocpp")

    def _furnish(self, database: str, stack: AsyncExitStack) -> None:
        parent = parent_with_clocks(self._home)
        stack.callback(parent.close)
        straight = {
            "EVCOMMAND_DATABASE_URL": database,
            "EVCOMMAND_TEMPORAL_ADDRESS": f"127.0.0.1:{self.temporal.port}",
        }
        file = database.partition("?")[0].rpartition("/")[2]
        for number in BOTH:
            to_database = self.links[f"gateway-{number}>database"].address
            own: dict[str, dict[str, str]] = {
                "broker": {"EVCOMMAND_GRPC_LISTEN": self.brokers[number - 1]},
                "worker": {"EVCOMMAND_TEMPORAL_ADDRESS": self._to_temporal("worker", number)},
                "gateway": {
                    "EVCOMMAND_OCPP_LISTEN": self._gateways[number - 1],
                    "EVCOMMAND_DATABASE_URL": f"postgresql://postgres@{to_database}/{file}",
                    "EVCOMMAND_TEMPORAL_ADDRESS": self._to_temporal("gateway", number),
                },
            }
            for role, settings in own.items():
                name = f"{role}-{number}"
                clock = self.clocks[name] = WrongClock(self._home / f"{name}.clock")
                stack.callback(clock.close)
                environment = self._settings | straight | settings | clock.environment
                self.processes[name] = Process(
                    name, self._home, environment, role=role, parent=parent
                )

    def _to_temporal(self, role: str, number: int) -> str:
        return self.links[f"{role}-{number}>temporal"].address


def _settings(waits: Waits) -> dict[str, str]:
    return {
        "EVCOMMAND_TIMING_ANSWER_TIMEOUT_S": str(waits.answer_s),
        "EVCOMMAND_TIMING_CONNECTION_TIMEOUT_S": str(waits.cable_s),
        "EVCOMMAND_TIMING_EFFECT_MARGIN_S": str(waits.margin_s),
        "EVCOMMAND_TIMING_STOP_EFFECT_S": str(waits.stop_effect_s),
        "EVCOMMAND_TIMING_RESET_EFFECT_S": str(waits.reset_effect_s),
        "EVCOMMAND_TIMING_RECONCILE_S": str(waits.reconcile_s),
        "EVCOMMAND_GATEWAY_RECONNECTS_PER_HOUR": "10000",
        "EVCOMMAND_STOP_LIMIT_S": str(_STOP_LIMIT_S),
        "EVCOMMAND_STARTUP_TIMEOUT_S": "60",
        "EVCOMMAND_LOG_FORMAT": "json",
        "EVCOMMAND_OPEN": "true",
    }


@asynccontextmanager
async def running_house(home: Path, waits: Waits) -> AsyncIterator[House]:
    """The whole house until the block is left, with its files in `home`."""
    async with AsyncExitStack() as stack:
        postgres = stack.enter_context(running_postgres())
        house = House(home, postgres, waits)
        await house.start(stack)
        yield house
