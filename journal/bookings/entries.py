"""Who may charge at a station now, by the bookings of its pools. The database decides.

A station of no pool costs one look by an index. At others a few rows are read: the bookings whose
EVSE is chosen, and those whose driver may come already.
"""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from domain.bookings.booking import Booking
from domain.bookings.enforcement import (
    EntryVerdict,
    PlaceEntry,
    Slot,
    best_entry,
    judge_entry,
    slot_of,
)
from domain.bookings.policies.policy import BookingPolicy
from domain.bookings.pool import place_of
from domain.bookings.states import BookingCause, BookingState
from fleet import bookings, stations
from fleet.engine.statements import Tx
from journal.bookings.rows import booking_from, known_policy, known_pool

LONGEST_EARLY = timedelta(days=1)
"""How long before its start a booking without an EVSE is looked for at most."""


_WITHOUT_DRIVER = ("NO_SHOW", "EXPIRED")
_UNSEEN = frozenset({BookingCause.NOBODY_CAME, BookingCause.USE_NOT_KNOWN, BookingCause.NOT_HELD})
"""Ends that a session corrects which is reported later."""
_BY_OWN_BOOKING = frozenset({PlaceEntry.OWN_PLACE, PlaceEntry.MOVE_HERE, PlaceEntry.ELSEWHERE})
"""What is said to a driver whose own booking lets him charge now, at this place or another one."""


@dataclass(frozen=True)
class StationEntry:
    """What is said to a driver. booking: of whom is spoken, None for a walk-in."""

    verdict: EntryVerdict
    booking: Booking | None = None

    @property
    def may_charge(self) -> bool:
        """Whether a session may begin."""
        return self.verdict.may_charge


async def entry(
    tx: Tx,
    tenant: str,
    station: str,
    evse_id: int | None,
    *,
    digests: AbstractSet[str],
    at: datetime,
) -> StationEntry | None:
    """What is said to a driver who wants to charge there; None where nothing is ever booked.

    evse_id: None or 0 when it is not known; then the driver is refused only when he is at every
    EVSE of the station. digests: of his token and its group.
    """
    members = await bookings.members_at(tx, tenant, station)
    if not members:
        return None
    wanted = {evse_id} if evse_id else await _known_evses(tx, station)
    if not wanted or not wanted <= members.keys():
        return None
    pools = {one: members[one] for one in wanted}
    said, by_name = await _said_at(tx, tenant, station, pools, digests=digests, at=at)
    best = best_entry(said)
    return StationEntry(best, by_name.get(best.booking))


async def own_booking(
    tx: Tx,
    tenant: str,
    station: str,
    evse_id: int | None,
    *,
    digests: AbstractSet[str],
    at: datetime,
) -> Booking | None:
    """The booking of these tokens by which their driver is in the pool at that time; None: none.

    evse_id: None or 0 when it is not known; then each EVSE of the station that is in a pool may be.
    """
    members = await bookings.members_at(tx, tenant, station)
    pools = {one: pool for one, pool in members.items() if not evse_id or one == evse_id}
    if not pools:
        return None
    said, by_name = await _said_at(tx, tenant, station, pools, digests=digests, at=at)
    named = (by_name[one.booking] for one in said if one.entry in _BY_OWN_BOOKING)
    return next((one for one in named if one.state is not BookingState.PENDING), None)


async def missed_at(
    tx: Tx, tenant: str, station: str, evse_id: int, *, digests: AbstractSet[str], at: datetime
) -> Booking | None:
    """The booking of a session that began at an EVSE at `at`, which was told after its end."""
    pool = (await bookings.members_at(tx, tenant, station)).get(evse_id)
    missed = await missed_by(tx, tenant, station, digests, at)
    return next((one for one in missed if one.pool == pool), None)


async def missed_by(
    tx: Tx,
    tenant: str,
    station: str,
    digests: AbstractSet[str],
    at: datetime,
    *,
    no_earlier: datetime | None = None,
) -> list[Booking]:
    """Bookings of these tokens at the station's pools that ended before anybody knew of `at`.

    at: when a session began; with `no_earlier` it began between the two, nobody knows when.
    """
    since = no_earlier or at
    members = await bookings.members_at(tx, tenant, station)
    found: list[Booking] = []
    for pool in sorted(set(members.values())):
        known = await known_pool(tx, tenant, pool)
        policy = known.venue.policy if known else BookingPolicy()
        early = min(max(policy.early_start, policy.hold_lead), LONGEST_EARLY)
        span = since, at + early + timedelta(microseconds=1)
        rows = await bookings.in_span(tx, tenant, pool, span, _WITHOUT_DRIVER)
        found += [booking_from(row) for row in rows]
    return [
        one
        for one in found
        if one.cause in _UNSEEN
        and {*one.digests} & digests
        and since < (one.end_of_life_time or at)
    ]


async def _said_at(
    tx: Tx,
    tenant: str,
    station: str,
    pools: Mapping[int, str],
    *,
    digests: AbstractSet[str],
    at: datetime,
) -> tuple[list[EntryVerdict], dict[str, Booking]]:
    """What is said at some EVSEs of a station, and the bookings that are spoken of, by name."""
    views = {pool: await _seen(tx, tenant, pool, at) for pool in sorted(set(pools.values()))}
    said = [
        await _judged(tx, views[pool], place_of(station, one), digests, at)
        for one, pool in sorted(pools.items())
    ]
    return said, {name: one for view in views.values() for name, one in view.by_name.items()}


@dataclass(frozen=True)
class _View:
    """What is known of a pool. buffer: between two bookings of one EVSE."""

    tenant: str
    pool: str
    by_name: Mapping[str, Booking]
    slots: tuple[Slot, ...]
    buffer: timedelta


async def _known_evses(tx: Tx, station: str) -> set[int]:
    return {row.evse_id for row in await stations.connectors(tx, station) if row.evse_id}


async def _seen(tx: Tx, tenant: str, pool: str, at: datetime) -> _View:
    known = await known_pool(tx, tenant, pool)
    policy = known.venue.policy if known else BookingPolicy()
    opens_by = at + min(policy.early_start, LONGEST_EARLY)
    rows = await bookings.opening(tx, tenant, pool, at, opens_by)
    by_name = {row.name: booking_from(row) for row in rows}
    slots = await _slots(tx, by_name.values())
    return _View(tenant, pool, by_name, slots, policy.buffer)


async def _slots(tx: Tx, live: Iterable[Booking]) -> tuple[Slot, ...]:
    """The bookings as their stations see them, each by its own revision of its policy."""
    policies: dict[tuple[str, str, int], BookingPolicy] = {}
    slots = []
    for one in live:
        which = one.tenant, one.policy, one.policy_revision
        if which not in policies:
            policies[which] = await known_policy(tx, *which) or BookingPolicy()
        slots.append(slot_of(one, policies[which]))
    return tuple(slots)


async def _judged(
    tx: Tx, view: _View, place: str, digests: AbstractSet[str], at: datetime
) -> EntryVerdict:
    said = judge_entry(view.slots, digests, place, at, view.buffer)
    if said.entry is not PlaceEntry.MOVE_HERE:
        return said
    moves = view.by_name[said.booking]
    end = moves.end_time + max(view.buffer, moves.pause)
    later = await bookings.planned_at(tx, view.tenant, view.pool, place, (at, end))
    if all(row.name == said.booking for row in later):
        return said
    return replace(said, entry=PlaceEntry.ELSEWHERE)
