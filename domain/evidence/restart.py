"""What is known about a restart: the station's boots, its sockets and what it reported since."""

from dataclasses import dataclass
from datetime import datetime

from domain.evidence.sessions import Session
from domain.limits import BOOT_OWED
from domain.model.command import Outcome
from domain.model.states import is_definite
from domain.ocpp_words import DRIVERS_REASONS, ConnectorStatus


@dataclass(frozen=True)
class ConnectorReport:
    """What a connector last told. Times are ours.

    status_time: since when it has this status. reported_time: when it last told a status.
    """

    evse_id: int
    status: str
    status_time: datetime
    previous_status: str = ""
    reported_time: datetime | None = None

    def was_down(self, since: datetime) -> bool:
        """Whether it came back since then after it was Unavailable."""
        was_unavailable = self.previous_status == ConnectorStatus.UNAVAILABLE
        return was_unavailable and self.status_time > since

    def went_down(self, since: datetime) -> bool:
        """Whether it was Unavailable since then, as it is in a restart."""
        is_down = self.status == ConnectorStatus.UNAVAILABLE and self.status_time > since
        return is_down or self.was_down(since)

    def told_anew(self, since: datetime) -> bool:
        """Whether it told since then the status that it had. A car's coming or going changes it."""
        told = self.reported_time
        return told is not None and told > since >= self.status_time

    def told_since(self, time: datetime) -> bool:
        """Whether it told any status since then."""
        return self.reported_time is not None and self.reported_time >= time


@dataclass(frozen=True)
class RestartFacts:
    """What a reset is judged by: what came after its frame left. Times are ours.

    boot_time: of the latest accepted BootNotification. boot_reason: OCPP 2.x's word, "" on 1.6.
    boot_is_newer: it came on a socket that was opened after the frame left.
    boot_may_be_late: it is the first on a socket that was opened shortly before the frame left: the
        station may tell what had happened before it connected.
    boot_owed: an earlier reset had not been followed by its boot when the frame left, and this boot
        may be that one.
    theirs: a reset of another back end (CSMS) may have brought what looks like the restart.
    same_socket: the station's socket is the very one that the frame was written to.
    connected: somebody holds the station's socket now. connected_time: of its latest socket.
    down_time: when the socket before that, or the latest one, was lost.
    running: the sessions that ran when the frame left, as they are now.
    """

    boot_time: datetime | None = None
    boot_reason: str = ""
    boot_is_newer: bool = False
    boot_may_be_late: bool = False
    boot_owed: bool = False
    theirs: bool = False
    same_socket: bool = False
    connected: bool = False
    connected_time: datetime | None = None
    down_time: datetime | None = None
    running: tuple[Session, ...] = ()
    connectors: tuple[ConnectorReport, ...] = ()

    @property
    def boot_is_of_now(self) -> bool:
        """Whether a boot without a reason (1.6) came about on the frame's own socket."""
        return self.boot_reason == "" and not self.boot_may_be_late


def why_not_confirmed(restart: RestartFacts) -> str:
    """What kept a restart from being proven, as a sentence; "" where nothing is known of it."""
    return "The station's own back end may have asked for what was seen." if restart.theirs else ""


def ended_by_its_driver(session: Session, since: datetime) -> bool:
    """Whether the driver ended the session since then: he leaves, and the plug is told anew."""
    told = session.stop_received_time
    return told is not None and told > since and session.stop_reason in DRIVERS_REASONS


def is_owed_boot(
    earlier: Outcome | None, *, sent: datetime, left: datetime, booted: datetime
) -> bool:
    """Whether a boot may be due to a reset that was sent before a frame of ours.

    earlier: the outcome of that reset; None: it is still awaited. sent: when it was sent. left:
    when our frame left. booted: when the boot was told.
    """
    if earlier is None:
        return True
    if not is_definite(earlier):
        return left - sent <= BOOT_OWED
    its_own = earlier.reset.boot_time if earlier.reset is not None else None
    return its_own is not None and its_own > left and its_own >= booted
