"""Bookings, holds and pools for tests."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from domain.bookings.booking import Booking
from domain.bookings.pool import Pool, PoolMember
from domain.bookings.states import BookingState
from domain.model.specs import IdToken
from domain.reservations.reservation import Reservation, ReservationState
from tests.unit.domain.bookings.asking import local

ID_TOKEN = IdToken("ISO14443", "****na", "sealed", "anna")


def booking(start: str = "14:00", end: str = "15:00", **fields: Any) -> Booking:
    """A booking of a Wednesday afternoon, made the day before."""
    plain = Booking(
        name=f"{start}-{end}",
        tenant="acme",
        pool="hub",
        id_token=ID_TOKEN,
        start_time=local(start),
        end_time=local(end),
        state=BookingState.CONFIRMED,
        create_time=local(start) - timedelta(days=1),
        policy="plain",
        policy_revision=1,
        place="S/1",
    )
    return replace(plain, **fields)


def hold(state: ReservationState, **fields: Any) -> Reservation:
    """The reservation of a booking."""
    plain = Reservation(
        name="r1",
        tenant="acme",
        station="S",
        wire_id=7,
        id_token=ID_TOKEN,
        state=state,
        create_time=local("13:50"),
        expire_time=local("14:15"),
        workflow_id="w",
        command="c",
    )
    return replace(plain, **fields)


def pool(evses: int, **fields: Any) -> Pool:
    """A pool of one station."""
    members = tuple(PoolMember("S", number) for number in range(1, evses + 1))
    return replace(Pool(members, "Europe/Berlin", "plain"), **fields)
