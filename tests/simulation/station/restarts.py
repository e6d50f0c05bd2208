"""How the hostile station unlocks connectors and restarts when it is asked to, or not."""

from typing import TYPE_CHECKING

from tests.simulation.servers.wire import Wire
from tests.simulation.station.reservations import DOES_IT
from tests.simulation.station.truth import FrameSeen, TrueRestart, TrueUnlock

if TYPE_CHECKING:
    from tests.simulation.station.station import Payload, Station


class Bolts:
    """The connectors' locks."""

    def __init__(self, station: "Station") -> None:
        self._station = station

    async def asked_to_unlock(self, wire: Wire, seen: FrameSeen) -> None:
        """UnlockConnector. 1.6 ends the session of that connector first; 2.x refuses."""
        station = self._station
        evse, connector = station.requests.unlock(seen.payload)
        mood = station.mood(station.temper.unlock_moods)
        session = station.on_evse(evse)
        station.tell(f"gets unlock {seen.message_id[:4]} of {evse}: {mood}")
        if mood == "error":
            await station.says_error(wire, seen)
            return
        in_use = session is not None and session.token != ""
        refusal = self._refusal(evse, connector, in_use=in_use)
        if mood == "reject":
            refusal = refusal or "UnlockFailed"
        if refusal:
            await station.pauses()
            station.answer(wire, seen, {"status": refusal})
            return
        if mood in DOES_IT or (mood != "reboots" and station.tosses()):
            if session is not None:
                station.end_session(session, "unlocked", "UnlockCommand")
            station.truth.unlocks.append(TrueUnlock(station.loop.utc_now(), evse, seen.message_id))
            station.tell(f"unlocks {evse}")
        await station.reacts(wire, seen, mood, {"status": "Unlocked"})

    def _refusal(self, evse: int, connector: int, *, in_use: bool) -> str:
        temper = self._station.temper
        v16 = temper.version == "1.6"
        if evse not in self._station.plugged or connector != 1:
            return "NotSupported" if v16 else "UnknownConnector"
        if temper.tethered:
            return "NotSupported" if v16 else "UnlockFailed"
        return "OngoingAuthorizedTransaction" if in_use and not v16 else ""


class Restarts:
    """Resets: at once, when the last session has ended, or of one EVSE."""

    def __init__(self, station: "Station") -> None:
        self._station = station
        self._waits: FrameSeen | None = None

    async def asked_to_restart(self, wire: Wire, seen: FrameSeen) -> None:
        """Reset."""
        station = self._station
        word, evse = station.requests.reset(seen.payload)
        mood = station.mood(station.temper.reset_moods)
        station.tell(f"gets reset {seen.message_id[:4]} {word} of {evse or 'all'}: {mood}")
        if mood == "error":
            await station.says_error(wire, seen)
            return
        if mood == "reject" or (evse is not None and evse not in station.plugged):
            await station.pauses()
            station.answer(wire, seen, {"status": "Rejected"})
            return
        waits = word == "OnIdle" and bool(self._in_the_way(evse))
        yes: Payload = {"status": "Scheduled" if waits else "Accepted"}
        does = mood in DOES_IT or (mood not in {"ignores", "reboots"} and station.tosses())
        if waits and does:
            self._waits = seen
        await station.reacts(wire, seen, mood, yes)
        if does and not waits:
            after_s = station.chance.between(0.5, station.temper.restarts_after_s)
            station.loop.call_later(after_s, lambda: self._restart(seen))

    def _in_the_way(self, evse: int | None) -> bool:
        running = [session for session in self._station.active() if session.token]
        return any(evse in (None, session.evse) for session in running)

    def look(self) -> None:
        """A session has ended: does a restart wait for that?"""
        seen = self._waits
        if seen is not None and not self._in_the_way(seen.payload.get("evseId")):
            self._waits = None
            self._station.loop.call_later(1.0, lambda: self._restart(seen, scheduled=True))

    def _restart(self, seen: FrameSeen, *, scheduled: bool = False) -> None:
        station = self._station
        word, evse = station.requests.reset(seen.payload)
        if not station.has_power:
            return
        if evse is not None:
            self._restart_evse(evse, word, seen.message_id)
            return
        soft = word in {"Soft", "OnIdle"}
        reason = "ScheduledReset" if scheduled else "RemoteReset"
        station.reboot(
            cause=seen.message_id,
            ends="SoftReset" if soft else "HardReset",
            keeps=word == "ImmediateAndResume",
            boot_reason=reason if station.temper.tells_why else "PowerUp",
        )

    def _restart_evse(self, evse: int, word: str, cause: str) -> None:
        station = self._station
        station.tell(f"EVSE {evse} restarts")
        station.truth.restarts.append(TrueRestart(station.loop.utc_now(), evse, cause))
        session = station.on_evse(evse)
        if session is not None and word != "ImmediateAndResume":
            station.end_session(session, "reset", "HardReset")
        station.status(evse, "Unavailable")
        station.loop.call_later(station.chance.between(2, 8), lambda: station.status_now(evse))

    def forget(self) -> None:
        """Power was lost: what was scheduled is gone."""
        self._waits = None
