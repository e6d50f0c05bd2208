"""What a newcomer does: the demo, and `evcommand up` with the lines that it prints."""

import json
import os
import pty
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.e2e.toolchains import go_install
from tests.support.ports import steady_port
from tests.support.processes import EVCOMMAND

pytestmark = pytest.mark.e2e
DEMO_S = 120.0
READY_S = 90.0
TAG = "EVCOMMAND_TEST_RUN"
ENDED = re.compile(r"(Start|Stop)Session: SUCCEEDED, transaction id (\S+)")


@pytest.fixture(scope="module")
def grpcurl() -> Path:
    """grpcurl, built by `go install`."""
    return go_install("github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.3")


def environment(tag: str) -> dict[str, str]:
    """Marks every process of a run, children too."""
    return {**os.environ, TAG: tag}


def left_running(tag: str) -> list[str]:
    """Processes of the run that still live."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(TAG) == tag:
                found.append(" ".join(process.cmdline()))
        except (psutil.AccessDenied, psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
    return found


def outcomes(transcript: str) -> list[tuple[str, bool]]:
    return [(what, bool(identity)) for what, identity in ENDED.findall(transcript)]


BOTH_STATIONS = [("Start", True), ("Stop", True)] * 2


def test_the_demo_starts_and_stops_a_session_per_version_and_leaves_nothing_running(
    tmp_path: Path,
) -> None:
    demo = subprocess.run(
        [EVCOMMAND, "demo"],
        cwd=tmp_path,
        env=environment(str(tmp_path)),
        capture_output=True,
        text=True,
        timeout=DEMO_S,
        check=False,
    )
    assert demo.returncode == 0, demo.stderr
    assert outcomes(demo.stdout) == BOTH_STATIONS
    assert "OCPP 1.6" in demo.stdout
    assert "OCPP 2.0.1" in demo.stdout
    assert demo.stdout.count("/namespaces/default/workflows/command%2F") == 4
    assert left_running(str(tmp_path)) == []
    assert list(tmp_path.iterdir()) == []


def test_the_demo_shows_the_same_at_a_terminal(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [EVCOMMAND, "demo"],
        cwd=tmp_path,
        env=environment(str(tmp_path)),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    ) as demo:
        os.close(theirs)
        transcript = read_terminal(ours)
        assert demo.wait(DEMO_S) == 0, transcript
    assert outcomes(re.sub(r"\x1b\[[0-9;]*m", "", transcript)) == BOTH_STATIONS
    assert "\x1b[" in transcript
    assert left_running(str(tmp_path)) == []


def read_terminal(terminal: int) -> str:
    """All that is written to a terminal, until nobody has it open any longer."""
    read = b""
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # how Linux tells the end
            part = b""
        if not part:
            os.close(terminal)
            return read.decode()
        read += part


def test_the_lines_that_up_prints_work_when_pasted(tmp_path: Path, grpcurl: Path) -> None:
    with running_up(tmp_path) as banner:
        assert '"basic_auth_password"' in paste(banner, "CreateStation", grpcurl)
        with station_of(banner, tmp_path):
            until_booted(banner, grpcurl)
            started = json.loads(paste(banner, "StartSession", grpcurl))["command"]
            stopped = json.loads(paste(banner, "StopSession", grpcurl))["command"]
        assert started["outcome"]["code"] == stopped["outcome"]["code"] == "CODE_SUCCEEDED"
        begun, ended = (each["outcome"]["session"] for each in (started, stopped))
        assert begun["transaction_id"] == ended["transaction_id"] != ""
        assert paste(banner, "ListCommands", grpcurl).count('"name": "commands/') == 2
    assert left_running(str(tmp_path)) == []


def test_up_again_still_knows_its_commands(tmp_path: Path, grpcurl: Path) -> None:
    with running_up(tmp_path) as banner:
        paste(banner, "CreateStation", grpcurl)
        first = json.loads(paste(banner, "StartSession", grpcurl))["command"]
        assert first["outcome"]["cause"] == "STATION_OFFLINE"
    with running_up(tmp_path) as banner:
        commands = json.loads(paste(banner, "ListCommands", grpcurl))["commands"]
        assert [command["name"] for command in commands] == [first["name"]]


def test_up_names_the_port_that_is_taken_and_its_flag(tmp_path: Path) -> None:
    with running_up(tmp_path) as banner:
        taken = re.findall(r"gRPC\s+(\S+)", banner)[0]
        second = subprocess.run(
            [EVCOMMAND, "up", "--grpc-listen", taken, "--ocpp-listen", "127.0.0.1:0"],
            cwd=tmp_path_of_another(tmp_path),
            env=environment(str(tmp_path)),
            capture_output=True,
            text=True,
            timeout=READY_S,
            check=False,
        )
        assert second.returncode == 3
        assert taken in second.stderr
        assert "--grpc-listen" in second.stderr


def tmp_path_of_another(tmp_path: Path) -> Path:
    other = tmp_path / "other"
    other.mkdir()
    return other


@contextmanager
def running_up(home: Path) -> Iterator[str]:
    """`evcommand up` until Ctrl-C; yields what it printed when it was ready."""
    output = home / "up.out"
    listen = ["--grpc-listen", "127.0.0.1:0", "--ocpp-listen", f"127.0.0.1:{steady_port()}"]
    with output.open("w") as out, (home / "up.err").open("a") as err:
        up = subprocess.Popen(
            [EVCOMMAND, "up", *listen],
            cwd=home,
            env=environment(str(home)),
            stdout=out,
            stderr=err,
        )
    try:
        yield until_written(output, "WatchCommands", up)
        up.send_signal(2)
        assert up.wait(30) == 0
    finally:
        up.kill()
        up.wait()


def until_written(output: Path, words: str, process: "subprocess.Popen[bytes]") -> str:
    deadline = time.monotonic() + READY_S
    while words not in output.read_text():
        assert process.poll() is None, output.read_text()
        assert time.monotonic() < deadline, output.read_text()
        time.sleep(0.05)
    return output.read_text()


def paste(banner: str, wanted: str, grpcurl: Path) -> str:
    """Runs the line with these words as a shell does."""
    (line,) = [line.strip() for line in banner.splitlines() if wanted in line]
    path = f"{grpcurl.parent}{os.pathsep}{os.environ['PATH']}"
    result = subprocess.run(
        ["bash", "-c", line],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


@contextmanager
def station_of(banner: str, home: Path) -> Iterator[None]:
    """The simulated station, started by the line that was printed for it."""
    (line,) = [line.strip() for line in banner.splitlines() if " station --version" in line]
    with (home / "station.out").open("w") as output:
        station = subprocess.Popen(["bash", "-c", f"exec env {line}"], stdout=output)
    try:
        yield
    finally:
        station.terminate()
        assert station.wait(20) == 0


def until_booted(banner: str, grpcurl: Path) -> None:
    (address,) = re.findall(r"gRPC\s+(\S+)", banner)
    (station,) = re.findall(r" --id (\S+)", banner)
    call = f'grpcurl -plaintext -d \'{{"name": "stations/{station}"}}\' {address} '
    deadline = time.monotonic() + READY_S
    while "BOOT_STATE_ACCEPTED" not in paste(
        call + "evcommand.v1.StationService/GetStation", "GetStation", grpcurl
    ):
        assert time.monotonic() < deadline
        time.sleep(0.1)
