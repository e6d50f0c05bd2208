"""What a run prints: a line of JSON for each finding, and a summary by which it can be repeated."""

import json
import math
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, replace
from typing import Any

from tests.chaos.judging.finding import Finding
from tests.chaos.judging.lateness import must_be_done, outages
from tests.chaos.plan import Fault
from tests.chaos.record import CommandAsked, Record


def print_report(again: str, plan: Iterable[Fault], record: Record, found: list[Finding]) -> None:
    """Prints it all on stdout. again: the command that repeats the run."""
    for finding in found:
        _line({"finding": asdict(finding)})
    _line({"summary": summary(again, plan, record, found)})


def summary(
    again: str, plan: Iterable[Fault], record: Record, found: list[Finding]
) -> dict[str, Any]:
    """The run in numbers.

    `call_ms`: from a request to its outcome, at stations without a flaw. `late_by_faults_s`: the
    commands that would have been late if nothing had been broken, and by how much.
    """
    honest = {one.id for one in record.stations if one.honest}
    calls = [one for one in record.commands if one.returned and one.station in honest]
    broken = [one for one in calls if _met_a_fault(record, one)]
    quiet = [one for one in calls if one not in broken]
    return {
        "again": again,
        "findings": dict(Counter(one.invariant for one in found)),
        "commands": sum(one.last is not None for one in record.commands),
        "refused": dict(Counter(one.refused for one in record.commands if one.refused)),
        "outcomes": _outcomes(record),
        "late_by_faults_s": _late_by_faults(record),
        "reservations": len(record.reservations),
        "call_ms": {"quiet": _percentiles(quiet), "during_faults": _percentiles(broken)},
        "plan": [asdict(fault) for fault in plan],
    }


def _outcomes(record: Record) -> dict[str, dict[str, int]]:
    counted: dict[str, Counter[str]] = {}
    for command in record.commands:
        if command.last is not None:
            counted.setdefault(command.kind, Counter())[command.last.code or "NONE"] += 1
    return {kind: dict(codes) for kind, codes in sorted(counted.items())}


def _late_by_faults(record: Record) -> list[float]:
    calm = replace(record, disturbances=[])
    late = (
        (one.first_end - must_be_done(calm, one)).total_seconds()
        for one in record.commands
        if one.first_end
    )
    return sorted(round(each, 1) for each in late if each > 0)


def _met_a_fault(record: Record, command: CommandAsked) -> bool:
    end = command.returned or record.ended
    return any(
        begin <= end and command.asked <= until for begin, until in outages(record.disturbances)
    )


def _percentiles(commands: list[CommandAsked]) -> dict[str, int]:
    took = sorted(
        (one.returned - one.asked).total_seconds() * 1e3 for one in commands if one.returned
    )
    if not took:
        return {"calls": 0}
    ranks = {"p50": 0.5, "p99": 0.99}
    values = {name: round(took[math.ceil(rank * len(took)) - 1]) for name, rank in ranks.items()}
    return {"calls": len(took), **values}


def _line(value: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()
