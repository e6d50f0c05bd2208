"""Builds and runs the clients of examples/, and reads what they print."""

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.e2e.toolchains import CHECKOUT, built, npm_ci, require, run

CLIENT_LIMIT_S = 150.0

Line = dict[str, Any]


def build_go_client() -> Path:
    """The Go client, its code generated from the protos by plugins that go.sum locks."""
    require("go")

    def build(place: Path) -> None:
        buf = CHECKOUT / ".venv" / "bin" / "buf"
        source = place / "go"
        run([buf, "generate", "..", "--template", "buf.gen.yaml"], cwd=source)
        run(["go", "build", "-mod=readonly", "-trimpath", "-o", place / "client", "."], cwd=source)

    sources = [CHECKOUT / "examples" / "go", CHECKOUT / "protos", CHECKOUT / "buf.yaml"]
    return built("go-client", sources, build) / "client"


def build_node_client() -> list[str | Path]:
    """The Node client with its packages, as a command; it loads the protos as it starts."""
    require("node", "npm")
    sources = [CHECKOUT / "examples" / "node", CHECKOUT / "protos"]
    place = built("node-client", sources, lambda place: npm_ci(place / "node"))
    node = shutil.which("node") or "node"
    return [node, place / "node" / "client.mjs", "--protos", place / "protos"]


def outcomes(command: Sequence[str | Path], address: str, station: str) -> list[Line]:
    """Runs a client to its end: one line for the start, one for the stop."""
    where = ["--address", address, "--station", station, "--token", "DRIVER-1"]
    result = subprocess.run(
        [*(str(word) for word in command), *where],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=CLIENT_LIMIT_S,
        check=False,
    )
    assert result.returncode == 0, f"{result.stdout}\n{result.stderr}"
    return [json.loads(line) for line in result.stdout.splitlines()]
