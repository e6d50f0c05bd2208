"""A simulated station of a market: its clock is that of the day, and it keeps a record."""

from dataclasses import dataclass
from datetime import datetime

from simulator.behaviour import Answering, Behaviour, IncomingCall
from simulator.charger.model import DriverToken
from simulator.config import Cable, StationConfig
from simulator.dialects.messages import CallAnswer, Payload
from simulator.station import SimulatedStation
from tests.integration.workflows.days.fast_clock import FastClock


@dataclass(frozen=True)
class Heard:
    """A CALL that reached the station, and what it answered."""

    time: datetime
    action: str
    payload: Payload
    status: str


class Recording(Behaviour):
    """An honest station on the day's clock that writes down what it was asked."""

    def __init__(self, clock: FastClock) -> None:
        self._clock = clock
        self.heard: list[Heard] = []

    def now(self, true_time: datetime) -> datetime:
        """The day's time."""
        del true_time
        return self._clock.now()

    async def answer(self, call: IncomingCall, inner: Answering) -> CallAnswer | None:
        """As it is; written down."""
        answer = await inner(call)
        reply = answer.reply if answer else {}
        status = str(reply.get("status", "")) if isinstance(reply, dict) else "error"
        self.heard.append(Heard(self._clock.now(), call.action, call.payload, status))
        return answer


@dataclass(frozen=True)
class Stay:
    """A session as the station knows it."""

    evse_id: int
    token: str
    begun: datetime
    ended: datetime | None


class MarketCharger(SimulatedStation):
    """What its drivers do, and what it remembers."""

    def __init__(self, id: str, url: str, version: str, evses: int, clock: FastClock) -> None:
        self.record = Recording(clock)
        config = StationConfig(
            id, url, version, evses=evses, cable=Cable.NEVER, meter_interval_s=3600.0
        )
        super().__init__(config, behaviour=self.record)

    async def arrives(self, token: str, evse_id: int) -> bool:
        """A driver plugs in and shows a card; whether he charges then."""
        self.plug_in(evse_id)
        self.swipe(DriverToken(token), evse_id)
        await self.delivered()
        session = self.charger.evses[evse_id].session
        if session is None:
            self.unplug(evse_id)
        return session is not None

    async def leaves(self, evse_id: int) -> None:
        """He ends his session and drives away."""
        self.stop_locally(evse_id)
        self.unplug(evse_id)
        await self.delivered()

    def lets_expire(self) -> None:
        """Reservations end by its own clock, which skips."""
        for each in self.reservations:
            if each.expiry <= self.now():
                self.perform(self.charger.expire_reservation(each))

    def stays(self) -> list[Stay]:
        """Every session that it ever had."""
        return [
            Stay(
                one.evse_id,
                one.authorization.token.value if one.authorization else "",
                one.start_time,
                one.end_time,
            )
            for one in self.charger.sessions
        ]

    def asked(self, action: str) -> list[Heard]:
        """Every CALL of this kind."""
        return [each for each in self.record.heard if each.action == action]
