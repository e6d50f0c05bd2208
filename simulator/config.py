"""How one simulated station is set up."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit, urlunsplit

if TYPE_CHECKING:
    from simulator.behaviour import Behaviour


class Cable(StrEnum):
    """When the driver plugs in.

    FIRST: before anything is asked, on every EVSE. LAST: some time after a start was accepted.
    NEVER: not at all, until a test does it.
    """

    FIRST = "first"
    LAST = "last"
    NEVER = "never"


class TxStart(StrEnum):
    """OCPP 2.x's TxStartPoint: what makes a transaction. 1.6 knows only POWER_PATH_CLOSED."""

    EV_CONNECTED = "EVConnected"
    AUTHORIZED = "Authorized"
    POWER_PATH_CLOSED = "PowerPathClosed"


@dataclass(frozen=True)
class StationConfig:
    """Everything that tells one simulated station from another. Times are in seconds.

    url: the endpoint; the station's id is appended unless the path already ends with it.
    password: for Basic auth with the id as user name. None sends no credentials.
    plug_delay_s: cable LAST: from the accepted start to the plug, and from the end to the unplug.
    connection_timeout_s: how long an authorised driver may take to plug in.
    heartbeat_s: None takes the interval that the answer to BootNotification asks for.
    authorize_remote: ask the back end about the token of a remote start before charging.
    boot_on_reconnect: send BootNotification after a mere loss of the network, too.
    tethered: its cables hang on it; there is no lock to open.
    lock_jams: the connector locks do not open.
    reserves: it takes reservations. reserves_any: also of any outlet (1.6 connector 0).
    connector_types: outlet n has the n-th of these plugs (2.x's words), over and over.
    resets_one_evse: 2.x: one outlet can restart while the station stays.
    resumes: 2.1: transactions go on after a reset ImmediateAndResume.
    flaws: what is wrong with it, outermost first (simulator.flaws).
    """

    id: str
    url: str
    version: str = "1.6"
    password: str | None = field(default=None, repr=False)
    evses: int = 1
    cable: Cable = Cable.LAST
    plug_delay_s: float = 2.0
    connection_timeout_s: float = 60.0
    meter_interval_s: float = 10.0
    heartbeat_s: float | None = None
    tx_start: TxStart = TxStart.POWER_PATH_CLOSED
    authorize_remote: bool = False
    boot_on_reconnect: bool = False
    tethered: bool = False
    lock_jams: bool = False
    reserves: bool = True
    reserves_any: bool = True
    connector_types: tuple[str, ...] = ("cType2",)
    resets_one_evse: bool = True
    resumes: bool = False
    flaws: "tuple[Behaviour, ...]" = ()
    call_timeout_s: float = 30.0
    connect_timeout_s: float = 10.0
    reconnect_s: float = 1.0
    reboot_s: float = 1.0
    power_w: float = 7400.0
    vendor: str = "evcommand"
    model: str = "Simulated"
    serial_number: str = "SIM-0001"
    firmware_version: str = "1.0.0"

    def address(self) -> str:
        """The URL that the websocket is opened with (OCPP-J: endpoint, slash, station id)."""
        parts = urlsplit(self.url)
        path = parts.path.rstrip("/") or "/ocpp"
        identity = quote(self.id, safe="")
        if path.rsplit("/", 1)[-1] != identity:
            path = f"{path}/{identity}"
        return urlunsplit((parts.scheme, parts.netloc, path, "", ""))
