"""`evcommand demo`: starts and stops a session on a 1.6 and on a 2.0.1 station, and cleans up.

Everything runs in this process on loopback, with its data in a temporary directory. The transcript
on stdout shows what the caller, the station and a watcher see.
"""

import asyncio
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import click
import grpc
from evcommand.v1 import (
    command_options_pb2,
    id_token_pb2,
    remote_command_pb2,
    remote_command_service_pb2,
    remote_command_service_pb2_grpc,
    station_service_pb2,
    station_service_pb2_grpc,
)

from entrypoints.lifetime import Lifetime
from entrypoints.options import given_settings
from entrypoints.processes import ALL_ROLES, running, telemetry
from entrypoints.settings import ChosenSettings
from entrypoints.temporal.binary import Say
from entrypoints.temporal.choice import TemporalPlan, plan_temporal, start_temporal
from entrypoints.temporal.dev_server import TemporalAddress
from simulator.config import StationConfig
from simulator.station import SimulatedStation

Command = remote_command_pb2.RemoteCommand
Outcome = remote_command_pb2.Outcome

_VERSIONS = {"1.6": "DEMO-16", "2.0.1": "DEMO-201"}
_CALL_S = 60.0
_READY_S = 20.0


class Transcript:
    """Prints lines with the seconds since the demo began."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def headline(self, text: str) -> None:
        """Prints the title of a part."""
        click.echo()
        click.secho(text, bold=True)

    def line(self, who: str, text: str) -> None:
        """Prints one event."""
        click.echo(f"  {time.monotonic() - self._began:5.1f} s  {who:<12} {text}")


class BrokerStubs:
    """The gRPC stubs of the broker, as any client has them."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.commands = remote_command_service_pb2_grpc.RemoteCommandServiceStub(channel)
        self.stations = station_service_pb2_grpc.StationServiceStub(channel)


def run(options: dict[str, Any], say: Say) -> None:
    """Runs the demo and ends the process: 0 when both sessions were started and stopped."""
    with tempfile.TemporaryDirectory(prefix="evcommand-demo-") as place:
        settings = given_settings(
            {
                **options,
                "grpc_listen": "127.0.0.1:0",
                "ocpp_listen": "127.0.0.1:0",
                "data_dir": place,
                "database_url": f"sqlite:///{place}/demo.sqlite",
                "open": True,
                "api_keys": (),
            }
        )
        plan = plan_temporal(settings, say)
        demo = _Demo(settings, plan, Path(place) / "demo.log")
        Lifetime().run(demo.run())
    click.echo()
    click.echo("Everything is stopped and removed. `make up` leaves it running.")
    sys.exit(0 if demo.all_well else 1)


