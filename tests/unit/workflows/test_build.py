"""The id of a build changes with what a replay runs, and with nothing else."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from workflows.build import replayed_build, replayed_sources

ROOT = Path(__file__).parents[3]
ROOMS = ("contract", "domain", "workflows", "fleet", "journal", "broker", "station_gateway", "docs")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the rooms."""
    root = tmp_path_factory.mktemp("tree")
    for room in ROOMS:
        shutil.copytree(ROOT / room, root / room, ignore=shutil.ignore_patterns("__pycache__"))
    return root


def build_with(tree: Path, changed: str) -> str:
    """The build of the tree with one more line in one of its files."""
    path = tree / changed
    before = path.read_bytes()
    path.write_bytes(before + b"\n# more\n")
    try:
        return replayed_build(tree)
    finally:
        path.write_bytes(before)


def test_a_build_is_the_version_and_a_digest_that_is_the_same_everywhere(tree: Path) -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*-[0-9a-f]{12}", replayed_build())
    assert replayed_build(tree) == replayed_build()


@pytest.mark.parametrize(
    "path",
    [
        "workflows/command_workflow.py",
        "workflows/calls/commands.py",
        "contract/commands.py",
        "contract/converter.py",
        "domain/commands/stop_session.py",
        "domain/reservations/next_step.py",
    ],
)
def test_what_a_replay_runs_changes_the_build(tree: Path, path: str) -> None:
    assert build_with(tree, path) != replayed_build(tree)


@pytest.mark.parametrize(
    "path",
    [
        "docs/operating.md",
        "workflows/worker.py",
        "workflows/settings.py",
        "workflows/activities/commands.py",
        "station_gateway/gateway.py",
        "broker/temporal.py",
        "fleet/database.py",
    ],
)
def test_everything_else_keeps_the_build(tree: Path, path: str) -> None:
    assert build_with(tree, path) == replayed_build(tree)


def test_a_file_that_is_new_or_moved_changes_the_build(tree: Path) -> None:
    before = replayed_build(tree)
    added = tree / "domain" / "added.py"
    added.write_text("")
    with_it = replayed_build(tree)
    moved = added.rename(tree / "domain" / "renamed.py")
    after_the_move = replayed_build(tree)
    moved.unlink()
    assert len({before, with_it, after_the_move}) == 3


def test_every_module_of_ours_that_a_workflow_loads_is_in_the_build() -> None:
    code = (
        "import json, sys, workflows.callback_workflow, workflows.command_workflow, "
        "workflows.reservation_workflow, contract.converter\n"
        "print(json.dumps([m.__file__ for m in list(sys.modules.values())"
        " if getattr(m, '__file__', None)]))"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True, text=True
    )
    loaded = {Path(each) for each in json.loads(said.stdout)}
    ours = {p for p in loaded if p.is_relative_to(ROOT) and not p.is_relative_to(ROOT / ".venv")}
    assert ours
    assert ours <= set(replayed_sources(ROOT))
