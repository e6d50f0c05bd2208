"""Hypothesis changes real payloads: what passes the check is read, or refused with CallRefused."""

import copy
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from station_gateway.dialects.messages import CallRefused, StationCall
from tests.unit.station_gateway.malformed import REQUIRED
from tests.unit.station_gateway.versions import DIALECTS

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
TIME = "2026-01-01T08:00:00Z"
JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=300),
    st.sampled_from(["1", "007", TIME, "Ended", "kWh", "Energy.Active.Import.Register", [], {}]),
    st.dictionaries(st.sampled_from(["id", "value", "unit", "multiplier"]), st.integers()),
)
EVERYTHING = {
    "transactionId": 1,
    "reservationId": 1,
    "offline": False,
    "evse": {"id": 1},
    "idToken": {"idToken": "T", "type": "Central"},
    "timestamp": TIME,
    "reason": "Remote",
    "meterValue": [
        {
            "timestamp": TIME,
            "sampledValue": [
                {"value": "1", "unit": "Wh", "unitOfMeasure": {"unit": "Wh", "multiplier": 0}}
            ],
        }
    ],
}


def spots(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths of everything inside a payload."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    found = [path] if path else []
    for key, child in inner:
        found += spots(child, (*path, key)) if isinstance(child, dict | list) else [(*path, key)]
    return found


@pytest.mark.parametrize(
    ("version", "action"), [(v, action) for v, messages in REQUIRED.items() for action in messages]
)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_whatever_passes_the_check_is_read_or_refused(
    version: str, action: str, data: st.DataObject
) -> None:
    dialect = DIALECTS[version]
    extra = {key: EVERYTHING[key] for key in data.draw(st.sets(st.sampled_from([*EVERYTHING])))}
    payload = copy.deepcopy(extra | REQUIRED[version][action])
    for path in data.draw(st.lists(st.sampled_from(spots(payload)), max_size=3)):
        spot = payload
        try:
            for key in path[:-1]:
                spot = spot[key]
            spot[path[-1]] = copy.deepcopy(data.draw(JUNK))  # [] and {} may be filled next
        except (TypeError, KeyError, IndexError):
            continue
    payload = json.loads(json.dumps(payload))
    if dialect.check_call(action, payload) is None:
        try:
            seen = dialect.read_call(action, payload, NOW)
        except CallRefused:
            return
        assert all(len(word) <= 255 for word in str_fields(seen))


def str_fields(seen: StationCall) -> list[str]:
    values = [getattr(seen, name) for name in seen.__struct_fields__]
    return [value for value in values if isinstance(value, str)]
