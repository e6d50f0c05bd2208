"""A Temporal CLI is found, or built once. If neither works, the message names the remedy."""

import os
import stat
import subprocess
import sys
import sysconfig
import threading
from pathlib import Path

import pytest

from entrypoints.temporal.binary import CLI_MODULE, find_temporal

FAKE_GO = """#!{python}
import os, pathlib, sys, time
if {fails}:
    sys.exit("go: module not found")
with open({calls!r}, "a") as calls:
    calls.write(" ".join(sys.argv[1:]) + "\\n")
print("some/package", file=sys.stderr)
time.sleep(0.2)
pathlib.Path(os.environ["GOBIN"], "temporal").write_text("built")
"""


class Machine:
    """A machine whose PATH has only the programs that the test puts there."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.programs, self.cache = home / "programs", home / "cache"
        self.beside_python = home / "beside-python"
        self.calls = home / "calls"
        self.programs.mkdir()
        self.beside_python.mkdir()
        self.said: list[str] = []
        monkeypatch.setenv("PATH", os.fspath(self.programs))
        monkeypatch.setenv("EVCOMMAND_CACHE", os.fspath(self.cache))
        monkeypatch.setattr(sysconfig, "get_path", lambda _: os.fspath(self.beside_python))

    def has(self, name: str, text: str = "") -> Path:
        program = self.programs / name
        program.write_text(text)
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        return program

    def has_go(self, *, fails: bool = False) -> None:
        text = FAKE_GO.format(python=sys.executable, calls=os.fspath(self.calls), fails=fails)
        self.has("go", text)

    def find(self) -> str | None:
        return find_temporal(self.said.append)

    @property
    def built(self) -> Path:
        return self.cache / "bin" / "temporal"


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


def test_temporal_on_path_comes_first(machine: Machine) -> None:
    installed = machine.has("temporal")
    machine.has_go()
    assert machine.find() == os.fspath(installed)
    assert not machine.calls.exists()


def test_the_one_beside_python_comes_next(machine: Machine) -> None:
    machine.has_go()
    installed = machine.beside_python / "temporal"
    installed.touch()
    assert machine.find() == os.fspath(installed)
    assert not machine.calls.exists()


def test_without_it_go_builds_it_once_and_the_copy_is_used_afterwards(machine: Machine) -> None:
    machine.has_go()
    assert machine.find() == machine.find() == os.fspath(machine.built)
    assert machine.calls.read_text() == f"install -v {CLI_MODULE}\n"
    assert "about four minutes" in machine.said[0]


def test_two_at_once_build_once(machine: Machine) -> None:
    machine.has_go()
    threads = [threading.Thread(target=machine.find) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert machine.calls.read_text().count("install") == 1


def test_a_failed_build_leaves_the_sdks_download_and_says_why(machine: Machine) -> None:
    machine.has_go(fails=True)
    assert machine.find() is None
    assert "module not found" in machine.said[-1]
    assert not machine.built.exists()


def test_without_go_the_sdks_download_is_left(machine: Machine) -> None:
    assert machine.find() is None
    assert "no `go` on PATH" in machine.said[-1]


def test_a_build_that_is_cut_leaves_nothing_half_made(machine: Machine) -> None:
    machine.has_go()
    code = (
        "import sysconfig; sysconfig.get_path = lambda _: '/nowhere'; "
        "from entrypoints.temporal.binary import find_temporal; find_temporal(print)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as building:
        assert building.stdout is not None
        building.stdout.readline()
        building.kill()
    assert not machine.built.exists()
    assert machine.find() == os.fspath(machine.built)
