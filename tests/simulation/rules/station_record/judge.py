"""The independent judge: the station's own record against what callers were told.

It knows nothing of the product: no domain code, no state, no word of ours but those of the API's
JSON. What the other rules share with the product by mistake, this one does not. A test holds its
imports.
"""

from collections.abc import Callable, Iterator

from tests.simulation.rules.station_record import others, starts, station
from tests.simulation.rules.station_record.words import Case

Rule = Callable[[Case], Iterator[str]]

RULES: tuple[Rule, ...] = (*starts.RULES, *others.RULES, *station.RULES)


def contradictions(case: Case) -> list[str]:
    """Everything that callers were told and that the station's record contradicts."""
    return [f"record: {found}" for rule in RULES for found in rule(case)]
