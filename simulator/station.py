"""The simulated station: connects, boots, answers, and tells what happens. Thin I/O over Charger.

    async with SimulatedStation(config) as station:
        await station.until(lambda: station.booted)
        await station.plug_in(1)

Everything waits in one outbox and leaves it in order. Transaction messages stay there until the
back end answered them, over any loss of the network; the others are said again after it.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from websockets.exceptions import InvalidHandshake, InvalidStatus

from simulator.behaviour import Behaviour, IncomingCall
from simulator.charger import Charger
from simulator.config import Cable, StationConfig, TxStart
from simulator.link import CallRefused, Link, LinkLost, opened_link
from simulator.messages import Answer, DialectFactory, Outgoing, Payload, Refusal
from simulator.model import (
    AwaitingCable,
    Event,
    Rebooting,
    Reservation,
    ReservationHeld,
    Session,
    SessionEnded,
    SessionStarted,
    Token,
)
from simulator.v16 import V16
from simulator.v21 import V21
from simulator.v201 import V201

_DIALECTS: dict[str, DialectFactory] = {"1.6": V16, "2.0.1": V201, "2.1": V21}
_ATTEMPTS = 3
_RETRY_S = 1.0
_MAX_OUTBOX = 10_000


class SimulatedStation:
    """One charging station. `said` counts its CALLs, `heard` the back end's, by action."""

    def __init__(
        self,
        config: StationConfig,
        *,
        behaviour: Behaviour | None = None,
        say: Callable[[str], None] = lambda _line: None,
    ) -> None:
        self.config = config
        self.charger = Charger(config.evses, tx_start=_tx_start(config), power_w=config.power_w)
        self.dialect = _DIALECTS[config.version](config, self.charger)
        self.said: Counter[str] = Counter()
        self.heard: Counter[str] = Counter()
        self.connected = self.booted = False
        self.refused_with: int | None = None
        self._behaviour = behaviour or Behaviour()
        self._say = say
        self._outbox: deque[Outgoing] = deque()
        self._link: Link | None = None
        self._boot_reason = "PowerUp"
        self._may_connect = asyncio.Event()
        self._may_connect.set()
        self._changed = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        """Switches it on. Connecting goes on in the background."""
        if self.config.cable is Cable.FIRST:
            for evse_id in self.charger.evses:
                self.perform(self.charger.plug_in(evse_id, _now()))
        self._spawn(self._stay_connected())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Switches it off: closes the connection, says nothing more."""
        self._may_connect.clear()
        if self._link is not None:
            await self._link.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def until(self, holds: Callable[[], bool], timeout_s: float = 10.0) -> None:
        """Waits until something about this station holds.

        Raises: TimeoutError.
        """
        async with asyncio.timeout(timeout_s):
            while not holds():
                self._changed.clear()
                await self._changed.wait()

    def plug_in(self, evse_id: int = 1) -> None:
        """The driver puts the cable in."""
        self.perform(self.charger.plug_in(evse_id, _now()))

    def unplug(self, evse_id: int = 1) -> None:
        """The driver takes the cable out."""
        self.perform(self.charger.unplug(evse_id, _now()))

    def swipe(self, token: Token, evse_id: int = 1) -> None:
        """The driver shows a card; the back end is asked, then it begins or ends a session."""
        self._post(
            self.dialect.authorize(token, lambda now: self.charger.swipe(evse_id, token, now))
        )

    def stop_locally(self, evse_id: int = 1, reason: str = "Local") -> None:
        """Somebody presses stop at the station."""
        session = self.charger.evses[evse_id].session
        if session is not None:
            self.perform(self.charger.end(session, "StopAuthorized", reason, _now()))

    def drop(self) -> None:
        """Cuts the network; the station tries again after a while."""
        if self._link is not None:
            self._link.drop()

    def go_offline(self) -> None:
        """Cuts the network and keeps it cut until `go_online`."""
        self._may_connect.clear()
        self.drop()

    def go_online(self) -> None:
        """Lets the station connect again."""
        self._may_connect.set()

    @property
    def undelivered(self) -> int:
        """Transaction messages that the back end has not answered yet."""
        return sum(each.keep for each in self._outbox)

    @property
    def active_sessions(self) -> list[Session]:
        """What charges, or waits for its cable within a transaction."""
        return [session for session in self.charger.sessions if session.active]

    def perform(self, events: list[Event]) -> None:
        """Lets events of the charger happen: tells them, and starts what they ask for."""
        for event in events:
            for outgoing in self.dialect.messages(event, _now(), offline=not self.connected):
                self._post(outgoing)
            self._follow(event)
        self._notice()

    def _follow(self, event: Event) -> None:
        config = self.config
        match event:
            case AwaitingCable(evse_id):
                self._later(
                    config.connection_timeout_s,
                    lambda: self.charger.give_up_waiting(event, _now()),
                )
                if config.cable is not Cable.NEVER:
                    self._later(config.plug_delay_s, lambda: self._plug_if_waiting(event))
            case SessionStarted(session):
                self._say(f"session {session.id[:8]} began at outlet {session.evse_id}")
                self._spawn(self._meter(session))
            case SessionEnded(session):
                self._say(f"session {session.id[:8]} ended: {session.reason}")
                if config.cable is Cable.LAST:
                    evse_id = session.evse_id
                    self._later(config.plug_delay_s, lambda: self._unplug_if_idle(evse_id))
            case ReservationHeld(reservation):
                self._later(_seconds_to_expiry(reservation), lambda: self._expire(reservation))
            case Rebooting(reason):
                self._spawn(self._reboot(reason))

    def _plug_if_waiting(self, awaited: AwaitingCable) -> list[Event]:
        evse = self.charger.evses[awaited.evse_id]
        if evse.authorization is not awaited.authorization or evse.plugged:
            return []
        return self.charger.plug_in(evse.id, _now())

    def _unplug_if_idle(self, evse_id: int) -> list[Event]:
        if self.charger.evses[evse_id].session is not None:
            return []
        return self.charger.unplug(evse_id, _now())

    def _expire(self, reservation: Reservation) -> list[Event]:
        return self.charger.expire_reservation(reservation)

    async def _stay_connected(self) -> None:
        while True:
            await self._may_connect.wait()
            try:
                await self._connect_once()
            except InvalidStatus as refusal:
                self.refused_with = refusal.response.status_code
                self._say(f"refused with HTTP {self.refused_with}")
            except (OSError, InvalidHandshake, LinkLost, CallRefused) as error:
                self._say(f"no connection: {error}")
            finally:
                self.connected, self._link = False, None
                self._notice()
            await asyncio.sleep(self.config.reconnect_s)

    async def _connect_once(self) -> None:
        config = self.config
        async with opened_link(
            config.address(),
            subprotocol=self.dialect.subprotocol,
            user=config.id,
            password=config.password,
            timeout_s=config.connect_timeout_s,
            on_call=self._on_call,
        ) as link:
            self._link, self.connected, self.refused_with = link, True, None
            self._notice()
            self._say(f"connected to {config.address()}")
            talking = asyncio.create_task(self._talk(link))
            talking.add_done_callback(lambda _ended: link.drop())
            try:
                await link.read()
            finally:
                talking.cancel()
                self._say("disconnected")
            await asyncio.wait([talking])
            if not talking.cancelled() and (error := talking.exception()) is not None:
                raise error

    async def _talk(self, link: Link) -> None:
        """Everything that the station says on one connection, in order."""
        interval_s = 300.0
        if not self.booted or self.config.boot_on_reconnect:
            interval_s = await self._boot(link)
        self._repeat_statuses()
        heartbeat_s = self.config.heartbeat_s or max(interval_s, 1.0)
        while True:
            if not self._outbox:
                self._changed.clear()
                try:
                    async with asyncio.timeout(heartbeat_s):
                        await self._changed.wait()
                except TimeoutError:
                    await self._deliver(link, Outgoing("Heartbeat", dict))
                continue
            await self._deliver(link, self._outbox[0])
            self._outbox.popleft()
            self._notice()

    async def _boot(self, link: Link) -> float:
        """Says BootNotification until it is accepted. Returns the heartbeat interval in seconds."""
        while True:
            outgoing = self.dialect.boot(self._boot_reason)
            result = await self._call(link, outgoing.action, outgoing.payload() or {})
            interval_s = float(result.get("interval") or 60)
            self._say(f"boot {result.get('status')}, heartbeat every {interval_s:.0f} s")
            if result.get("status") == "Accepted":
                self.booted = True
                self._notice()
                return interval_s
            await asyncio.sleep(interval_s)

    def _repeat_statuses(self) -> None:
        """After a connection: how every outlet stands, before anything newer."""
        kept = [each for each in self._outbox if each.keep]
        statuses = [self.dialect.status(evse_id, _now()) for evse_id in self.charger.evses]
        self._outbox.clear()
        self._outbox.extend([*statuses, *kept])

    async def _deliver(self, link: Link, outgoing: Outgoing) -> None:
        """Sends one message; a refused or unanswered one is tried again a few times.

        Raises: LinkLost; the message is then still in the outbox.
        """
        for attempt in range(1, _ATTEMPTS + 1):
            payload = outgoing.payload()
            if payload is None:
                return
            try:
                result = await self._call(link, outgoing.action, payload)
            except (CallRefused, TimeoutError) as error:
                self._say(f"{outgoing.action} failed: {error!r}")
                if not outgoing.keep:
                    return
                await asyncio.sleep(_RETRY_S * attempt)
                continue
            if outgoing.heard is not None:
                self.perform(outgoing.heard(result, _now()))
            return

    async def _call(self, link: Link, action: str, payload: Payload) -> Payload:
        self.said[action] += 1
        self._notice()
        return await link.call(action, payload, self.config.call_timeout_s)

    async def _on_call(self, action: str, payload: Payload) -> Payload | Refusal | None:
        self.heard[action] += 1
        self._notice()
        call = IncomingCall(self, action, payload)
        answer = await self._behaviour.answer(call)
        if answer is None:
            self._say(f"{action}: left without an answer")
            return None
        self._say(f"{action}: {_summary(answer.reply)}")
        self._spawn(self._carry_out(answer))
        return answer.reply

    def honest_answer(self, action: str, payload: Payload) -> Answer:
        """What the charger says, with its state changed accordingly."""
        try:
            return self.dialect.answer(action, payload, _now(), self.undelivered)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            return Answer(Refusal("FormationViolation", f"{action}: {error!r}"))

    async def _carry_out(self, answer: Answer) -> None:
        """After the answer has left: a task of its own runs only then."""
        await asyncio.sleep(0)
        for outgoing in answer.then:
            self._post(outgoing)
        self.perform(answer.events)

    async def _meter(self, session: Session) -> None:
        while session.active:
            await asyncio.sleep(self.config.meter_interval_s)
            if session.active and session.charging:
                self._post(self.dialect.meter_values(session, _now()))

    async def _reboot(self, reason: str) -> None:
        self._boot_reason = reason
        with suppress(TimeoutError):
            await self.until(lambda: not self._outbox, self.config.call_timeout_s)
        self.booted = False
        self.go_offline()
        await asyncio.sleep(self.config.reboot_s)
        self.go_online()

    def _post(self, outgoing: Outgoing) -> None:
        if len(self._outbox) < _MAX_OUTBOX:
            self._outbox.append(outgoing)
        self._notice()

    def _later(self, delay_s: float, happening: Callable[[], list[Event]]) -> None:
        async def wait() -> None:
            await asyncio.sleep(delay_s)
            self.perform(happening())

        self._spawn(wait())

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _notice(self) -> None:
        self._changed.set()


def _tx_start(config: StationConfig) -> TxStart:
    return TxStart.POWER_PATH_CLOSED if config.version == "1.6" else config.tx_start


def _now() -> datetime:
    return datetime.now(UTC)


def _seconds_to_expiry(reservation: Reservation) -> float:
    return max(0.0, (reservation.expiry - _now()).total_seconds())


def _summary(reply: Payload | Refusal) -> str:
    return reply.code if isinstance(reply, Refusal) else str(reply.get("status", "answered"))
