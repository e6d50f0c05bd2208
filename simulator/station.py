"""The simulated station: a charger, what people do to it, and its connection to the back end.

    async with SimulatedStation(config) as station:
        await station.until(lambda: station.booted)
        station.plug_in(1)

Thin I/O over Charger (what happens), StationDialect (the words) and CsmsConnection (the socket). At
each point where a station may deviate from the standard, it asks its Behaviour.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager, suppress
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from simulator.behaviour import Behaviour, Combined, IncomingCall
from simulator.charger.charger import Charger
from simulator.charger.model import (
    AwaitingCable,
    ChargingSession,
    ChargingSessionEnded,
    ChargingSessionStarted,
    DriverToken,
    Event,
    EvseRestarting,
    PasswordChanged,
    Rebooting,
    ReservationHeld,
    SimulatedReservation,
)
from simulator.charger.rules import rules_of
from simulator.config import Cable, StationConfig
from simulator.connection.connection import CsmsConnection
from simulator.connection.socket import OcppSocket
from simulator.dialects import DIALECTS
from simulator.dialects.messages import (
    CallAnswer,
    CallErrorReply,
    Outgoing,
    Payload,
)


class SimulatedStation:
    """One charging station.

    sent: the number of its CALLs by action. received: the number of the back end's CALLs by action.
    stays_down: it went down for a reset and boots again only after `go_online`.
    """

    def __init__(
        self,
        config: StationConfig,
        *,
        behaviour: Behaviour | None = None,
        say: Callable[[str], None] = lambda _text: None,
    ) -> None:
        self.config = config
        self.charger = Charger(config.evses, rules_of(config))
        for evse in self.charger.evses.values():
            evse.jammed = config.lock_jams
        self.dialect = DIALECTS[config.version](config, self.charger)
        self.received: Counter[str] = Counter()
        self.behaviour: Behaviour = Combined([*config.flaws, *([behaviour] if behaviour else [])])
        self._say = say
        self._changed = asyncio.Event()
        self._connection = CsmsConnection(self, self._changed)
        self.stays_down = False
        self._goes_down = False
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        """Switches it on. It connects in the background."""
        if self.config.cable is Cable.FIRST:
            for evse_id in self.charger.evses:
                self.plug_in(evse_id)
        self.spawn(self._connection.stay_connected())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Switches it off: closes the connection and sends nothing more."""
        await self._connection.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def until(self, condition: Callable[[], bool], timeout_s: float = 10.0) -> None:
        """Waits until the condition is true. It is checked after every change of this station.

        Raises: TimeoutError.
        """
        async with asyncio.timeout(timeout_s):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def delivered(self, timeout_s: float = 10.0) -> None:
        """Waits until the back end has answered every message of the station.

        Raises: TimeoutError.
        """
        await self.until(lambda: not self._connection.outbox, timeout_s)

    # What people do to it.

    def plug_in(self, evse_id: int = 1) -> None:
        """The driver plugs the cable in."""
        self.perform(self.charger.plug_in(evse_id, self.now()))

    def unplug(self, evse_id: int = 1) -> None:
        """The driver unplugs the cable."""
        self.perform(self.charger.unplug(evse_id, self.now()))

    def swipe(self, token: DriverToken, evse_id: int = 1) -> None:
        """The driver shows a card. When the back end accepts it, a session begins or ends."""
        self._connection.post(
            self.dialect.authorize(
                token, lambda known, now: self.charger.swipe(evse_id, known, now)
            )
        )

    def stop_locally(self, evse_id: int = 1, reason: str = "Local") -> None:
        """Somebody presses the stop button."""
        session = self.charger.evses[evse_id].session
        if session is not None:
            self.perform(self.charger.end(session, "StopAuthorized", reason, self.now()))

    def fault(self, evse_id: int = 1) -> None:
        """An EVSE breaks: its session ends, and reservations that need it end."""
        self.perform(self.charger.fault(evse_id, self.now()))

    def repair(self, evse_id: int = 1) -> None:
        """A broken EVSE works again."""
        self.perform(self.charger.repair(evse_id))

    def set_available(self, available: bool, evse_id: int | None = None) -> None:
        """Somebody takes EVSEs in or out of service at the station. evse_id: None means all."""
        self.perform(self.charger.set_available(evse_id, available)[1])

    def jam_lock(self, evse_id: int = 1, *, jammed: bool = True) -> None:
        """Jams the connector's lock, or repairs it."""
        self.charger.evses[evse_id].jammed = jammed

    def forget_reservations(self) -> None:
        """Loses every reservation. Only the statuses tell the back end about it."""
        self.perform(self.charger.forget_reservations())

    def reboot(self, boot_reason: str = "PowerUp") -> None:
        """The power is cut and comes back. The ends of sessions are sent after the boot."""
        ending = "Reboot" if boot_reason == "Watchdog" else "PowerLoss"
        going = Rebooting(boot_reason, "AbnormalCondition", ending, power_cut=True, commanded=False)
        self.perform([going])

    def drop(self) -> None:
        """Cuts the network; the station connects again after `reconnect_s`."""
        self._connection.drop()

    def go_offline(self) -> None:
        """Cuts the network and keeps it cut until `go_online`."""
        self._connection.go_offline()

    def go_online(self) -> None:
        """Lets the station connect again."""
        self._connection.go_online()

    def suffer(self, *flaws: Behaviour) -> None:
        """Replaces all flaws by these. Without an argument, the station is honest."""
        self.behaviour = Combined(flaws)

    # What tests may look at.

    @property
    def connected(self) -> bool:
        """Whether the socket is open."""
        return self._connection.connected

    @property
    def booted(self) -> bool:
        """Whether the back end has accepted a BootNotification since power-on or the last reset."""
        return self._connection.booted

    @property
    def connections(self) -> int:
        """The number of connections so far, without second sockets (DoubleSocket)."""
        return self._connection.connections

    @property
    def refused_with(self) -> int | None:
        """The HTTP status with which the last attempt to connect was refused; None: it was not."""
        return self._connection.refused_with

    @property
    def sent(self) -> Counter[str]:
        """The number of its CALLs, by action."""
        return self._connection.sent

    @property
    def undelivered(self) -> int:
        """The number of transaction messages that the back end has not answered yet."""
        return self._connection.outbox.undelivered

    @property
    def active_sessions(self) -> list[ChargingSession]:
        """The sessions that have not ended."""
        return [session for session in self.charger.sessions if session.active]

    @property
    def reservations(self) -> list[SimulatedReservation]:
        """The reservations that it has now."""
        return list(self.charger.reservations.held.values())

    def now(self) -> datetime:
        """The time that the station's clock shows."""
        return self.behaviour.now(datetime.now(UTC))

    # What happens in it.

    def perform(self, events: list[Event]) -> None:
        """Carries out events of the charger: sends their messages and starts what they need."""
        for event in events:
            for outgoing in self.dialect.messages(event, self.now(), offline=not self.connected):
                self._connection.post(outgoing)
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
            case ChargingSessionStarted(session):
                self.tell(f"session {session.id[:8]} began at EVSE {session.evse_id}")
                self.spawn(self._meter(session))
            case ChargingSessionEnded(session):
                self.tell(f"session {session.id[:8]} ended: {session.reason}")
                if config.cable is Cable.LAST:
                    evse_id = session.evse_id
                    self._later(config.plug_delay_s, lambda: self._unplug_if_idle(evse_id))
            case ReservationHeld(reservation):
                self._later(self._seconds_to(reservation.expiry), lambda: self._expire(reservation))
            case Rebooting():
                self._go_down(event)
            case PasswordChanged(password):
                self.spawn(self._connection.use_password(password))
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

    def _expire(self, reservation: SimulatedReservation) -> list[Event]:
        if self.behaviour.keeps(reservation):
            return []
        return self.charger.expire_reservation(reservation)

    async def _meter(self, session: ChargingSession) -> None:
        while session.active:
            await asyncio.sleep(self.config.meter_interval_s)
            if session.active and session.charging:
                self._connection.post(self.dialect.meter_values(session, self.now()))

    def _go_down(self, going: Rebooting) -> None:
        if self._goes_down:
            return
        self._goes_down = True
        self.tell(f"goes down, {going.boot_reason}")
        at_once = going.power_cut or (going.commanded and self.behaviour.goes_down_first)
        if at_once:
            self._switch_off()
        self.perform(self._reported(going))
        self.spawn(self._boot_again(going, at_once))

    def _reported(self, going: Rebooting) -> list[Event]:
        """What happens in the charger when it goes down, as far as it is ever reported."""
        events = self.charger.go_down(going.trigger, going.ending, self.now())
        if not going.power_cut or self.behaviour.reports_power_cuts:
            return events
        return [each for each in events if not isinstance(each, ChargingSessionEnded)]

    async def _boot_again(self, going: Rebooting, off: bool) -> None:
        if not off:
            with suppress(TimeoutError):
                await self.delivered(self.config.call_timeout_s)
            self._switch_off()
        self.perform(self.behaviour.rebooting(self.charger, self.now()))
        await asyncio.sleep(self.config.reboot_s)
        self._goes_down = False
        if going.commanded and not self.behaviour.comes_back:
            self.stays_down = True
            self.tell("stays down")
            self._changed.set()
            return
        self._connection.boot_reason = going.boot_reason
        self._connection.go_online()

    def _switch_off(self) -> None:
        self._connection.booted = False
        self._connection.go_offline()

    def restart_warm(self, going: Rebooting) -> None:
        """Reboots without closing the connection, then sends BootNotification and statuses."""
        self.perform(self.charger.go_down(going.trigger, going.ending, self.now()))
        self.perform(self.behaviour.rebooting(self.charger, self.now()))
        for outgoing in [self.dialect.boot(going.boot_reason), *self.statuses()]:
            self._connection.post(outgoing)
        self.perform(self.charger.come_up(self.now()))

    def statuses(self) -> list[Outgoing]:
        """A StatusNotification of every EVSE."""
        return [self.dialect.status(evse_id, self.now()) for evse_id in self.charger.evses]

    def ready(self) -> None:
        """It is connected and booted: suspended sessions go on."""
        self.perform(self.charger.come_up(self.now()))
        self.behaviour.connected(self)

    def tell(self, text: str) -> None:
        """Reports what happens, for a human."""
        self._say(text)

    async def on_call(self, action: str, payload: Payload) -> Payload | CallErrorReply | None:
        """The answer to a CALL of the back end. None: the CALL stays without an answer."""
        self.received[action] += 1
        self._changed.set()
        call = IncomingCall(self, action, payload)
        answer = await self.behaviour.answer(call, _honestly)
        if answer is None:
            self.tell(f"{action}: left without an answer")
            return None
        self.tell(f"{action}: {_summary(answer.reply)}")
        self.spawn(self._after_answer(answer))
        return answer.reply

    def honest_answer(self, action: str, payload: Payload) -> CallAnswer:
        """The charger's own answer. The state of the charger changes with it."""
        try:
            return self.dialect.answer(action, payload, self.now(), self.undelivered)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            return CallAnswer(CallErrorReply(self.dialect.unreadable, f"{action}: {error!r}"))

    async def _after_answer(self, answer: CallAnswer) -> None:
        # The event loop writes the answer first; then its consequences may be sent.
        await asyncio.sleep(0)
        self.carry_out(answer)

    def carry_out(self, answer: CallAnswer) -> None:
        """Sends the messages, and carries out the events, that follow from an answer."""
        for outgoing in answer.then:
            self._connection.post(outgoing)
        self.perform(answer.events)

    def opened_second_socket(self) -> AbstractAsyncContextManager[OcppSocket]:
        """Opens a second connection beside the first, with the same identity and password."""
        return self._connection.opened_socket()

    def _later(self, delay_s: float, happening: Callable[[], list[Event]]) -> None:
        async def wait() -> None:
            await asyncio.sleep(delay_s)
            self.perform(happening())

        self.spawn(wait())

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs work in the background; it is cancelled when the station is switched off."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _honestly(call: IncomingCall) -> CallAnswer:
    return call.honest()


def _summary(reply: Payload | CallErrorReply) -> str:
    return reply.code if isinstance(reply, CallErrorReply) else str(reply.get("status", "answered"))
