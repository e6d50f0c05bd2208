"""Reads reports by the letter alone, as a back end does that has only met good stations."""

import json
from typing import Any

from tests.unit.simulator.schemas import violation

_V16 = {"StartTransaction", "StopTransaction", "MeterValues"}


def is_as_the_standard_says(data: str | bytes) -> bool:
    """Whether a frame is right in each letter. Only reports about sessions are looked at."""
    try:
        frame = json.loads(data, object_pairs_hook=_each_key_once)
    except ValueError:
        return False
    if frame[0] != 2:
        return True
    if frame[2] in _V16:
        return violation("ocpp1.6", frame) is None
    return frame[2] != "TransactionEvent" or violation("ocpp2.0.1", frame) is None


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key comes twice")
    return found
