"""Fields that were renamed after they had been stored: old payloads and snapshots stay readable.

Histories of Temporal and snapshots of the event log live longer than a version of this code. When
a field of a stored dataclass gets a new name, its old name goes into `RENAMED` and stays there.
Readers then see present names only; nothing is ever written under an old name.
"""

import dataclasses
from collections.abc import Mapping
from functools import cache
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from contract.commands import PrepareCommandResult, WeighEvidenceResult
from contract.questions import AskStationInput
from domain.model.answers import StationAnswer
from domain.model.command import Compensation, SessionFacts
from domain.model.specs import CancelReservationSpec, StopSpec

RENAMED: Mapping[type, Mapping[str, str]] = {
    StopSpec: {
        "transaction_id": "ocpp_transaction_id",
        "wire_id": "found_ocpp_transaction_id",
        "resolved_transaction": "found_transaction",
    },
    CancelReservationSpec: {"resolved_reservation": "found_reservation"},
    StationAnswer: {"transaction_id": "ocpp_transaction_id"},
    SessionFacts: {"transaction_id": "ocpp_transaction_id"},
    Compensation: {"transaction_id": "ocpp_transaction_id"},
    PrepareCommandResult: {"wire_id": "ocpp_transaction_id"},
    WeighEvidenceResult: {"wire_id": "ocpp_transaction_id"},
    AskStationInput: {"wire_id": "ocpp_transaction_id"},
}
"""By dataclass: the old name of a field to its present name."""


@dataclasses.dataclass(frozen=True)
class _Plan:
    """What has to be renamed in a stored dataclass: its own fields, and fields of its fields."""

    own: Mapping[str, str]
    below: Mapping[str, type]


def with_present_names(kind: type, stored: Mapping[str, Any]) -> Mapping[str, Any]:
    """The JSON object `stored` of the dataclass `kind` with the present names of its fields.

    Returns the very same object when nothing in it has an old name. Objects in lists and mappings
    are left alone: no renamed dataclass is stored in one.
    """
    plan = _plan(kind)
    changed: dict[str, Any] = {}
    for old, present in plan.own.items():
        if old in stored and present not in stored:
            changed[present] = stored[old]
    for field, inner in plan.below.items():
        value = stored.get(field)
        if isinstance(value, Mapping):
            read = with_present_names(inner, value)
            if read is not value:
                changed[field] = read
    if not changed:
        return stored
    kept = {field: value for field, value in stored.items() if field not in plan.own}
    return {**kept, **changed}


@cache
def _plan(kind: type) -> _Plan:
    below = {}
    for field, hint in get_type_hints(kind).items():
        for inner in _dataclasses_in(hint):
            plan = _plan(inner)
            if plan.own or plan.below:
                below[field] = inner
    return _Plan(RENAMED.get(kind, {}), below)


def _dataclasses_in(hint: Any) -> list[type]:
    """The dataclass of a field's type, which may be optional."""
    options = get_args(hint) if get_origin(hint) in {Union, UnionType} else (hint,)
    return [each for each in options if isinstance(each, type) and dataclasses.is_dataclass(each)]
