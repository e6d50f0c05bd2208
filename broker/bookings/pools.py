"""Pools: created, got, listed, deleted."""

from datetime import datetime

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
from broker.proto.fields import Findings, page_size_field
from broker.proto.selection import list_selection
from broker.reading.paging import Pager, cut_page, limit_of
from domain.bookings.pool import place_of
from fleet import bookings
from fleet.bookings import PoolRow
from fleet.engine.statements import Tx
from journal.bookings.rows import pool_content, pool_from


async def create(backend: Backend, request: pb.CreatePoolRequest) -> pb.CreatePoolResponse:
    """Writes a pool whose stations and policy are known, and whose EVSEs are in no other pool."""
    check(messages.check_pool(request.pool))
    caller, now = current_caller(), backend.now()
    pool, id = messages.pool_in(request.pool), names.parse_pool(request.pool.name) or ""
    members = [(each.station, each.evse_id) for each in pool.members]
    async with backend.db.write() as tx:
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
        if request.etag and request.etag != messages.etag_of(known.row):
            raise Refusal(
                Reason.ETAG_MISMATCH,
                f"{request.name} was changed by somebody else. Get it, and decide again.",
            )
        open_ones = await bookings.in_span(
            tx, tenant, known.row.name, (now, datetime.max.replace(tzinfo=now.tzinfo))
        )
        if open_ones:
            raise Refusal(
                Reason.POOL_IN_USE,
                f"{request.name} has {len(open_ones)} bookings that have not ended. Cancel them, "
                "or wait for their end.",
            )
        await bookings.delete_pool(tx, tenant, known.row.name)
        await record_change(tx, "DeletePool", request.name, now)
    return pb.DeletePoolResponse()


async def _check_free(tx: Tx, tenant: str, members: list[tuple[str, int]]) -> None:
    taken = await bookings.in_pools(tx, tenant, members)
    for (station, evse_id), pool in sorted(taken.items()):
        raise Refusal(
            Reason.EVSE_IN_ANOTHER_POOL,
            f"{names.member_name(place_of(station, evse_id))} is in {names.pool_name(pool)}. An "
            "EVSE is in one pool at most.",
        )


def _check_name(name: str) -> tuple[FieldViolation, ...]:
    findings = Findings()
    names.pool_field(findings, "name", name)
    return findings.violations
