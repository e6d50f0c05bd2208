"""The Python files that the checks read: what git knows, without generated code and migrations."""

import ast
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

ROOMS = (
    "broker",
    "contract",
    "domain",
    "entrypoints",
    "fleet",
    "journal",
    "simulator",
    "station_gateway",
    "telemetry",
    "workflows",
)
"""What runs in production, and the simulated station."""

_NOT_OURS = ("protos/gen", "fleet/migrations/versions")
"""Generated code; and migrations, which grow by one file for each change and are never edited."""


@dataclass(frozen=True)
class Source:
    """A Python file. path: relative to the checkout."""

    path: PurePosixPath
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """Its syntax tree."""
        return ast.parse(self.text, str(self.path))

    def at(self, node: ast.expr | ast.stmt) -> str:
        """Where a node stands, as an editor understands it."""
        return f"{self.path}:{node.lineno}"

    def is_in(self, *places: str) -> bool:
        """Whether it is one of these files, or stands in one of these folders."""
        return any(self.path.is_relative_to(place) for place in places)


def python_sources(root: Path, *places: str) -> Iterator[Source]:
    """Our Python files below these places of a checkout; below all of it when none is named."""
    for path in _listed(root):
        source = Source(path, (root / path).read_text()) if (root / path).is_file() else None
        if source and not source.is_in(*_NOT_OURS) and (not places or source.is_in(*places)):
            yield source


def report(check: Callable[[Path], Iterable[str]]) -> None:
    """Runs a check on the checkout that the command line names; exit 1 when it finds something."""
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path.cwd()
    found = sorted(check(root))
    print("\n".join(found))
    sys.exit(1 if found else 0)


def _listed(root: Path) -> list[PurePosixPath]:
    """Tracked files and new ones that git does not ignore; all files where there is no git."""
    if not (root / ".git").exists():
        return [PurePosixPath(p.relative_to(root).as_posix()) for p in sorted(root.rglob("*.py"))]
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"]
    listed = subprocess.run(  # noqa: S603 (its words are written above)
        command, cwd=root, check=True, capture_output=True, text=True
    )
    return [PurePosixPath(line) for line in sorted(set(listed.stdout.splitlines()))]