class _Demo:
    def __init__(self, settings: ChosenSettings, plan: TemporalPlan, log_file: Path) -> None:
        self.all_well = False
        self._settings = settings
        self._plan = plan
        self._log_file = log_file
        self._transcript = Transcript()
        self._ended: list[Command] = []

    async def run(self) -> None:
        with self._log_file.open("w") as log, telemetry("demo", self._settings, stream=log):
            try:
                async with AsyncExitStack() as stack:
                    await self._play(stack)
            except Exception:
                log.flush()
                click.echo(self._log_file.read_text()[-4000:], err=True)
                raise

    async def _play(self, stack: AsyncExitStack) -> None:
        tell = self._transcript
        tell.headline("Starting everything on loopback")
        target, temporal = await start_temporal(
            stack, self._plan, self._settings, lambda line: tell.line("Temporal", line), keep=False
        )
        tell.line("Temporal", f"{temporal.address}, web UI {temporal.ui or '(yours)'}")
        where = await stack.enter_async_context(running(self._settings, ALL_ROLES, target))
        tell.line("worker", "decides what the commands do next")
        tell.line("gateway", f"stations connect to ws://{where.ocpp}/ocpp/{{station_id}}")
        tell.line("broker", f"gRPC on {where.grpc}")
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(str(where.grpc)))
        stubs = BrokerStubs(channel)
        for version, station in _VERSIONS.items():
            await self._show_station(stubs, version, station, f"ws://{where.ocpp}/ocpp")
        self._show_workflows(temporal, target.namespace)
        wanted = 2 * len(_VERSIONS)
        succeeded = [each.outcome.code == Outcome.CODE_SUCCEEDED for each in self._ended]
        self.all_well = succeeded == [True] * wanted

    async def _show_station(self, stubs: BrokerStubs, version: str, station: str, url: str) -> None:
        tell = self._transcript
        tell.headline(f"OCPP {version}: station {station}")
        config = StationConfig(
            station, url, version=version, plug_delay_s=1.5, connection_timeout_s=30
        )
        async with SimulatedStation(
            config, say=lambda line: tell.line("station", line)
        ) as simulated:
            await simulated.until(lambda: simulated.booted, _READY_S)
            await _known_as_booted(stubs, station)
            tell.line("driver", "will plug in 1.5 s after the station said yes")
            async with self._watching(stubs, station):
                started = await self._start(stubs, station)
                if started.outcome.code == Outcome.CODE_SUCCEEDED:
                    await self._stop(stubs, started)

    async def _start(self, stubs: BrokerStubs, station: str) -> Command:
        self._transcript.line("caller", "StartSession, waits for the outcome")
        request = remote_command_service_pb2.StartSessionRequest(
            station=f"stations/{station}",
            id_token=id_token_pb2.IdToken(value="DEMO-DRIVER"),
            request_id=str(uuid.uuid4()),
            options=_wait_for_outcome(),
        )
        reply = await stubs.commands.StartSession(request, timeout=_CALL_S)
        return self._conclude(reply.command, "StartSession")

    async def _stop(self, stubs: BrokerStubs, started: Command) -> Command:
        self._transcript.line("caller", "StopSession of what that command started")
        request = remote_command_service_pb2.StopSessionRequest(
            start_command=started.name,
            request_id=str(uuid.uuid4()),
            options=_wait_for_outcome(),
        )
        reply = await stubs.commands.StopSession(request, timeout=_CALL_S)
        return self._conclude(reply.command, "StopSession")

    def _conclude(self, command: Command, what: str) -> Command:
        self._ended.append(command)
        outcome = command.outcome
        code = Outcome.Code.Name(outcome.code).removeprefix("CODE_")
        good = outcome.code == Outcome.CODE_SUCCEEDED
        text = f"{what}: {code}, transaction id {outcome.session.transaction_id or '(none)'}"
        self._transcript.line("caller", click.style(text, fg="green" if good else "red", bold=True))
        self._transcript.line("", f"{outcome.cause}: {outcome.message}")
        return command

    @asynccontextmanager
    async def _watching(self, stubs: BrokerStubs, station: str) -> AsyncIterator[None]:
        """Prints each change of the station's commands until the block is left."""
        request = remote_command_service_pb2.WatchCommandsRequest(station=f"stations/{station}")
        changes = stubs.commands.WatchCommands(request)
        showing = asyncio.ensure_future(self._show_changes(changes))
        try:
            yield
        finally:
            changes.cancel()
            await asyncio.wait([showing])

    async def _show_changes(self, changes: Any) -> None:
        try:
            async for change in changes:
                self._transcript.line("watch", _change_text(change.command))
        except (grpc.aio.AioRpcError, asyncio.CancelledError):
            return

    def _show_workflows(self, temporal: TemporalAddress, namespace: str) -> None:
        self._transcript.headline("The same in Temporal's web UI (it ends with the demo)")
        for command in self._ended:
            kind = Command.Kind.Name(command.kind).removeprefix("KIND_").replace("_", " ").lower()
            page = (
                temporal.workflow_url(command.workflow_id, namespace)
                if temporal.ui
                else f"workflow {command.workflow_id} in namespace {namespace}"
            )
            click.echo(f"  {kind:<14} {page}")


def _change_text(command: Command) -> str:
    kind = Command.Kind.Name(command.kind).removeprefix("KIND_")
    state = Command.State.Name(command.state).removeprefix("STATE_")
    words = [f"{kind} {state}"]
    if command.state == Command.STATE_DONE:
        words.append(Outcome.Code.Name(command.outcome.code).removeprefix("CODE_"))
    elif command.station_answer.status:
        words.append(f"the station said {command.station_answer.status}")
    if command.progress:
        words.append(command.progress)
    return ", ".join(words)


async def _known_as_booted(stubs: BrokerStubs, station: str) -> None:
    """Waits until GetStation shows the station as connected: that may be after its boot."""
    request = station_service_pb2.GetStationRequest(name=f"stations/{station}")
    async with asyncio.timeout(_READY_S):
        while True:
            reply = await stubs.stations.GetStation(request, timeout=_CALL_S)
            if reply.station.connected:
                return
            await asyncio.sleep(0.05)


def _wait_for_outcome() -> command_options_pb2.CommandOptions:
    return command_options_pb2.CommandOptions(
        wait_for=command_options_pb2.WAIT_FOR_OUTCOME, labels={"made-by": "demo"}
    )
