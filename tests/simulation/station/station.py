"""The hostile station: its connection, its messages, its answers; and the truth about it.

What it says may be late, doubled, lost or wrong about the time; what it *does* is written down in
`Truth`. It never lies in its own words: a station that says Rejected does not start. Everything
that depends on the OCPP version stands in `speech.py` and `requests.py`; what it does stands in
`sessions.py`, `holds.py` and `restarts.py`.
"""

import asyncio
import json
from collections import deque
from datetime import datetime
from typing import Any, Protocol

from tests.simulation.repeatable.chance import Chance
from tests.simulation.repeatable.virtual_time import VirtualLoop
from tests.simulation.servers.wire import Wire
from tests.simulation.station.field.tokens import LateTokens
from tests.simulation.station.field.words import FieldWords
from tests.simulation.station.requests import Requests
from tests.simulation.station.reservations import Holds
from tests.simulation.station.restarts import Bolts, Restarts
from tests.simulation.station.sessions import Sessions
from tests.simulation.station.speech import Message, Speech
from tests.simulation.station.talking import Talker
from tests.simulation.station.tempers import Temper
from tests.simulation.station.truth import FrameSeen, TrueRestart, TrueSession, Truth

STEP_S = 3.0
"""How often chance has its way with it."""

BEAT_S = 20.0
"""How often it sends a heartbeat, if it does."""

Payload = dict[str, Any]


class Network(Protocol):
    """What connects stations to gateways."""

    def connect(self, station: "Station") -> Wire | None:
        """A new connection; None when no gateway takes one."""


