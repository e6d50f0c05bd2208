"""Pools: created, got, listed, deleted."""

from dataclasses import replace
from datetime import UTC, datetime

from evcommand.v1 import booking_service_pb2 as pb

from broker.audit.changes import record_change
from broker.auth import current_caller
from broker.backend import Backend
from broker.bookings.lookups import covered, pool_of_caller
from broker.bookings.policies import policy_not_found
from broker.commands.lookups import known_station
from broker.errors import FieldViolation, Reason, Refusal, check
from broker.proto.booking import names
from broker.proto.booking import pools as messages
from broker.proto.booking.bookings import booking_out
from broker.proto.fields import Findings, page_size_field
from broker.proto.selection import list_selection
from broker.reading.paging import Pager, cut_page, limit_of
from domain.bookings.pool import place_of
from domain.bookings.states import EVSE_CHOSEN
from fleet import bookings
from fleet.bookings import PoolRow
from fleet.engine.statements import Tx
from journal.bookings.displacing import plan_pool
from journal.bookings.offering import serve
from journal.bookings.rows import KnownPool, locked_pool, pool_content, pool_from

_EVER, _ALWAYS = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_CHOSEN = tuple(state.value for state in EVSE_CHOSEN)


async def create(backend: Backend, request: pb.CreatePoolRequest) -> pb.CreatePoolResponse:
    """Writes a pool whose stations and policy are known, and whose EVSEs are in no other pool."""
    check(messages.check_pool(request.pool))
    caller, now = current_caller(), backend.now()
    pool, id = messages.pool_in(request.pool), names.parse_pool(request.pool.name) or ""
    members = [(each.station, each.evse_id) for each in pool.members]
    async with backend.db.write() as tx:
        await bookings.one_at_a_time(tx, caller.tenant)
        if await bookings.pool(tx, caller.tenant, id) is not None:
            raise Refusal(Reason.POOL_EXISTS, f"{request.pool.name} exists already.")
        for station in sorted({station for station, _ in members}):
            await known_station(tx, caller, station)
        if await bookings.policy(tx, caller.tenant, pool.policy) is None:
            raise policy_not_found(request.pool.policy)
        await _check_free(tx, caller.tenant, members)
        row = PoolRow(caller.tenant, id, pool_content(pool), 1, 1, now, now)
        await bookings.add_pool(tx, row, members)
        await record_change(tx, "CreatePool", request.pool.name, now)
    return pb.CreatePoolResponse(pool=messages.pool_out(row, pool))


async def update(backend: Backend, request: pb.UpdatePoolRequest) -> pb.UpdatePoolResponse:
    """Changes a pool, and plans its bookings anew; those without a place are told."""
    check(messages.check_pool(request.pool))
    try:
        async with backend.db.write() as tx:
            return await _updated(tx, request, backend.now())
    except _OnlyShown as shown:
        return shown.reply


class _OnlyShown(Exception):
    """Nothing is to be written: what a change would do."""

    def __init__(self, reply: pb.UpdatePoolResponse) -> None:
        self.reply = reply


async def _updated(tx: Tx, request: pb.UpdatePoolRequest, now: datetime) -> pb.UpdatePoolResponse:
    caller, name = current_caller(), request.pool.name
    await bookings.one_at_a_time(tx, caller.tenant)
    known = await pool_of_caller(tx, name, lock=True)
    _check_etag(known, name, request.pool.etag)
    pool = messages.pool_in(request.pool)
    members = [(each.station, each.evse_id) for each in pool.members]
    for station in sorted({station for station, _ in members}):
        await known_station(tx, caller, station)
    if await bookings.policy(tx, caller.tenant, pool.policy) is None:
        raise policy_not_found(request.pool.policy)
    await _check_free(tx, caller.tenant, members, besides=known.row.name)
    await _check_left(tx, known, {each.place for each in pool.members})
    content, revision = pool_content(pool), known.row.revision + 1
    row = replace(known.row, content=content, revision=revision, update_time=now)
    await bookings.update_pool(tx, row, members)
    changed = await locked_pool(tx, caller.tenant, row.name)
    if changed is None:
        raise LookupError(f"{name} is not in this database")
    displaced, moved = await plan_pool(tx, changed, known.pool, now)
    await serve(tx, changed, now)
    await record_change(tx, "UpdatePool", name, now)
    reply = pb.UpdatePoolResponse(
        pool=messages.pool_out(changed.row, pool),
        displaced_bookings=[booking_out(each) for each in displaced],
        moved_bookings=moved,
    )
    if request.validate_only:
        raise _OnlyShown(reply)
    return reply


