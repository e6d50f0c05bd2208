"""Which EVSEs of a pool can be used now, and which one a booking gets."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from domain.bookings.admission import WINDOW, BookablePool, room_for, span_planned
from domain.bookings.blocking.known_now import (
    AWAY_AFTER,
    NOTHING_KNOWN,
    OUT_OF_ORDER,
    Hindered,
    Hindrance,
    KnownNow,
    latest_start,
)
from domain.bookings.blocking.walk_ins import STAYS_AFTER, Blocker
from domain.bookings.booking import Booking
from domain.bookings.plan import Planned
from domain.bookings.pool import PoolMember, evse_of, place_of
from domain.bookings.standing import StandingBooking
from domain.bookings.states import IN_USE, BookingState
from fleet import bookings, connections, stations, transactions
from fleet.engine.statements import Tx
from fleet.transactions.judged import may_charge
from fleet.transactions.rows import Transaction
from journal.bookings.rows import KnownPool, booking_from

_IN_USE = tuple(sorted(each.value for each in IN_USE))


async def usable(tx: Tx, place: str, now: datetime, own: str = "") -> bool | None:
    """Whether an EVSE can be used: no fault, nobody there. None: its station is away.

    own: a session that is in nobody's way.
    """
    works = await _in_order(tx, place, now)
    if not works:
        return works
    station_id, evse_id = evse_of(place)
    running = await transactions.active(tx, station_id, evse_id=evse_id)
    return all(one.name == own for one in running)


async def _in_order(tx: Tx, place: str, now: datetime) -> bool | None:
    """Whether an EVSE has no fault. None: its station is away."""
    station_id, evse_id = evse_of(place)
    if await connections.holder(tx, station_id, now=now) is None:
        return None
    told = [
        row.status
        for row in await stations.connectors(tx, station_id)
        if row.evse_id in {evse_id, 0}
    ]
    return not any(status in OUT_OF_ORDER for status in told)


async def blocker_of(tx: Tx, booking: Booking, now: datetime, friendly: str = "") -> Blocker | None:
    """The session of somebody else at its EVSE, while that has no fault; None: there is none.

    One of which the token is not known may be its own driver's. friendly: a session of its party.
    """
    station, evse_id = evse_of(booking.place)
    running = await transactions.active(tx, station, evse_id=evse_id)
    strange = (one for one in running if one.name != friendly and _is_anothers(one, booking))
    theirs = next(strange, None)
    if theirs is None or not await _in_order(tx, booking.place, now):
        return None
    beside = await _bookings_beside(tx, booking)
    own = next((one for one in beside if one.transaction == theirs.name), None)
    return Blocker(
        theirs.name,
        theirs.received_time,
        theirs.token_digest or "",
        own.name if own else "",
    )


def _is_anothers(session: Transaction, booking: Booking) -> bool:
    known = {session.token_digest, session.group_digest}
    return bool(session.token_digest) and not known & booking.digests


async def _bookings_beside(tx: Tx, booking: Booking) -> list[Booking]:
    """The other live bookings of its pool around its time."""
    around = (booking.start_time - WINDOW, booking.end_time)
    rows = await bookings.in_span(tx, booking.tenant, booking.pool, around)
    return [booking_from(row) for row in rows if row.name != booking.name]


async def own_session(tx: Tx, booking: Booking) -> Transaction | None:
    """The session that its driver began at its place before that was held: he came early.

    It is the use of one booking only: the driver may have another one just before.
    """
    digest = booking.id_token.digest
    if booking.state in IN_USE:
        row = await transactions.get(tx, name=booking.transaction)
        return row if row and row.token_digest == digest else None
    if booking.state is not BookingState.BOUND:
        return None
    station, evse_id = evse_of(booking.place)
    rows = await transactions.active(tx, station, evse_id=evse_id, token_digest=digest)
    others = {one.transaction for one in await _bookings_beside(tx, booking)} if rows else set()
    return next((row for row in rows if may_charge(row) and row.name not in others), None)


async def choose(
    tx: Tx, known: KnownPool, booking: Booking, now: datetime, own: str = ""
) -> Booking | None:
    """The booking with an EVSE that can be used, preferably where the plan has it; None: none.

    Others that are not bound may be moved for it. known: locked. own: as of `usable`. Who charges
    there already, without a booking, is at his place.
    """
    if booking.place not in booking.tried:
        there = None if own else await own_session(tx, replace(booking, state=BookingState.BOUND))
        if await usable(tx, booking.place, now, there.name if there else own):
            return booking
    venue, live = await rivals(tx, known, booking, now)
    free = replace(booking, place="", state=BookingState.CONFIRMED)
    room = room_for(venue, free, [*live, booking]) if venue.pool.members else None
    if not isinstance(room, Planned):
        return None
    plan = room.plan.places
    await move(tx, booking.tenant, plan, live)
    return replace(booking, place=plan[booking.name])


async def move(
    tx: Tx, tenant: str, plan: Mapping[str, str], others: Iterable[Booking | StandingBooking]
) -> int:
    """Writes where the plan has others now; for how many. Nobody was told: they are not bound."""
    elsewhere = moved(plan, others)
    await bookings.place_bookings(tx, tenant, elsewhere)
    return len(elsewhere)


def moved(plan: Mapping[str, str], others: Iterable[Booking | StandingBooking]) -> dict[str, str]:
    """Where the plan has those of the others that it moves, by name."""
    return {
        each.name: plan[each.name]
        for each in others
        if plan.get(each.name, each.place) != each.place
    }


async def rivals(
    tx: Tx, known: KnownPool, booking: Booking, now: datetime
) -> tuple[BookablePool, list[Booking]]:
    """The pool with the other EVSEs that can be used now, and the other bookings that are there."""
    members = [
        member
        for member in known.pool.members
        if member.place not in {booking.place, *booking.tried}
        and await usable(tx, member.place, now)
    ]
    return await only_at(tx, known, booking, members)


async def known_now(tx: Tx, known: KnownPool, first_start: datetime, now: datetime) -> KnownNow:
    """What is known now of the EVSEs of a pool, when it counts for a booking that begins then."""
    if first_start >= latest_start(known.venue.policy, now):
        return NOTHING_KNOWN
    members = known.pool.members
    stations_there = sorted({each.station for each in members})
    held = await connections.holders(tx, stations_there, now=now)
    away = await _away(tx, [each for each in stations_there if each not in held], now)
    bad = {
        (row.station, row.evse_id)
        for row in await stations.connectors_of(tx, stations_there)
        if row.status in OUT_OF_ORDER
    }
    charging = await _in_the_way(tx, known, stations_there, now)
    hindered: dict[str, Hindered] = {}
    for each in members:
        if each.station in away:
            hindered[each.place] = Hindered(Hindrance.OFFLINE)
        elif bad & {(each.station, each.evse_id), (each.station, 0)}:
            hindered[each.place] = Hindered(Hindrance.OUT_OF_ORDER)
        elif each.place in charging:
            hindered[each.place] = Hindered(Hindrance.OCCUPIED, charging[each.place])
    return KnownNow(now, hindered)


async def _away(tx: Tx, lost: list[str], now: datetime) -> set[str]:
    """Of stations without a connection those which do not just come back."""
    times = await connections.lost_times(tx, lost) if lost else {}
    return {each for each in lost if each not in times or now - times[each] >= AWAY_AFTER}


async def _in_the_way(
    tx: Tx, known: KnownPool, stations_there: list[str], now: datetime
) -> dict[str, frozenset[str]]:
    """Where sessions run whose end the plan does not know, with the digests of who charges.

    Of a session that is the use of a booking it knows the end, until that is over. One that was
    refused ends by itself.
    """
    running = await transactions.active_of(tx, stations_there)
    if not running:
        return {}
    soon = now, now + WINDOW  # those that began early, too
    rows = await bookings.in_span(tx, known.row.tenant, known.row.name, soon, _IN_USE)
    booked = {booking_from(row).transaction for row in rows}
    found: dict[str, frozenset[str]] = {}
    for one in running:
        stays = may_charge(one) or now - one.received_time >= STAYS_AFTER
        if one.evse_id and stays and one.name not in booked:
            place = place_of(one.station, one.evse_id)
            found[place] = found.get(place, frozenset()) | {one.token_digest or ""}
    return found


async def only_at(
    tx: Tx, known: KnownPool, booking: Booking, members: Sequence[PoolMember], besides: str = ""
) -> tuple[BookablePool, list[Booking]]:
    """The pool as if it had only these EVSEs, with the other bookings that are there.

    besides: one that does not count.
    """
    # Also those after and before it: whoever is moved for it must not be put onto one of them.
    span = span_planned(known.venue, booking.start_time, booking.end_time)
    rows = await bookings.in_span(tx, booking.tenant, booking.pool, span)
    there = {member.place for member in members}
    apart = {booking.name, besides}
    live = [booking_from(row) for row in rows if row.name not in apart and row.place in there]
    return replace(known.venue, pool=replace(known.pool, members=tuple(members))), live
