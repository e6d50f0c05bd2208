"""Boots that the back end (CSMS) has asked a station for (TriggerMessage).

The next boot is no restart, if it comes soon.
"""

import asyncio

from station_gateway.stations.peer import Peer


class AskedBoot:
    """The boot that one station was asked for, as long as it may come. talk_s: how long that is."""

    __slots__ = ("_forget", "_peer", "_talk_s")

    def __init__(self, peer: Peer, talk_s: float) -> None:
        self._peer = peer
        self._talk_s = talk_s
        self._forget: asyncio.TimerHandle | None = None

    def asked(self) -> None:
        """The station was asked just now."""
        self._peer.boot_asked = True
        if self._forget is not None:
            self._forget.cancel()
        self._forget = asyncio.get_running_loop().call_later(self._talk_s, self._over)

    def _over(self) -> None:
        self._peer.boot_asked, self._forget = False, None
