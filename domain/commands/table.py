"""The rules of every kind of command, as one table.

A command is decided by its row and by nothing else. No other code of the domain or of the journal
asks for the kind, so a kind without a row raises a KeyError wherever it comes by, and never acts as
another command. A test holds the table total over `Kind`.
"""

from domain.commands.cancel_reservation import CANCEL_RESERVATION
from domain.commands.reserve_now import RESERVE_NOW
from domain.commands.reset import RESET
from domain.commands.rules import CommandRules
from domain.commands.start_session import START_SESSION
from domain.commands.stop_session import STOP_SESSION
from domain.commands.unlock_connector import UNLOCK_CONNECTOR
from domain.model.command import Command
from domain.model.specs import Kind

COMMANDS: dict[Kind, CommandRules] = {
    Kind.START_SESSION: START_SESSION,
    Kind.STOP_SESSION: STOP_SESSION,
    Kind.UNLOCK_CONNECTOR: UNLOCK_CONNECTOR,
    Kind.RESET: RESET,
    Kind.RESERVE_NOW: RESERVE_NOW,
    Kind.CANCEL_RESERVATION: CANCEL_RESERVATION,
}
"""The rules by kind."""


def rules_of(command: Command) -> CommandRules:
    """The rules of this command. Raises: KeyError for a kind that has no row."""
    return COMMANDS[command.kind]
