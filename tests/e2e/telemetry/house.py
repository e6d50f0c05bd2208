"""A fleet that is watched from all sides, and one known story that happens in it."""

import asyncio
import base64
import hashlib
import secrets
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
from evcommand.v1 import command_options_pb2 as options_pb
from evcommand.v1 import id_token_pb2 as token_pb
from evcommand.v1 import remote_command_pb2 as command_pb
from evcommand.v1 import remote_command_service_pb2 as pb
from evcommand.v1 import station_service_pb2 as stations_pb
from evcommand.v1 import token_service_pb2 as tokens_pb
from evcommand.v1.remote_command_service_pb2_grpc import RemoteCommandServiceStub
from evcommand.v1.station_service_pb2_grpc import StationServiceStub
from evcommand.v1.token_service_pb2_grpc import TokenServiceStub
from temporalio.client import Client

from simulator.charger.model import DriverToken
from simulator.config import Cable, StationConfig
from simulator.station import SimulatedStation
from tests.e2e.telemetry.collector import Collector
from tests.e2e.telemetry.metrics_page import MetricsPage, scraped
from tests.support.processes import Fleet, running_fleet

CALL_S = 30.0
OUTCOME = options_pb.WaitFor.WAIT_FOR_OUTCOME

Command = command_pb.RemoteCommand
Pages = dict[str, MetricsPage]


@dataclass(frozen=True)
class Secrets:
    """What nobody may read anywhere. A 1.6 token has at most 20 characters."""

    token: str = field(default_factory=lambda: f"TAG-{secrets.token_hex(8)}")
    group: str = field(default_factory=lambda: f"GRP-{secrets.token_hex(8)}")
    card: str = field(default_factory=lambda: f"CRD-{secrets.token_hex(8)}")
    api_key: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    password: str = field(default_factory=lambda: secrets.token_hex(16))
    wrong_password: str = field(default_factory=lambda: secrets.token_hex(16))

    def everywhere_forbidden(self, station: str) -> list[bytes]:
        """The secrets and the Basic-auth headers that carry them."""
        headers = [
            base64.b64encode(f"{station}:{password}".encode()).decode().rstrip("=")
            for password in (self.password, self.wrong_password)
        ]
        plain = [self.token, self.group, self.card, self.api_key]
        return [text.encode() for text in (*plain, self.password, self.wrong_password, *headers)]


class Desk:
    """A client with an API key."""

    def __init__(self, channel: grpc.aio.Channel, api_key: str) -> None:
        self.commands: Any = RemoteCommandServiceStub(channel)
        self.stations: Any = StationServiceStub(channel)
        self.tokens: Any = TokenServiceStub(channel)
        self._key = ("authorization", f"Bearer {api_key}")

    async def ask(self, method: Any, request: Any, *, traceparent: str = "") -> Any:
        """One call."""
        metadata = [self._key, *([("traceparent", traceparent)] if traceparent else [])]
        return await method(request, metadata=metadata, timeout=CALL_S)

    async def start(
        self,
        station: str,
        token: str,
        *,
        wait_for: options_pb.WaitFor.ValueType = OUTCOME,
        traceparent: str = "",
    ) -> Command:
        """StartSession on EVSE 1."""
        request = pb.StartSessionRequest(
            station=f"stations/{station}",
            evse_id=1,
            id_token=token_pb.IdToken(value=token),
            request_id=str(uuid.uuid4()),
            options=options_pb.CommandOptions(wait_for=wait_for),
        )
        reply = await self.ask(self.commands.StartSession, request, traceparent=traceparent)
        return reply.command  # type: ignore[no-any-return]

    async def stop(self, start_command: str) -> Command:
        """StopSession of what a start began."""
        request = pb.StopSessionRequest(
            start_command=start_command,
            request_id=str(uuid.uuid4()),
            options=options_pb.CommandOptions(wait_for=OUTCOME),
        )
        reply = await self.ask(self.commands.StopSession, request)
        return reply.command  # type: ignore[no-any-return]

    async def watched(self, names: list[str]) -> AsyncIterator[Any]:
        """WatchCommands: the present state of each of these commands."""
        request = pb.WatchCommandsRequest(names=names)
        stream = self.commands.WatchCommands(request, metadata=[self._key], timeout=CALL_S)
        for _ in names:
            yield await stream.read()
        stream.cancel()

    async def put_card(self, value: str, group: str) -> None:
        """PutToken of a card that is good everywhere."""
        accepted = tokens_pb.Token.Status.STATUS_ACCEPTED
        token = tokens_pb.Token(value=value, group=group, status=accepted)
        await self.ask(self.tokens.PutToken, tokens_pb.PutTokenRequest(token=token))

    async def register(self, station: str, password: str) -> None:
        """CreateStation."""
        request = stations_pb.CreateStationRequest(station_id=station, basic_auth_password=password)
        await self.ask(self.stations.CreateStation, request)


