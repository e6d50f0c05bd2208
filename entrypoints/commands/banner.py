"""The text that `evcommand up` prints when it is ready: addresses, and commands to paste."""

import secrets
import shutil
import sys
from pathlib import Path

from entrypoints.processes import ListenAddresses
from entrypoints.settings import ChosenSettings
from entrypoints.temporal.binary import cache_dir
from entrypoints.temporal.dev_server import TemporalAddress
from station_gateway.dialects import DIALECTS
from station_gateway.relay_settings import COMMAND

_GRPCURL_MODULE = "github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.3"


def ready_banner(
    settings: ChosenSettings, listening: ListenAddresses, temporal: TemporalAddress
) -> str:
    """The addresses, then the commands from the first station to a stopped session."""
    return "\n".join(
        [*_addresses(settings, listening, temporal), "", *_first_commands(settings, listening), ""]
    )


def _addresses(
    settings: ChosenSettings, listening: ListenAddresses, temporal: TemporalAddress
) -> list[str]:
    scheme = "wss" if settings.ocpp_tls_certificate else "ws"
    spoken = ", ".join(sorted(DIALECTS))
    lines = [
        "evcommand is ready. Ctrl-C ends it.",
        "",
        f"  gRPC              {listening.grpc}",
        f"  stations          {scheme}://{listening.ocpp}/ocpp/{{station_id}}   ({spoken})",
        f"  Temporal          {temporal.address}",
        f"  Temporal web UI   {temporal.ui or '(see your Temporal)'}",
        f"  database          {settings.sqlite_file or 'PostgreSQL'}",
    ]
    if (gateway := settings.gateway()).upstream_url:
        lines.append(f"  your back end     {gateway.upstream_url}   ({gateway.upstream_mode})")
    if listening.metrics:
        lines.append(f"  metrics           http://{listening.metrics}/metrics")
    return lines


def _first_commands(settings: ChosenSettings, listening: ListenAddresses) -> list[str]:
    if settings.grpc_tls_certificate or settings.api_keys or settings.api_keys_file:
        return ["Calls need your credentials: docs/security tells how to give them to grpcurl."]
    if settings.gateway().upstream_url:
        return _relayed(settings, listening)
    # A new station each time: the password of an earlier station is not known any longer.
    station_id = f"CP-{secrets.token_hex(2)}"
    return [
        *_remedy(),
        *_admission(settings, listening, station_id),
        *_calls(listening, station_id),
    ]


def _relayed(settings: ChosenSettings, listening: ListenAddresses) -> list[str]:
    lines = [
        *_remedy(),
        "Have a station connect here instead of there; your back end lets it in. What is known:",
        f"  {_call(listening, 'StationService/ListStations', '{}')}",
        f"  {_call(listening, 'StationService/ListTransactions', '{}')}",
    ]
    if settings.gateway().upstream_mode == COMMAND:
        lines.append("Commands go to it as well: see docs/api.md.")
    return lines


def _admission(settings: ChosenSettings, listening: ListenAddresses, station_id: str) -> list[str]:
    station = (
        f"{_program()} station --version 1.6 --id {station_id} --url ws://{listening.ocpp}/ocpp"
    )
    if settings.open:
        return ["A simulated station (any station is admitted, because of --open):", f"  {station}"]
    password = secrets.token_urlsafe(15)  # 20 characters: what an OCPP 1.6 station can store
    wanted = f'{{"station_id": "{station_id}", "basic_auth_password": "{password}"}}'
    return [
        "Register a station, and connect a simulated one:",
        f"  echo '{wanted}' | {_call(listening, 'StationService/CreateStation', stdin=True)}",
        f"  EVCOMMAND_STATION_PASSWORD={password} {station}",
    ]


def _calls(listening: ListenAddresses, station_id: str) -> list[str]:
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
        f"  {_call(listening, f'{service}/StartSession', start)}",
        f"  {_call(listening, f'{service}/StopSession', stop)}",
        f"  {_call(listening, f'{service}/ListCommands', '{}')}",
        f"  {_call(listening, f'{service}/WatchCommands', watch)}",
    ]


def _call(
    listening: ListenAddresses, method: str, request: str = "", *, stdin: bool = False
) -> str:
    data = "@" if stdin else f"'{request}'"
    return f"{_grpcurl()} -plaintext -d {data} {listening.grpc} evcommand.v1.{method}"


def _grpcurl() -> str:
    built = cache_dir() / "bin" / "grpcurl"
    return "grpcurl" if shutil.which("grpcurl") or not built.is_file() else str(built)


def _remedy() -> list[str]:
    """Says how to get grpcurl when there is none."""
    if shutil.which(_grpcurl()):
        return []
    return [f"(There is no grpcurl on PATH: go install {_GRPCURL_MODULE}, or see its web page.)"]


def _program() -> str:
    """This program as the shell finds it: relative to the checkout, or on PATH."""
    program = Path(sys.executable).with_name("evcommand")
    if program.is_relative_to(Path.cwd()):
        return str(program.relative_to(Path.cwd()))
    return str(program) if program.is_file() else "evcommand"
