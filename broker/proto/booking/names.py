"""Names of pools, policies and bookings. Pure. As `broker.proto.names`."""

import re

from broker.proto.fields import Findings
from broker.proto.names import parse_station, parse_uuid, station_in, station_name
from domain.bookings.pool import evse_of, place_of

_ID = re.compile(r"[a-z][a-z0-9-]{0,62}")
_ID_SAID = "1 to 63 small letters, digits and hyphens, the first one a letter"


def policy_name(policy: str) -> str:
    """`bookingPolicies/{policy}`."""
    return f"bookingPolicies/{policy}"


def pool_name(pool: str) -> str:
    """`pools/{pool}`."""
    return f"pools/{pool}"


def booking_name(booking: str) -> str:
    """`bookings/{booking}`."""
    return f"bookings/{booking}"


def waitlist_entry_name(entry: str) -> str:
    """`waitlistEntries/{waitlist_entry}`."""
    return f"waitlistEntries/{entry}"


def series_name(series: str) -> str:
    """`bookingSeries/{booking_series}`."""
    return f"bookingSeries/{series}"


def member_name(place: str) -> str:
    """`stations/{station}/evses/{evse}` of a place in the plan."""
    station, evse_id = evse_of(place)
    return f"{station_name(station)}/evses/{evse_id}"


def parse_policy(name: str) -> str | None:
    """The id in `bookingPolicies/{policy}`; None when it is not such a name."""
    return _id_of("bookingPolicies", name)


def parse_pool(name: str) -> str | None:
    """The id in `pools/{pool}`; None when it is not such a name."""
    return _id_of("pools", name)


def parse_booking(name: str) -> str | None:
    """The request id in `bookings/{booking}`; None when it is not such a name."""
    collection, _, id = name.partition("/")
    return parse_uuid(id) if collection == "bookings" else None


def parse_waitlist_entry(name: str) -> str | None:
    """The request id in `waitlistEntries/{waitlist_entry}`; None when it is not such a name."""
    collection, _, id = name.partition("/")
    return parse_uuid(id) if collection == "waitlistEntries" else None


def parse_series(name: str) -> str | None:
    """The request id in `bookingSeries/{booking_series}`; None when it is not such a name."""
    collection, _, id = name.partition("/")
    return parse_uuid(id) if collection == "bookingSeries" else None


def parse_member(name: str) -> str | None:
    """The place in `stations/{station}/evses/{evse}`; None when it is not such a name."""
    station, _, evse_id = name.rpartition("/evses/")
    if parse_station(station) is None or not evse_id.isascii() or not evse_id.isdecimal():
        return None
    return place_of(station_in(station), int(evse_id))


def policy_id_field(findings: Findings, field: str, name: str) -> None:
    """Note what is wrong with the name of a policy."""
    findings.expect(
        parse_policy(name) is not None, field, f"must be `bookingPolicies/{{policy}}`: {_ID_SAID}"
    )


def pool_field(findings: Findings, field: str, name: str) -> None:
    """Note what is wrong with the name of a pool."""
    findings.expect(parse_pool(name) is not None, field, f"must be `pools/{{pool}}`: {_ID_SAID}")


def booking_field(findings: Findings, field: str, name: str) -> None:
    """Note what is wrong with the name of a booking."""
    findings.expect(parse_booking(name) is not None, field, "must be `bookings/{booking}`, a UUID")


def waitlist_entry_field(findings: Findings, field: str, name: str) -> None:
    """Note what is wrong with the name of an entry of a waiting list."""
    findings.expect(
        parse_waitlist_entry(name) is not None,
        field,
        "must be `waitlistEntries/{waitlist_entry}`, a UUID",
    )


def series_field(findings: Findings, field: str, name: str) -> None:
    """Note what is wrong with the name of a series."""
    findings.expect(
        parse_series(name) is not None, field, "must be `bookingSeries/{booking_series}`, a UUID"
    )


def _id_of(collection: str, name: str) -> str | None:
    found, _, id = name.partition("/")
    return id if found == collection and _ID.fullmatch(id) else None
