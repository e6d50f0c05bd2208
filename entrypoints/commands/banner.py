"""What `evcommand up` says when it is ready: addresses, and commands that work when pasted."""

import secrets
import shutil
import sys
from pathlib import Path

from entrypoints.processes import Running
from entrypoints.settings import ChosenSettings
from entrypoints.temporal.binary import cache_dir
from entrypoints.temporal.dev_server import TemporalAddress
from station_gateway.dialects import DIALECTS

_GRPCURL_MODULE = "github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.3"


def ready_banner(settings: ChosenSettings, where: Running, temporal: TemporalAddress) -> str:
    """Addresses first, then a walk from a station to a stopped session."""
    return "\n".join([*_addresses(settings, where, temporal), "", *_walk(settings, where), ""])


def _addresses(settings: ChosenSettings, where: Running, temporal: TemporalAddress) -> list[str]:
    scheme = "wss" if settings.ocpp_tls_certificate else "ws"
    spoken = ", ".join(sorted(DIALECTS))
    lines = [
        "evcommand is ready. Ctrl-C ends it.",
        "",
        f"  gRPC              {where.grpc}",
        f"  stations          {scheme}://{where.ocpp}/ocpp/{{station_id}}   ({spoken})",
        f"  Temporal          {temporal.address}",
        f"  Temporal web UI   {temporal.ui or '(see your Temporal)'}",
        f"  database          {settings.sqlite_file or 'PostgreSQL'}",
    ]
    if where.metrics:
        lines.append(f"  metrics           http://{where.metrics}/metrics")
    return lines


def _walk(settings: ChosenSettings, where: Running) -> list[str]:
    if settings.grpc_tls_certificate or settings.api_keys or settings.api_keys_file:
        return ["Calls need your credentials: docs/security tells how to give them to grpcurl."]
    # Another station each time: the one of an earlier run has a password that is gone.
    station_id = f"CP-{secrets.token_hex(2)}"
    return [*_remedy(), *_admission(settings, where, station_id), *_calls(where, station_id)]


def _admission(settings: ChosenSettings, where: Running, station_id: str) -> list[str]:
    station = f"{_program()} station --version 1.6 --id {station_id} --url ws://{where.ocpp}/ocpp"
    if settings.open:
        return ["A simulated station (any station is admitted, because of --open):", f"  {station}"]
    password = secrets.token_urlsafe(18)
    wanted = f'{{"station_id": "{station_id}", "basic_auth_password": "{password}"}}'
    return [
        "Register a station, and connect a simulated one:",
        f"  echo '{wanted}' | {_call(where, 'StationService/CreateStation', stdin=True)}",
        f"  EVCOMMAND_STATION_PASSWORD={password} {station}",
    ]


def _calls(where: Running, station_id: str) -> list[str]:
    service = "RemoteCommandService"
    start = (
        f'{{"station": "stations/{station_id}", "id_token": {{"value": "DRIVER-1"}}, '
        '"options": {"wait_for": "WAIT_FOR_OUTCOME"}}'
    )
    stop = (
        f'{{"station": "stations/{station_id}", "evse_id": 1, '
        '"options": {"wait_for": "WAIT_FOR_OUTCOME"}}'
    )
    watch = '{"all": true}'
    return [
        "Start a session, stop it, look at what happened (in another terminal):",
        f"  {_call(where, f'{service}/StartSession', start)}",
        f"  {_call(where, f'{service}/StopSession', stop)}",
        f"  {_call(where, f'{service}/ListCommands', '{}')}",
        f"  {_call(where, f'{service}/WatchCommands', watch)}",
    ]


def _call(where: Running, method: str, request: str = "", *, stdin: bool = False) -> str:
    data = "@" if stdin else f"'{request}'"
    return f"{_grpcurl()} -plaintext -d {data} {where.grpc} evcommand.v1.{method}"


def _grpcurl() -> str:
    built = cache_dir() / "bin" / "grpcurl"
    return "grpcurl" if shutil.which("grpcurl") or not built.is_file() else str(built)


def _remedy() -> list[str]:
    """How to get grpcurl where there is none."""
    if shutil.which(_grpcurl()):
        return []
    return [f"(There is no grpcurl on PATH: go install {_GRPCURL_MODULE}, or see its web page.)"]


def _program() -> str:
    """This program as the shell finds it: from the checkout, or on PATH."""
    program = Path(sys.executable).with_name("evcommand")
    if program.is_relative_to(Path.cwd()):
        return str(program.relative_to(Path.cwd()))
    return str(program) if program.is_file() else "evcommand"
