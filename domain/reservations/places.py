"""Which EVSE a reservation may keep, and whether another one may be what an EVSE shows.

A station shows an EVSE as Reserved, and never for whom. So where two reservations may keep the same
EVSE, what it shows proves neither of them.
"""

from collections.abc import Iterable
from dataclasses import replace

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


def at_shown(
    known: Reservation, shown: Iterable[int], open_there: Iterable[Reservation]
) -> Reservation:
    """A reservation of any EVSE that has ended, at the one where its station may keep it again.

    shown: the EVSEs that the station shows as Reserved; 0 is the station itself. The first one
    counts that no reservation of ours explains. Every other reservation stays as it is.
    """
    if known.evse_id is not None or not known.ended:
        return known
    held = tuple(open_there)
    unexplained = [evse for evse in sorted(shown) if not any(may_keep(each, evse) for each in held)]
    return replace(known, evse_id=unexplained[0]) if unexplained else known
