"""Whether a connected station counts as booted, and what is done about one that does not say so.

A station boots (BootNotification), we accept, and only then commands go out. But a station also
reconnects without a boot: its network failed for a moment, or it booted at another back end, or we
have forgotten it. A station that talks has booted.

    boot before our answer   WAIT: commands go out after the answer was written
    boot held by us          WAIT: we answered that it is to wait, or that it is refused
    booted here before       TAKE as soon as it says anything else, or says nothing for a moment
    never heard of           ASK it to boot, as soon as it says anything else, or after a while.
                             TAKE when it refuses to be asked, or talks on without a boot

It decides and does nothing: the shell calls `step` when `look_again` comes and after each call of
another method. Times are monotonic seconds.
"""

from dataclasses import dataclass
from enum import StrEnum


class BootStep(StrEnum):
    """What is to be done now. TAKE: count the station as booted."""

    WAIT = "WAIT"
    ASK = "ASK"
    TAKE = "TAKE"


@dataclass(frozen=True, slots=True)
class BootWaits:
    """grace_s: until a station that booted here before is taken as booted without a word.

    ask_s: until a station that never booted here is asked to boot. talk_s: how long it may talk
    without a boot before it is taken as booted.
    """

    grace_s: float = 1.0
    ask_s: float = 3.0
    talk_s: float = 30.0


class Booting:
    """The boot of one station on one socket. known: we accepted a boot of it on an earlier one."""

    __slots__ = (
        "_asked",
        "_heard",
        "_in_hand",
        "_known",
        "_over",
        "_refused",
        "_since",
        "_taking",
        "_waits",
    )

    def __init__(self, waits: BootWaits, *, known: bool, now: float) -> None:
        self._waits = waits
        self._known = known
        self._since = now
        self._heard: float | None = None
        self._asked = False
        self._refused = False
        self._in_hand = False
        self._taking = False
        self._over = False

    @property
    def known(self) -> bool:
        """Whether the station booted here before: nothing has to be recorded when it is taken."""
        return self._known

    @property
    def in_hand(self) -> bool:
        """Whether a boot has come and our answer is not written: no command goes out meanwhile."""
        return self._in_hand

    def arrived(self) -> None:
        """A boot has come."""
        self._in_hand = True

    def left_unanswered(self) -> None:
        """The boot got no answer, or an error: it is as if it had not come."""
        self._in_hand = False

    def decided(self) -> None:
        """The boot was answered, whether it is accepted or held."""
        self._in_hand = False
        self._over = True

    def taking(self) -> None:
        """That the station counts as booted is being recorded."""
        self._taking = True

    def taken(self, *, recorded: bool = True) -> None:
        """It is recorded, or could not be and is tried again. A boot in hand stays in hand."""
        self._taking = False
        self._over = self._over or recorded

    def heard(self, now: float) -> None:
        """The station said something that is no boot."""
        if self._heard is None:
            self._heard = now

    def asked(self) -> None:
        """It is being asked to boot."""
        self._asked = True

    def refused(self) -> None:
        """It does not want to be asked: it does not boot because of us."""
        self._refused = True

    def step(self, now: float) -> BootStep:
        """What is to be done now."""
        if self._settled:
            return BootStep.WAIT
        due = self._due()
        if due is None or now < due:
            return BootStep.WAIT
        return BootStep.TAKE if self._known or self._asked else BootStep.ASK

    def look_again(self) -> float | None:
        """When `step` says something else although nothing happens; None: never."""
        return None if self._settled else self._due()

    @property
    def _settled(self) -> bool:
        """Whether nothing is due until somebody calls."""
        return self._over or self._in_hand or self._taking

    def _due(self) -> float | None:
        """When the next step is due, whatever it is."""
        if self._known or not self._asked:
            wait_s = self._waits.grace_s if self._known else self._waits.ask_s
            return self._since if self._heard is not None else self._since + wait_s
        if self._refused:
            return self._since
        return None if self._heard is None else self._heard + self._waits.talk_s
