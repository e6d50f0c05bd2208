"""Policies of bookings: put, got, listed."""

from evcommand.v1 import booking_policy_pb2 as policy_pb
from evcommand.v1 import booking_service_pb2 as pb

from broker.audit.changes import record_change
from broker.auth import current_caller
from broker.backend import Backend
from broker.errors import Reason, Refusal, check
from broker.proto.booking import names
from broker.proto.booking import policies as messages
from broker.proto.fields import Findings, page_size_field
from broker.proto.selection import list_selection
from broker.reading.paging import Pager, cut_page, limit_of
from domain.bookings.policies.reading import policy_of
from fleet import bookings
from fleet.bookings import PolicyRow
from journal.bookings.rows import policy_from


async def put(backend: Backend, request: pb.PutBookingPolicyRequest) -> pb.PutBookingPolicyResponse:
    """Writes a new revision, unless the newest one says the same."""
    check(messages.check_policy(request.policy))
    tenant, now = current_caller().tenant, backend.now()
    name, content = request.policy.name, messages.policy_table(request.policy)
    id = names.parse_policy(name) or ""
    async with backend.db.write() as tx:
        await bookings.one_at_a_time(tx, tenant)
        newest = await bookings.policy(tx, tenant, id)
        row = PolicyRow(tenant, id, newest.revision + 1 if newest else 1, content, now)
        if newest is not None and policy_of(newest.content) == policy_of(content):
            row = newest
        elif not request.validate_only:
            await bookings.add_policy(tx, row)
            await record_change(tx, "PutBookingPolicy", name, now)
    return pb.PutBookingPolicyResponse(policy=_shown(row))


async def get(backend: Backend, request: pb.GetBookingPolicyRequest) -> pb.GetBookingPolicyResponse:
    """Tells a policy's newest revision, or another one."""
    findings = Findings()
    names.policy_id_field(findings, "name", request.name)
    findings.expect(request.revision >= 0, "revision", "must be 0 or more")
    check(findings.violations)
    id, tenant = names.parse_policy(request.name) or "", current_caller().tenant
    async with backend.db.read() as tx:
        row = await bookings.policy(tx, tenant, id, request.revision)
    if row is None:
        raise policy_not_found(request.name)
    return pb.GetBookingPolicyResponse(policy=_shown(row))


async def list_page(
    backend: Backend, request: pb.ListBookingPoliciesRequest
) -> pb.ListBookingPoliciesResponse:
    """Lists the newest revision of each policy."""
    findings = Findings()
    page_size_field(findings, request.page_size)
    check(findings.violations)
    tenant, limit = current_caller().tenant, limit_of(request.page_size)
    pager = Pager(list_selection(tenant, request))
    after = pager.position(request.page_token, (str,))
    async with backend.db.read() as tx:
        found = await bookings.policies(tx, tenant, after[0] if after else "", limit + 1)
    page, last = cut_page(found, limit)
    return pb.ListBookingPoliciesResponse(
        policies=[_shown(row) for row in page],
        next_page_token=pager.token([last.name] if last else None),
    )


def policy_not_found(name: str) -> Refusal:
    """The refusal when there is no such policy, or no such revision."""
    return Refusal(
        Reason.BOOKING_POLICY_NOT_FOUND, f"{name} is not known. Put it with PutBookingPolicy."
    )


def _shown(row: PolicyRow) -> policy_pb.BookingPolicy:
    return messages.policy_out(names.policy_name(row.name), policy_from(row), row.create_time)
