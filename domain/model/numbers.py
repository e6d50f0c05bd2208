"""The numbers that OCPP carries for us: 31 bits, however much was counted.

Frames and reservations are counted over all stations and for ever; OCPP's integers have 32 bits and
a sign. So the numbers begin again at 1 after the last one. A number is looked up at its own station
only, and there it means the newest that carries it.
"""

from datetime import datetime, timedelta

LARGEST = 2**31 - 1
"""The largest number, and how many there are."""

ROUND_AT_LEAST = timedelta(hours=1)
"""Nobody counts through all numbers in this time, and the clocks of two machines differ by less."""


def number_of(id: int) -> int:
    """The number of what was counted as the id-th, 1 to `LARGEST`."""
    return (id - 1) % LARGEST + 1


def is_of_an_earlier_round(over: datetime | None, sent: datetime) -> bool:
    """Whether a session that was over then cannot name a frame that was sent then.

    over: by our clock; None while it runs. A session that runs may be older than the frame that it
    names: the cable may have been in for hours before somebody asked for the start.
    """
    return over is not None and over < sent - ROUND_AT_LEAST
