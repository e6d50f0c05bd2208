"""What recorded histories hold is read by the dataclasses of today, and nothing of it is lost.

A replay compares the names of commands and not what they carry. A field that is renamed or dropped
would read as its default, and no replay would fail. Here it fails.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.converter import DataConverter

from contract.commands import CommandResult, SendFrameInput
from contract.converter import DATA_CONVERTER
from contract.renamed import with_present_names
from tests.support.histories.golden import golden
from tests.support.stored_payloads import ACTIVITY_TYPES, Stored, stored_payloads

CONVERTER = DATA_CONVERTER.payload_converter
WHOLE = DataConverter.default.payload_converter  # also writes what has its default

NO_LONGER_READ = {
    ("PrepareCommandResult", "boot_accepted"),
    ("PrepareCommandResult", "ocpp_version"),
    ("WeighEvidenceResult", "guarded"),
    ("RecordChangeResult", "outcome"),
}
"""Fields of old payloads that nothing needed: the type that had them, and the name."""


def read_back(stored: Stored) -> Any:
    """The payload as JSON, after it went through today's dataclass."""
    value: object = CONVERTER.from_payload(stored.payload, stored.type)
    assert isinstance(value, stored.type)
    return as_json(WHOLE.to_payload(value))


def as_json(payload: Payload) -> Any:
    """What a payload holds."""
    return json.loads(payload.data)


def still_read(stored: Stored) -> Any:
    """The payload under present names, without the fields that are no longer read."""
    recorded = with_present_names(stored.type, as_json(stored.payload))
    dropped = {field for owner, field in NO_LONGER_READ if owner == stored.type.__name__}
    return {key: value for key, value in recorded.items() if key not in dropped}


def assert_holds(whole: Any, part: Any, where: str) -> None:
    """Everything in `part` stands in `whole`, which may have new fields beside it."""
    if isinstance(part, dict):
        lost = part.keys() - whole.keys()
        assert not lost, f"{where}: {sorted(lost)} would not be read"
        for key, value in part.items():
            assert_holds(whole[key], value, f"{where}.{key}")
    elif isinstance(part, list):
        assert len(whole) == len(part), where
        for number, value in enumerate(part):
            assert_holds(whole[number], value, f"{where}[{number}]")
    else:
        assert whole == part, where


@pytest.mark.parametrize("path", golden(), ids=lambda path: path.stem)
def test_every_payload_is_read_whole(path: Path) -> None:
    for stored in stored_payloads(path):
        assert_holds(read_back(stored), still_read(stored), stored.where)


def test_an_old_payload_with_fields_that_are_gone_is_read() -> None:
    """The converter ignores what the dataclass does not have."""
    found = [each for path in golden() for each in stored_payloads(path)]
    for owner, field in NO_LONGER_READ:
        old = next(s for s in found if s.type.__name__ == owner and field in as_json(s.payload))
        assert field not in read_back(old)


def test_the_histories_hold_a_result_of_every_activity() -> None:
    found = {each.type for path in golden() for each in stored_payloads(path)}
    assert found >= {result for _, result in ACTIVITY_TYPES.values()}


@pytest.mark.parametrize("damage", ["renamed", "dropped"])
def test_a_field_that_got_lost_is_noticed(damage: str) -> None:
    whole = {"new_wire_id": "7"} if damage == "renamed" else {}
    with pytest.raises(AssertionError, match="wire_id"):
        assert_holds(whole, {"wire_id": "7"}, "a payload")


def test_fields_that_were_renamed_are_read_under_their_present_names() -> None:
    found = [each for path in golden() for each in stored_payloads(path)]
    outcomes = [read_back(each)["outcome"] for each in found if each.type is CommandResult]
    assert any(each["session"]["ocpp_transaction_id"] for each in outcomes if each["session"])
    stops = [read_back(each) for each in found if each.type is SendFrameInput]
    assert any(each["stop"]["found_ocpp_transaction_id"] for each in stops if each["stop"])
