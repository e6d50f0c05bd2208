"""Each rule of the design is broken once, in a copy of the tree: lint has to see it.

A breach is a line that is added to a file of the copy. All of them are planted at once, lint runs
once, and each test looks for what lint has to say about its own line.
"""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from scripts.checks.class_names import repeated_class_names
from scripts.checks.sizes import oversized
from scripts.checks.sources import ROOMS
from scripts.checks.vocabulary import misplaced_words

CHECKOUT = Path(__file__).parents[3]
LINT_IMPORTS = Path(sys.executable).with_name("lint-imports")

ENGINE = "station_gateway/session/engine.py"
DIALECT = "station_gateway/dialects/v201.py"
DOMAIN = "domain/commands/judging.py"
WORKFLOW = "workflows/command_workflow.py"


@dataclass(frozen=True)
class Import:
    """The file `place` imports `module`, and the contract with this id forbids it."""

    contract: str
    place: str
    module: str

    def __str__(self) -> str:
        return f"{self.module} in {self.place}"


@dataclass(frozen=True)
class Lines:
    """Lines at the end of a file, and a part of what a check says about that file."""

    says: str
    place: str
    lines: str

    def __str__(self) -> str:
        return f"{self.says} in {self.place}"


IMPORTS = [
    # the pure rooms
    Import("pure-session", ENGINE, "asyncio"),
    Import("pure-session", ENGINE, "websockets"),
    Import("pure-session", ENGINE, "structlog"),
    Import("pure-session", ENGINE, "fleet.stations"),
    Import("pure-dialects", DIALECT, "asyncio"),
    Import("pure-dialects", DIALECT, "temporalio"),
    Import("pure-dialects", DIALECT, "sqlalchemy"),
    Import("pure-domain", DOMAIN, "aiosqlite"),
    Import("pure-domain", DOMAIN, "asyncio"),
    Import("pure-domain", DOMAIN, "msgspec"),
    Import("pure-contract", "contract/commands.py", "structlog"),
    # who may speak with what
    Import("fleet", WORKFLOW, "fleet.sends"),
    Import("fleet", "workflows/calls/commands.py", "fleet.sends"),
    Import("sqlalchemy", "journal/wakeups.py", "sqlalchemy"),
    Import("protobuf", "broker/backend.py", "google"),
    Import("protobuf", "journal/explain/reading.py", "evcommand"),
    Import("grpc", "broker/commands/edge.py", "grpc"),
    Import("temporal", "contract/commands.py", "temporalio"),
    Import("temporal", "broker/submitting.py", "temporalio"),
    Import("ocpp", WORKFLOW, "ocpp"),
    Import("ocpp", "station_gateway/commands/frames.py", "ocpp"),
    Import("websockets", "station_gateway/commands/frames.py", "websockets"),
    # between the rooms and inside them
    Import("rooms", "broker/errors.py", "station_gateway.gateway"),
    Import("rooms", "broker/reading/paging.py", "workflows.settings"),
    Import("rooms", "workflows/limits.py", "broker.settings"),
    Import("rooms", "fleet/stations.py", "journal.wakeups"),
    Import("rooms", "domain/model/command.py", "contract.names"),
    Import("simulator", "simulator/charger/charger.py", "contract.names"),
    Import("inside-broker", "broker/proto/times.py", "broker.services.stations"),
    Import("inside-contract", "contract/commands.py", "contract.activities"),
    Import("inside-domain", "domain/model/command.py", "domain.commands.judging"),
    Import("inside-entrypoints", "entrypoints/settings.py", "entrypoints.processes"),
    Import("inside-fleet", "fleet/stations.py", "fleet.sends"),
    Import("told-facts", "fleet/stations.py", "fleet.log.commands"),
    Import("inside-station-gateway", ENGINE, "station_gateway.stations.registry"),
    Import("inside-workflows", "workflows/calls/commands.py", "workflows.worker"),
]

CYCLE = ("fleet/tables/commands.py", "fleet.sends")
"""fleet.sends imports fleet.tables."""

