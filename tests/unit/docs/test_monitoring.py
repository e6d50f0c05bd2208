"""The alerts and the dashboard name metrics, labels and log lines that the program has."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import prometheus_client
import pytest
from prometheus_client.metrics import MetricWrapperBase

from telemetry import metrics

ROOT = Path(__file__).resolve().parents[3]
ALERTS = "\n".join((ROOT / f"deploy/{name}.yml").read_text() for name in ("alerts", "slo"))
DASHBOARD: dict[str, Any] = json.loads((ROOT / "deploy/grafana-dashboard.json").read_text())

_USE = re.compile(r"\b(evcommand_[a-z_]+)(?:\{([^}]*)\})?")
_RECORDED = re.compile(r"\bevcommand:[a-z0-9_:]+")
_GROUPED = re.compile(r"\bby \(([a-z_, ]+)\)")
_EVENT = re.compile(r"log line ([a-z_]+)|^(?:.*: )?([a-z]+_[a-z_]+) (?:names|has)\b")
_OF_PROMETHEUS = {"instance", "job", "le"}


def labels_by_name() -> dict[str, set[str]]:
    """The labels of each time series by its name, as a scrape shows it."""
    known: dict[str, set[str]] = {}
    for metric in vars(metrics).values():
        if not isinstance(metric, MetricWrapperBase):
            continue
        labels = set(metric._labelnames)
        suffixes = {
            prometheus_client.Counter: ("_total",),
            prometheus_client.Histogram: ("_bucket", "_sum", "_count"),
        }.get(type(metric), ("",))
        known |= {f"{metric._name}{suffix}": labels for suffix in suffixes}
    return known


def expressions() -> Iterator[str]:
    yield from re.findall(r"^ +expr: (.+)$", ALERTS, re.MULTILINE)
    for panel in DASHBOARD["panels"]:
        yield from (target["expr"] for target in panel.get("targets", ()))


KNOWN = labels_by_name()


@pytest.mark.parametrize("expression", list(expressions()))
def test_an_expression_names_metrics_and_labels_that_exist(expression: str) -> None:
    uses = _USE.findall(expression)
    recorded = set(_RECORDED.findall(expression))
    assert uses or recorded or "temporal_" in expression or expression.startswith("vector(")
    assert recorded <= set(re.findall(r"^ +- record: (.+)$", ALERTS, re.MULTILINE))
    for name, selector in uses:
        assert name in KNOWN
        named = set(re.findall(r"([a-z_]+)(?:!=|=~|!~|=)", selector)) - _OF_PROMETHEUS
        grouped = {
            label.strip() for each in _GROUPED.findall(expression) for label in each.split(",")
        }
        assert named | (grouped - _OF_PROMETHEUS) <= KNOWN[name]
    assert expression.count("(") == expression.count(")")


def test_a_remedy_names_log_lines_that_the_program_writes() -> None:
    rooms = ("broker", "fleet", "journal", "station_gateway", "telemetry", "workflows")
    code = "\n".join(
        path.read_text() for room in rooms for path in sorted((ROOT / room).rglob("*.py"))
    )
    remedies = re.findall(r'^ +remedy: "(.+)"$', ALERTS, re.MULTILINE)
    events = {one or other for remedy in remedies for one, other in _EVENT.findall(remedy)}
    assert len(events) >= 5
    assert {event for event in events if f'"{event}"' not in code} == set()


def test_each_alert_has_a_severity_a_summary_and_a_remedy() -> None:
    alerts = re.split(r"^ +- alert: ", ALERTS, flags=re.MULTILINE)[1:]
    names = [alert.partition("\n")[0] for alert in alerts]
    assert len(set(names)) == len(names) > 10
    for alert in alerts:
        assert re.search(r"severity: (page|ticket)", alert)
        assert "summary: " in alert
        assert "remedy: " in alert


def test_each_metric_that_is_worth_an_alarm_has_an_alert() -> None:
    page = (ROOT / "docs/operating.md").read_text()
    table = page.partition("Worth an alarm:")[2].partition("Reasons of refused")[0]
    named = set(re.findall(r"evcommand_[a-z_]+", table))
    assert len(named) > 8
    assert {name for name in named if name not in ALERTS} == {"evcommand_wakeups_repeated_total"}


def test_each_objective_has_a_panel_with_its_budget_as_a_line() -> None:
    budgets = re.findall(r"expr: vector\((.+)\)\n +labels: {slo: (\w+)}", ALERTS)
    lines = {}
    for panel in DASHBOARD["panels"]:
        told = re.search(r'slo="(\w+)"', panel["targets"][0]["expr"])
        if told:
            steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
            lines[told[1]] = round(1 - steps[-1]["value"], 6)
    assert lines == {slo: float(budget) for budget, slo in budgets}
    assert len(lines) == 3
    shown = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    assert any("evcommand_still_unknown_total" in expression for expression in shown)
    assert any("/ on (slo) evcommand:slo_budget:ratio" in expression for expression in shown)


def test_the_panels_have_titles_of_their_own_and_do_not_overlap() -> None:
    panels = DASHBOARD["panels"]
    assert len({panel["title"] for panel in panels}) == len(panels)
    cells = [
        (x, y)
        for panel in panels
        for at in (panel["gridPos"],)
        for x in range(at["x"], at["x"] + at["w"])
        for y in range(at["y"], at["y"] + at["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24
