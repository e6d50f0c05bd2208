"""The names that histories hold: none of them ever changes."""

from contract import names
from domain.commands.table import COMMANDS
from workflows.kinds import KINDS
from workflows.worker import WORKFLOWS

COMMAND_TYPES = [
    "StartSession",
    "StopSession",
    "UnlockConnector",
    "Reset",
    "ReserveNow",
    "CancelReservation",
]


def type_of(workflow: type) -> str:
    """The workflow type of a class, as its decorator has it."""
    found = vars(workflow)["__temporal_workflow_definition"].name
    assert isinstance(found, str)
    return found


def test_the_workflow_types_of_commands_are_those_of_the_histories() -> None:
    assert [names.command_workflow(kind) for kind in COMMANDS] == COMMAND_TYPES


def test_a_worker_runs_a_type_for_each_kind_and_the_type_before_them() -> None:
    assert [type_of(kind) for kind in KINDS] == COMMAND_TYPES
    assert names.COMMAND_WORKFLOW in [type_of(each) for each in WORKFLOWS]
