"""Which build this worker is, for Temporal's Worker Versioning.

Two workers of the same build decide the same from the same history. So a build is our version and a
digest of the sources that a replay runs: the workflow files, what crosses Temporal, and the rules.
A change of anything else (docs, gateway, broker, activities) keeps the build.
"""

import hashlib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

DEPLOYMENT = "evcommand"
"""The name of the Worker Deployment whose versions are builds."""

_ROOT = Path(__file__).parents[1]
_REPLAYED = ("contract", "domain", "workflows")
_NOT_REPLAYED = (
    "activities",
    "build.py",
    "registration.py",
    "settings.py",
    "worker.py",
)
"""What of `workflows/` no history runs through."""

_DIGITS = 12


def replayed_build(root: Path = _ROOT) -> str:
    """The id of this build, as `0.1.0-1a2b3c4d5e6f`.

    root: the folder that holds our packages.
    """
    digest = hashlib.sha256()
    for path in replayed_sources(root):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0")
        digest.update(path.read_bytes() + b"\0")
    return f"{version('evcommand')}-{digest.hexdigest()[:_DIGITS]}"


def replayed_sources(root: Path = _ROOT) -> Iterator[Path]:
    """The source files on which a replay depends, in one order everywhere."""
    for room in _REPLAYED:
        for path in sorted((root / room).rglob("*.py")):
            inside = path.relative_to(root / room)
            if room != "workflows" or inside.parts[0] not in _NOT_REPLAYED:
                yield path
