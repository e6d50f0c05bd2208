"""One broken promise."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """A promise that was broken. invariant: I1 to I5, I11; "alive" of a process; "S4" of a door.

    name: of the command or the reservation. says: one sentence.
    """

    invariant: str
    name: str
    station: str
    kind: str
    says: str
