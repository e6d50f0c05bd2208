"""The reservations that the hostile station holds, and how they end.

A hold is kept until it is used, cancelled, replaced, forgotten at a restart, or over by the
station's own clock, which may be a day wrong. Some stations keep holds for ever, some forget them
when they restart, some bring back what had ended, some lose a hold when they refuse a change of it.
"""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tests.simulation.servers.wire import Wire
from tests.simulation.station.requests import Wanted
from tests.simulation.station.truth import FrameSeen, TrueHold

if TYPE_CHECKING:
    from tests.simulation.station.station import Station

DOES_IT = {"accept", "late", "drops_after"}
"""Moods in which it does what it is asked; in others that are no refusal it tosses a coin."""

GROUPS = {"TAG-A": "GROUP-1", "TAG-C": "GROUP-1"}
"""Which tokens belong together, as the fleet and the drivers know it."""


class Holds:
    """The holds of one station."""

    def __init__(self, station: "Station") -> None:
        self._station = station

    def running(self) -> list[TrueHold]:
        """What it holds now."""
        return [hold for hold in self._station.truth.holds if hold.running]

    def at(self, evse: int) -> TrueHold | None:
        """What is held at this very EVSE."""
        return next((hold for hold in self.running() if hold.evse == evse), None)

    # --- drivers

    def admits(self, evse: int, token: str) -> bool:
        """Whether a driver with this token may charge there."""
        mine = self.of(evse, token)
        return mine is not None or (self.at(evse) is None and self._leaves_room(evse))

    def of(self, evse: int, token: str) -> TrueHold | None:
        """The hold that a driver with this token would use there."""
        fitting = [
            hold
            for hold in self.running()
            if hold.evse in (None, evse)
            and (hold.token == token or (hold.group and hold.group == GROUPS.get(token)))
        ]
        return min(fitting, key=lambda hold: hold.evse is None, default=None)

    def _leaves_room(self, evse: int) -> bool:
        """Whether a place is left for each hold of any EVSE, when this one is taken."""
        station = self._station
        anywhere = sum(hold.evse is None for hold in self.running())
        free = [
            one
            for one in station.plugged
            if one != evse and not station.is_taken(one) and self.at(one) is None
        ]
        return anywhere == 0 or len(free) >= anywhere

    def take(self, evse: int, token: str) -> int | None:
        """A driver takes up his hold there, if he has one: its number."""
        mine = self.of(evse, token)
        if mine is not None:
            self.end(mine, "used")
        return mine.wire_id if mine else None

    def shown_for_nothing(self, evse: int, token: str) -> bool:
        """2.1: the token is shown, and no session comes of it."""
        station, mine = self._station, self.of(evse, token)
        if mine is None or station.temper.version != "2.1" or not station.chance.happens(0.2):
            return False
        self.end(mine, "shown")
        station.speech.hold_ended(mine.wire_id, "NoTransaction")
        return True

    # --- asked

    async def asked_to_hold(self, wire: Wire, seen: FrameSeen) -> None:
        """ReserveNow."""
        station = self._station
        wanted = station.requests.reserve(seen.payload)
        mood = station.mood(station.temper.reserve_moods)
        refusal = self._refusal(wanted) or ("Rejected" if mood == "reject" else "")
        station.tell(f"gets hold {wanted.wire_id} {seen.message_id[:4]}: {mood} {refusal}")
        if mood == "error":
            await station.says_error(wire, seen)
            return
        if refusal:
            await station.pauses()
            self._maybe_loses(wanted)
            station.answer(wire, seen, {"status": refusal})
            return
        if mood in DOES_IT or (mood != "reboots" and station.tosses()):
            self._hold(wanted, seen.message_id)
        await station.reacts(wire, seen, mood, {"status": "Accepted"})

    def _refusal(self, wanted: Wanted) -> str:
        """Why it cannot hold this; "" when it can."""
        station = self._station
        until = station.speech.true_time(wanted.expiry)
        if until is not None and until <= station.loop.utc_now() and not station.temper.takes_past:
            return "Rejected"
        known = self.known(wanted.wire_id)
        if known is not None and station.temper.refuses_repeats:
            return "Occupied"
        if wanted.evse is not None and wanted.evse not in station.plugged:
            return "Rejected"
        places = [wanted.evse] if wanted.evse is not None else list(station.plugged)
        return "" if any(self._is_free(one, known) for one in places) else "Occupied"

    def known(self, wire_id: int) -> TrueHold | None:
        """What it holds by this number."""
        return next((hold for hold in self.running() if hold.wire_id == wire_id), None)

    def _is_free(self, evse: int, known: TrueHold | None) -> bool:
        other = self.at(evse)
        return (
            not self._station.is_taken(evse)
            and (other is None or other is known)
            and (known is not None or self._leaves_room(evse))
        )

    def _maybe_loses(self, wanted: Wanted) -> None:
        known = self.known(wanted.wire_id)
        if known is not None and self._station.temper.loses_on_refusal:
            self.end(known, "refused a change")

    def _hold(self, wanted: Wanted, cause: str) -> None:
        station = self._station
        known = self.known(wanted.wire_id)
        if known is not None:
            self.end(known, "replaced", quiet=known.evse == wanted.evse)
        until = station.speech.true_time(wanted.expiry)
        self._begin(
            TrueHold(
                wanted.wire_id,
                wanted.evse,
                wanted.token,
                wanted.group,
                cause,
                station.loop.utc_now(),
                None if station.temper.keeps_holds else until,
            )
        )

    def _begin(self, hold: TrueHold) -> None:
        station = self._station
        station.truth.holds.append(hold)
        station.tell(f"holds {hold.wire_id} at {hold.evse or 'any'} until {hold.until}")
        if hold.until is not None:
            left_s = (hold.until - station.loop.utc_now()).total_seconds()
            if left_s < 100_000:
                station.loop.call_later(max(left_s, 0.5), lambda: self._runs_out(hold))
        if hold.evse is not None:
            station.status_now(hold.evse)

    def _runs_out(self, hold: TrueHold) -> None:
        if hold.running and self._station.has_power:
            self.end(hold, "expired")
            self._station.speech.hold_ended(hold.wire_id, "Expired")

    async def asked_to_let_go(self, wire: Wire, seen: FrameSeen) -> None:
        """CancelReservation."""
        station = self._station
        hold = self.known(int(seen.payload["reservationId"]))
        mood = station.mood(station.temper.let_go_moods)
        station.tell(f"gets cancel of {seen.payload} {seen.message_id[:4]}: {mood}, {bool(hold)}")
        if mood == "error":
            await station.says_error(wire, seen)
            return
        if hold is None:
            await station.pauses()
            station.answer(wire, seen, {"status": "Rejected"})
            return
        if mood in DOES_IT or station.tosses():
            self.end(hold, seen.message_id)
        await station.reacts(wire, seen, mood, {"status": "Accepted"})

    # --- ends

    def end(self, hold: TrueHold, cause: str, *, quiet: bool = False) -> None:
        """It is over, once."""
        if not hold.running:
            return
        station = self._station
        hold.ended = station.loop.utc_now()
        hold.end_cause = cause
        station.tell(f"hold {hold.wire_id} ends: {cause[:16]}")
        if hold.evse is not None and not quiet and cause != "used":
            hold.left_car = station.plugged[hold.evse] and not station.is_taken(hold.evse)
            station.status_now(hold.evse)

    def remove_one(self) -> None:
        """Somebody takes a hold away at the station itself."""
        for hold in self.running()[:1]:
            self.end(hold, "removed")
            self._station.speech.hold_ended(hold.wire_id, "Removed")

    def restarted(self) -> None:
        """What is left of its holds after a restart; it may bring back what had ended."""
        station, now = self._station, self._station.loop.utc_now()
        for hold in self.running():
            if station.temper.forgets_holds:
                self.end(hold, "reboot", quiet=True)
            elif hold.until is not None and hold.until <= now:
                self.end(hold, "expired", quiet=True)
        if not station.temper.revives_holds:
            return
        for hold in station.truth.holds[-3:]:
            if not hold.running and self._may_come_back(hold, now):
                copy = TrueHold(
                    hold.wire_id, hold.evse, hold.token, hold.group, "revived", now, hold.until
                )
                self._begin(copy)

    def _may_come_back(self, hold: TrueHold, now: datetime) -> bool:
        station = self._station
        fresh = hold.until is None or hold.until > now + timedelta(seconds=1)
        place = [hold.evse] if hold.evse else []
        free = all(self.at(one) is None and not station.is_taken(one) for one in place)
        return fresh and free and self.known(hold.wire_id) is None and station.tosses()
