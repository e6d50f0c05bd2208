"""The story of a world."""

from asyncio import AbstractEventLoop
from typing import Any

from station_gateway.stations.waiting import StationGone
from tests.simulation.repeatable.virtual_time import VirtualLoop


class Story:
    """What happened in a world, line by line, for whoever has to understand a lie."""

    def __init__(self, loop: VirtualLoop) -> None:
        self.lines: list[str] = []
        self.troubles: list[str] = []
        self._loop = loop

    def trouble(self, _loop: AbstractEventLoop, context: dict[str, Any]) -> None:
        """A task ended with an exception that nobody looked at."""
        error = context.get("exception")
        if not isinstance(error, StationGone):  # whoever waited for it was killed
            self.troubles.append(f"{context.get('message')}: {error!r}")

    def line(self, who: str, what: str) -> None:
        """Something happened now."""
        self.lines.append(f"{self._loop.time():9.3f}  {who:8} {what}")
