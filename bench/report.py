"""One figure of the benchmark: a line of JSON."""

import json
import sys
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    """What was measured next to what it is compared with, in one run.

    ours, reference: medians, in `unit`. reference: None when nothing stands beside it.
    target: in words. ok: whether the target is met; None when there is none.
    """

    name: str
    ours: float
    reference: float | None
    unit: str
    target: str = ""
    ok: bool | None = None
    ratio: float | None = None
    details: dict[str, Any] | None = None

    def tell(self) -> None:
        """Print the line."""
        values = asdict(self)
        if self.ratio is None and self.reference:
            values["ratio"] = round(self.ours / self.reference, 3)
        sys.stdout.write(json.dumps({k: v for k, v in values.items() if v is not None}) + "\n")
        sys.stdout.flush()


def note(text: str) -> None:
    """Say what is going on, beside the figures."""
    sys.stderr.write(f"# {text}\n")
    sys.stderr.flush()