LINES = [
    Lines(
        "a branch on Kind",
        "journal/wakeups.py",
        "def _planted(kind):\n    return kind is Kind.RESET",
    ),
    Lines(
        "a branch on Kind",
        "journal/commands/waking.py",
        "def _planted(kind):\n    match kind:\n        case Kind.RESET:\n            pass",
    ),
    Lines("a word of OCPP, 'SuspendedEVSE'", WORKFLOW, '_PLANTED = "SuspendedEVSE"'),
    Lines("a word of OCPP, 'TriggerMessage'", WORKFLOW, '_PLANTED = "TriggerMessage"'),
    Lines("a version of OCPP, '2.0.1'", WORKFLOW, '_PLANTED = "2.0.1"'),
    Lines("a guess at OCPP's version", WORKFLOW, '_PLANTED = "2.1".startswith("2")'),
    Lines("lines (at most 400)", "contract/callbacks.py", "\n" * 400),
    Lines(
        "_planted has 51 lines", "contract/names.py", "def _planted():" + "\n    _planted()" * 50
    ),
    Lines("class Planted stands 2 times", "contract/names.py", "class Planted:\n    pass\n" * 2),
    Lines("16 Python files", "telemetry", ""),
]


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what lint reads, with every breach in it."""
    root = tmp_path_factory.mktemp("copy")
    for room in (*ROOMS, "scripts"):
        unwanted = shutil.ignore_patterns("__pycache__")
        shutil.copytree(CHECKOUT / room, root / room, ignore=unwanted)
    shutil.copy(CHECKOUT / "pyproject.toml", root)
    for breach in IMPORTS:
        append(root / breach.place, f"import {breach.module}")
    append(root / CYCLE[0], f"import {CYCLE[1]}")
    for rule in LINES:
        if (root / rule.place).is_file():
            append(root / rule.place, rule.lines)
    own = len(list((root / "telemetry").glob("[!_]*.py")))
    for number in range(16 - own):
        (root / "telemetry" / f"planted_{number}.py").touch()
    return root


@pytest.fixture(scope="module")
def imports_found(broken: Path) -> dict[str, str]:
    """What import-linter prints, by the name of the contract."""
    command = [str(LINT_IMPORTS), "--no-cache"]
    wide = {**os.environ, "COLUMNS": "1000"}  # no line is broken in two
    linted = subprocess.run(
        command, cwd=broken, env=wide, capture_output=True, text=True, timeout=60, check=False
    )
    assert linted.returncode == 1, linted.stderr
    return dict(sections(linted.stdout))


@pytest.fixture(scope="module")
def lines_found(broken: Path) -> list[str]:
    """What our own checks say."""
    return [
        finding
        for check in (oversized, repeated_class_names, misplaced_words)
        for finding in check(broken)
    ]


def append(file: Path, lines: str) -> None:
    file.write_text(f"{file.read_text()}\n{lines}\n")


def sections(printed: str) -> Iterator[tuple[str, str]]:
    """The name of each broken contract, underlined there, and what stands below it."""
    details = printed.partition("Broken contracts\n")[2].splitlines()
    heads = [at for at, line in enumerate(details[1:]) if line and set(line) == {"-"}]
    for head, after in zip(heads, [*heads[1:], len(details)], strict=True):
        yield details[head], "\n".join(details[head + 2 : after])


def names() -> dict[str, str]:
    """The name of each contract, by its id."""
    settings = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
    return {each["id"]: each["name"] for each in settings["tool"]["importlinter"]["contracts"]}


def test_every_contract_is_broken_here() -> None:
    assert set(names()) == {each.contract for each in IMPORTS} | {"cycles"}


@pytest.mark.parametrize("breach", IMPORTS, ids=str)
def test_an_import_that_the_design_forbids_is_found(
    imports_found: dict[str, str], breach: Import
) -> None:
    importer = module_of(breach.place)
    found = imports_found[names()[breach.contract]]
    assert re.search(rf"{importer} (imports|->) {breach.module}\b", found), found


def test_two_files_that_import_each_other_are_found(imports_found: dict[str, str]) -> None:
    circles = imports_found[names()["cycles"]].splitlines()
    assert any(module_of(CYCLE[0]) in line and CYCLE[1] in line for line in circles), circles


@pytest.mark.parametrize("rule", LINES, ids=str)
def test_lines_that_the_rules_forbid_are_found(lines_found: list[str], rule: Lines) -> None:
    assert [each for each in lines_found if rule.place in each and rule.says in each], rule


def module_of(place: str) -> str:
    return place.removesuffix(".py").replace("/", ".")
