"""How each charge point is built and called. The names are those of the packages."""

import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.third_party.charge_point_process import ChargePointProcess, running_charge_point
from tests.e2e.toolchains import built, npm_ci, require, run

HERE = Path(__file__).parent
GO_EXAMPLE_16 = "github.com/lorenzodonini/ocpp-go/example/1.6/cp"
GO_EXAMPLE_201 = "github.com/lorenzodonini/ocpp-go/example/2.0.1/chargingstation"
MAVEN_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"


def new_station_id(prefix: str) -> str:
    """An identity that no other test uses."""
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


def build_ocpp_rpc() -> Path:
    """The programs on `ocpp-rpc` (npm) with its packages."""
    require("node", "npm")
    return built("ocpp-rpc", [HERE / "ocpp_rpc"], lambda place: npm_ci(place / "ocpp_rpc"))


def build_ocpp_go() -> Path:
    """The two examples of `ocpp-go`; on that library a 2.0.1 station, and two back ends."""
    require("go")

    def build(place: Path) -> None:
        command = ["go", "build", "-mod=readonly", "-trimpath", "-o", f"{place}/"]
        command += ["./station201", "./central16", "./csms201"]
        run([*command, GO_EXAMPLE_16, GO_EXAMPLE_201], cwd=place / "ocpp_go")

    return built("ocpp-go-examples", [HERE / "ocpp_go"], build)


def build_eu_chargetime() -> Path:
    """A 1.6 charge point and a back end on `eu.chargetime.ocpp` (Maven) with its jars."""
    require("java", "javac", "mvn")

    def build(place: Path) -> None:
        source, jars = place / "eu_chargetime", place / "jars"
        run(["mvn", "-B", "-q", MAVEN_COPY, f"-DoutputDirectory={jars}"], cwd=source)
        _check_jars(jars, source / "dependencies.sha256")
        javac = ["javac", "-cp", f"{jars}/*", "-d", f"{place}/classes"]
        run([*javac, "ChargePoint.java", "CentralSystem.java"], cwd=source)

    return built("eu-chargetime", [HERE / "eu_chargetime"], build)


def _check_jars(jars: Path, locked: Path) -> None:
    """Maven has no lock of its own: the jars must be exactly those written down."""
    lines = [line.split() for line in locked.read_text().splitlines()]
    wanted = {name: digest for digest, name in lines}
    found = {jar.name: hashlib.sha256(jar.read_bytes()).hexdigest() for jar in jars.iterdir()}
    assert found == wanted, "the jars are not those of dependencies.sha256"


@contextmanager
def ocpp_rpc(
    ocpp_url: str, version: str, *options: str, station_id: str = ""
) -> Iterator[ChargePointProcess]:
    """A charge point on ocpp-rpc with its strict mode on; options are those of the program."""
    program = build_ocpp_rpc() / "ocpp_rpc" / "charge_point.mjs"
    station_id = station_id or new_station_id("ocpp-rpc")
    where = ["--version", version, "--id", station_id, "--url", ocpp_url]
    command: list[str | Path] = [on_path("node"), program, *where, *options]
    with running_charge_point(f"stations/{station_id}", command, os.environ) as charge_point:
        yield charge_point


@contextmanager
def ocpp_go_16(ocpp_url: str) -> Iterator[ChargePointProcess]:
    """The library's own 1.6 example: a session of its own begins 5 s after boot, and lasts 25 s."""
    station_id = new_station_id("ocpp-go")
    where = {"CLIENT_ID": station_id, "CENTRAL_SYSTEM_URL": ocpp_url}
    command = [build_ocpp_go() / "cp"]
    env = {**os.environ, **where}
    with running_charge_point(f"stations/{station_id}", command, env) as charge_point:
        yield charge_point


@contextmanager
def ocpp_go_201_example(ocpp_url: str) -> Iterator[ChargePointProcess]:
    """The library's own 2.0.1 example."""
    station_id = new_station_id("ocpp-go")
    where = {"CLIENT_ID": station_id, "CSMS_URL": ocpp_url}
    command = [build_ocpp_go() / "chargingstation"]
    env = {**os.environ, **where}
    with running_charge_point(f"stations/{station_id}", command, env) as charge_point:
        yield charge_point


@contextmanager
def ocpp_go_201(ocpp_url: str, cable: str, *, station_id: str = "") -> Iterator[ChargePointProcess]:
    """A 2.0.1 station on ocpp-go."""
    station_id = station_id or new_station_id("ocpp-go")
    program = build_ocpp_go() / "station201"
    command: list[str | Path] = [program, "-id", station_id, "-url", ocpp_url, "-cable", cable]
    with running_charge_point(f"stations/{station_id}", command, os.environ) as charge_point:
        yield charge_point


@contextmanager
def eu_chargetime_16(ocpp_url: str, *, station_id: str = "") -> Iterator[ChargePointProcess]:
    """A 1.6 charge point on eu.chargetime.ocpp."""
    place = build_eu_chargetime()
    station_id = station_id or new_station_id("eu-chargetime")
    java = [on_path("java"), "-cp", f"{place}/classes:{place}/jars/*"]
    command = [*java, "ChargePoint", station_id, ocpp_url]
    with running_charge_point(f"stations/{station_id}", command, os.environ) as charge_point:
        yield charge_point


def on_path(program: str) -> str:
    """Where a program is found."""
    found = shutil.which(program)
    assert found is not None, f"`{program}` is not on PATH"
    return found
