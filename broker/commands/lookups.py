"""What the edges of the commands look up: stations, connectors, reservations of one caller.

All look-ups of one request happen in one read of the database, so that they fit together. What is
not known, belongs to another tenant, or to a station outside the caller's groups, is refused with
the same words.
"""

from dataclasses import dataclass
from datetime import datetime

from broker.access.caller import Caller
from broker.auth import current_caller
from broker.errors import Reason, Refusal
from broker.proto import names
from domain.model.specs import StartSpec
from domain.reservations.reservation import Reservation
from fleet import stations, transactions
from fleet.engine.statements import Tx
from fleet.log import reservations
from fleet.stations import Station
from fleet.transactions.rows import Transaction
from journal.bookings.entries import StationEntry, entry
from journal.reservations.record import from_snapshot


async def known_station(tx: Tx, caller: Caller, station: str) -> Station:
    """The caller's station by its identity. Raises: Refusal (STATION_NOT_FOUND).

    The caller is given: a shared transaction (`Database.batch`) runs in the task of another call.
    """
    found = await stations.get(tx, station)
    if found is None or found.tenant != caller.tenant or not caller.covers(station):
        raise Refusal(
            Reason.STATION_NOT_FOUND,
            f"{names.station_name(station)} is not known. Register it with CreateStation; an open "
            "gateway knows a station as soon as it has connected once.",
        )
    return found


async def known_transaction(tx: Tx, tenant: str, name: str) -> Transaction:
    """The tenant's transaction by its resource name. Raises: Refusal (TRANSACTION_NOT_FOUND)."""
    station, id = names.transaction_in(name)
    found = await transactions.get(tx, name=id)
    ours = found is not None and current_caller().covers(found.station)
    if found is None or not ours or (found.tenant, found.station) != (tenant, station):
        raise Refusal(Reason.TRANSACTION_NOT_FOUND, f"{name} is not known.")
    return found


async def known_reservation(tx: Tx, tenant: str, name: str) -> Reservation:
    """The tenant's reservation by its resource name. Raises: Refusal (RESERVATION_NOT_FOUND)."""
    id = names.parse_reservation(name)
    entry = await reservations.get(tx, tenant=tenant, name=id) if id else None
    known = None if entry is None else from_snapshot(entry.snapshot)
    if known is None or not current_caller().covers(known.station):
        raise reservation_not_found(name)
    return known


def reservation_not_found(name: str) -> Refusal:
    """The refusal when there is no reservation of this resource name."""
    return Refusal(Reason.RESERVATION_NOT_FOUND, f"{name} is not known.")


def command_not_found(name: str) -> Refusal:
    """The refusal when there is no command of this resource name."""
    return Refusal(Reason.COMMAND_NOT_FOUND, f"{name} is not known.")


@dataclass(frozen=True)
class Lookup:
    """The look-ups of one request.

    command: the request id, which is also the id of the command that may be made.
    """

    tx: Tx
    tenant: str
    command: str

    async def station(self, station: str | None) -> Station:
        """The station that the request names. Raises: Refusal (STATION_NOT_FOUND)."""
        if station is None:
            raise ValueError("the request was not checked")
        return await known_station(self.tx, current_caller(), station)

    async def reservation(self, name: str) -> Reservation:
        """The reservation of this resource name. Raises: Refusal (RESERVATION_NOT_FOUND)."""
        return await known_reservation(self.tx, self.tenant, name)

    async def entry(self, station: str, spec: StartSpec, at: datetime) -> StationEntry | None:
        """What the bookings say of a start; None where nothing is ever booked."""
        tokens = (spec.id_token, spec.group_id_token)
        digests = {token.digest for token in tokens if token is not None}
        return await entry(*(self.tx, self.tenant, station, spec.evse_id), digests=digests, at=at)

    async def connectors(self, station: str) -> list[tuple[int, int]]:
        """(evse_id, connector_id) of every connector that the station has reported."""
        known = await stations.connectors(self.tx, station)
        return [(one.evse_id, one.connector_id) for one in known]
