"""The reservations of one station: who may use which EVSE, and whether one more fits. Pure.

A reservation of one EVSE keeps that EVSE. A reservation of any EVSE keeps none in particular: the
station only makes sure that one EVSE stays free for the driver (OCPP 1.6 section 5.13, OCPP 2.0.1
H01). So other drivers may charge as long as enough free EVSEs remain. A reservation that asks for a
connector type needs an EVSE with that type.
"""

from collections import deque
from collections.abc import Iterable

from simulator.charger.model import DriverToken, Evse, SimulatedReservation

_MAX_ENDED = 100


class Reservations:
    """The reservations by id. `ended`: the last ones that are over, oldest first."""

    def __init__(self) -> None:
        self.held: dict[int, SimulatedReservation] = {}
        self.ended: deque[SimulatedReservation] = deque(maxlen=_MAX_ENDED)

    def of_evse(self, evse_id: int) -> SimulatedReservation | None:
        """The reservation of exactly this EVSE."""
        return next((each for each in self.held.values() if each.evse_id == evse_id), None)

    def usable(self, evse: Evse, token: DriverToken) -> SimulatedReservation | None:
        """The reservation that this driver would use by charging here."""
        here = self.of_evse(evse.id)
        if here is not None:
            return here if here.is_for(token) else None
        fitting = (each for each in self._of_any() if _fits(each, evse) and each.is_for(token))
        return next(fitting, None)

    def admit(self, evse: Evse, token: DriverToken, evses: Iterable[Evse]) -> bool:
        """Whether this driver may charge here while every other reservation keeps its EVSE."""
        here = self.of_evse(evse.id)
        if here is not None and not here.is_for(token):
            return False
        own = self.usable(evse, token)
        others = [each for each in self._of_any() if each is not own]
        free = [each for each in evses if each is not evse and each.operative and not each.busy]
        return self.fit(others, free)

    def fit(self, reservations: Iterable[SimulatedReservation], free: Iterable[Evse]) -> bool:
        """Whether each of these reservations of any EVSE gets a free EVSE of its own."""
        left = [each for each in free if self.of_evse(each.id) is None]
        # Reservations with a connector type choose first: fewer EVSEs fit them.
        for reservation in sorted(reservations, key=lambda each: each.connector_type is None):
            evse = next((each for each in left if _fits(reservation, each)), None)
            if evse is None:
                return False
            left.remove(evse)
        return True

    def room_for(self, reservation: SimulatedReservation, free: list[Evse]) -> bool:
        """Whether a new reservation fits. An old one with the same id would be replaced."""
        before = self.held.pop(reservation.id, None)
        try:
            others = self._of_any()
            if reservation.evse_id is None:
                return self.fit([*others, reservation], free)
            evse = next((each for each in free if each.id == reservation.evse_id), None)
            if evse is None or self.of_evse(evse.id) is not None:
                return False
            return self.fit(others, [each for each in free if each is not evse])
        finally:
            if before is not None:
                self.held[reservation.id] = before

    def scarce(self, free: list[Evse]) -> bool:
        """Whether the reservations of any EVSE need all free EVSEs."""
        open_to_all = [each for each in free if self.of_evse(each.id) is None]
        return 0 < len(open_to_all) <= len(self._of_any())

    def without_evse(self, evses: Iterable[Evse]) -> list[SimulatedReservation]:
        """The reservations for which no operative EVSE is left."""
        working = [each for each in evses if each.operative]
        ids = {each.id for each in working}
        lost = [each for each in self.held.values() if each.evse_id and each.evse_id not in ids]
        kept: list[SimulatedReservation] = []
        for reservation in self._of_any():
            if self.fit([*kept, reservation], working):
                kept.append(reservation)
            else:
                lost.append(reservation)
        return lost

    def put(self, reservation: SimulatedReservation) -> None:
        """Adds a reservation; it replaces one with the same id."""
        self.held.pop(reservation.id, None)
        self.held[reservation.id] = reservation

    def end(self, reservation_id: int) -> SimulatedReservation | None:
        """Removes a reservation and returns it. None: there is none with this id."""
        reservation = self.held.pop(reservation_id, None)
        if reservation is not None:
            self.ended.append(reservation)
        return reservation

    def _of_any(self) -> list[SimulatedReservation]:
        return [each for each in self.held.values() if each.evse_id is None]


def _fits(reservation: SimulatedReservation, evse: Evse) -> bool:
    return reservation.connector_type in (None, evse.connector_type)
