"""The search attributes that a command's workflow is started with."""

from collections.abc import Collection

from contract import names
from domain.commands.standing import Standing, transaction_of
from domain.model.command import Command


def keywords_of(command: Command) -> dict[str, str]:
    """What a command is found by from its start, without its labels."""
    transaction = transaction_of(command)
    return {
        names.STATION_ATTRIBUTE: command.station,
        names.KIND_ATTRIBUTE: command.kind.value,
        names.TENANT_ATTRIBUTE: command.tenant,
        names.STATE_ATTRIBUTE: Standing.WORKING.value,
        **({names.TRANSACTION_ATTRIBUTE: transaction} if transaction else {}),
    }


def labels_of(command: Command, indexed: Collection[str]) -> list[str]:
    """The labels that a command is found by, as "key=value". indexed: the keys of those."""
    return [f"{key}={value}" for key, value in command.labels.items() if key in indexed]
