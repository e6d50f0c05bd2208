"""The output of the benchmark: one JSON line per figure, on stdout."""

import json
import sys
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One measured figure and its reference, from the same run.

    ours, reference: medians, in `unit`. reference None: there is nothing to compare with.
    target: in words. ok: whether the target is met; None: there is no target.
    ratio: ours to the reference; None: computed when the line is printed.
    """

    name: str
    ours: float
    reference: float | None
    unit: str
    target: str = ""
    ok: bool | None = None
    ratio: float | None = None
    details: dict[str, Any] | None = None

    def report(self) -> None:
        """Prints the line."""
        values = asdict(self)
        if self.ratio is None and self.reference:
            values["ratio"] = round(self.ours / self.reference, 3)
        sys.stdout.write(json.dumps({k: v for k, v in values.items() if v is not None}) + "\n")
        sys.stdout.flush()


def note(text: str) -> None:
    """Reports progress on stderr."""
    sys.stderr.write(f"# {text}\n")
    sys.stderr.flush()
