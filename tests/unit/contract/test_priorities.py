"""The order in Temporal's task queues: commands by their rules, then what is less urgent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract import names
from contract.priorities import (
    CALLBACK_PRIORITY,
    RESERVATION_PRIORITY,
    command_priority,
    start_priority,
)
from domain.commands.table import COMMANDS
from domain.model.specs import Kind

_LAST = 5  # Temporal's own limit, unless a server's configuration raises it


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        (Kind.STOP_SESSION, 1),
        (Kind.UNLOCK_CONNECTOR, 1),
        (Kind.START_SESSION, 2),
        (Kind.RESERVE_NOW, 2),
        (Kind.CANCEL_RESERVATION, 2),
        (Kind.RESET, 3),
    ],
)
def test_a_command_has_the_priority_of_its_rules(kind: Kind, key: int) -> None:
    assert command_priority(kind, "acme").priority_key == key
    assert command_priority(kind, "acme").fairness_key == "acme"


def test_the_order_of_kinds_is_the_order_of_their_rules() -> None:
    by_rules = sorted(Kind, key=lambda kind: COMMANDS[kind].priority)
    keys = [command_priority(kind, "").priority_key or 0 for kind in by_rules]
    assert keys == sorted(keys)


def test_reservations_and_callbacks_come_after_every_command() -> None:
    keys = [command_priority(kind, "").priority_key or 0 for kind in Kind]
    assert max(keys) < RESERVATION_PRIORITY < CALLBACK_PRIORITY <= _LAST


@pytest.mark.parametrize("kind", Kind)
def test_a_command_that_a_wake_up_starts_has_the_same_priority(kind: Kind) -> None:
    attributes = {names.KIND_ATTRIBUTE: kind.value, names.TENANT_ATTRIBUTE: "acme"}
    assert start_priority(names.COMMAND_WORKFLOW, attributes) == command_priority(kind, "acme")


@pytest.mark.parametrize(
    ("workflow", "attributes", "key"),
    [
        (names.RESERVATION_WORKFLOW, {names.KIND_ATTRIBUTE: "RESERVATION"}, RESERVATION_PRIORITY),
        (names.CALLBACK_WORKFLOW, {}, CALLBACK_PRIORITY),
        (names.COMMAND_WORKFLOW, {names.KIND_ATTRIBUTE: "TRIGGER_MESSAGE"}, None),
        (names.COMMAND_WORKFLOW, {}, None),
    ],
)
def test_other_workflows_by_their_type(
    workflow: str, attributes: dict[str, str], key: int | None
) -> None:
    priority = start_priority(workflow, {**attributes, names.TENANT_ATTRIBUTE: "acme"})
    assert (priority.priority_key, priority.fairness_key) == (key, "acme")


@given(st.text())
def test_no_name_of_a_tenant_makes_a_key_that_temporal_refuses(tenant: str) -> None:
    key = command_priority(Kind.START_SESSION, tenant).fairness_key
    assert key is not None
    assert len(key.encode()) <= 64
    assert tenant.startswith(key)
