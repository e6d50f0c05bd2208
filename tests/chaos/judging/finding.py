"""One broken promise."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """A promise that was broken.

    invariant: I1 to I5, I11 or S4; "alive" for a process, "call" for the answer to a request.
    name: of the command or the reservation. says: one sentence.
    """

    invariant: str
    name: str
    station: str
    kind: str
    says: str
