"""Pools: requests checked and read, rows shown. Pure."""

from evcommand.v1 import booking_pb2 as pb

from broker.errors import FieldViolation
from broker.proto import fields
from broker.proto.booking import names
from broker.proto.fields import Findings
from broker.proto.names import station_in, station_name
from broker.proto.times import moment, time_in, time_out
from domain.bookings.policies.time_zones import zone_named
from domain.bookings.pool import MOST_CLOSURES, MOST_MEMBERS, Pool, PoolClosure, PoolMember
from fleet.bookings import PoolRow

_MOST_TYPES, _MOST_FEATURES, _WORD_CHARS = 10, 20, 64
_MOST_POWER_W = 10_000_000


def check_pool(pool: pb.Pool) -> tuple[FieldViolation, ...]:
    """What is wrong with a pool that is to be created."""
    findings = Findings()
    names.pool_field(findings, "pool.name", pool.name)
    names.policy_id_field(findings, "pool.policy", pool.policy)
    fields.text_field(findings, "pool.display_name", pool.display_name)
    findings.expect(
        zone_named(pool.time_zone) is not None,
        "pool.time_zone",
        'must be an IANA name as "Europe/Berlin"',
    )
    findings.expect(
        1 <= len(pool.members) <= MOST_MEMBERS, "pool.members", f"must be 1 to {MOST_MEMBERS}"
    )
    for at, member in enumerate(pool.members):
        _member_fields(findings, f"pool.members[{at}]", member)
    named = {(member.station, member.evse_id) for member in pool.members}
    findings.expect(len(named) == len(pool.members), "pool.members", "must name each EVSE once")
    findings.expect(
        0 <= pool.walk_in_reserve < max(1, len(pool.members)),
        "pool.walk_in_reserve",
        "must be 0 or more, and less than there are members",
    )
    findings.expect(
        len(pool.closures) <= MOST_CLOSURES, "pool.closures", f"must be at most {MOST_CLOSURES}"
    )
    for at, closure in enumerate(pool.closures[:MOST_CLOSURES]):
        _closure_fields(findings, f"pool.closures[{at}]", closure, pool)
    return findings.violations


def needs_fields(findings: Findings, field: str, needs: pb.BookingNeeds) -> None:
    """Note what is wrong with what a place has to offer."""
    words = [needs.connector_type] if needs.connector_type else []
    _words_field(findings, f"{field}.connector_type", words, 1)
    _words_field(findings, f"{field}.features", list(needs.features), _MOST_FEATURES)
    findings.expect(
        0 <= needs.min_power_w <= _MOST_POWER_W,
        f"{field}.min_power_w",
        f"must be 0 to {_MOST_POWER_W}",
    )


def pool_in(pool: pb.Pool) -> Pool:
    """A pool that was checked."""
    return Pool(
        members=tuple(
            PoolMember(
                station_in(each.station),
                each.evse_id,
                frozenset(each.connector_types),
                each.max_power_w,
                frozenset(each.features),
            )
            for each in pool.members
        ),
        time_zone=pool.time_zone,
        policy=names.parse_policy(pool.policy) or "",
        walk_in_reserve=pool.walk_in_reserve,
        closures=tuple(
            PoolClosure(
                time_in(each.start_time),
                time_in(each.end_time),
                frozenset(names.parse_member(one) or "" for one in each.members),
                each.reason,
            )
            for each in pool.closures
        ),
        display_name=pool.display_name,
    )


def pool_out(row: PoolRow, pool: Pool) -> pb.Pool:
    """A pool as the contract shows it."""
    return pb.Pool(
        name=names.pool_name(row.name),
        display_name=pool.display_name,
        time_zone=pool.time_zone,
        members=[_member_out(each) for each in pool.members],
        policy=names.policy_name(pool.policy),
        walk_in_reserve=pool.walk_in_reserve,
        closures=[
            pb.PoolClosure(
                start_time=time_out(each.start_time),
                end_time=time_out(each.end_time),
                members=[names.member_name(one) for one in sorted(each.places)],
                reason=each.reason,
            )
            for each in pool.closures
        ],
        etag=etag_of(row),
        create_time=time_out(row.create_time),
        update_time=time_out(row.update_time),
    )


def etag_of(row: PoolRow) -> str:
    """What changes with every change of the pool."""
    return str(row.revision)


def _member_out(member: PoolMember) -> pb.PoolMember:
    return pb.PoolMember(
        station=station_name(member.station),
        evse_id=member.evse_id,
        connector_types=sorted(member.connector_types),
        max_power_w=member.max_power_w,
        features=sorted(member.features),
    )


def _member_fields(findings: Findings, field: str, member: pb.PoolMember) -> None:
    fields.name_field(findings, f"{field}.station", "station", member.station)
    findings.expect(member.evse_id >= 1, f"{field}.evse_id", "must be 1 or more")
    _words_field(findings, f"{field}.connector_types", list(member.connector_types), _MOST_TYPES)
    _words_field(findings, f"{field}.features", list(member.features), _MOST_FEATURES)
    findings.expect(
        0 <= member.max_power_w <= _MOST_POWER_W,
        f"{field}.max_power_w",
        f"must be 0 to {_MOST_POWER_W}",
    )


def _words_field(findings: Findings, field: str, words: list[str], most: int) -> None:
    findings.expect(
        len(words) <= most
        and all(1 <= len(word) <= _WORD_CHARS and fields.is_printable(word) for word in words),
        field,
        f"must be at most {most}, each of 1 to {_WORD_CHARS} printable characters",
    )


def _closure_fields(findings: Findings, field: str, closure: pb.PoolClosure, pool: pb.Pool) -> None:
    start, end = moment(closure.start_time), moment(closure.end_time)
    findings.expect(
        start is not None and end is not None and start < end,
        f"{field}.end_time",
        "must be after start_time",
    )
    known = {f"{member.station}/evses/{member.evse_id}" for member in pool.members}
    findings.expect(
        known.issuperset(closure.members),
        f"{field}.members",
        "must name members of the pool, as `stations/{station}/evses/{evse}`",
    )
    fields.text_field(findings, f"{field}.reason", closure.reason)
