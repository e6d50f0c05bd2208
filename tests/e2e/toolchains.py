"""Builds the programs in other languages that the end-to-end tests run, each once per source.

Nothing is written into the tree: sources are copied to the cache, built there, and the finished
directory is kept under a name that carries the digest of what went in. A second run finds it and
needs neither network nor compiler time.
"""

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from entrypoints.temporal.binary import cache_dir
from tests.support.servers import only_one_builder, without_go_of_servers

CHECKOUT = Path(__file__).resolve().parents[2]
BUILD_LIMIT_S = 900.0
_MADE_BY_TOOLS = shutil.ignore_patterns("node_modules", "gen", "target", "__pycache__")

REMEDIES = {
    "go": "install Go 1.25 or newer",
    "node": "install Node.js 18 or newer",
    "npm": "install npm, which comes with Node.js",
    "java": "install a JDK, 17 or newer",
    "javac": "install a JDK, 17 or newer",
    "mvn": "install Maven 3.8 or newer",
}


def require(*programs: str) -> None:
    """Skips the test where a toolchain is missing; fails it in CI, where none may be missing."""
    for program in programs:
        if shutil.which(program):
            continue
        reason = f"`{program}` is not on PATH: {REMEDIES[program]} to run this test"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)


def built(name: str, sources: Sequence[Path], build: Callable[[Path], None]) -> Path:
    """The directory that `build` made of the sources; made now when it is not in the cache.

    Each source is a file or a directory and is copied by its name. `build` is called with the
    directory of the copies, which is the one to be kept.
    """
    home = cache_dir() / "test-programs"
    home.mkdir(parents=True, exist_ok=True)
    finished = home / f"{name}-{_digest(sources)}"
    with only_one_builder(home / f"{name}.lock"):
        if finished.is_dir():
            return finished
        with tempfile.TemporaryDirectory(prefix=f"{name}-", dir=home) as place:
            unfinished = Path(place) / "build"
            unfinished.mkdir()
            for source in sources:
                _copy(source, unfinished / source.name)
            build(unfinished)
            unfinished.rename(finished)
    return finished


def run(command: Sequence[str | Path], cwd: Path, env: dict[str, str] | None = None) -> str:
    """Runs one build step and returns what it printed; its own words are the error."""
    result = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**without_go_of_servers(), **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=BUILD_LIMIT_S,
        check=False,
    )
    if result.returncode != 0:
        output = f"{result.stdout}\n{result.stderr}".strip()
        pytest.fail(f"`{' '.join(map(str, command))}` failed in {cwd}:\n{output}")
    return result.stdout


def go_install(package: str) -> Path:
    """A program from the Go module proxy (`path@version`), in the cache's bin directory."""
    program = cache_dir() / "bin" / package.split("@", maxsplit=1)[0].rsplit("/", 1)[-1]
    program.parent.mkdir(parents=True, exist_ok=True)
    with only_one_builder(program.with_suffix(".lock")):
        if not program.is_file():
            require("go")
            with tempfile.TemporaryDirectory(dir=program.parent) as place:
                run(["go", "install", package], cwd=Path(place), env={"GOBIN": place})
                (Path(place) / program.name).rename(program)
    return program


def npm_ci(directory: Path) -> None:
    """Installs exactly what package-lock.json names, without running the packages' scripts."""
    run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=directory)


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=_MADE_BY_TOOLS)
    else:
        shutil.copy2(source, target)


def _digest(sources: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for path in sorted(_files(sources)):
        digest.update(f"{path.relative_to(CHECKOUT)}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def _files(sources: Sequence[Path]) -> Iterator[Path]:
    unwanted = {"node_modules", "gen", "target", "__pycache__"}
    for source in sources:
        if source.is_file():
            yield source
            continue
        for path in source.rglob("*"):
            if path.is_file() and not unwanted & set(path.relative_to(source).parts):
                yield path
