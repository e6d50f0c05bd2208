"""How sessions begin and end at the hostile station, by our commands or by its drivers."""

from dataclasses import dataclass, replace
from functools import partial
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
        self._number = 0

    def number(self) -> int:
        """The number of the next session."""
        self._number += 1000
        return self._number

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
        takes = partial(self._takes, free, token, seen.message_id, remote_start_id)
        refusal = station.words.begins_refused() if free else ""
        if refusal:
            await self._refuses(wire, seen, refusal)
            station.loop.call_later(station.words.moment_s(), takes)
            return
        starts = bool(free) and (mood in DOES_IT or station.tosses())
        event_first = station.chance.happens(station.temper.event_first)
        yes = {"status": "Accepted", **self._named(free)}
        if starts and event_first:
            takes()
            await station.pauses()
        await station.reacts(wire, seen, mood, yes)
        if starts and not event_first and mood != "reboots":
            if station.temper.field.is_field and not station.late_tokens.on:
                station.loop.call_later(station.words.moment_s(), takes)
            else:
                takes()

    async def _refuses(self, wire: Wire, seen: FrameSeen, refusal: str) -> None:
        """It says no, and means nothing by it."""
        station = self._station
        station.tell(f"refuses with {refusal}, and begins all the same")
        await station.pauses()
        if refusal == "Rejected":
            station.answer(wire, seen, {"status": refusal})
        else:
            station.say_error(wire, seen, refusal)

    def _named(self, free: list[int]) -> dict[str, str]:
        """The id of the transaction that is open already, where the start will be taken."""
        name = self._station.late_tokens.named_in_answer(self._place(free)) if free else None
        return {"transactionId": name} if name else {}

    def _place(self, free: list[int]) -> int:
        return next((one for one in free if self._station.plugged[one]), free[0])

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
        evse = self._place(free)
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
            station.late_tokens.cable_in(evse)
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
        if station.is_taken(evse) or not station.has_power:
            return
        if not station.holds.admits(evse, token):
            self._lends(evse, token)
            return
        if station.holds.shown_for_nothing(evse, token) or not station.plugged[evse]:
            return
        station.tell(f"the driver swipes {token} at {evse}")
        self._begin(Request(evse, token, "", None, station.holds.take(evse, token)))

    def _lends(self, evse: int, token: str) -> None:
        """Somebody charges at a place that is held for another, under the number of that hold."""
        station = self._station
        hold = station.holds.at(evse)
        if hold is None or not station.temper.field.lends_holds or not station.plugged[evse]:
            return
        station.tell(f"lends hold {hold.wire_id} at {evse} to {token}")
        station.holds.end(hold, "lent", quiet=True)
        self._begin(Request(evse, token, "", None), lent_hold=hold.wire_id)

    def _session_of(self, request: Request) -> TrueSession:
        """A new session, or the open transaction that it takes over."""
        station, now = self._station, self._station.loop.utc_now()
        session = station.late_tokens.open_at(request.evse)
        if session is None:
            session = TrueSession(
                self.number(), request.evse, request.token, request.message_id, now
            )
            station.truth.sessions.append(session)
        session.token, session.cause, session.begun = request.token, request.message_id, now
        return session

    def _begin(
        self, request: Request, *, lent_hold: int | None = None, again: bool = False
    ) -> TrueSession:
        station = self._station
        session = self._session_of(request)
        number = session.number
        session.hold, session.lent_hold = request.hold, lent_hold
        station.tell(
            f"session {number} of {request.token} begins at {request.evse}, "
            + (f"asked for by {session.cause[:4]}" if session.cause else "by its driver")
            + (f", using hold {session.hold}" if session.hold else "")
        )
        plugged = station.plugged[request.evse]
        station.speech.begun(session, request.remote_start_id, plugged=plugged)
        if station.chance.happens(station.temper.ends_by_itself):
            longest_s = 4.0 if station.temper.field.short else 90.0
            after_s = station.chance.between(1.0, longest_s)
            station.loop.call_later(after_s, lambda: self.end(session, "driver", "Local"))
        if session.cause and not again and station.words.begins_twice():
            station.loop.call_later(
                station.words.moment_s(), lambda: self._begins_again(session, request)
            )
        return session

    def _begins_again(self, session: TrueSession, request: Request) -> None:
        """A second session on the same plug; nobody hears that the first one has ended."""
        if session.running and self._station.has_power and self._station.plugged[session.evse]:
            self.end(session, "replaced", "Other", reported=False)
            self._begin(replace(request, hold=None, open_session=None), again=True)

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

    def end(self, session: TrueSession, cause: str, reason: str, *, reported: bool = True) -> None:
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
        if not reported:
            return
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
        station, silent = self._station, self._station.temper.field.loses_sessions
        for session in self.active():
            if silent:
                self.end(session, "power", ends, reported=False)
                station.plugged[session.evse] = not station.words.leaves()
            elif not keeps:
                self.end(session, "reboot", ends)
