"""The charger: what a station does when somebody plugs in, swipes, or asks remotely. Pure.

Every method takes the time, changes the state and returns the events that follow, in order. A
transaction begins when the conditions of its start point hold (TxStart); energy flows as soon as
there is both a cable and an authorisation.
"""

import uuid
from dataclasses import dataclass, replace
from datetime import datetime

from simulator.config import TxStart
from simulator.charger.rules import Habits
from simulator.charger.model import (
    Authorization,
    AwaitingCable,
    Event,
    Evse,
    EvseRestarting,
    Outage,
    Rebooting,
    Reservation,
    ReservationEnd,
    ReservationEnded,
    ReservationHeld,
    Session,
    SessionEnded,
    SessionStarted,
    SessionUpdated,
    StatusChanged,
    Token,
)
from simulator.charger.reservations import Reservations

Events = list[Event]


@dataclass(frozen=True)
class StartDecision:
    """What becomes of a remote start. `running`: the transaction that was there already."""

    accepted: bool
    events: Events
    running: Session | None = None


class Charger:
    """The outlets of one station, the sessions on them, and the holds."""

    def __init__(self, evses: int, habits: Habits) -> None:
        types = habits.connector_types
        self.evses = {
            number: Evse(number, types[(number - 1) % len(types)]) for number in range(1, evses + 1)
        }
        self.sessions: list[Session] = []
        self.reservations = Reservations()
        self._habits = habits
        self._reboot_waits = False

    def status(self, evse_id: int) -> str:
        """An outlet's status in OCPP 1.6's words."""
        evse, holds = self.evses[evse_id], self.reservations
        free = self._reservable()
        last_ones = self._habits.any_hold_shows and evse in free and holds.scarce(free)
        return evse.status(reserved=last_ones or holds.of_evse(evse_id) is not None)

    def plug_in(self, evse_id: int, now: datetime) -> Events:
        """The driver puts the cable in."""
        evse = self.evses[evse_id]
        evse.plugged, evse.charged_this_plug = True, False
        return [*self._settle(), *self._advance(evse, "CablePluggedIn", now)]

    def unplug(self, evse_id: int, now: datetime) -> Events:
        """The driver takes the cable out, which ends what runs."""
        evse = self.evses[evse_id]
        evse.plugged = False
        ended: Events = []
        if evse.session is not None:
            ended = self.end(evse.session, "EVDeparted", "EVDisconnected", now)
        return [*ended, *self._settle()]

    def remote_start(
        self, evse_id: int | None, token: Token, remote_start_id: int | None, now: datetime
    ) -> StartDecision:
        """Somebody far away wants this token to charge, here or on any outlet."""
        evse = self.outlet_for(evse_id, token)
        if evse is None:
            return StartDecision(accepted=False, events=[])
        running = evse.session
        authorization = Authorization(token, now, remote=True, remote_start_id=remote_start_id)
        return StartDecision(
            True, self._authorize(evse, authorization, "RemoteStart", now), running
        )

    def swipe(self, evse_id: int, token: Token, now: datetime) -> Events:
        """A driver's card was accepted: begins a session, or ends the driver's own."""
        evse = self.evses[evse_id]
        if evse.session is not None and evse.session.authorization is not None:
            if not evse.session.authorization.token.is_same(token):
                return []
            return self.end(evse.session, "StopAuthorized", "Local", now, token)
        if not self._admits(evse, token):
            return []
        return self._authorize(evse, Authorization(token, now, remote=False), "Authorized", now)

    def give_up_waiting(self, awaited: AwaitingCable, now: datetime) -> Events:
        """The connection timeout is over: without a cable, the authorisation is void."""
        evse = self.evses[awaited.evse_id]
        if evse.authorization is not awaited.authorization or evse.plugged:
            return []
        if evse.session is not None:
            return self.end(evse.session, "EVConnectTimeout", "Timeout", now)
        return [*_void(evse), *self._settle()]

    def refuse(self, authorization: Authorization, now: datetime) -> Events:
        """The back end does not accept this token: what it began is over."""
        for evse in self.evses.values():
            if evse.authorization is authorization:
                if evse.session is not None:
                    return self.end(evse.session, "Deauthorized", "DeAuthorized", now)
                evse.authorization = None
        return self._settle()

    def end(
        self, session: Session, trigger: str, reason: str, now: datetime, token: Token | None = None
    ) -> Events:
        """Ends a running transaction; one that is over already stays as it is."""
        if not session.active:
            return []
        evse = self.evses[session.evse_id]
        self._stop_energy(evse, now)
        session.end_time, session.reason, session.charging = now, reason, False
        session.meter_stop_wh = round(evse.meter_wh)
        evse.session = evse.authorization = None
        evse.charged_this_plug = True
        return [SessionEnded(session, trigger, token), *self._settle()]

    def reset_when_idle(self) -> tuple[bool, Events]:
        """Reboots when nobody charges any longer; until then nobody new begins. False: later."""
        if not any(evse.busy for evse in self.evses.values()):
            return True, [Rebooting("RemoteReset")]
        self._reboot_waits = True
        for evse in self.evses.values():
            evse.outage = Outage.WAITING
        return False, self._settle()

    def reset_evse(self, evse_id: int, ending: str | None, now: datetime) -> Events:
        """Restarts one outlet at once; without `ending` its session goes on afterwards."""
        evse = self.evses[evse_id]
        evse.outage = Outage.RESTARTING
        down = self._go_down(evse, "ResetCommand", ending, now)
        return [*down, *self._settle(), EvseRestarting(evse_id)]

    def reset_evse_when_idle(self, evse_id: int, now: datetime) -> tuple[bool, Events]:
        """Restarts one outlet when nobody charges there any longer. False: later."""
        evse = self.evses[evse_id]
        if not evse.busy:
            return True, self.reset_evse(evse_id, "ImmediateReset", now)
        evse.outage = Outage.WAITING
        return False, self._settle()

    def evse_is_back(self, evse_id: int, now: datetime) -> Events:
        """The restart of one outlet is over."""
        evse = self.evses[evse_id]
        if evse.outage is Outage.RESTARTING:
            evse.outage = Outage.NONE
        return [*self._resume(evse, now), *self._settle()]

    def go_down(self, trigger: str, ending: str | None, now: datetime) -> Events:
        """The whole station reboots: sessions end for this reason, or wait to be resumed."""
        self._reboot_waits = False
        for evse in self.evses.values():
            evse.outage = Outage.NONE
        every = list(self.evses.values())
        down = [event for each in every for event in self._go_down(each, trigger, ending, now)]
        return [*down, *self._settle()]

    def come_up(self, now: datetime) -> Events:
        """The station has booted: suspended sessions go on."""
        every = list(self.evses.values())
        return [event for each in every for event in self._resume(each, now)]

    def fault(self, evse_id: int, now: datetime) -> Events:
        """An outlet breaks."""
        evse = self.evses[evse_id]
        evse.faulted = True
        down = self._go_down(evse, "AbnormalCondition", "GroundFault", now)
        return [*down, *self._lose_holds(), *self._settle()]

    def repair(self, evse_id: int) -> Events:
        """A broken outlet works again."""
        self.evses[evse_id].faulted = False
        return self._settle()

    def set_available(self, evse_id: int | None, available: bool) -> tuple[bool, Events]:
        """Takes outlets in or out of service. False: only after the running session."""
        chosen = [self.evses[evse_id]] if evse_id else list(self.evses.values())
        for evse in chosen:
            evse.available = available
        at_once = all(evse.session is None for evse in chosen)
        return at_once, [*self._lose_holds(), *self._settle()]

    def reserve(self, reservation: Reservation) -> tuple[str, Events]:
        """Holds an outlet, or any; refused, nothing changes. Returns OCPP's word for the answer."""
        chosen = [
            evse
            for evse in self.evses.values()
            if reservation.evse_id in (None, evse.id)
            and reservation.connector_type in (None, evse.connector_type)
        ]
        if not chosen:
            return "Rejected", []
        if self.reservations.room_for(reservation, self._reservable()):
            return "Accepted", self.hold(reservation)
        if all(evse.faulted for evse in chosen):
            return "Faulted", []
        usable = [evse for evse in chosen if evse.operative and evse.outage is Outage.NONE]
        return ("Occupied" if usable else "Unavailable"), []

    def hold(self, reservation: Reservation) -> Events:
        """Holds without asking whether it can be."""
        self.reservations.put(reservation)
        return [ReservationHeld(reservation), *self._settle()]

    def cancel_reservation(self, reservation_id: int) -> tuple[bool, Events]:
        """Lets a hold go. False: there is none with this id."""
        return self.reservations.end(reservation_id) is not None, self._settle()

    def expire_reservation(self, reservation: Reservation) -> Events:
        """The hold's time is over, unless it was used, cancelled or replaced before."""
        if self.reservations.held.get(reservation.id) is not reservation:
            return []
        self.reservations.end(reservation.id)
        return [ReservationEnded(reservation.id, ReservationEnd.EXPIRED), *self._settle()]

    def forget_reservations(self) -> Events:
        """Loses every hold, and says nothing about it but the statuses."""
        for reservation_id in list(self.reservations.held):
            self.reservations.end(reservation_id)
        return self._settle()

    def session_by_wire_id(self, wire_id: int) -> Session | None:
        """The running session that the back end knows by this 1.6 id."""
        return next((s for s in self.sessions if s.active and s.wire_id == wire_id), None)

    def session_by_id(self, session_id: str) -> Session | None:
        """The session with the station's own id, running or over."""
        return next((s for s in self.sessions if s.id == session_id), None)

    def meter_wh(self, evse_id: int, now: datetime) -> int:
        """What the outlet's energy meter shows."""
        evse = self.evses[evse_id]
        flowing = (now - evse.charging_since).total_seconds() if evse.charging_since else 0.0
        return round(evse.meter_wh + flowing * self._habits.power_w / 3600)

    def power_w(self, evse_id: int) -> float:
        """What flows now."""
        return self._habits.power_w if self.evses[evse_id].charging_since else 0.0

    def outlet_for(self, evse_id: int | None, token: Token) -> Evse | None:
        """Where a remote start goes: the asked outlet, else its own hold's, a plugged, any."""
        chosen = [self.evses[evse_id]] if evse_id in self.evses else []
        if evse_id is None:
            chosen = sorted(self.evses.values(), key=lambda evse: self._preference(evse, token))
        return next((evse for evse in chosen if self._admits(evse, token)), None)

    def _preference(self, evse: Evse, token: Token) -> tuple[bool, bool]:
        return self.reservations.usable(evse, token) is None, not evse.plugged

    def _admits(self, evse: Evse, token: Token) -> bool:
        in_service = evse.operative and evse.outage is Outage.NONE
        free = in_service and evse.authorization is None
        return free and self.reservations.admit(evse, token, self.evses.values())

    def _reservable(self) -> list[Evse]:
        return [evse for evse in self.evses.values() if evse.free and not evse.plugged]

    def _authorize(
        self, evse: Evse, authorization: Authorization, trigger: str, now: datetime
    ) -> Events:
        if self._habits.token_uses_hold:
            used = self._use_hold(evse, authorization.token)
            authorization = replace(authorization, reservation_id=used)
        evse.authorization = authorization
        awaiting: Events = [] if evse.plugged else [AwaitingCable(evse.id, authorization)]
        started = self._advance(evse, trigger, now)
        return [*([] if started else self._settle()), *started, *awaiting]

    def _advance(self, evse: Evse, trigger: str, now: datetime) -> Events:
        """Starts, or moves on, what the conditions now allow."""
        ready = {
            TxStart.EV_CONNECTED: evse.plugged,
            TxStart.AUTHORIZED: evse.authorization is not None,
            TxStart.POWER_PATH_CLOSED: evse.plugged and evse.authorization is not None,
        }[self._habits.tx_start]
        if not ready or not evse.operative or evse.outage is Outage.RESTARTING:
            return []
        session, is_new = evse.session, evse.session is None
        if session is None:
            session = self._new_session(evse, now)
        session.authorization = evse.authorization
        if evse.authorization is not None and session.reservation_id is None:
            session.reservation_id = evse.authorization.reservation_id
        if evse.plugged and evse.authorization is not None and not session.charging:
            session.charging, evse.charging_since = True, now
        event: Event = (SessionStarted if is_new else SessionUpdated)(session, trigger)
        return [event, *self._settle()]

    def _new_session(self, evse: Evse, now: datetime) -> Session:
        session = Session(str(uuid.uuid4()), evse.id, now, self.meter_wh(evse.id, now))
        if evse.authorization is not None and not self._habits.token_uses_hold:
            session.reservation_id = self._use_hold(evse, evse.authorization.token)
        evse.session = session
        self.sessions.append(session)
        return session

    def _use_hold(self, evse: Evse, token: Token) -> int | None:
        hold = self.reservations.usable(evse, token)
        if hold is None:
            return None
        self.reservations.end(hold.id)
        return hold.id

    def _lose_holds(self) -> Events:
        lost = self.reservations.without_outlet(self.evses.values())
        for hold in lost:
            self.reservations.end(hold.id)
        return [ReservationEnded(hold.id, ReservationEnd.REMOVED) for hold in lost]

    def _go_down(self, evse: Evse, trigger: str, ending: str | None, now: datetime) -> Events:
        """What was going on here is over, or suspended until it is resumed."""
        if evse.session is None:
            return _void(evse)
        if ending is not None:
            return self.end(evse.session, trigger, ending, now)
        self._stop_energy(evse, now)
        evse.session.charging, evse.session.suspended = False, True
        return []

    def _resume(self, evse: Evse, now: datetime) -> Events:
        session = evse.session
        if session is None or not session.suspended:
            return []
        session.suspended = False
        if evse.plugged and evse.authorization is not None:
            session.charging, evse.charging_since = True, now
        return [SessionUpdated(session, "TxResumed"), *self._settle()]

    def _stop_energy(self, evse: Evse, now: datetime) -> None:
        evse.meter_wh, evse.charging_since = float(self.meter_wh(evse.id, now)), None

    def _settle(self) -> Events:
        """What follows from any change: a reset that waited for it, and the new statuses."""
        restarts: Events = []
        if self._reboot_waits and not any(evse.busy for evse in self.evses.values()):
            self._reboot_waits = False
            restarts = [Rebooting("ScheduledReset")]
        for evse in self.evses.values():
            waits_alone = evse.outage is Outage.WAITING and not self._reboot_waits and not restarts
            if waits_alone and not evse.busy:
                evse.outage = Outage.RESTARTING
                restarts.append(EvseRestarting(evse.id))
        return [*self._status_changes(), *restarts]

    def _status_changes(self) -> Events:
        changes: Events = []
        for evse in self.evses.values():
            if (status := self.status(evse.id)) != evse.reported_status:
                evse.reported_status = status
                changes.append(StatusChanged(evse.id, status))
        return changes


def _void(evse: Evse) -> Events:
    """An authorisation that led to no transaction is over, and so is the hold that it used."""
    authorization, evse.authorization = evse.authorization, None
    if authorization is None or authorization.reservation_id is None:
        return []
    return [ReservationEnded(authorization.reservation_id, ReservationEnd.NO_TRANSACTION)]
