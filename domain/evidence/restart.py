"""What is known about a restart: the station's boots, its sockets and what it reported since."""

from dataclasses import dataclass
from datetime import datetime

from domain.evidence.sessions import Session


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


@dataclass(frozen=True)
class RestartFacts:
    """What a reset is judged by: what came after its frame left. Times are ours.

    boot_time: of the latest accepted BootNotification. boot_reason: OCPP 2.x's word, "" on 1.6.
    boot_is_newer: it came on a socket that was opened after the frame left.
    same_socket: the station's socket is the very one that the frame was written to.
    connected: somebody holds the station's socket now. connected_time: of its latest socket.
    down_time: when the socket before that, or the latest one, was lost.
    running: the sessions that ran when the frame left, as they are now.
    """

    boot_time: datetime | None = None
    boot_reason: str = ""
    boot_is_newer: bool = False
    same_socket: bool = False
    connected: bool = False
    connected_time: datetime | None = None
    down_time: datetime | None = None
    running: tuple[Session, ...] = ()
    connectors: tuple[ConnectorReport, ...] = ()
