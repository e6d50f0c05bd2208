"""The charger: what a station does when somebody plugs in, swipes, or asks remotely. Pure.

A method takes the time, changes the state, and returns the events that follow, in order. A session
begins when the condition of its start point is met (TxStart). Energy flows as soon as there are
both a cable and an authorisation.

Invariant: after every method, each EVSE's `reported_status` is its status, and the events contain a
StatusChanged for each status that changed (`_settle`).
"""

import uuid
from dataclasses import replace
from datetime import datetime

from simulator.charger.model import (
    AwaitingCable,
    ChargingSession,
    ChargingSessionEnded,
    ChargingSessionStarted,
    ChargingSessionUpdated,
    DriverAuthorization,
    DriverToken,
    Event,
    Evse,
    EvseRestarting,
    Outage,
    Rebooting,
    RemoteStart,
    ReservationEnding,
    ReservationHeld,
    SimulatedReservation,
    SimulatedReservationEnded,
    StatusChanged,
)
from simulator.charger.reservations import Reservations
from simulator.charger.rules import ChargerRules
from simulator.config import TxStart

Events = list[Event]


class Charger:
    """The EVSEs of one station, their sessions, and the reservations."""

    def __init__(self, evses: int, rules: ChargerRules) -> None:
        types = rules.connector_types
        self.evses = {
            number: Evse(number, types[(number - 1) % len(types)], power_w=rules.power_w)
            for number in range(1, evses + 1)
        }
        self.sessions: list[ChargingSession] = []
        self.reservations = Reservations()
        self._rules = rules
        self._reboot_waits = False

    def status(self, evse_id: int) -> str:
        """The status of an EVSE in the words of OCPP 1.6."""
        evse, reservations = self.evses[evse_id], self.reservations
        free = self._reservable()
        needed = self._rules.shows_any_reservation and evse in free and reservations.scarce(free)
        return evse.status(reserved=needed or reservations.of_evse(evse_id) is not None)

    def plug_in(self, evse_id: int, now: datetime) -> Events:
        """The driver plugs the cable in."""
        evse = self.evses[evse_id]
        evse.plugged, evse.charged_this_plug = True, False
        return [*self._settle(), *self._advance(evse, "CablePluggedIn", now)]

    def unplug(self, evse_id: int, now: datetime) -> Events:
        """The driver unplugs the cable. A running session ends."""
        evse = self.evses[evse_id]
        evse.plugged = False
        ended: Events = []
        if evse.session is not None:
            ended = self.end(evse.session, "EVDeparted", "EVDisconnected", now)
        return [*ended, *self._settle()]

    def remote_start(
        self, evse_id: int | None, token: DriverToken, remote_start_id: int | None, now: datetime
    ) -> RemoteStart:
        """The back end starts a session for this token. evse_id: None takes any EVSE."""
        evse = self.evse_for(evse_id, token)
        if evse is None:
            return RemoteStart(accepted=False, events=[])
        running = evse.session
        permission = DriverAuthorization(token, now, remote=True, remote_start_id=remote_start_id)
        return RemoteStart(True, self._authorize(evse, permission, "RemoteStart", now), running)

    def swipe(self, evse_id: int, token: DriverToken, now: datetime) -> Events:
        """A driver's card was accepted: it begins a session, or ends the driver's own session."""
        evse = self.evses[evse_id]
        if evse.session is not None and evse.session.authorization is not None:
            if not evse.session.authorization.token.is_same(token):
                return []
            return self.end(evse.session, "StopAuthorized", "Local", now, token)
        if not self._admits(evse, token):
            return []
        permission = DriverAuthorization(token, now, remote=False)
        return self._authorize(evse, permission, "Authorized", now)

    def give_up_waiting(self, awaited: AwaitingCable, now: datetime) -> Events:
        """The connection timeout is over. Without a cable, the authorisation ends."""
        evse = self.evses[awaited.evse_id]
        if evse.authorization is not awaited.authorization or evse.plugged:
            return []
        if evse.session is not None:
            return self.end(evse.session, "EVConnectTimeout", "Timeout", now)
        return [*_void(evse), *self._settle()]

    def refuse(self, authorization: DriverAuthorization, now: datetime) -> Events:
        """The back end does not accept this token: its authorisation and session end."""
        for evse in self.evses.values():
            if evse.authorization is authorization:
                if evse.session is not None:
                    return self.end(evse.session, "Deauthorized", "DeAuthorized", now)
                evse.authorization = None
        return self._settle()

    def end(
        self,
        session: ChargingSession,
        trigger: str,
        reason: str,
        now: datetime,
        token: DriverToken | None = None,
    ) -> Events:
        """Ends a running session. One that has ended stays as it is."""
        if not session.active:
            return []
        evse = self.evses[session.evse_id]
        evse.stop_energy(now)
        session.end_time, session.reason, session.charging = now, reason, False
        session.meter_stop_wh = round(evse.meter_wh)
        evse.session = evse.authorization = None
        evse.charged_this_plug = True
        return [ChargingSessionEnded(session, trigger, token), *self._settle()]

    def reset_when_idle(self) -> tuple[bool, Events]:
        """Reboots when nobody charges any longer. Returns whether it reboots now.

        Until the reboot, nobody can begin a session.
        """
        if not any(evse.busy for evse in self.evses.values()):
            return True, [Rebooting("RemoteReset")]
        self._reboot_waits = True
        for evse in self.evses.values():
            evse.outage = Outage.WAITING
        return False, self._settle()

    def reset_evse(self, evse_id: int, ending: str | None, now: datetime) -> Events:
        """Restarts one EVSE now. ending: the reason of its session; None: the session goes on."""
        evse = self.evses[evse_id]
        evse.outage = Outage.RESTARTING
        down = self._go_down(evse, "ResetCommand", ending, now)
        return [*down, *self._settle(), EvseRestarting(evse_id)]

    def reset_evse_when_idle(self, evse_id: int, now: datetime) -> tuple[bool, Events]:
        """Restarts one EVSE when nobody charges there. Returns whether it restarts now."""
        evse = self.evses[evse_id]
        if not evse.busy:
            return True, self.reset_evse(evse_id, "ImmediateReset", now)
        evse.outage = Outage.WAITING
        return False, self._settle()

    def evse_is_back(self, evse_id: int, now: datetime) -> Events:
        """The restart of one EVSE is over."""
        evse = self.evses[evse_id]
        if evse.outage is Outage.RESTARTING:
            evse.outage = Outage.NONE
        return [*self._resume(evse, now), *self._settle()]

    def go_down(self, trigger: str, ending: str | None, now: datetime) -> Events:
        """The station goes down. ending: the reason of its sessions; None: they are suspended."""
        self._reboot_waits = False
        for evse in self.evses.values():
            evse.outage = Outage.NONE
        every = list(self.evses.values())
        down = [event for each in every for event in self._go_down(each, trigger, ending, now)]
        return [*down, *self._settle()]

    def come_up(self, now: datetime) -> Events:
        """The station has booted. Suspended sessions go on."""
        every = list(self.evses.values())
        return [event for each in every for event in self._resume(each, now)]

    def fault(self, evse_id: int, now: datetime) -> Events:
        """An EVSE breaks: its session ends, and reservations that need it end."""
        evse = self.evses[evse_id]
        evse.faulted = True
        down = self._go_down(evse, "AbnormalCondition", "GroundFault", now)
        return [*down, *self._lose_reservations(), *self._settle()]

    def repair(self, evse_id: int) -> Events:
        """A broken EVSE works again."""
        self.evses[evse_id].faulted = False
        return self._settle()

    def set_available(self, evse_id: int | None, available: bool) -> tuple[bool, Events]:
        """Takes EVSEs in or out of service. evse_id: None means all.

        Returns False when a running session delays it.
        """
        chosen = [self.evses[evse_id]] if evse_id else list(self.evses.values())
        for evse in chosen:
            evse.available = available
        at_once = all(evse.session is None for evse in chosen)
        return at_once, [*self._lose_reservations(), *self._settle()]

    def reserve(self, reservation: SimulatedReservation) -> tuple[str, Events]:
        """Reserves one EVSE, or any. Returns the status of ReserveNow's answer.

        Any status but Accepted means that nothing changed.
        """
        chosen = [
            evse
            for evse in self.evses.values()
            if reservation.evse_id in (None, evse.id)
            and reservation.connector_type in (None, evse.connector_type)
        ]
        # The order matters: the first status that is true is the answer.
        if not chosen:
            return "Rejected", []
        if self.reservations.room_for(reservation, self._reservable()):
            return "Accepted", self.put_reservation(reservation)
        if all(evse.faulted for evse in chosen):
            return "Faulted", []
        usable = [evse for evse in chosen if evse.operative and evse.outage is Outage.NONE]
        return ("Occupied" if usable else "Unavailable"), []

    def put_reservation(self, reservation: SimulatedReservation) -> Events:
        """Adds a reservation without checking that it fits."""
        self.reservations.put(reservation)
        return [ReservationHeld(reservation), *self._settle()]

    def cancel_reservation(self, reservation_id: int) -> tuple[bool, Events]:
        """Cancels a reservation. Returns False when there is none with this id."""
        return self.reservations.end(reservation_id) is not None, self._settle()

    def expire_reservation(self, reservation: SimulatedReservation) -> Events:
        """Ends a reservation at its expiry, unless it was used, cancelled or replaced before."""
        if self.reservations.held.get(reservation.id) is not reservation:
            return []
        self.reservations.end(reservation.id)
        return [
            SimulatedReservationEnded(reservation.id, ReservationEnding.EXPIRED),
            *self._settle(),
        ]

    def forget_reservations(self) -> Events:
        """Loses every reservation. Only the statuses tell the back end about it."""
        for reservation_id in list(self.reservations.held):
            self.reservations.end(reservation_id)
        return self._settle()

    def session_by_csms_id(self, csms_transaction_id: int) -> ChargingSession | None:
        """The running session with this transactionId of 1.6."""
        return next(
            (s for s in self.sessions if s.active and s.csms_transaction_id == csms_transaction_id),
            None,
        )

    def session_by_id(self, session_id: str) -> ChargingSession | None:
        """The session with the station's own id, running or ended."""
        return next((s for s in self.sessions if s.id == session_id), None)

    def evse_for(self, evse_id: int | None, token: DriverToken) -> Evse | None:
        """The EVSE for a remote start. None: no EVSE admits this token.

        evse_id None: prefers the EVSE that is reserved for the token, then one with a cable.
        """
        chosen = [self.evses[evse_id]] if evse_id in self.evses else []
        if evse_id is None:
            chosen = sorted(self.evses.values(), key=lambda evse: self._preference(evse, token))
        return next((evse for evse in chosen if self._admits(evse, token)), None)

    def _preference(self, evse: Evse, token: DriverToken) -> tuple[bool, bool]:
        return self.reservations.usable(evse, token) is None, not evse.plugged

    def _admits(self, evse: Evse, token: DriverToken) -> bool:
        in_service = evse.operative and evse.outage is Outage.NONE
        free = in_service and evse.authorization is None
        return free and self.reservations.admit(evse, token, self.evses.values())

    def _reservable(self) -> list[Evse]:
        return [evse for evse in self.evses.values() if evse.free and not evse.plugged]

    def _authorize(
        self, evse: Evse, authorization: DriverAuthorization, trigger: str, now: datetime
    ) -> Events:
        if self._rules.token_uses_reservation:
            used = self._use_reservation(evse, authorization.token)
            authorization = replace(authorization, reservation_id=used)
        evse.authorization = authorization
        awaiting: Events = [] if evse.plugged else [AwaitingCable(evse.id, authorization)]
        started = self._advance(evse, trigger, now)
        return [*([] if started else self._settle()), *started, *awaiting]

    def _advance(self, evse: Evse, trigger: str, now: datetime) -> Events:
        """Begins a session, or continues one, when the conditions are met."""
        ready = {
            TxStart.EV_CONNECTED: evse.plugged,
            TxStart.AUTHORIZED: evse.authorization is not None,
            TxStart.POWER_PATH_CLOSED: evse.plugged and evse.authorization is not None,
        }[self._rules.tx_start]
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
        event: Event = (ChargingSessionStarted if is_new else ChargingSessionUpdated)(
            session, trigger
        )
        return [event, *self._settle()]

    def _new_session(self, evse: Evse, now: datetime) -> ChargingSession:
        session = ChargingSession(str(uuid.uuid4()), evse.id, now, evse.meter_at(now))
        if evse.authorization is not None and not self._rules.token_uses_reservation:
            session.reservation_id = self._use_reservation(evse, evse.authorization.token)
        evse.session = session
        self.sessions.append(session)
        return session

    def _use_reservation(self, evse: Evse, token: DriverToken) -> int | None:
        reservation = self.reservations.usable(evse, token)
        if reservation is None:
            return None
        self.reservations.end(reservation.id)
        return reservation.id

    def _lose_reservations(self) -> Events:
        lost = self.reservations.without_evse(self.evses.values())
        for reservation in lost:
            self.reservations.end(reservation.id)
        return [SimulatedReservationEnded(each.id, ReservationEnding.REMOVED) for each in lost]

    def _go_down(self, evse: Evse, trigger: str, ending: str | None, now: datetime) -> Events:
        """Ends what goes on at this EVSE; without `ending`, suspends its session."""
        if evse.session is None:
            return _void(evse)
        if ending is not None:
            return self.end(evse.session, trigger, ending, now)
        evse.stop_energy(now)
        evse.session.charging, evse.session.suspended = False, True
        return []

    def _resume(self, evse: Evse, now: datetime) -> Events:
        session = evse.session
        if session is None or not session.suspended:
            return []
        session.suspended = False
        if evse.plugged and evse.authorization is not None:
            session.charging, evse.charging_since = True, now
        return [ChargingSessionUpdated(session, "TxResumed"), *self._settle()]

    def _settle(self) -> Events:
        """Finishes a change: the resets that waited for it, and the statuses that are new."""
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
    """Ends an authorisation without a session, and the reservation that it used."""
    authorization, evse.authorization = evse.authorization, None
    if authorization is None or authorization.reservation_id is None:
        return []
    return [
        SimulatedReservationEnded(authorization.reservation_id, ReservationEnding.NO_TRANSACTION)
    ]