class Station(Talker):
    """One charging station with one or two EVSEs."""

    def __init__(
        self,
        loop: VirtualLoop,
        chance: Chance,
        temper: Temper,
        network: Network,
        story: Any,
        *,
        words: FieldWords,
    ) -> None:
        super().__init__(loop, chance, temper, Speech(temper.version, self), words)
        self.is_booted = temper.field.skips_boot
        self.truth = Truth()
        self.plugged: dict[int, bool] = {
            evse: chance.happens(temper.plugged) for evse in range(1, temper.evses + 1)
        }
        self.requests = Requests(temper.version, self)
        self.sessions = Sessions(self)
        self.holds = Holds(self)
        self.bolts = Bolts(self)
        self.restarts = Restarts(self)
        self.boot_reason = "PowerUp"
        self.has_power = True
        self.late_tokens = LateTokens(self)
        self._network = network
        self._story = story
        self._leaves_until_s = 0.0

    def tell(self, what: str) -> None:
        """A line of the story."""
        self._story("station", what)

    # --- what it is connected to

    async def live(self) -> None:
        """Be a station, for ever."""
        talk = self.loop.create_task(self.talk())
        beat = self.loop.create_task(self._beats()) if self.temper.field.old_ids else None
        try:
            while True:
                ready = self.has_power and self.loop.time() >= self._leaves_until_s
                if self.wire is None and ready:
                    self._connect()
                self._step()
                await asyncio.sleep(STEP_S)
        finally:
            talk.cancel()
            if beat is not None:
                beat.cancel()

    async def _beats(self) -> None:
        while True:
            await asyncio.sleep(BEAT_S)
            if self.is_booted:
                self.say(self.speech.heartbeat())

    def _connect(self) -> None:
        self.wire = self._network.connect(self)
        if self.wire is None:
            return
        self.tell("connects")
        self.truth.connections.append(self.loop.utc_now())
        if not self.is_booted:
            self._say_first(self.speech.boot())
        elif self.temper.field.skips_boot:
            self.booted()
        self.connected()

    def _say_first(self, boot: Message) -> None:
        if not (self.queue and self.queue[0].action == boot.action):
            self.queue.appendleft(boot)

    def booted(self) -> None:
        """Its boot was accepted."""
        self.is_booted = True
        for evse, plugged in self.plugged.items():
            self.status_now(evse)
            if plugged:
                self.late_tokens.cable_in(evse)

    def lose(self, message: Message) -> None:
        """See `Talker`."""
        self.tell(f"loses the answer to {message.action}")
        self.drop(away_s=self.words.moment_s())

    def wrong_answer(self, message: Message, payload: Payload) -> None:
        """See `Talker`."""
        self.tell(f"gets {payload} for {message.action}")
        self.truth.wrong_answers.append(f"{message.action} was answered with {payload}")

    def drop(self, *, away_s: float | None = None, quiet: bool = False) -> None:
        """Lose the connection; come back after a while. quiet: the gateway is not told."""
        wire, self.wire = self.wire, None
        self._leaves_until_s = self.loop.time() + (
            self.chance.between(0.2, 30.0) if away_s is None else away_s
        )
        if wire is not None:
            self.tell("loses its connection" + (", unseen by the gateway" if quiet else ""))
            wire.cut(gateway_after_s=None if quiet else 0.05, station_after_s=None)
        self.nothing_comes()

    def hung_up(self, wire: Wire) -> None:
        """See `wire.StationEnd`."""
        if wire is self.wire:
            self.tell("sees its connection end")
            self.wire = None
            self._leaves_until_s = self.loop.time() + self.chance.between(0.2, 15.0)
            self.nothing_comes()

    def reboot(
        self,
        *,
        cause: str = "",
        ends: str = "PowerLoss",
        keeps: bool | None = None,
        boot_reason: str = "PowerUp",
    ) -> None:
        """Power is lost for a while. cause: of the reset frame. keeps: sessions survive it."""
        self.tell(f"reboots {cause[:4]}")
        self.truth.restarts.append(TrueRestart(self.loop.utc_now(), None, cause))
        self.boot_reason = boot_reason
        self.is_booted = False
        self.restarts.forget()
        self.sessions.power_lost(ends, keeps=self.chance.happens(0.3) if keeps is None else keeps)
        if cause and self.temper.field.restarts_warm:
            self.boot_reason = "PowerUp"
            self.holds.restarted()
            self.say(self.speech.boot())
            return
        self.queue = deque(message for message in self.queue if message.kept)
        away_s = self.chance.between(3.0, 40.0)
        self.has_power = False
        self.drop(away_s=away_s)
        self.loop.call_later(away_s * 0.9, self._powered)

    def _powered(self) -> None:
        if not self.has_power:
            self.has_power = True
            self.holds.restarted()

    def _step(self) -> None:
        """What happens by chance, once in a while."""
        temper, chance = self.temper, self.chance
        if temper.drops_every_s and chance.happens(STEP_S / temper.drops_every_s) and self.wire:
            self.drop(quiet=chance.happens(temper.half_open))
        if temper.reboots_every_s and chance.happens(STEP_S / temper.reboots_every_s):
            self.reboot()
        if temper.removes_every_s and chance.happens(STEP_S / temper.removes_every_s):
            self.holds.remove_one()

    # --- what it hears

    def heard(self, wire: Wire, text: str) -> None:
        """See `wire.StationEnd`."""
        frame = json.loads(text)
        if frame[0] == 2:
            self.loop.create_task(self._serve(wire, frame[1], frame[2], frame[3]))
            return
        self.answered(frame[1], frame[2] if frame[0] == 3 else None)

    async def _serve(self, wire: Wire, message_id: str, action: str, payload: Payload) -> None:
        seen = FrameSeen(self.loop.utc_now(), message_id, action, payload)
        self.truth.frames.append(seen)
        match action:
            case "RemoteStartTransaction" | "RequestStartTransaction":
                await self.sessions.asked_to_start(wire, seen)
            case "RemoteStopTransaction" | "RequestStopTransaction":
                await self.sessions.asked_to_stop(wire, seen)
            case "UnlockConnector":
                await self.bolts.asked_to_unlock(wire, seen)
            case "Reset":
                await self.restarts.asked_to_restart(wire, seen)
            case "ReserveNow":
                await self.holds.asked_to_hold(wire, seen)
            case "CancelReservation":
                await self.holds.asked_to_let_go(wire, seen)
            case _ if not self.temper.silent_to_questions:
                await asyncio.sleep(self.chance.between(0.02, 0.5))
                self.answer(wire, seen, self.requests.reply(action, payload))

    def answer(self, wire: Wire, seen: FrameSeen, payload: Payload | None) -> None:
        """None: a CALLERROR that says it knows no such action."""
        if payload is None:
            seen.said = "NotImplemented"
            wire.up(json.dumps([4, seen.message_id, seen.said, "", {}]))
            return
        seen.said = str(payload.get("status", "said"))
        text = json.dumps([3, seen.message_id, payload])
        wire.up(text)
        if self.chance.happens(self.temper.doubles):
            wire.up(text)

    def say_error(self, wire: Wire, seen: FrameSeen, code: str = "") -> None:
        """A CALLERROR of any code: it did not do what it was asked."""
        seen.said = code or self.chance.pick(
            ("InternalError", "GenericError", "NotSupported", "FormationViolation", "Strange")
        )
        wire.up(json.dumps([4, seen.message_id, seen.said, "", {}]))

    def _say_nonsense(self, wire: Wire, seen: FrameSeen) -> None:
        seen.said = "nonsense"
        nonsense: Any = self.chance.pick(
            ({"status": "Perhaps"}, {"status": 7}, {}, [], "yes", None)
        )
        wire.up(json.dumps([3, seen.message_id, nonsense]))

    def mood(self, moods: tuple[tuple[str, float], ...]) -> str:
        """How it takes this frame."""
        return self.chance.weighed(**dict(moods))

    async def pauses(self) -> None:
        """Think a moment, as stations do."""
        await asyncio.sleep(self.chance.between(0.02, 1.0))

    async def says_error(self, wire: Wire, seen: FrameSeen) -> None:
        """A CALLERROR, after a moment."""
        await self.pauses()
        self.say_error(wire, seen)

    def tosses(self) -> bool:
        """A coin."""
        return self.chance.happens(0.5)

    async def reacts(self, wire: Wire, seen: FrameSeen, mood: str, yes: Payload) -> None:
        """Answer, or not, by its mood."""
        await self.pauses()
        match mood:
            case "accept" | "ignores":
                self.answer(wire, seen, yes)
            case "late":
                self.loop.call_later(
                    self.chance.between(8.0, 60.0), lambda: self.answer(wire, seen, yes)
                )
            case "unreadable":
                self._say_nonsense(wire, seen)
            case "drops":
                self.drop(quiet=self.chance.happens(self.temper.half_open))
            case "drops_after":
                self.answer(wire, seen, yes)
                away_s = self.chance.between(0.2, 30.0)
                self.loop.call_later(0.3, lambda: self.drop(away_s=away_s))
            case "reboots":
                self.reboot()

    # --- what others do here

    def plug(self, evse: int) -> None:
        """A cable is plugged in."""
        self.sessions.plug(evse)

    def swipe(self, evse: int, token: str) -> None:
        """The driver presents his token at the station."""
        self.sessions.swipe(evse, token)

    def end_session(self, session: TrueSession, cause: str, reason: str) -> None:
        """It ends, once."""
        self.sessions.end(session, cause, reason)

    def active(self) -> list[TrueSession]:
        """The sessions that run."""
        return self.sessions.active()

    def on_evse(self, evse: int) -> TrueSession | None:
        """The session that runs there."""
        return self.sessions.on_evse(evse)

    def is_taken(self, evse: int) -> bool:
        """Whether a session runs there, or waits for its car."""
        running = self.on_evse(evse)
        return evse in self.sessions.requests or (running is not None and running.token != "")

    def status_now(self, evse: int) -> None:
        """Report how the connector really is."""
        if self.is_taken(evse):
            word = "Charging" if self.on_evse(evse) else "Preparing"
        elif self.holds.at(evse) is not None:
            word = "Reserved"
        else:
            word = self.speech.occupied if self.plugged[evse] else "Available"
        self.status(evse, word)

    def clock(self, at: datetime) -> str:
        """A time as this station writes it."""
        return self.speech.stamp(at)
