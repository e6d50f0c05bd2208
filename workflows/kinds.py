"""A workflow type for each kind of command, so that Temporal's list says what each of them does.

All are the one command workflow; only their names differ. `RemoteCommandWorkflow` was the name for
every kind, and what was started under it goes on under it.
"""

from temporalio import workflow

from contract.commands import CommandInput, CommandResult
from contract.names import command_workflow
from domain.model.specs import Kind
from workflows.command_workflow import RemoteCommandWorkflow


def _workflow_of(kind: Kind) -> type[RemoteCommandWorkflow]:
    """The type of a kind. The SDK wants `__init__` and `run` to be the type's own."""

    class OfKind(RemoteCommandWorkflow):
        @workflow.init
        def __init__(self, given: CommandInput) -> None:
            super().__init__(given)

        async def run(self, given: CommandInput) -> CommandResult:
            """Carries the command through; ends when nothing about it can change any more."""
            return await super().run(given)

    name = command_workflow(kind)
    OfKind.__name__ = OfKind.__qualname__ = f"{name}Workflow"
    OfKind.__doc__ = f"One {name}."
    OfKind.run.__qualname__ = f"{OfKind.__name__}.run"
    workflow.run(OfKind.run)
    return workflow.defn(name=name)(OfKind)


KINDS: tuple[type[RemoteCommandWorkflow], ...] = tuple(_workflow_of(kind) for kind in Kind)
"""The type of every kind, in the order of `Kind`."""

# The SDK's sandbox looks for a type by its name in this module.
globals().update({each.__name__: each for each in KINDS})
