"""Which time zones a pool may have: those that mean the same on every machine."""

from zoneinfo import ZoneInfo

import pytest
from evcommand.v1.booking_pb2 import Pool

from broker.proto.booking.pools import check_pool
from domain.bookings.policies.time_zones import zone_named, zone_names

OF_ONE_MACHINE = [
    "localtime",
    "posixrules",
    "Factory",
    "right/UTC",
    "right/Europe/Berlin",
    "posix/Europe/Berlin",
    "SystemV/EST5",
    "leapseconds",
    "tzdata.zi",
    "",
    "europe/berlin",
    "Europe",
    "Europe/Berlin ",
    "/etc/localtime",
    "../Europe/Berlin",
    "CET-1CEST",
]


@pytest.mark.parametrize("name", OF_ONE_MACHINE)
def test_a_name_that_each_machine_reads_differently_is_no_zone(name: str) -> None:
    assert zone_named(name) is None
    assert "pool.time_zone" in {each.field for each in check_pool(Pool(time_zone=name))}


@pytest.mark.parametrize(
    "name", ["Europe/Berlin", "Asia/Kathmandu", "UTC", "Etc/GMT+5", "America/Argentina/Ushuaia"]
)
def test_a_name_of_iana_is_a_zone(name: str) -> None:
    assert zone_named(name) == ZoneInfo(name)
    assert "pool.time_zone" not in {each.field for each in check_pool(Pool(time_zone=name))}


def test_each_name_that_is_taken_can_be_read() -> None:
    assert len(zone_names()) > 500
    assert all(zone_named(name) for name in zone_names())
