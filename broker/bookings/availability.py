"""When a pool has room, and what else would do where it has none."""

from datetime import datetime, timedelta, tzinfo

from evcommand.v1 import booking_service_pb2 as pb

from broker.auth import current_caller
from broker.backend import Backend
from broker.bookings.lookups import pool_of_caller, readable
from broker.bookings.turns import computed
from broker.errors import Reason, check
from broker.proto.booking import bookings as messages
from broker.proto.id_token import token_in
from broker.proto.times import time_in, time_out
from domain.bookings.admission import Chance, Room, WalkInsFull, chances
from domain.bookings.blocking.known_now import NotUsableNow
from domain.bookings.booking import Booking
from domain.bookings.plan import NoPlanFound, PoolFull
from domain.bookings.planning.nearest import grid
from domain.bookings.spans import Span, nearest_first, other_times
from domain.bookings.states import EVSE_CHOSEN, BookingState
from fleet.engine.statements import Tx
from journal.bookings.beside import read_standing, standing_beside
from journal.bookings.places import known_now
from journal.bookings.rows import KnownPool

STEP = timedelta(minutes=15)
"""The distance of the starts that are looked at, where the caller does not say."""


async def search(
    backend: Backend, request: pb.SearchAvailabilityRequest
) -> pb.SearchAvailabilityResponse:
    """Tells of each start whether a booking would be taken."""
    check(messages.check_search(request))
    now = backend.now()
    within = Span(time_in(request.start_time), time_in(request.end_time))
    length = request.length.ToTimedelta()
    step = request.step.ToTimedelta() if request.HasField("step") else STEP
    spans = [span for span in grid(within, length, step) if span.start > now]
    new = Booking(
        name="",
        tenant=current_caller().tenant,
        pool="",
        id_token=token_in(backend.sealer, request.holder.id_token),
        start_time=within.start,
        end_time=within.end,
        state=BookingState.CONFIRMED,
        create_time=now,
        policy="",
        policy_revision=0,
        account=request.holder.account,
        groups=frozenset(request.holder.groups),
        needs=messages.needs_in(request.needs),
    )
    async with backend.db.read() as tx:
        known = await pool_of_caller(tx, request.pool)
        with readable():
            found = await chances_in(tx, known, new, spans)
    return pb.SearchAvailabilityResponse(spans=[shown(each, known.venue.zone) for each in found])


async def chances_in(
    tx: Tx, known: KnownPool, new: Booking, spans: list[Span]
) -> tuple[Chance, ...]:
    """Whether a booking like this one would be taken in each of the spans."""
    if not spans:
        return ()
    starts = [one.start for one in spans]
    asked = Span(min(starts), max(one.end for one in spans))
    rows = await standing_beside(tx, known, new, asked, max(starts))
    evses = await known_now(tx, known, min(starts), new.create_time)
    return await computed(lambda: chances(known.venue, new, read_standing(rows), spans, evses))


async def alternatives(
    tx: Tx, known: KnownPool, new: Booking, now: datetime
) -> list[pb.AvailableSpan]:
    """The nearest spans of the same length that would be taken, the nearest first.

    None for a booking whose EVSE is chosen: only its end can be changed.
    """
    if new.state in EVSE_CHOSEN:
        return []
    asked = Span(new.start_time, new.end_time)
    spans = [one for one in other_times(asked, now) if one != asked]
    looked = await chances_in(tx, known, new, spans)
    found = {one.span: one for one in looked if one.available}
    return [shown(found[one], known.venue.zone) for one in nearest_first(asked, found)]


def shown(chance: Chance, zone: tzinfo) -> pb.AvailableSpan:
    """A span as the contract shows it."""
    reason, message = "", ""
    if chance.rule is not None:
        reason = Reason.BOOKING_RULE.value
        message = f"{chance.rule.sentence} {chance.rule.says}".strip()
    elif chance.room is not None:
        reason, message = room_refusal(chance.room, zone)
    return pb.AvailableSpan(
        start_time=time_out(chance.span.start),
        end_time=time_out(chance.span.end),
        available=chance.available,
        free_places=chance.free if chance.available else 0,
        reason=reason,
        message=message,
    )


def room_refusal(room: Room | None, zone: tzinfo) -> tuple[str, str]:
    """Why there is no room: the reason and the sentence; empty when there is."""
    if isinstance(room, PoolFull | WalkInsFull):
        return Reason.POOL_FULL.value, room.sentence(zone)
    if isinstance(room, NotUsableNow):
        return Reason.EVSES_NOT_USABLE.value, room.sentence(zone)
    if isinstance(room, NoPlanFound):
        return (
            Reason.NO_PLAN_FOUND.value,
            "No way was found to serve this booking and all others. It may be possible all the "
            "same: another time, or fewer needs, may do.",
        )
    return "", ""
