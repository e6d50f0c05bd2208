"""Which EVSE a reservation may keep, and whether another one may be what an EVSE shows.

A station shows an EVSE as Reserved, and never for whom. So where two reservations may keep the same
EVSE, what it shows proves neither of them.
"""

from collections.abc import Iterable

from domain.reservations.reservation import Reservation


def may_keep(known: Reservation, evse_id: int | None) -> bool:
    """Whether the reservation may keep this EVSE. evse_id: None or 0 means any of the station."""
    return known.evse_id is None or not evse_id or known.evse_id == evse_id


def is_shared(known: Reservation, open_there: Iterable[Reservation]) -> bool:
    """Whether another reservation of the station that has not ended may keep the same EVSE."""
    return any(
        other.name != known.name and may_keep(other, known.evse_id) and not other.ended
        for other in open_there
    )
