"""2.x stations that name a session's token late, or never; and those that are open by the cable.

The cable opens a transaction that nobody has asked for. A start or a driver takes it over: from
then on it is his session. What says so comes in messages of its own, each a moment later.
"""

from typing import TYPE_CHECKING

from tests.simulation.station.truth import TrueSession

if TYPE_CHECKING:
    from tests.simulation.station.station import Station

IN_CABLE, IN_WAIT = "EVConnected", "Idle"


class LateTokens:
    """The sessions of one station that are begun before their token is told."""

    def __init__(self, station: "Station") -> None:
        field = station.temper.field
        self._station = station
        self._field = field
        self.on = field.token != "at_once"

    def cable_in(self, evse: int) -> None:
        """The cable is in: a transaction is open, and nobody wants to charge yet."""
        station = self._station
        ready = station.has_power and station.on_evse(evse) is None
        if not (self.on and self._field.cable_first and ready):
            return
        now = station.loop.utc_now()
        session = TrueSession(station.sessions.number(), evse, "", "", now)
        session.opened = now
        station.truth.sessions.append(session)
        station.tell(f"transaction {session.number} is open at {evse}: the cable is in")
        station.speech.open(session)
        station.speech.event(session, "Started", "CablePluggedIn", IN_CABLE, tells="")

    def open_at(self, evse: int) -> TrueSession | None:
        """The transaction there that nobody has taken over."""
        session = self._station.on_evse(evse)
        return session if session is not None and not session.token else None

    def named_in_answer(self, evse: int) -> str | None:
        """The transaction that the answer to a start names."""
        session = self.open_at(evse)
        return session.ocpp_transaction_id if session and self._field.names_session else None

    def begun(self, session: TrueSession) -> None:
        """Tell of a session that somebody has begun, or taken over."""
        station, loop = self._station, self._station.loop
        plugged = station.plugged[session.evse]
        state = IN_CABLE if plugged else IN_WAIT
        if session.opened is None:
            trigger = "RemoteStart" if session.cause else "Authorized"
            names = station.temper.names_start == "always"
            station.speech.event(session, "Started", trigger, state, names_start=names)
        if self._field.meters_between:
            between_s = station.words.moment_s() / 3
            loop.call_later(between_s, lambda: self._says_meter(session, state))
        loop.call_later(station.words.moment_s(), lambda: self._names(session))

    def _says_meter(self, session: TrueSession, state: str) -> None:
        if session.running:
            speech = self._station.speech
            speech.event(session, "Updated", "MeterValuePeriodic", state, tells="")

    def _names(self, session: TrueSession) -> None:
        station = self._station
        if not session.running:
            return
        plugged = station.plugged[session.evse]
        trigger = "RemoteStart" if session.cause else "Authorized"
        names = station.temper.names_start != "never"
        token = self._field.token == "late"
        state = IN_CABLE if plugged else IN_WAIT
        if names or token:
            station.speech.event(session, "Updated", trigger, state, names_start=names, token=token)
        if plugged:
            station.loop.call_later(station.words.moment_s(), lambda: self._charges(session))

    def _charges(self, session: TrueSession) -> None:
        if session.running:
            station = self._station
            station.speech.event(session, "Updated", "ChargingStateChanged", "Charging")