async def get(backend: Backend, request: pb.GetPoolRequest) -> pb.GetPoolResponse:
    """Tells a pool."""
    check(_check_name(request.name))
    async with backend.db.read() as tx:
        known = await pool_of_caller(tx, request.name)
    return pb.GetPoolResponse(pool=messages.pool_out(known.row, known.pool))


async def list_page(backend: Backend, request: pb.ListPoolsRequest) -> pb.ListPoolsResponse:
    """Lists pools. One with stations that the caller may not see is left out of its page."""
    findings = Findings()
    page_size_field(findings, request.page_size)
    check(findings.violations)
    tenant, limit = current_caller().tenant, limit_of(request.page_size)
    pager = Pager(list_selection(tenant, request))
    after = pager.position(request.page_token, (str,))
    async with backend.db.read() as tx:
        found = await bookings.pools_page(tx, tenant, after[0] if after else "", limit + 1)
    page, last = cut_page(found, limit)
    seen = [(row, pool) for row in page if covered(pool := pool_from(row))]
    return pb.ListPoolsResponse(
        pools=[messages.pool_out(row, pool) for row, pool in seen],
        next_page_token=pager.token([last.name] if last else None),
    )


async def delete(backend: Backend, request: pb.DeletePoolRequest) -> pb.DeletePoolResponse:
    """Deletes a pool in which nothing is promised any more."""
    check(_check_name(request.name))
    tenant, now = current_caller().tenant, backend.now()
    async with backend.db.write() as tx:
        known = await pool_of_caller(tx, request.name, lock=True)
        _check_etag(known, request.name, request.etag)
        # Those too whose time is over and whose driver is there still.
        open_ones = await bookings.in_span(tx, tenant, known.row.name, (_EVER, _ALWAYS))
        if open_ones:
            raise Refusal(
                Reason.POOL_IN_USE,
                f"{request.name} has {len(open_ones)} bookings that have not ended. Cancel them, "
                "or wait for their end.",
            )
        await bookings.delete_pool(tx, tenant, known.row.name)
        await record_change(tx, "DeletePool", request.name, now)
    return pb.DeletePoolResponse()


def _check_etag(known: KnownPool, name: str, etag: str) -> None:
    if etag and etag != messages.etag_of(known.row):
        raise Refusal(
            Reason.ETAG_MISMATCH, f"{name} was changed by somebody else. Get it, and decide again."
        )


async def _check_left(tx: Tx, known: KnownPool, left: set[str]) -> None:
    """Refuses to take an EVSE out of the pool whose driver was told it, or is there."""
    rows = await bookings.in_span(tx, known.row.tenant, known.row.name, (_EVER, _ALWAYS), _CHOSEN)
    for row in rows:
        if row.place not in left:
            raise Refusal(
                Reason.POOL_IN_USE,
                f"{names.member_name(row.place)} is chosen for {names.booking_name(row.name)}. "
                "Cancel it, or wait for its end.",
            )


async def _check_free(
    tx: Tx, tenant: str, members: list[tuple[str, int]], besides: str = ""
) -> None:
    taken = await bookings.in_pools(tx, tenant, members)
    for (station, evse_id), pool in sorted(taken.items()):
        if pool == besides:
            continue
        raise Refusal(
            Reason.EVSE_IN_ANOTHER_POOL,
            f"{names.member_name(place_of(station, evse_id))} is in {names.pool_name(pool)}. An "
            "EVSE is in one pool at most.",
        )


def _check_name(name: str) -> tuple[FieldViolation, ...]:
    findings = Findings()
    names.pool_field(findings, "name", name)
    return findings.violations
