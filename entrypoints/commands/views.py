"""`evcommand views`: links that save an operator's filters in the Temporal web UI.

The web UI offers to save a filter under the name that the link gives it. The browser keeps it.
"""

from urllib.parse import quote, urlencode

from contract.names import ATTENTION_ATTRIBUTE, OUTCOME_ATTRIBUTE, STATE_ATTRIBUTE
from contract.names import STATION_ATTRIBUTE as STATION
from domain.commands.standing import Attention, Standing
from domain.model.command import Code

_RUNNING = 'ExecutionStatus="Running"'


def _quoted(text: str) -> str:
    """The text as a string of Temporal's list filters."""
    return '"{}"'.format(text.replace("\\", "\\\\").replace('"', '\\"'))


def queries(station: str = "") -> dict[str, str]:
    """The list filters by the names of their views. station: "" leaves out the one of a station."""
    people = ", ".join(_quoted(reason.value) for reason in Attention)
    views = {
        "Needs a human": f"{ATTENTION_ATTRIBUTE} IN ({people})",
        "Nobody knows": f"{OUTCOME_ATTRIBUTE}={_quoted(Code.UNKNOWN.value)}",
        "Waiting for offline stations": (
            f"{STATE_ATTRIBUTE}={_quoted(Standing.WAITING_FOR_STATION.value)} AND {_RUNNING}"
        ),
        "On guard": f"{STATE_ATTRIBUTE}={_quoted(Standing.ON_GUARD.value)} AND {_RUNNING}",
    }
    if station:
        views[f"Station {station}"] = f"{STATION}={_quoted(station)}"
    return views


def links(ui: str, namespace: str, station: str = "") -> dict[str, str]:
    """A link by the name of its view. ui: where the web UI is, as http://127.0.0.1:8233."""
    base = f"{ui.rstrip('/')}/namespaces/{quote(namespace, safe='')}/workflows"
    return {
        name: f"{base}?{urlencode({'query': query, 'savedQuery': name}, quote_via=quote)}"
        for name, query in queries(station).items()
    }
