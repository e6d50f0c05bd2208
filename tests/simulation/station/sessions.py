"""How sessions begin and end at the hostile station, by our commands or by its drivers."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.simulation.servers.wire import Wire
from tests.simulation.station.reservations import DOES_IT
from tests.simulation.station.truth import FrameSeen, TrueSession

if TYPE_CHECKING:
    from tests.simulation.station.station import Station


@dataclass
class Request:
    """A remote start that was taken and waits for its car. hold: the number that it used up."""

    evse: int
    token: str
    message_id: str
    remote_start_id: int | None
    hold: int | None = None
    open_session: TrueSession | None = None


class Sessions:
    """The sessions of one station, and the remote starts that wait for a car."""

    def __init__(self, station: "Station") -> None:
        self._station = station
        self.requests: dict[int, Request] = {}

    # --- starting

    async def asked_to_start(self, wire: Wire, seen: FrameSeen) -> None:
        """RemoteStartTransaction, RequestStartTransaction."""
        station = self._station
        evse, token, remote_start_id = station.requests.start(seen.payload)
        mood = station.mood(station.temper.start_moods)
        free = self._free_for(evse, token)
        station.tell(f"gets start {seen.message_id[:4]} for {token}: {mood}, free {free}")
        if mood == "reject" or (not free and mood in DOES_IT):
            await station.pauses()
            station.answer(wire, seen, {"status": "Rejected"})
            return
        if mood == "error":
            await station.says_error(wire, seen)
            return
        starts = bool(free) and (mood in DOES_IT or station.tosses())
        event_first = station.chance.happens(station.temper.event_first)
        if starts and event_first:
            self._takes(free, token, seen.message_id, remote_start_id)
            await station.pauses()
        await station.reacts(wire, seen, mood, {"status": "Accepted"})
        if starts and not event_first and mood != "reboots":
            self._takes(free, token, seen.message_id, remote_start_id)

    def _free_for(self, evse: int | None, token: str) -> list[int]:
        station = self._station
        return [
            one
            for one in station.plugged
            if evse in (None, one)
            and not station.is_taken(one)
            and station.holds.admits(one, token)
        ]

    def _takes(
        self, free: list[int], token: str, message_id: str, remote_start_id: int | None
    ) -> None:
        """The start is taken: it begins now, or waits for the car."""
        station = self._station
        evse = next((one for one in free if station.plugged[one]), free[0])
        if station.is_taken(evse) or not station.has_power:
            return
        hold = station.holds.take(evse, token)
        request = Request(evse, token, message_id, remote_start_id, hold)
        if station.plugged[evse]:
            self._begin(request)
            return
        patience_s = station.temper.connection_timeout_s
        if station.temper.patient:
            patience_s = station.chance.between(patience_s, 400.0)
        self.requests[evse] = request
        station.loop.call_later(patience_s, lambda: self._gives_up(request))
        if station.speech.opens_without_cable:
            request.open_session = self._begin(request)
        else:
            station.status(evse, "Preparing")
        self._driver_comes(evse, patience_s)

    def _driver_comes(self, evse: int, patience_s: float) -> None:
        station = self._station
        if station.chance.happens(station.temper.never_plugs):
            return
        late = station.chance.happens(station.temper.plugs_late)
        after_s = (
            station.chance.between(patience_s, patience_s + 120)
            if late
            else (station.chance.between(0.5, min(patience_s, 60.0)))
        )
        station.loop.call_later(after_s, lambda: self.plug(evse))

    def plug(self, evse: int) -> None:
        """A cable is plugged in."""
        station = self._station
        if station.plugged[evse]:
            return
        station.plugged[evse] = True
        station.tell(f"a car is plugged in at {evse}")
        request = self.requests.pop(evse, None)
        if request is None:
            station.status_now(evse)
        elif request.open_session is not None:
            station.speech.charging(request.open_session)
        else:
            self._begin(request)

    def _gives_up(self, request: Request) -> None:
        station = self._station
        if self.requests.get(request.evse) is not request:
            return
        station.tell(f"stops waiting for a car at {request.evse}")
        del self.requests[request.evse]
        if request.open_session is not None and request.open_session.running:
            self.end(request.open_session, "timeout", "Timeout")
        station.status(request.evse, "Available")

    def swipe(self, evse: int, token: str) -> None:
        """The driver presents his token at the station."""
        station = self._station
        if station.is_taken(evse) or not station.has_power or not station.holds.admits(evse, token):
            return
        if station.holds.shown_for_nothing(evse, token) or not station.plugged[evse]:
            return
        station.tell(f"the driver swipes {token} at {evse}")
        self._begin(Request(evse, token, "", None, station.holds.take(evse, token)))

    def _begin(self, request: Request) -> TrueSession:
        station = self._station
        number = 1000 * (len(station.truth.sessions) + 1)
        session = TrueSession(
            number, request.evse, request.token, request.message_id, station.loop.utc_now()
        )
        session.hold = request.hold
        station.truth.sessions.append(session)
        station.tell(
            f"session {number} of {request.token} begins at {request.evse}, "
            + (f"asked for by {session.cause[:4]}" if session.cause else "by its driver")
            + (f", using hold {session.hold}" if session.hold else "")
        )
        plugged = station.plugged[request.evse]
        station.speech.begun(session, request.remote_start_id, plugged=plugged)
        if station.chance.happens(station.temper.ends_by_itself):
            after_s = station.chance.between(1.0, 90.0)
            station.loop.call_later(after_s, lambda: self.end(session, "driver", "Local"))
        return session

    # --- stopping

    async def asked_to_stop(self, wire: Wire, seen: FrameSeen) -> None:
        """RemoteStopTransaction, RequestStopTransaction."""
        station = self._station
        session = station.requests.stop_target(seen.payload, self.active())
        mood = station.mood(station.temper.stop_moods)
        which = session.number if session else "nothing"
        station.tell(f"gets stop {seen.message_id[:4]} of {seen.payload} ({which}): {mood}")
        if mood == "error":
            station.say_error(wire, seen)
            return
        if mood == "reject" or session is None:
            await station.pauses()
            station.answer(wire, seen, {"status": "Rejected"})
            return
        ends = mood in DOES_IT or (mood != "ignores" and station.tosses())
        await station.reacts(wire, seen, mood, {"status": "Accepted"})
        if ends:
            after_s = station.chance.between(0.05, 3.0)
            station.loop.call_later(after_s, lambda: self.end(session, seen.message_id, "Remote"))

    def end(self, session: TrueSession, cause: str, reason: str) -> None:
        """It ends, once."""
        station = self._station
        if not session.running:
            return
        session.ended = station.loop.utc_now()
        session.end_cause = cause
        station.tell(f"session {session.number} ends: {cause[:8]}")
        request = self.requests.get(session.evse)
        if request is not None and request.open_session is session:
            del self.requests[session.evse]
        station.speech.ended(session, reason)
        if station.chance.happens(0.5):
            station.plugged[session.evse] = False
            station.status_now(session.evse)
        station.restarts.look()

    def active(self) -> list[TrueSession]:
        """The sessions that run."""
        return [session for session in self._station.truth.sessions if session.running]

    def on_evse(self, evse: int) -> TrueSession | None:
        """The session that runs there."""
        return next((session for session in self.active() if session.evse == evse), None)

    def power_lost(self, ends: str, *, keeps: bool) -> None:
        """Starts that waited are forgotten; sessions end unless they are kept."""
        self.requests.clear()
        for session in self.active():
            if not keeps:
                self.end(session, "reboot", ends)
