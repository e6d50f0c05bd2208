"""Planted lies about bookings, and whether the rules find them.

seen_in: worlds in which the lie has been found. If it is not found there, others are played.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from broker.backend import Backend
from broker.bookings import bookings as booking_calls
from broker.bookings.lookups import pool_of_caller
from domain.bookings.admission import BookablePool, room_for
from domain.bookings.booking import Booking
from domain.bookings.carrying import BookingFacts, Came, CarryStep, next_carry
from domain.bookings.policies.policy import BookingPolicy, Occasion
from domain.bookings.policies.rules import charges
from domain.bookings.states import BookingState
from domain.reservations.transitions import EndCause
from fleet import transactions
from fleet.engine.statements import Tx
from fleet.log import reservations
from fleet.transactions.rows import Transaction
from journal.bookings import admitting, arrivals, carrying, commands, places
from journal.reservations.record import from_snapshot
from tests.simulation.bookings.stage import PoolStage

MORE = 40
"""How many other worlds are played when a lie is not found where it has been seen."""

Planted = Callable[[Booking, BookingPolicy, BookingFacts, datetime], CarryStep]


def found(yard: PoolStage, word: str, *seen_in: int) -> bool:
    """Whether a lie with this word is found."""
    seeds = [*seen_in, *(seed for seed in range(1, MORE) if seed not in seen_in)]
    return any(word in lie for seed in seeds for lie in yard.play(seed).lies)


def plant(monkeypatch: pytest.MonkeyPatch, wrong: Planted) -> None:
    """What is next for a booking is decided wrongly."""
    monkeypatch.setattr(carrying, "next_carry", wrong)


def test_a_no_show_that_nobody_was_there_to_see_is_found(
    yard: PoolStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sure(
        booking: Booking, policy: BookingPolicy, facts: BookingFacts, now: datetime
    ) -> CarryStep:
        hold = facts.hold
        if hold is not None and hold.cause == EndCause.USE_NOT_KNOWN:
            sure_hold = replace(hold, cause=EndCause.TIME_OVER)
            facts = replace(facts, hold=sure_hold, place_usable=True)
        return next_carry(booking, policy, facts, now)

    plant(monkeypatch, sure)
    assert found(yard, "is NO_SHOW, and its station was away", 35)


def test_a_no_show_who_charged_elsewhere_is_found(
    yard: PoolStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def blind(
        booking: Booking, policy: BookingPolicy, facts: BookingFacts, now: datetime
    ) -> CarryStep:
        here = facts.session is not None and facts.session.place in {"", booking.place}
        session = facts.session if here else None
        unseen = replace(facts, elsewhere=Came.NO, session=session)
        return next_carry(booking, policy, unseen, now)

    plant(monkeypatch, blind)
    assert found(yard, "is NO_SHOW, and its session began at", 19)


def test_a_no_show_before_the_grace_is_over_is_found(
    yard: PoolStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hasty(
        booking: Booking, policy: BookingPolicy, facts: BookingFacts, now: datetime
    ) -> CarryStep:
        return next_carry(booking, replace(policy, grace=timedelta(0)), facts, now)

    plant(monkeypatch, hasty)
    monkeypatch.setattr(commands, "no_show_time", lambda _policy, booking: booking.start_time)
    assert found(yard, "is NO_SHOW at")


def test_two_who_are_promised_one_place_for_want_of_the_lock_are_found(
    yard: PoolStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = admitting.weigh

    async def unlocked(backend: Backend, request: Any, new: Booking) -> Any:
        """As PostgreSQL would without the lock: both read before either has written."""
        async with backend.db.read() as tx:
            known = await pool_of_caller(tx, request.pool)
            weighed = await real(tx, known, replace(new, policy=known.pool.policy))
        await asyncio.sleep(1.0)

        async def as_read(*_: Any) -> Any:
            return weighed

        async with backend.db.write() as tx:
            monkeypatch.setattr(admitting, "weigh", as_read)
            await admitting.admit(tx, known, replace(new, policy=known.pool.policy))
            monkeypatch.setattr(admitting, "weigh", real)

    monkeypatch.setattr(booking_calls, "_taken", unlocked)
    assert found(yard, "at one time")


def test_a_move_to_a_place_that_another_one_has_is_found(
    yard: PoolStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def careless(venue: BookablePool, new: Booking, live: Any) -> Any:
        del live
        return room_for(venue, new, [])

    monkeypatch.setattr(places, "room_for", careless)
    assert found(yard, "at one time")


def test_a_hold_that_outlives_its_booking_is_found(
    yard: PoolStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def forgets(*_: Any) -> None:
        """Nobody asks the station to let it go."""

    monkeypatch.setattr(commands, "let_go", forgets)
    assert found(yard, "blocked:", 13)


def test_a_place_that_is_held_long_before_its_driver_comes_is_found(
    yard: PoolStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def eager(
        booking: Booking, policy: BookingPolicy, facts: BookingFacts, now: datetime
    ) -> CarryStep:
        return next_carry(booking, replace(policy, hold_lead=policy.bind_lead), facts, now)

    plant(monkeypatch, eager)
    assert found(yard, "blocked:")


def test_a_booking_that_nobody_begins_is_found(
    yard: PoolStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admitting, "due_time", lambda *_: None)
    assert found(yard, "forgotten:", 4)


def test_a_use_by_another_driver_is_found(yard: PoolStage, monkeypatch: pytest.MonkeyPatch) -> None:
    real = places.own_session

    async def anybody(tx: Tx, booking: Booking) -> Transaction | None:
        hold = await reservations.get(tx, tenant=booking.tenant, name=booking.reservation)
        user = from_snapshot(hold.snapshot).transaction if hold else None
        return await transactions.get(tx, name=user) if user else await real(tx, booking)

    monkeypatch.setattr(places, "own_session", anybody)
    assert found(yard, "its driver had no session there", 21)


def test_a_charge_for_what_was_corrected_is_found(
    yard: PoolStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def greedy(
        booking: Booking, policy: BookingPolicy, facts: BookingFacts, now: datetime
    ) -> CarryStep:
        step = next_carry(booking, policy, facts, now)
        if step.booking.state is not BookingState.FULFILLED or booking.ended:
            return step
        due = charges(policy, booking.request, Occasion.NO_SHOW)
        return replace(step, booking=replace(step.booking, charges=due))

    plant(monkeypatch, greedy)
    assert found(yard, "charged for not coming")


def test_an_own_driver_who_is_told_to_be_in_the_way_is_found(
    yard: PoolStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def everybody(session: Transaction, _: Booking) -> bool:
        return bool(session.name)

    monkeypatch.setattr(places, "_is_anothers", everybody)
    monkeypatch.setattr(arrivals, "session_of", nobody)
    assert found(yard, "told to be in the way", 16)


async def nobody(*_: Any) -> None:
    """The driver's session is not found."""
