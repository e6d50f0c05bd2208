"""The boot of one connected station: the asyncio side of `session.booting.Booting`."""

import asyncio
from typing import Protocol

from station_gateway.session.booting import Booting, BootStep, BootWaits
from station_gateway.settings import GatewaySettings
from station_gateway.stations.peer import Peer
from station_gateway.stations.waiting import StationGone


class BootHost(Protocol):
    """The station whose boot it is. Its methods return at once."""

    peer: Peer

    def ask_to_boot(self) -> None:
        """Begin to ask the station to boot; `request_answered` follows when it answers."""

    def take_as_booted(self) -> None:
        """Begin to record that it counts as booted; `taken` or `not_taken` follows."""


def waits_of(settings: GatewaySettings) -> BootWaits:
    """How long the boot of a station is waited for."""
    return BootWaits(settings.boot_grace_s, settings.boot_ask_s, settings.boot_talk_s)


class StationBoot:
    """Who waits for the boot, and what is due about it."""

    __slots__ = ("_booting", "_ended", "_host", "_look", "_loop", "_waiters", "_waits")

    def __init__(self, host: BootHost, waits: BootWaits) -> None:
        self._host = host
        self._loop = asyncio.get_running_loop()
        self._waits = waits
        self._booting = Booting(waits, known=host.peer.boot_known, now=self._loop.time())
        self._look: asyncio.TimerHandle | None = None
        self._waiters: asyncio.Future[None] | None = None
        self._ended = False

    async def wait(self, deadline: float) -> None:
        """Return when commands may go out. `deadline` is loop time.

        Raises:
            TimeoutError: the deadline came first.
            StationGone: the socket went away meanwhile.
        """
        async with asyncio.timeout_at(deadline):
            while not self._may_send:
                if self._waiters is None or self._waiters.done():
                    self._waiters = self._loop.create_future()
                await asyncio.shield(self._waiters)

    def look(self) -> None:
        """Do what is due, and come back when something else is."""
        self._cancel_look()
        if self._ended:
            return
        match self._booting.step(self._loop.time()):
            case BootStep.ASK:
                self._booting.asked()
                self._host.ask_to_boot()
            case BootStep.TAKE if self._booting.known:
                self._host.peer.boot_accepted = True
                self.taken()
            case BootStep.TAKE:
                self._booting.taking()
                self._host.take_as_booted()
        due_s = self._booting.look_again()
        if due_s is not None:
            self._look = self._loop.call_at(due_s, self.look)

    def arrived(self) -> None:
        """A boot has come; `answered` or `left_unanswered` follows."""
        self._booting.arrived()

    def answered(self) -> None:
        """A CALL was answered, and the answer is written: the boot, or something else."""
        if self._booting.in_hand:
            self._booting.decided()
            self._let_through()
        else:
            self.heard()

    def left_unanswered(self) -> None:
        """A CALL got no answer, or an error: a boot among them is as none."""
        self._booting.left_unanswered()
        self._let_through()

    def heard(self) -> None:
        """The station said something that is no boot."""
        self._booting.heard(self._loop.time())

    def request_answered(self, *, agreed: bool) -> None:
        """The station was asked to boot: it will, or it refuses to be asked."""
        self.heard()
        if agreed:
            # Also when it has booted meanwhile by itself: the boot that we asked for follows.
            self._host.peer.boot_asked = True
            self._loop.call_later(self._waits.talk_s, self._forget_request)
        else:
            self._booting.refused()
        self.look()

    def taken(self) -> None:
        """It counts as booted, or its boot is held."""
        self._booting.taken()
        self._let_through()

    def not_taken(self, retry_s: float) -> None:
        """It could not be recorded: once more in a while."""
        self._booting.taken(recorded=False)
        self._cancel_look()
        self._look = self._loop.call_later(retry_s, self.look)

    def dismiss(self) -> None:
        """Send away everybody who waits."""
        if self._waiters is not None and not self._waiters.done():
            self._waiters.set_exception(StationGone())
            self._waiters.exception()  # nobody may be waiting

    def end(self) -> None:
        """The socket is gone: nothing is due any more."""
        self._ended = True
        self._cancel_look()

    def _forget_request(self) -> None:
        self._host.peer.boot_asked = False

    def _let_through(self) -> None:
        """Let those go on who waited, when it is accepted and its boot is answered."""
        waiters = self._waiters
        if self._may_send and waiters is not None and not waiters.done():
            waiters.set_result(None)

    @property
    def _may_send(self) -> bool:
        return self._host.peer.boot_accepted and not self._booting.in_hand

    def _cancel_look(self) -> None:
        if self._look is not None:
            self._look.cancel()
            self._look = None
