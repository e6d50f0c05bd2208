"""What callers were told in the end: the API's own answers as JSON, without a word of ours."""

from collections.abc import Sequence

from google.protobuf.json_format import MessageToDict

from broker.commands.showing import command_out
from broker.proto.reservations import reservation_out
from broker.proto.stations import transaction_out
from domain.model.command import Command
from domain.reservations.reservation import Reservation
from fleet.connectors import StationConnector
from fleet.sends import Send
from fleet.transactions.rows import Transaction
from tests.simulation.rules.station_record.words import CommandWords, PlainWords


def told_in_plain_words(
    commands: Sequence[tuple[Command, Sequence[Send]]],
    reservations: Sequence[Reservation],
    transactions: Sequence[Transaction],
    connectors: Sequence[StationConnector],
) -> PlainWords:
    """The answers of the API at this moment."""
    return PlainWords(
        tuple(
            CommandWords(
                MessageToDict(command_out(command)),
                frozenset(send.message_id for send in sent if send.message_id),
            )
            for command, sent in commands
        ),
        tuple(MessageToDict(reservation_out(one)) for one in reservations),
        tuple(MessageToDict(transaction_out(one)) for one in transactions),
        {one.evse_id: one.status for one in connectors if one.evse_id > 0},
    )
