"""The simulated station: a charger, its driver's hands, and a line to the back end.

    async with SimulatedStation(config) as station:
        await station.until(lambda: station.booted)
        station.plug_in(1)

Thin I/O over Charger (what happens), Dialect (which words) and Line (how it is said). Where a
station may be otherwise than honest, its Behaviour is asked.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager, suppress
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from simulator.behaviour import Behaviour, Combined, Frame, IncomingCall
from simulator.charger.charger import Charger
from simulator.config import Cable, StationConfig
from simulator.charger.rules import habits_of
from simulator.connection.connection import Line
from simulator.connection.socket import Link, opened_link
from simulator.dialects.messages import Answer, DialectFactory, Outgoing, Payload, Refusal
from simulator.charger.model import (
    AwaitingCable,
    Event,
    EvseRestarting,
    Rebooting,
    Reservation,
    ReservationHeld,
    Session,
    SessionEnded,
    SessionStarted,
    Token,
)
from simulator.dialects.v16 import V16
from simulator.dialects.v21 import V21
from simulator.dialects.v201 import V201

_DIALECTS: dict[str, DialectFactory] = {"1.6": V16, "2.0.1": V201, "2.1": V21}


class SimulatedStation:
    """One charging station. `said` counts its CALLs, `heard` the back end's, by action.

    stays_down: it went down for a reset, and will not come back unless somebody helps.
    """

    def __init__(
        self,
        config: StationConfig,
        *,
        behaviour: Behaviour | None = None,
        say: Callable[[str], None] = lambda _line: None,
    ) -> None:
        self.config = config
        self.charger = Charger(config.evses, habits_of(config))
        for evse in self.charger.evses.values():
            evse.jammed = config.lock_jams
        self.dialect = _DIALECTS[config.version](config, self.charger)
        self.heard: Counter[str] = Counter()
        self._behaviour = Combined([*config.flaws, *([behaviour] if behaviour else [])])
        self._say = say
        self._changed = asyncio.Event()
        self._line = Line(self, self._changed)
        self.stays_down = False
        self._goes_down = False
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        """Switches it on. Connecting goes on in the background."""
        if self.config.cable is Cable.FIRST:
            for evse_id in self.charger.evses:
                self.plug_in(evse_id)
        self.spawn(self._line.stay_connected())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Switches it off: closes the connection, says nothing more."""
        await self._line.close()
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

    async def delivered(self, timeout_s: float = 10.0) -> None:
        """Waits until the back end has answered everything that the station had to say.

        Raises: TimeoutError.
        """
        await self.until(lambda: not self._line.outbox, timeout_s)

    # What people do to it.

    def plug_in(self, evse_id: int = 1) -> None:
        """The driver puts the cable in."""
        self.perform(self.charger.plug_in(evse_id, self.now()))

    def unplug(self, evse_id: int = 1) -> None:
        """The driver takes the cable out."""
        self.perform(self.charger.unplug(evse_id, self.now()))

    def swipe(self, token: Token, evse_id: int = 1) -> None:
        """The driver shows a card; the back end is asked, then it begins or ends a session."""
        self._line.post(
            self.dialect.authorize(
                token, lambda known, now: self.charger.swipe(evse_id, known, now)
            )
        )

    def stop_locally(self, evse_id: int = 1, reason: str = "Local") -> None:
        """Somebody presses stop at the station."""
        session = self.charger.evses[evse_id].session
        if session is not None:
            self.perform(self.charger.end(session, "StopAuthorized", reason, self.now()))

    def fault(self, evse_id: int = 1) -> None:
        """An outlet breaks: what charges there ends, and holds of it are over."""
        self.perform(self.charger.fault(evse_id, self.now()))

    def repair(self, evse_id: int = 1) -> None:
        """A broken outlet works again."""
        self.perform(self.charger.repair(evse_id))

    def set_available(self, available: bool, evse_id: int | None = None) -> None:
        """Somebody takes an outlet, or all of them, in or out of service at the station."""
        self.perform(self.charger.set_available(evse_id, available)[1])

    def jam_lock(self, evse_id: int = 1, *, jammed: bool = True) -> None:
        """The connector's lock does not open any longer, or does again."""
        self.charger.evses[evse_id].jammed = jammed

    def forget_reservations(self) -> None:
        """Loses every hold; only the statuses tell."""
        self.perform(self.charger.forget_reservations())

    def reboot(self, boot_reason: str = "PowerUp") -> None:
        """The power is cut and comes back. What charged is told as ended after the boot."""
        ending = "Reboot" if boot_reason == "Watchdog" else "PowerLoss"
        going = Rebooting(boot_reason, "AbnormalCondition", ending, power_cut=True, commanded=False)
        self.perform([going])

    def drop(self) -> None:
        """Cuts the network; the station tries again after a while."""
        self._line.drop()

    def go_offline(self) -> None:
        """Cuts the network and keeps it cut until `go_online`."""
        self._line.go_offline()

    def go_online(self) -> None:
        """Lets the station connect again."""
        self._line.go_online()

    def suffer(self, *flaws: Behaviour) -> None:
        """From now on exactly this is wrong with it; nothing makes it honest."""
        self._behaviour = Combined(flaws)

    # What it is like.

    @property
    def connected(self) -> bool:
        """The socket is open."""
        return self._line.connected

    @property
    def booted(self) -> bool:
        """The back end accepted its BootNotification, since it was switched on or reset."""
        return self._line.booted

    @property
    def connections(self) -> int:
        """How often it connected; a second socket beside does not count."""
        return self._line.connections

    @property
    def refused_with(self) -> int | None:
        """The HTTP status of a refused connection."""
        return self._line.refused_with

    @property
    def said(self) -> Counter[str]:
        """Its CALLs, by action."""
        return self._line.said

    @property
    def undelivered(self) -> int:
        """Transaction messages that the back end has not answered yet."""
        return self._line.outbox.undelivered

    @property
    def active_sessions(self) -> list[Session]:
        """What charges, or waits for its cable within a transaction."""
        return [session for session in self.charger.sessions if session.active]

    @property
    def holds(self) -> list[Reservation]:
        """The reservations that it keeps now."""
        return list(self.charger.reservations.held.values())

    def now(self) -> datetime:
        """What the station's clock shows."""
        return self._behaviour.now(datetime.now(UTC))

    # What happens in it.

    def perform(self, events: list[Event]) -> None:
        """Lets events of the charger happen: tells them, and starts what they ask for."""
        for event in events:
            for outgoing in self.dialect.messages(event, self.now(), offline=not self.connected):
                self._line.post(outgoing)
            self._follow(event)
        self._changed.set()

    def _follow(self, event: Event) -> None:
        config, charger = self.config, self.charger
        match event:
            case AwaitingCable():
                self._later(
                    config.connection_timeout_s,
                    lambda: charger.give_up_waiting(event, self.now()),
                )
                if config.cable is not Cable.NEVER:
                    self._later(config.plug_delay_s, lambda: self._plug_if_waiting(event))
            case SessionStarted(session):
                self.tell(f"session {session.id[:8]} began at outlet {session.evse_id}")
                self.spawn(self._meter(session))
            case SessionEnded(session):
                self.tell(f"session {session.id[:8]} ended: {session.reason}")
                if config.cable is Cable.LAST:
                    evse_id = session.evse_id
                    self._later(config.plug_delay_s, lambda: self._unplug_if_idle(evse_id))
            case ReservationHeld(hold):
                self._later(self._seconds_to(hold.expiry), lambda: self._expire(hold))
            case Rebooting():
                self._go_down(event)
            case EvseRestarting(evse_id):
                self._later(config.reboot_s, lambda: charger.evse_is_back(evse_id, self.now()))

    def _plug_if_waiting(self, awaited: AwaitingCable) -> list[Event]:
        evse = self.charger.evses[awaited.evse_id]
        if evse.authorization is not awaited.authorization or evse.plugged:
            return []
        return self.charger.plug_in(evse.id, self.now())

    def _unplug_if_idle(self, evse_id: int) -> list[Event]:
        if self.charger.evses[evse_id].session is not None:
            return []
        return self.charger.unplug(evse_id, self.now())

    def _seconds_to(self, expiry: datetime) -> float:
        return max(0.0, (expiry - self.now()).total_seconds())

    def _expire(self, hold: Reservation) -> list[Event]:
        return [] if self._behaviour.keeps(hold) else self.charger.expire_reservation(hold)

    async def _meter(self, session: Session) -> None:
        while session.active:
            await asyncio.sleep(self.config.meter_interval_s)
            if session.active and session.charging:
                self._line.post(self.dialect.meter_values(session, self.now()))

    def _go_down(self, going: Rebooting) -> None:
        if self._goes_down:
            return
        self._goes_down = True
        self.tell(f"goes down, {going.boot_reason}")
        at_once = going.power_cut or (going.commanded and self._behaviour.goes_down_first)
        if at_once:
            self._switch_off()
        self.perform(self.charger.go_down(going.trigger, going.ending, self.now()))
        self.spawn(self._boot_again(going, at_once))

    async def _boot_again(self, going: Rebooting, off: bool) -> None:
        if not off:
            with suppress(TimeoutError):
                await self.delivered(self.config.call_timeout_s)
            self._switch_off()
        self.perform(self._behaviour.rebooting(self.charger, self.now()))
        await asyncio.sleep(self.config.reboot_s)
        self._goes_down = False
        if going.commanded and not self._behaviour.comes_back:
            self.stays_down = True
            self.tell("stays down")
            self._changed.set()
            return
        self._line.boot_reason = going.boot_reason
        self._line.go_online()

    def _switch_off(self) -> None:
        self._line.booted = False
        self._line.go_offline()

    def restart_warm(self, going: Rebooting) -> None:
        """Reboots without letting go of the connection; says that it booted."""
        self.perform(self.charger.go_down(going.trigger, going.ending, self.now()))
        for outgoing in [self.dialect.boot(going.boot_reason), *self.statuses()]:
            self._line.post(outgoing)
        self.perform(self.charger.come_up(self.now()))

    # What the line asks.

    def statuses(self) -> list[Outgoing]:
        """How every outlet stands."""
        return [self.dialect.status(evse_id, self.now()) for evse_id in self.charger.evses]

    def ready(self) -> None:
        """Connected, and booted: what was suspended goes on."""
        self.perform(self.charger.come_up(self.now()))
        self._behaviour.connected(self)

    def written(self, frame: Frame) -> list[Frame]:
        """The frames that are written instead of this one."""
        return self._behaviour.written(frame)

    def tell(self, line: str) -> None:
        """Says a line to whoever watches."""
        self._say(line)

    async def on_call(self, action: str, payload: Payload) -> Payload | Refusal | None:
        """Answers a CALL of the back end."""
        self.heard[action] += 1
        self._changed.set()
        call = IncomingCall(self, action, payload)
        answer = await self._behaviour.answer(call, _honestly)
        if answer is None:
            self.tell(f"{action}: left without an answer")
            return None
        self.tell(f"{action}: {_summary(answer.reply)}")
        self.spawn(self._after_answer(answer))
        return answer.reply

    def honest_answer(self, action: str, payload: Payload) -> Answer:
        """What the charger says, with its state changed accordingly."""
        try:
            return self.dialect.answer(action, payload, self.now(), self.undelivered)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            return Answer(Refusal(self.dialect.unreadable, f"{action}: {error!r}"))

    async def _after_answer(self, answer: Answer) -> None:
        """A task of its own runs only when the answer has left."""
        await asyncio.sleep(0)
        self.carry_out(answer)

    def carry_out(self, answer: Answer) -> None:
        """Lets happen, and says, what follows from an answer."""
        for outgoing in answer.then:
            self._line.post(outgoing)
        self.perform(answer.events)

    def opened_twin(self) -> AbstractAsyncContextManager[Link]:
        """A second connection beside the first, with the same name and password."""
        return opened_link(
            self.config.address(),
            subprotocol=self.dialect.subprotocol,
            user=self.config.id,
            password=self.config.password,
            timeout_s=self.config.connect_timeout_s,
            on_call=self.on_call,
            written=self.written,
        )

    def _later(self, delay_s: float, happening: Callable[[], list[Event]]) -> None:
        async def wait() -> None:
            await asyncio.sleep(delay_s)
            self.perform(happening())

        self.spawn(wait())

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Does something in the background until the station is switched off."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _honestly(call: IncomingCall) -> Answer:
    return call.honest()


def _summary(reply: Payload | Refusal) -> str:
    return reply.code if isinstance(reply, Refusal) else str(reply.get("status", "answered"))
