"""The port through which the gateway says that workflows have something to read."""

from typing import Protocol


class Waker(Protocol):
    """Delivers the wake-ups that were committed with a fact (`journal.wakeups` implements it)."""

    def kick(self) -> None:
        """Look for wake-ups to deliver now."""
