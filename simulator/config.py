"""The settings of one simulated station."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit, urlunsplit

if TYPE_CHECKING:
    from simulator.behaviour import Behaviour


class Cable(StrEnum):
    """When the driver plugs in.

    FIRST: at power-on, on every EVSE. LAST: `plug_delay_s` after a start was accepted.
    NEVER: only when a test calls `plug_in`.
    """

    FIRST = "first"
    LAST = "last"
    NEVER = "never"


class TxStart(StrEnum):
    """TxStartPoint of OCPP 2.x: what begins a transaction. 1.6 has only POWER_PATH_CLOSED."""

    EV_CONNECTED = "EVConnected"
    AUTHORIZED = "Authorized"
    POWER_PATH_CLOSED = "PowerPathClosed"


@dataclass(frozen=True)
class StationConfig:
    """The settings of one simulated station. Times are in seconds.

    url: the endpoint. The station's id is appended unless the path already ends with it.
    password: for Basic auth with the id as user name. None sends no credentials.
    plug_delay_s: with Cable.LAST, from the accepted start to the plug-in, and from the end of the
        session to the unplugging.
    connection_timeout_s: how long an authorised driver may take to plug in.
    heartbeat_s: None takes the interval from the answer to BootNotification.
    authorize_remote: it asks the back end about the token of a remote start before it charges.
    boot_on_reconnect: it sends BootNotification after every loss of the network.
    tethered: its cables are attached; there is no lock to open.
    lock_jams: its connector locks do not open.
    reserves: it takes reservations. reserves_any: also of any EVSE (1.6: connector 0).
    connector_types: EVSE n has the n-th type (words of 2.x); then the list begins again.
    resets_one_evse: 2.x: one EVSE can restart while the station stays up.
    resumes: 2.1: transactions go on after a reset ImmediateAndResume.
    flaws: its deviations from the standard, outermost first (simulator.flaws).
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
        """The URL of the websocket: endpoint, slash, station id (OCPP-J section 3.1.1)."""
        parts = urlsplit(self.url)
        path = parts.path.rstrip("/") or "/ocpp"
        identity = quote(self.id, safe="")
        if path.rsplit("/", 1)[-1] != identity:
            path = f"{path}/{identity}"
        return urlunsplit((parts.scheme, parts.netloc, path, "", ""))
