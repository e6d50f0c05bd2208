"""Pools, policies and requests of bookings, for tests."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from evcommand.v1 import booking_pb2, booking_policy_pb2, id_token_pb2, station_service_pb2
from evcommand.v1 import booking_service_pb2 as pb
from google.protobuf.timestamp_pb2 import Timestamp

HOUR = timedelta(hours=1)
TOMORROW = datetime.now(UTC).replace(hour=10, minute=0, second=0, microsecond=0) + timedelta(days=2)
"""A time to come, at which every test finds its pool empty."""


def stamp(at: datetime) -> Timestamp:
    shown = Timestamp()
    shown.FromDatetime(at)
    return shown


def holder(token: str = "ANNA", *groups: str) -> booking_pb2.BookingHolder:
    return booking_pb2.BookingHolder(id_token=id_token_pb2.IdToken(value=token), groups=groups)


async def a_policy(broker: Any, *rules: booking_policy_pb2.BookingRule, **terms: Any) -> str:
    name = f"bookingPolicies/p{uuid.uuid4().hex[:8]}"
    policy = booking_policy_pb2.BookingPolicy(name=name, rules=rules, **terms)
    await broker.bookings.PutBookingPolicy(pb.PutBookingPolicyRequest(policy=policy))
    return name


async def a_pool(broker: Any, evses: int, policy: str = "", **fields: Any) -> str:
    """A pool of one new station with so many EVSEs. Returns its name."""
    station, name = f"HUB-{uuid.uuid4().hex[:8]}", f"pools/p{uuid.uuid4().hex[:8]}"
    await broker.stations.CreateStation(
        station_service_pb2.CreateStationRequest(station_id=station)
    )
    members = [
        booking_pb2.PoolMember(station=f"stations/{station}", evse_id=number)
        for number in range(1, evses + 1)
    ]
    pool = booking_pb2.Pool(
        name=name,
        time_zone="Europe/Berlin",
        members=members,
        policy=policy or await a_policy(broker),
        **fields,
    )
    await broker.bookings.CreatePool(pb.CreatePoolRequest(pool=pool))
    return name


async def pool_of(broker: Any, policy: str, *members: tuple[str, int]) -> str:
    """A pool of these EVSEs. Returns its name."""
    name = f"pools/p{uuid.uuid4().hex[:8]}"
    pool = booking_pb2.Pool(
        name=name,
        time_zone="Europe/Berlin",
        members=[
            booking_pb2.PoolMember(station=f"stations/{station}", evse_id=evse_id)
            for station, evse_id in members
        ],
        policy=policy,
    )
    await broker.bookings.CreatePool(pb.CreatePoolRequest(pool=pool))
    return name


def asked(
    pool: str, start: datetime = TOMORROW, length: timedelta = HOUR, **fields: Any
) -> pb.CreateBookingRequest:
    plain: dict[str, Any] = {
        "request_id": str(uuid.uuid4()),
        "holder": holder(),
        "start_time": stamp(start),
        "end_time": stamp(start + length),
    }
    return pb.CreateBookingRequest(pool=pool, **(plain | fields))
