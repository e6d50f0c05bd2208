"""Which code a process runs, as its workers tell Temporal."""

from functools import cache
from hashlib import sha256
from pathlib import Path

_ROOT = Path(__file__).parents[1]
_ROOMS = (
    "broker",
    "contract",
    "domain",
    "entrypoints",
    "fleet",
    "journal",
    "station_gateway",
    "telemetry",
    "workflows",
)
_DIGITS = 16


@cache
def build_id() -> str:
    """A digest of the source of all rooms: two processes with the same code have the same one.

    Temporal shows it at each worker, and can reset a workflow to the last decision before a build.
    Without it the SDK makes one of every module that is loaded. That takes longer, and two roles
    of one build, which load different modules, do not have the same one.
    """
    digest = sha256()
    for file in sorted(file for room in _ROOMS for file in (_ROOT / room).rglob("*.py")):
        digest.update(str(file.relative_to(_ROOT)).encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()[:_DIGITS]
