"""The charger: what a station does when somebody plugs in, swipes, or asks remotely. Pure.

Every method takes the time, changes the state and returns the events that follow, in order. A
transaction begins when the conditions of its start point hold (TxStart); energy flows as soon as
there is both a cable and an authorisation.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime

from simulator.config import TxStart
from simulator.model import (
    Authorization,
    AwaitingCable,
    Event,
    Evse,
    Reservation,
    ReservationExpired,
    ReservationHeld,
    Session,
    SessionEnded,
    SessionStarted,
    SessionUpdated,
    StatusChanged,
    Token,
)

Events = list[Event]


@dataclass(frozen=True)
class StartDecision:
    """What becomes of a remote start. `running`: the transaction that was there already."""

    accepted: bool
    events: Events
    running: Session | None = None


class Charger:
    """The outlets of one station and the sessions on them."""

    def __init__(self, evses: int, *, tx_start: TxStart, power_w: float) -> None:
        self.evses = {number: Evse(number) for number in range(1, evses + 1)}
        self.sessions: list[Session] = []
        self._tx_start = tx_start
        self._power_w = power_w

    def plug_in(self, evse_id: int, now: datetime) -> Events:
        """The driver puts the cable in."""
        evse = self.evses[evse_id]
        evse.plugged, evse.charged_this_plug = True, False
        return [*self._status_changes(), *self._advance(evse, "CablePluggedIn", now)]

    def unplug(self, evse_id: int, now: datetime) -> Events:
        """The driver takes the cable out, which ends what runs."""
        evse = self.evses[evse_id]
        evse.plugged = False
        ended: Events = []
        if evse.session is not None:
            ended = self.end(evse.session, "EVDeparted", "EVDisconnected", now)
        return [*ended, *self._status_changes()]

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
            if evse.session.authorization.token.value != token.value:
                return []
            return self.end(evse.session, "StopAuthorized", "Local", now, token)
        return self._authorize(evse, Authorization(token, now, remote=False), "Authorized", now)

    def give_up_waiting(self, awaited: AwaitingCable, now: datetime) -> Events:
        """The connection timeout is over: without a cable, the authorisation is void."""
        evse = self.evses[awaited.evse_id]
        if evse.authorization is not awaited.authorization or evse.plugged:
            return []
        if evse.session is not None:
            return self.end(evse.session, "EVConnectTimeout", "Timeout", now)
        evse.authorization = None
        return self._status_changes()

    def refuse(self, authorization: Authorization, now: datetime) -> Events:
        """The back end does not accept this token: what it began is over."""
        for evse in self.evses.values():
            if evse.authorization is authorization:
                if evse.session is not None:
                    return self.end(evse.session, "Deauthorized", "DeAuthorized", now)
                evse.authorization = None
        return self._status_changes()

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
        return [SessionEnded(session, trigger, token), *self._status_changes()]

    def end_all(self, trigger: str, reason: str, now: datetime) -> Events:
        """Ends everything, before a reboot."""
        running = [evse.session for evse in self.evses.values() if evse.session is not None]
        return [event for each in running for event in self.end(each, trigger, reason, now)]

    def set_available(self, evse_id: int | None, available: bool) -> tuple[bool, Events]:
        """Takes outlets in or out of service. False: only after the running session."""
        chosen = [self.evses[evse_id]] if evse_id else list(self.evses.values())
        for evse in chosen:
            evse.available = available
        return all(evse.session is None for evse in chosen), self._status_changes()

    def reserve(self, evse_id: int | None, reservation: Reservation) -> tuple[str, Events]:
        """Holds an outlet. Returns OCPP's word for the answer."""
        chosen = [self.evses[evse_id]] if evse_id else list(self.evses.values())
        for evse in chosen:
            held = evse.reservation is None or evse.reservation.id == reservation.id
            if evse.status() in ("Available", "Reserved") and held:
                self._forget_reservation(reservation.id)
                evse.reservation = reservation
                return "Accepted", [ReservationHeld(reservation), *self._status_changes()]
        words = {evse.status() for evse in chosen}
        return ("Unavailable" if words == {"Unavailable"} else "Occupied"), []

    def cancel_reservation(self, reservation_id: int) -> tuple[bool, Events]:
        """Lets a hold go. False: there is none with this id."""
        return self._forget_reservation(reservation_id), self._status_changes()

    def expire_reservation(self, reservation: Reservation) -> Events:
        """The hold's time is over, unless it was used, cancelled or replaced before."""
        if all(evse.reservation is not reservation for evse in self.evses.values()):
            return []
        self._forget_reservation(reservation.id)
        return [ReservationExpired(reservation.id), *self._status_changes()]

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
        return round(evse.meter_wh + flowing * self._power_w / 3600)

    def power_w(self, evse_id: int) -> float:
        """What flows now."""
        return self._power_w if self.evses[evse_id].charging_since else 0.0

    def _authorize(
        self, evse: Evse, authorization: Authorization, trigger: str, now: datetime
    ) -> Events:
        evse.authorization = authorization
        awaiting: Events = [] if evse.plugged else [AwaitingCable(evse.id, authorization)]
        started = self._advance(evse, trigger, now)
        return [*([] if started else self._status_changes()), *started, *awaiting]

    def _advance(self, evse: Evse, trigger: str, now: datetime) -> Events:
        """Starts, or moves on, what the conditions now allow."""
        ready = {
            TxStart.EV_CONNECTED: evse.plugged,
            TxStart.AUTHORIZED: evse.authorization is not None,
            TxStart.POWER_PATH_CLOSED: evse.plugged and evse.authorization is not None,
        }[self._tx_start]
        if not ready or not evse.available:
            return []
        session, is_new = evse.session, evse.session is None
        if session is None:
            session = self._new_session(evse, now)
        session.authorization = evse.authorization
        if evse.plugged and evse.authorization is not None and not session.charging:
            session.charging, evse.charging_since = True, now
        event: Event = (SessionStarted if is_new else SessionUpdated)(session, trigger)
        return [event, *self._status_changes()]

    def _new_session(self, evse: Evse, now: datetime) -> Session:
        session = Session(str(uuid.uuid4()), evse.id, now, self.meter_wh(evse.id, now))
        held = evse.reservation
        if held and evse.authorization and _may_use(held, evse.authorization.token):
            session.reservation_id, evse.reservation = held.id, None
        evse.session = session
        self.sessions.append(session)
        return session

    def _stop_energy(self, evse: Evse, now: datetime) -> None:
        evse.meter_wh, evse.charging_since = float(self.meter_wh(evse.id, now)), None

    def outlet_for(self, evse_id: int | None, token: Token) -> Evse | None:
        """Where a remote start goes: the asked outlet, else a plugged one, else any free one."""
        chosen = [self.evses[evse_id]] if evse_id in self.evses else []
        if evse_id is None:
            chosen = sorted(self.evses.values(), key=lambda evse: not evse.plugged)
        for evse in chosen:
            taken = evse.session is not None and evse.session.authorization is not None
            held = evse.reservation is not None and not _may_use(evse.reservation, token)
            if evse.available and not taken and not held and evse.authorization is None:
                return evse
        return None

    def _forget_reservation(self, reservation_id: int) -> bool:
        found = False
        for evse in self.evses.values():
            if evse.reservation is not None and evse.reservation.id == reservation_id:
                evse.reservation, found = None, True
        return found

    def _status_changes(self) -> Events:
        changes: Events = []
        for evse in self.evses.values():
            if evse.status() != evse.reported_status:
                evse.reported_status = evse.status()
                changes.append(StatusChanged(evse.id, evse.reported_status))
        return changes


def _may_use(reservation: Reservation, token: Token) -> bool:
    same_group = token.group is not None and token.group == reservation.token.group
    return token.value == reservation.token.value or same_group
