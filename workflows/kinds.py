"""A workflow type for each kind of command, so that Temporal's list says what each of them does.

All are the one command workflow; only their names differ. `RemoteCommandWorkflow` was the name for
every kind, and what was started under it goes on under it.
"""

from temporalio import workflow

from contract.commands import CommandInput, CommandResult
from contract.names import command_workflow
from domain.model.specs import Kind
from workflows.command_workflow import RemoteCommandWorkflow


@workflow.defn(name=command_workflow(Kind.START_SESSION))
class StartSessionWorkflow(RemoteCommandWorkflow):
    """One StartSession."""

    @workflow.init
    def __init__(self, given: CommandInput) -> None:
        super().__init__(given)

    @workflow.run
    async def run(self, given: CommandInput) -> CommandResult:
        """Carries the command through; ends when nothing about it can change any more."""
        return await super().run(given)


@workflow.defn(name=command_workflow(Kind.STOP_SESSION))
class StopSessionWorkflow(RemoteCommandWorkflow):
    """One StopSession."""

    @workflow.init
    def __init__(self, given: CommandInput) -> None:
        super().__init__(given)

    @workflow.run
    async def run(self, given: CommandInput) -> CommandResult:
        """Carries the command through; ends when nothing about it can change any more."""
        return await super().run(given)


@workflow.defn(name=command_workflow(Kind.UNLOCK_CONNECTOR))
class UnlockConnectorWorkflow(RemoteCommandWorkflow):
    """One UnlockConnector."""

    @workflow.init
    def __init__(self, given: CommandInput) -> None:
        super().__init__(given)

    @workflow.run
    async def run(self, given: CommandInput) -> CommandResult:
        """Carries the command through; ends when nothing about it can change any more."""
        return await super().run(given)


@workflow.defn(name=command_workflow(Kind.RESET))
class ResetWorkflow(RemoteCommandWorkflow):
    """One Reset."""

    @workflow.init
    def __init__(self, given: CommandInput) -> None:
        super().__init__(given)

    @workflow.run
    async def run(self, given: CommandInput) -> CommandResult:
        """Carries the command through; ends when nothing about it can change any more."""
        return await super().run(given)


@workflow.defn(name=command_workflow(Kind.RESERVE_NOW))
class ReserveNowWorkflow(RemoteCommandWorkflow):
    """One ReserveNow."""

    @workflow.init
    def __init__(self, given: CommandInput) -> None:
        super().__init__(given)

    @workflow.run
    async def run(self, given: CommandInput) -> CommandResult:
        """Carries the command through; ends when nothing about it can change any more."""
        return await super().run(given)


@workflow.defn(name=command_workflow(Kind.CANCEL_RESERVATION))
class CancelReservationWorkflow(RemoteCommandWorkflow):
    """One CancelReservation."""

    @workflow.init
    def __init__(self, given: CommandInput) -> None:
        super().__init__(given)

    @workflow.run
    async def run(self, given: CommandInput) -> CommandResult:
        """Carries the command through; ends when nothing about it can change any more."""
        return await super().run(given)


KINDS: tuple[type[RemoteCommandWorkflow], ...] = (
    StartSessionWorkflow,
    StopSessionWorkflow,
    UnlockConnectorWorkflow,
    ResetWorkflow,
    ReserveNowWorkflow,
    CancelReservationWorkflow,
)
"""The type of every kind, in the order of `Kind`."""
