"""What a run of chaos leaves behind: what callers were told, what stations did, what was broken.

The judge reads this and nothing else. What stations did is their own record: no process of ours
has written any of it. All times are of one clock, that of the machine.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.chaos.plan import Fault


@dataclass(frozen=True)
class Waits:
    """How long the house waits for a station, as its settings say. In seconds.

    cable_s: the station's own wait for the cable; all stations of a run wait equally long.
    """

    answer_s: float = 6.0
    cable_s: float = 10.0
    margin_s: float = 2.0
    stop_effect_s: float = 12.0
    reset_effect_s: float = 20.0
    reconcile_s: float = 5.0


@dataclass(frozen=True)
class Disturbance:
    """A fault as it really happened. ended: when the part was there again."""

    fault: Fault
    begun: datetime
    ended: datetime


@dataclass
class FrameSeen:
    """A request of ours that reached a station.

    did: what the charger itself did, in the word of its honest answer; "" if it did nothing.
    said: what was answered; "" if nothing was.
    """

    at: datetime
    action: str
    payload: dict[str, Any]
    did: str = ""
    said: str = ""


@dataclass(frozen=True)
class SessionRun:
    """A session that really ran. ids: every id by which OCPP may name it."""

    token: str
    ids: frozenset[str]
    begun: datetime
    ended: datetime | None = None
    why: str = ""


@dataclass(frozen=True)
class StationRecord:
    """Everything that one station did. held: the numbers of the reservations it has in the end.

    boots: when each of its restarts began. honest: it has no flaw.
    let_go: when the time of each of its reservations was over, by its own clock.
    """

    id: str
    honest: bool = True
    frames: tuple[FrameSeen, ...] = ()
    sessions: tuple[SessionRun, ...] = ()
    held: frozenset[int] = frozenset()
    boots: tuple[datetime, ...] = ()
    let_go: dict[int, datetime] = field(default_factory=dict)


@dataclass(frozen=True)
class CommandSeen:
    """A command as a broker showed it. Words are those of the API, without their prefixes.

    code: "" while there is no outcome. compensation: "" when nothing was undone.
    """

    seen: datetime
    revision: int
    state: str
    code: str = ""
    cause: str = ""
    send_time: datetime | None = None
    answer_time: datetime | None = None
    outcome_time: datetime | None = None
    transaction_id: str = ""
    reservation: str = ""
    compensation: str = ""

    @property
    def done(self) -> bool:
        """Whether it has ended."""
        return self.state == "DONE"


@dataclass
class CommandAsked:
    """One request of a caller, and all that was told about it.

    token: it is used by no other request of this kind. started: the token of the start that a stop
    is about. reservation: the name that a cancellation is about.
    returned: when its caller had its end.
    told: every time that a broker showed the command, in the order of arrival.
    forgotten: when a broker said that there is no such command, after one had shown it.
    refused: the gRPC status of a request that was not taken.
    """

    request_id: str
    station: str
    kind: str
    asked: datetime
    not_after: datetime
    token: str = ""
    started: str = ""
    reservation: str = ""
    expire_time: datetime | None = None
    returned: datetime | None = None
    told: list[CommandSeen] = field(default_factory=list)
    forgotten: datetime | None = None
    refused: str = ""

    @property
    def last(self) -> CommandSeen | None:
        """The newest that was told. None: no broker has ever shown it."""
        return max(self.told, key=lambda one: one.revision, default=None)

    @property
    def first_end(self) -> datetime | None:
        """When it had an outcome first. An UNKNOWN may be raised later."""
        return min((one.outcome_time for one in self.told if one.outcome_time), default=None)


@dataclass(frozen=True)
class ReservationSeen:
    """A reservation as a broker showed it."""

    seen: datetime
    revision: int
    state: str
    cause: str = ""
    end_time: datetime | None = None


@dataclass
class ReservationTold:
    """One reservation and all that was told about it, in the order of arrival.

    forgotten: when a broker said that there is no such reservation.
    """

    name: str
    station: str
    wire_id: int
    expire_time: datetime
    told: list[ReservationSeen] = field(default_factory=list)
    forgotten: datetime | None = None


@dataclass
class Record:
    """All of a run. ended: when the last look was taken.

    crashes: processes that ended although nobody killed them, with the end of their log.
    intruders: identities with which somebody was let in who does not know the password.
    """

    began: datetime
    ended: datetime
    waits: Waits = field(default_factory=Waits)
    commands: list[CommandAsked] = field(default_factory=list)
    reservations: list[ReservationTold] = field(default_factory=list)
    stations: list[StationRecord] = field(default_factory=list)
    disturbances: list[Disturbance] = field(default_factory=list)
    crashes: list[str] = field(default_factory=list)
    intruders: list[str] = field(default_factory=list)

    def station(self, name: str) -> StationRecord:
        """The record of this station."""
        return next(one for one in self.stations if one.id == name)

    def until(self, command: CommandAsked) -> datetime:
        """When the next command for the same station was asked for: callers wait for each other."""
        later = (
            one.asked
            for one in self.commands
            if one.station == command.station and one.asked > command.asked
        )
        return min(later, default=self.ended)
