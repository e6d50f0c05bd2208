"""The judge of a run: what callers were told, against what the stations' own records say."""

from collections.abc import Iterator

from tests.chaos.judging import keeping, reservations, truth
from tests.chaos.judging.finding import Finding
from tests.chaos.record import Record


def findings(record: Record) -> list[Finding]:
    """Every broken promise; none when all is well."""
    return [finding for rule in RULES for finding in rule(record)]


def alive(record: Record) -> Iterator[Finding]:
    """No process ends by itself, whatever is broken around it."""
    for end in record.crashes:
        name, _, log = end.partition(": ")
        yield Finding("alive", name, "", "", f"it ended by itself: {log}")


def shut(record: Record) -> Iterator[Finding]:
    """S4: nobody is taken for a station whose password he does not know."""
    for station in record.intruders:
        yield Finding("S4", station, station, "", "a stranger with a wrong password was let in")


RULES = (*keeping.RULES, *reservations.RULES, *truth.RULES, alive, shut)
