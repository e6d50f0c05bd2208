"""Has msgspec learn our dataclasses before any thread reads one.

msgspec learns how to read a dataclass when it first reads one, and keeps that with the class. While
it is learning, another thread finds what is half learned, and the process dies of a segmentation
fault. Temporal's SDK reads payloads in threads of its own, and the event loop reads the same
dataclasses from the database. So all of them are learned here, when the module is imported.
"""

import dataclasses
from typing import Any

import msgspec

from contract import bookings, callbacks, commands, questions, reservations
from domain.model.answers import StationAnswer
from domain.model.command import Command
from domain.reservations.reservation import Reservation

_MODULES = (bookings, callbacks, commands, questions, reservations)


def read_types() -> set[type]:
    """Every dataclass that crosses Temporal, or that several threads read from the database."""
    named = {
        each
        for module in _MODULES
        for each in vars(module).values()
        if isinstance(each, type) and dataclasses.is_dataclass(each)
    }
    return {Command, Reservation, StationAnswer, *named}


def prepare(kind: Any) -> None:
    """Has msgspec learn a type, with all types in it."""
    msgspec.json.Decoder(kind)


for _kind in sorted(read_types(), key=lambda each: each.__qualname__):
    prepare(_kind)
