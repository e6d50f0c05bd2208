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
from domain.bookings.states import BookingCause
from fleet import bookings, stations
from fleet.engine.statements import Tx
from journal.bookings.rows import booking_from, known_policy, known_pool

LONGEST_EARLY = timedelta(days=1)
"""How long before its start a booking without an EVSE is looked for at most."""


_WITHOUT_DRIVER = ("NO_SHOW", "EXPIRED")
_UNSEEN = frozenset({BookingCause.NOBODY_CAME, BookingCause.USE_NOT_KNOWN, BookingCause.NOT_HELD})
"""Ends that a session corrects which is reported later."""


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
    views = {
        pool: await _seen(tx, tenant, pool, at) for pool in sorted({members[one] for one in wanted})
    }
    said = [
        await _judged(tx, views[members[one]], place_of(station, one), digests, at)
        for one in sorted(wanted)
    ]
    best = best_entry(said)
    known = (view.by_name.get(best.booking) for view in views.values())
    return StationEntry(best, next((one for one in known if one is not None), None))


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
