"""The holds of one station: who may use which outlet, and whether another hold fits. Pure.

A hold of one outlet takes that outlet. A hold of any outlet takes none: the station only sees to it
that one stays free for its driver (OCPP 1.6 section 5.13, 2.0.1 H01), so that others are let in as
long as enough free outlets remain, with the right plug where the hold asks for one.
"""

from collections import deque
from collections.abc import Iterable

from simulator.charger.model import Evse, Reservation, Token

_MAX_ENDED = 100


class Reservations:
    """The holds, by id. `ended`: the last ones that are over, oldest first."""

    def __init__(self) -> None:
        self.held: dict[int, Reservation] = {}
        self.ended: deque[Reservation] = deque(maxlen=_MAX_ENDED)

    def of_evse(self, evse_id: int) -> Reservation | None:
        """The hold of exactly this outlet."""
        return next((each for each in self.held.values() if each.evse_id == evse_id), None)

    def usable(self, evse: Evse, token: Token) -> Reservation | None:
        """The hold that this driver would use up by charging here."""
        here = self.of_evse(evse.id)
        if here is not None:
            return here if here.is_for(token) else None
        fitting = (each for each in self._of_any() if _fits(each, evse) and each.is_for(token))
        return next(fitting, None)

    def admit(self, evse: Evse, token: Token, evses: Iterable[Evse]) -> bool:
        """This driver may charge here, and every other hold keeps its outlet."""
        here = self.of_evse(evse.id)
        if here is not None and not here.is_for(token):
            return False
        own = self.usable(evse, token)
        others = [each for each in self._of_any() if each is not own]
        free = [each for each in evses if each is not evse and each.operative and not each.busy]
        return self.fit(others, free)

    def fit(self, holds: Iterable[Reservation], free: Iterable[Evse]) -> bool:
        """Every one of these holds of any outlet finds one of its own among the free ones."""
        left = [each for each in free if self.of_evse(each.id) is None]
        for hold in sorted(holds, key=lambda each: each.connector_type is None):
            outlet = next((each for each in left if _fits(hold, each)), None)
            if outlet is None:
                return False
            left.remove(outlet)
        return True

    def room_for(self, hold: Reservation, free: list[Evse]) -> bool:
        """A new hold fits. Its own id does not stand in its way: it would be replaced."""
        before = self.held.pop(hold.id, None)
        try:
            others = self._of_any()
            if hold.evse_id is None:
                return self.fit([*others, hold], free)
            outlet = next((each for each in free if each.id == hold.evse_id), None)
            if outlet is None or self.of_evse(outlet.id) is not None:
                return False
            return self.fit(others, [each for each in free if each is not outlet])
        finally:
            if before is not None:
                self.held[hold.id] = before

    def scarce(self, free: list[Evse]) -> bool:
        """As many holds of any outlet as free outlets: nobody else finds one."""
        open_to_all = [each for each in free if self.of_evse(each.id) is None]
        return 0 < len(open_to_all) <= len(self._of_any())

    def without_outlet(self, evses: Iterable[Evse]) -> list[Reservation]:
        """Holds for which no operative outlet is left."""
        working = [each for each in evses if each.operative]
        ids = {each.id for each in working}
        lost = [each for each in self.held.values() if each.evse_id and each.evse_id not in ids]
        kept: list[Reservation] = []
        for hold in self._of_any():
            if self.fit([*kept, hold], working):
                kept.append(hold)
            else:
                lost.append(hold)
        return lost

    def put(self, hold: Reservation) -> None:
        """Holds; one with the same id is replaced."""
        self.held.pop(hold.id, None)
        self.held[hold.id] = hold

    def end(self, reservation_id: int) -> Reservation | None:
        """Lets a hold go. None: there is none with this id."""
        hold = self.held.pop(reservation_id, None)
        if hold is not None:
            self.ended.append(hold)
        return hold

    def _of_any(self) -> list[Reservation]:
        return [each for each in self.held.values() if each.evse_id is None]


def _fits(hold: Reservation, evse: Evse) -> bool:
    return hold.connector_type in (None, evse.connector_type)
