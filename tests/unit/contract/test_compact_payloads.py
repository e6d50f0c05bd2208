"""Payloads leave out what has its default, and reading brings it back."""

import dataclasses
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.commands import CommandInput, PrepareCommandResult
from contract.converter import DATA_CONVERTER
from domain.commands.timing import Timing
from tests.support.stored_payloads import ACTIVITY_TYPES, UPDATE_INPUTS, WORKFLOW_TYPES
from tests.unit.contract.test_payloads import PAYLOADS
from tests.unit.domain.situations import start

CONVERTER = DATA_CONVERTER.payload_converter
TYPES = sorted(
    {
        *(each for pair in (*ACTIVITY_TYPES.values(), *WORKFLOW_TYPES.values()) for each in pair),
        *UPDATE_INPUTS.values(),
    },
    key=lambda each: each.__name__,
)
"""Every dataclass that Temporal carries."""

DEFAULTS = Path(__file__).with_name("defaults.json")

for plain, strategy in {
    datetime: st.datetimes(timezones=st.just(UTC)),
    float: st.floats(allow_nan=False, allow_infinity=False),
}.items():
    st.register_type_strategy(plain, strategy)


def read_back(value: Any) -> Any:
    """The value after it went through Temporal."""
    read: object = CONVERTER.from_payload(CONVERTER.to_payload(value), type(value))
    return read


def written(value: Any) -> Any:
    """What a payload holds."""
    return json.loads(CONVERTER.to_payload(value).data)


@given(st.data())
@pytest.mark.parametrize("kind", TYPES, ids=lambda each: each.__name__)
def test_every_payload_comes_back_as_it_was(kind: type, data: st.DataObject) -> None:
    value = data.draw(st.from_type(kind))
    assert read_back(value) == value


@pytest.mark.parametrize("value", PAYLOADS, ids=lambda value: type(value).__name__)
def test_rich_payloads_come_back_as_they_were(value: object) -> None:
    assert read_back(value) == value


def test_what_has_its_default_is_not_written() -> None:
    result = PrepareCommandResult("gw-1", revision=2, look_again=None)
    assert written(result) == {"gateway": "gw-1", "revision": 2}
    assert set(written(CommandInput(start(), edition=2))["command"]) == {
        *("name", "tenant", "kind", "station", "state", "create_time", "not_after"),
        *("workflow_id", "start"),
    }


def test_a_value_without_a_default_is_written_also_when_it_is_none() -> None:
    assert written(PrepareCommandResult(None)) == {"gateway": None}


def test_waits_are_written_whole() -> None:
    assert set(written(CommandInput(start()))["timing"]) == {
        field.name for field in dataclasses.fields(Timing)
    }


def reached(kind: Any, seen: set[type]) -> Iterator[type]:
    """This dataclass, and those of its fields."""
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        if kind in seen:
            return
        seen.add(kind)
        yield kind
        for hint in get_type_hints(kind).values():
            yield from reached(hint, seen)
    for inner in get_args(kind):
        yield from reached(inner, seen)


def default_of(field: dataclasses.Field[Any]) -> str:
    """The default of a field in words."""
    if field.default_factory is not dataclasses.MISSING:
        return repr(field.default_factory())
    return repr(field.default)


def test_no_default_changes() -> None:
    """A new field is added to the file. A changed line changes what stored payloads mean."""
    seen: set[type] = set()
    defaults = {
        f"{owner.__name__}.{field.name}": default_of(field)
        for kind in TYPES
        for owner in reached(kind, seen)
        if owner is not Timing
        for field in dataclasses.fields(owner)
        if default_of(field) != repr(dataclasses.MISSING) and field.name != "timing"
    }
    assert defaults == json.loads(DEFAULTS.read_text())
