"""The alerts of `deploy/` fire when they should, and only then, by Prometheus's own engine."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.e2e.telemetry.alert_cases import ALERTS, BURNING, OBJECTIVES, AlertCase
from tests.e2e.toolchains import BUILD_LIMIT_S, CHECKOUT, built, require, run

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(BUILD_LIMIT_S)]

SOURCES = Path(__file__).with_name("firing")
RULES = [str(CHECKOUT / f"deploy/{name}.yml") for name in ("alerts", "slo")]
OBJECTIVES_AT = 480
"""Minutes: the slowest alert of a budget waits for an hour, with windows of six hours."""

Series = dict[str, str]


@pytest.fixture(scope="module")
def engine() -> Path:
    """The program that says which alerts fire."""
    require("go")
    sources = [SOURCES / name for name in ("main.go", "go.mod", "go.sum")]
    return built("firing", sources, _built_by_go) / "firing"


def _built_by_go(directory: Path) -> None:
    run(["go", "build", "-o", "firing", "."], cwd=directory)


def firing(engine: Path, *cases: tuple[Series, int]) -> list[set[str]]:
    """Which alerts fire in each case: after so many minutes, with these series."""
    asked = {
        "rules": RULES,
        "cases": [{"series": series, "minutes": minutes} for series, minutes in cases],
    }
    ran = subprocess.run(
        [engine], input=json.dumps(asked), capture_output=True, text=True, timeout=120, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return [set(names) for names in json.loads(ran.stdout)]


@pytest.mark.parametrize("case", ALERTS, ids=lambda case: case.alert)
def test_an_alert_fires_for_its_reason_and_not_below_it(engine: Path, case: AlertCase) -> None:
    fires, quiet = firing(engine, (case.fires, case.minutes), (case.quiet, case.minutes))
    assert fires == {case.alert, *case.also}
    assert quiet == set()


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_a_budget_that_burns_is_told_by_how_fast(engine: Path, objective: str) -> None:
    told = firing(engine, *((series, OBJECTIVES_AT) for series in OBJECTIVES[objective]))
    assert [{name for name in names if "Budget" in name} for names in told] == list(BURNING)


def test_each_alert_has_a_case() -> None:
    named = set(re.findall(r"- alert: (\w+)", "\n".join(Path(path).read_text() for path in RULES)))
    assert sorted(case.alert for case in ALERTS) == sorted(named - BURNING[0])
