"""Links that save an operator's filters in Temporal's web UI."""

from urllib.parse import parse_qs, urlsplit

from click.testing import CliRunner

from entrypoints.cli import main
from entrypoints.commands.views import links, queries


def test_each_view_has_the_filter_of_its_name() -> None:
    assert queries("CP-1") == {
        "Needs a human": (
            'EvAttention IN ("COMPENSATION_FAILED", "STILL_UNKNOWN", "CALLBACK_PARKED")'
        ),
        "Nobody knows": 'EvOutcome="UNKNOWN"',
        "Waiting for offline stations": (
            'EvState="WAITING_FOR_STATION" AND ExecutionStatus="Running"'
        ),
        "On guard": 'EvState="ON_GUARD" AND ExecutionStatus="Running"',
        "Station CP-1": 'EvStation="CP-1"',
    }


def test_a_link_names_namespace_filter_and_view() -> None:
    link = urlsplit(links("http://127.0.0.1:8233/", "ev/1")["On guard"])
    assert (link.netloc, link.path) == ("127.0.0.1:8233", "/namespaces/ev%2F1/workflows")
    assert parse_qs(link.query) == {"query": [queries()["On guard"]], "savedQuery": ["On guard"]}


def test_a_stations_name_cannot_end_its_string() -> None:
    assert queries('a" OR "\\')['Station a" OR "\\'] == 'EvStation="a\\" OR \\"\\\\"'


def test_the_program_prints_the_links() -> None:
    options = ["views", "--ui", "http://ui:1", "--namespace", "ev", "--station", "CP-1"]
    shown = CliRunner().invoke(main, options)
    assert shown.exit_code == 0
    for name, link in links("http://ui:1", "ev", "CP-1").items():
        assert f"{name}\n  {link}\n" in shown.stdout
