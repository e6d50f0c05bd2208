"""The hostile station: its connection, its messages, its answers; and the truth about it.

What it says may be late, doubled, lost or wrong about the time; what it *does* is written down in
`Truth`. It never lies in its own words: a station that says Rejected does not start. Everything
that depends on the OCPP version stands in `speech.py`.
"""

import asyncio
import json
from collections import deque
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from tests.simulation.chance import Chance
from tests.simulation.speech import Message, Speech
from tests.simulation.talking import Talker
from tests.simulation.tempers import Temper
from tests.simulation.truth import FrameSeen, TrueSession, Truth
from tests.simulation.virtual_time import VirtualLoop
from tests.simulation.wire import Wire

STEP_S = 3.0
"""How often chance has its way with it."""

Payload = dict[str, Any]


class Network(Protocol):
    """What connects stations to gateways."""

    def connect(self, station: "Station") -> Wire | None:
        """A new connection; None when no gateway takes one."""


@dataclass
class Request:
    """A remote start that was taken and waits for its car."""

    evse: int
    token: str
    message_id: str
    remote_start_id: int | None
    open_session: TrueSession | None = None


class Station(Talker):
    """One charging station with one or two EVSEs."""

    def __init__(
        self, loop: VirtualLoop, chance: Chance, temper: Temper, network: Network, story: Any
    ) -> None:
        super().__init__(loop, chance, temper, Speech(temper.version, self))
        self.truth = Truth()
        self.plugged: dict[int, bool] = {
            evse: chance.happens(temper.plugged) for evse in range(1, temper.evses + 1)
        }
        self.requests: dict[int, Request] = {}
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
        try:
            while True:
                if self.wire is None and self.loop.time() >= self._leaves_until_s:
                    self._connect()
                self._step()
                await asyncio.sleep(STEP_S)
        finally:
            talk.cancel()

    def _connect(self) -> None:
        self.wire = self._network.connect(self)
        if self.wire is None:
            return
        self.tell("connects")
        if not self.is_booted:
            self._say_first(self.speech.boot())
        self.connected()

    def _say_first(self, boot: Message) -> None:
        if not (self.queue and self.queue[0].action == boot.action):
            self.queue.appendleft(boot)

    def booted(self) -> None:
        """Its boot was accepted."""
        self.is_booted = True
        for evse in self.plugged:
            self.status(evse, "Preparing" if self.plugged[evse] else "Available")

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

    def reboot(self) -> None:
        """Power is lost for a while."""
        self.tell("reboots")
        self.is_booted = False
        self.requests.clear()
        keeps = self.chance.happens(0.3)
        for session in self.active():
            if not keeps:
                self.end_session(session, "reboot", "PowerLoss")
        self.queue = deque(message for message in self.queue if message.kept)
        self.drop(away_s=self.chance.between(3.0, 40.0))

    def _step(self) -> None:
        """What happens by chance, once in a while."""
        temper, chance = self.temper, self.chance
        if temper.drops_every_s and chance.happens(STEP_S / temper.drops_every_s) and self.wire:
            self.drop(quiet=chance.happens(temper.half_open))
        if temper.reboots_every_s and chance.happens(STEP_S / temper.reboots_every_s):
            self.reboot()

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
                await self._asked_to_start(wire, seen)
            case "RemoteStopTransaction" | "RequestStopTransaction":
                await self._asked_to_stop(wire, seen)
            case _ if not self.temper.silent_to_questions:
                await asyncio.sleep(self.chance.between(0.02, 0.5))
                self._answer(wire, seen, self.speech.reply(action, payload))

    def _answer(self, wire: Wire, seen: FrameSeen, payload: Payload | None) -> None:
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

    def _say_error(self, wire: Wire, seen: FrameSeen) -> None:
        seen.said = self.chance.pick(
            ("InternalError", "GenericError", "NotSupported", "FormationViolation", "Strange")
        )
        wire.up(json.dumps([4, seen.message_id, seen.said, "", {}]))

    def _say_nonsense(self, wire: Wire, seen: FrameSeen) -> None:
        seen.said = "nonsense"
        nonsense: Any = self.chance.pick(
            ({"status": "Perhaps"}, {"status": 7}, {}, [], "yes", None)
        )
        wire.up(json.dumps([3, seen.message_id, nonsense]))

    def _mood(self, moods: tuple[tuple[str, float], ...]) -> str:
        return self.chance.weighed(**dict(moods))

    # --- starting

    async def _asked_to_start(self, wire: Wire, seen: FrameSeen) -> None:
        evse, token, remote_start_id = self.speech.read_start(seen.payload)
        mood = self._mood(self.temper.start_moods)
        free = [
            one
            for one in self.plugged
            if one not in self.requests and not self.on_evse(one) and evse in (None, one)
        ]
        self.tell(f"gets start {seen.message_id[:4]} for {token}: {mood}, free {free}")
        if mood == "reject" or (not free and mood in {"accept", "late", "drops_after"}):
            await asyncio.sleep(self.chance.between(0.02, 1.0))
            self._answer(wire, seen, {"status": "Rejected"})
            return
        if mood == "error":
            await asyncio.sleep(self.chance.between(0.02, 1.0))
            self._say_error(wire, seen)
            return
        starts = bool(free) and (mood in {"accept", "late", "drops_after"} or self._tosses())
        event_first = self.chance.happens(self.temper.event_first)
        if starts and event_first:
            self._takes(free, token, seen.message_id, remote_start_id)
            await asyncio.sleep(self.chance.between(0.05, 1.0))
        await self._reacts(wire, seen, mood, {"status": "Accepted"})
        if starts and not event_first and mood != "reboots":
            self._takes(free, token, seen.message_id, remote_start_id)

    def _tosses(self) -> bool:
        return self.chance.happens(0.5)

    async def _reacts(self, wire: Wire, seen: FrameSeen, mood: str, yes: Payload) -> None:
        """Answer, or not, by its mood."""
        await asyncio.sleep(self.chance.between(0.02, 1.0))
        match mood:
            case "accept" | "ignores":
                self._answer(wire, seen, yes)
            case "late":
                self.loop.call_later(
                    self.chance.between(8.0, 60.0), lambda: self._answer(wire, seen, yes)
                )
            case "unreadable":
                self._say_nonsense(wire, seen)
            case "drops":
                self.drop(quiet=self.chance.happens(self.temper.half_open))
            case "drops_after":
                self._answer(wire, seen, yes)
                away_s = self.chance.between(0.2, 30.0)
                self.loop.call_later(0.3, lambda: self.drop(away_s=away_s))
            case "reboots":
                self.reboot()

    def _takes(
        self, free: list[int], token: str, message_id: str, remote_start_id: int | None
    ) -> None:
        """The start is taken: it begins now, or waits for the car."""
        evse = next((one for one in free if self.plugged[one]), free[0])
        if evse in self.requests or self.on_evse(evse):
            return
        if self.plugged[evse]:
            self._begin(evse, token, message_id, remote_start_id)
            return
        patience_s = self.temper.connection_timeout_s
        if self.temper.patient:
            patience_s = self.chance.between(patience_s, 400.0)
        request = Request(evse, token, message_id, remote_start_id)
        self.requests[evse] = request
        self.loop.call_later(patience_s, lambda: self._gives_up(request))
        if self.speech.opens_without_cable:
            request.open_session = self._begin(evse, token, message_id, remote_start_id)
        else:
            self.status(evse, "Preparing")
        self._driver_comes(evse, patience_s)

    def _driver_comes(self, evse: int, patience_s: float) -> None:
        if self.chance.happens(self.temper.never_plugs):
            return
        late = self.chance.happens(self.temper.plugs_late)
        after_s = (
            self.chance.between(patience_s, patience_s + 120)
            if late
            else (self.chance.between(0.5, min(patience_s, 60.0)))
        )
        self.loop.call_later(after_s, lambda: self.plug(evse))

    def plug(self, evse: int) -> None:
        """A cable is plugged in."""
        if self.plugged[evse]:
            return
        self.plugged[evse] = True
        self.tell(f"a car is plugged in at {evse}")
        request = self.requests.pop(evse, None)
        if request is None:
            self.status(evse, self.speech.occupied)
        elif request.open_session is not None:
            self.speech.charging(request.open_session)
        else:
            self._begin(evse, request.token, request.message_id, request.remote_start_id)

    def _gives_up(self, request: Request) -> None:
        if self.requests.get(request.evse) is not request:
            return
        self.tell(f"stops waiting for a car at {request.evse}")
        del self.requests[request.evse]
        if request.open_session is not None and request.open_session.running:
            self.end_session(request.open_session, "timeout", "Timeout")
        self.status(request.evse, "Available")

    def swipe(self, evse: int, token: str) -> None:
        """The driver presents his token at the station."""
        request = self.requests.get(evse)
        if request is not None or self.on_evse(evse) or not self.plugged[evse]:
            return
        self.tell(f"the driver swipes {token} at {evse}")
        self._begin(evse, token, "", None)

    def _begin(self, evse: int, token: str, cause: str, remote_start_id: int | None) -> TrueSession:
        number = 1000 * (len(self.truth.sessions) + 1)
        session = TrueSession(number, evse, token, cause, self.loop.utc_now())
        self.truth.sessions.append(session)
        self.tell(
            f"session {number} of {token} begins at {evse}, "
            + (f"asked for by {cause[:4]}" if cause else "by its driver")
        )
        self.speech.begun(session, remote_start_id, plugged=self.plugged[evse])
        if self.chance.happens(self.temper.ends_by_itself):
            after_s = self.chance.between(1.0, 90.0)
            self.loop.call_later(after_s, lambda: self.end_session(session, "driver", "Local"))
        return session

    # --- stopping

    async def _asked_to_stop(self, wire: Wire, seen: FrameSeen) -> None:
        session = self.speech.stop_target(seen.payload, self.active())
        mood = self._mood(self.temper.stop_moods)
        which = session.number if session else "nothing"
        self.tell(f"gets stop {seen.message_id[:4]} of {seen.payload} ({which}): {mood}")
        if mood == "error":
            self._say_error(wire, seen)
            return
        if mood == "reject" or session is None:
            await asyncio.sleep(self.chance.between(0.02, 1.0))
            self._answer(wire, seen, {"status": "Rejected"})
            return
        ends = mood in {"accept", "late", "drops_after"} or (mood != "ignores" and self._tosses())
        await self._reacts(wire, seen, mood, {"status": "Accepted"})
        if ends:
            await asyncio.sleep(self.chance.between(0.05, 3.0))
            self.end_session(session, seen.message_id, "Remote")

    def end_session(self, session: TrueSession, cause: str, reason: str) -> None:
        """It ends, once."""
        if not session.running:
            return
        session.ended = self.loop.utc_now()
        session.end_cause = cause
        self.tell(f"session {session.number} ends: {cause[:8]}")
        request = self.requests.get(session.evse)
        if request is not None and request.open_session is session:
            del self.requests[session.evse]
        self.speech.ended(session, reason)
        if self.chance.happens(0.5):
            self.plugged[session.evse] = False
            self.status(session.evse, "Available")

    def active(self) -> list[TrueSession]:
        """The sessions that run."""
        return [session for session in self.truth.sessions if session.running]

    def on_evse(self, evse: int) -> TrueSession | None:
        """The session that runs there."""
        return next((session for session in self.active() if session.evse == evse), None)

    def clock(self, at: datetime) -> str:
        """A time as this station writes it."""
        return self.speech.stamp(at)
