"""The stations of a run: honest ones, flawed ones, and what each of them writes down itself.

A station is the simulated one, with two observers around its flaws: the outer one writes down what
arrives and what is answered, the inner one what the charger really does.
"""

import random
from dataclasses import dataclass
from datetime import UTC, datetime

from simulator.behaviour import Answering, Behaviour, IncomingCall
from simulator.charger.model import Event, SimulatedReservation
from simulator.config import StationConfig
from simulator.dialects.messages import CallAnswer, CallErrorReply
from simulator.flaws import parse_flaw
from simulator.station import SimulatedStation
from tests.chaos.record import FrameSeen, SessionRun, StationRecord, Waits

HONEST = 6
FLAWS = (
    *("mute", "drop-before-answer", "events-before-answers", "slow=2", "silent"),
    *("reboot-in-mid-command", "duplicate-answers", "duplicate-messages", "late=8"),
    *("unknown-status-word", "call-error", "refuses-and-begins", "late-token", "loses-answers"),
)
"""What a hostile station does, one flaw each. All others of the simulator are for single rules."""

Cast = dict[str, str]
"""The identity of each station, and its flaw; "" for an honest one."""

_VERSIONS = ("1.6", "2.0.1", "2.1")
_HOSTILE = 4


class Diary(Behaviour):
    """Writes down what arrives, what the charger did, and what was answered."""

    def __init__(self) -> None:
        self.frames: list[FrameSeen] = []
        self.restarts: list[datetime] = []
        self.let_go: dict[int, datetime] = {}
        self._calls: dict[int, FrameSeen] = {}

    async def answer(self, call: IncomingCall, inner: Answering) -> CallAnswer | None:
        """Around all flaws."""
        frame = FrameSeen(datetime.now(UTC), call.action, call.payload)
        self.frames.append(frame)
        self._calls[id(call)] = frame
        try:
            answer = await inner(call)
        finally:
            del self._calls[id(call)]
        frame.said = _word(answer)
        return answer

    def did(self, call: IncomingCall, answer: CallAnswer | None) -> None:
        """The charger's own answer, behind all flaws."""
        if id(call) in self._calls:
            self._calls[id(call)].did = _word(answer)

    def keeps(self, reservation: SimulatedReservation) -> bool:
        """The time of a reservation is over, and an honest station lets it go."""
        self.let_go[reservation.id] = datetime.now(UTC)
        return False

    def rebooting(self, charger: object, now: datetime) -> list[Event]:
        """It is down, and will boot."""
        self.restarts.append(datetime.now(UTC))
        return []


@dataclass(frozen=True)
class _Hand(Behaviour):
    """Tells the diary what the charger did."""

    diary: Diary

    async def answer(self, call: IncomingCall, inner: Answering) -> CallAnswer | None:
        """Behind all flaws."""
        answer = await inner(call)
        self.diary.did(call, answer)
        return answer


@dataclass
class RecordedStation:
    """One station with its diary."""

    station: SimulatedStation
    diary: Diary
    honest: bool

    @property
    def id(self) -> str:
        """Its identity."""
        return self.station.config.id

    def record(self) -> StationRecord:
        """What it did so far."""
        sessions = tuple(
            SessionRun(
                each.authorization.token.value if each.authorization else "",
                frozenset(
                    str(one) for one in (each.id, each.csms_transaction_id) if one is not None
                ),
                each.start_time,
                each.end_time,
                each.reason,
            )
            for each in self.station.charger.sessions
        )
        held = frozenset(one.id for one in self.station.reservations)
        return StationRecord(
            self.id,
            self.honest,
            tuple(self.diary.frames),
            sessions,
            held,
            tuple(self.diary.restarts),
            dict(self.diary.let_go),
        )


def made(
    cast: Cast, doors: list[str], passwords: dict[str, str], waits: Waits
) -> list[RecordedStation]:
    """All stations of a run, of every version, at both doors."""
    stations = []
    for number, (name, flaw) in enumerate(cast.items()):
        diary = Diary()
        flaws = [parse_flaw(flaw)] if flaw else []
        config = StationConfig(
            id=name,
            url=doors[number % len(doors)],
            version=_VERSIONS[number % len(_VERSIONS)],
            password=passwords[name],
            plug_delay_s=0.3,
            connection_timeout_s=waits.cable_s,
            reconnect_s=0.5,
            call_timeout_s=10.0,
            connect_timeout_s=5.0,
            flaws=(diary, *flaws, _Hand(diary)),
        )
        stations.append(RecordedStation(SimulatedStation(config), diary, not flaw))
    return stations


def honest_cast() -> Cast:
    """Stations that do what they are asked."""
    return {f"HONEST-{number}": "" for number in range(1, HONEST + 1)}


def mixed_cast(seed: int) -> Cast:
    """Honest stations, and some with the flaws that the seed deals."""
    dice = random.Random(f"stations/{seed}")
    flaws = dice.sample(FLAWS, _HOSTILE)
    return honest_cast() | {f"HOSTILE-{number}": flaw for number, flaw in enumerate(flaws, 1)}


def _word(answer: CallAnswer | None) -> str:
    if answer is None:
        return ""
    if isinstance(answer.reply, CallErrorReply):
        return answer.reply.code
    return str(answer.reply.get("status", ""))
