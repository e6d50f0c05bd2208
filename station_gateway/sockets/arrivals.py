"""The pace at which stations are let in while commands go on.

A fleet that comes back at once takes all of a process, and each step of a command waits behind
hundreds of openings. So admitted stations wait for their turn as long as commands go on. Without
commands nobody waits. Strangers take no turn: who is refused was refused before.
"""

import asyncio
from collections.abc import Callable
from http import HTTPStatus

from domain.token_bucket import TokenBucket
from station_gateway.settings import GatewaySettings
from station_gateway.sockets.opening import Refused

AT_ONCE = 4
"""How many are let in together after a pause."""

BY_TLS = 1.8
"""How many others a station stands for whose TLS ends here: so much more CPU its opening takes."""


class Arrivals:
    """The turns of the stations that were admitted.

    commands_go_on: whether a frame of a command is on its way, or was a moment ago.
    """

    def __init__(
        self,
        settings: GatewaySettings,
        *,
        monotonic_s: Callable[[], float],
        commands_go_on: Callable[[], bool],
    ) -> None:
        self._settings = settings
        self._monotonic_s = monotonic_s
        self._commands_go_on = commands_go_on
        self._turns = TokenBucket(settings.arrivals_per_s, AT_ONCE, monotonic_s())

    async def turn(self, *, tls: bool) -> None:
        """Wait for the turn of one station. tls: its TLS ends here.

        Raises: Refused when it would not come within `arrival_wait_s`.
        """
        if not self._commands_go_on():
            return
        settings = self._settings
        wait_s = self._turns.take_within(
            self._monotonic_s(), settings.arrival_wait_s, BY_TLS if tls else 1.0
        )
        if wait_s is None:
            raise Refused(
                HTTPStatus.SERVICE_UNAVAILABLE, "too_many_arrivals", settings.retry_after_s
            )
        if wait_s > 0:
            await asyncio.sleep(wait_s)