@dataclass(frozen=True)
class Watched:
    """A fleet, its collector, and somebody who calls it."""

    fleet: Fleet
    home: Path
    collector: Collector
    desk: Desk
    temporal: Client
    secrets: Secrets

    def pages(self) -> Pages:
        """The metrics of every process, now."""
        return {
            process.name: scraped(metrics_address(process.log.read_text()))
            for process in self.fleet.processes
        }

    async def joined_pages(self) -> MetricsPage:
        """The metrics of all processes as one page."""
        pages = await asyncio.to_thread(self.pages)
        return MetricsPage("\n".join(page.text for page in pages.values()))


@dataclass(frozen=True)
class Story:
    """A session started and stopped, and a start at a station that is not connected.

    caller: the span of the client that asked for the start.
    """

    station: str
    trace_id: str
    caller: str
    started: Command
    stopped: Command
    offline: Command
    before: MetricsPage
    after: MetricsPage


def metrics_address(log: str) -> str:
    """HOST:PORT of a process's metrics, out of what it said when it was ready."""
    return log.rpartition(" metrics ")[2].split()[0]


def sampled(trace_id: str, span_id: str) -> str:
    """A W3C traceparent."""
    return f"00-{trace_id}-{span_id}-01"


@asynccontextmanager
async def watched_fleet(home: Path, collector: Collector) -> AsyncIterator[Watched]:
    """A fleet that exports, logs everything it can log, and lets only the desk call."""
    hidden = Secrets()
    environment = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
        "OTEL_BSP_SCHEDULE_DELAY": "200",
        "EVCOMMAND_METRICS_LISTEN": "127.0.0.1:0",
        "EVCOMMAND_API_KEYS": f"desk:{hashlib.sha256(hidden.api_key.encode()).hexdigest()}",
        "EVCOMMAND_OPEN": "false",
        "EVCOMMAND_LOG_LEVEL": "DEBUG",
    }
    async with (
        running_fleet(home, environment) as fleet,
        grpc.aio.insecure_channel(fleet.grpc_address) as channel,
    ):
        temporal = await Client.connect(f"127.0.0.1:{fleet.temporal.port}")
        desk = Desk(channel, hidden.api_key)
        yield Watched(fleet, home, collector, desk, temporal, hidden)


async def told_story(watched: Watched) -> Story:
    """Lets it happen once; the tests look at what it left everywhere."""
    desk, hidden = watched.desk, watched.secrets
    station, away = f"CP-{uuid.uuid4().hex[:8]}", f"AWAY-{uuid.uuid4().hex[:8]}"
    trace_id, caller = secrets.token_hex(16), secrets.token_hex(8)
    for each in (station, away):
        await desk.register(each, hidden.password)
    await desk.put_card(hidden.card, hidden.group)
    before = await watched.joined_pages()
    await _is_refused(watched, station)
    async with SimulatedStation(_config(watched, station, hidden.password)) as simulated:
        await simulated.until(lambda: simulated.booted)
        started = await desk.start(station, hidden.token, traceparent=sampled(trace_id, caller))
        stopped = await desk.stop(started.name)
        offline = await desk.start(away, hidden.token)
        after = await watched.joined_pages()
        simulated.swipe(DriverToken(hidden.card))
        await simulated.until(lambda: simulated.sent["StartTransaction"] == 2)
    return Story(station, trace_id, caller, started, stopped, offline, before, after)


async def _is_refused(watched: Watched, station: str) -> None:
    wrong = _config(watched, station, watched.secrets.wrong_password)
    async with SimulatedStation(wrong) as intruder:
        await intruder.until(lambda: intruder.refused_with == 401)


def _config(watched: Watched, station: str, password: str) -> StationConfig:
    return StationConfig(
        station, watched.fleet.ocpp_url, password=password, cable=Cable.FIRST, reconnect_s=60
    )
