"""The invariants of a charger hold after any sequence of steps. Hypothesis makes the sequences."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.charger.charger import Charger
from simulator.charger.model import (
    AwaitingCable,
    ChargingSessionEnded,
    DriverToken,
    Event,
    ReservationHeld,
    SimulatedReservation,
    SimulatedReservationEnded,
)
from simulator.charger.rules import ChargerRules
from simulator.config import TxStart

EVSES, TOKENS, GROUPS, PLUGS = 3, ("A", "B", "C"), (None, "G"), (None, "cCCS2", "cType2")
BEGIN = datetime(2030, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Step:
    """One step: its name, and the values that it needs."""

    what: str
    evse_id: int
    token: DriverToken
    reservation_id: int
    any_evse: bool
    plug: str | None


@dataclass
class Walk:
    """A charger, its time, and the events so far."""

    charger: Charger
    now: datetime = BEGIN
    events: list[Event] = field(default_factory=list)
    cancelled: list[int] = field(default_factory=list)

    def take(self, step: Step) -> None:
        self.now += timedelta(seconds=30)
        self.events += DOING[step.what](self, step)

    def of(self, kind: type) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]


def reserve(walk: Walk, step: Step) -> list[Event]:
    evse_id = None if step.any_evse else step.evse_id
    reservation = SimulatedReservation(
        step.reservation_id, step.token, walk.now, evse_id, step.plug
    )
    before = dict(walk.charger.reservations.held)
    word, events = walk.charger.reserve(reservation)
    assert word in ("Accepted", "Rejected", "Occupied", "Faulted", "Unavailable")
    if word != "Accepted":
        assert walk.charger.reservations.held == before
        assert events == []
    return events


def cancel(walk: Walk, step: Step) -> list[Event]:
    known, events = walk.charger.cancel_reservation(step.reservation_id)
    walk.cancelled += [step.reservation_id] * known
    return events


def expire(walk: Walk, step: Step) -> list[Event]:
    made = [event.reservation for event in walk.events if isinstance(event, ReservationHeld)]
    return [event for each in made for event in walk.charger.expire_reservation(each)]


def give_up(walk: Walk, step: Step) -> list[Event]:
    waiting = [event for event in walk.events if isinstance(event, AwaitingCable)]
    return [event for each in waiting for event in walk.charger.give_up_waiting(each, walk.now)]


def remote_start(walk: Walk, step: Step) -> list[Event]:
    evse_id = None if step.any_evse else step.evse_id
    return walk.charger.remote_start(evse_id, step.token, 7, walk.now).events


def reset_evse(walk: Walk, step: Step) -> list[Event]:
    ending = None if step.any_evse else "ImmediateReset"
    return walk.charger.reset_evse(step.evse_id, ending, walk.now)


def go_down(walk: Walk, step: Step) -> list[Event]:
    ending = None if step.any_evse else "ImmediateReset"
    return walk.charger.go_down("ResetCommand", ending, walk.now)


DOING: dict[str, Callable[[Walk, Step], list[Event]]] = {
    "plug in": lambda walk, step: walk.charger.plug_in(step.evse_id, walk.now),
    "unplug": lambda walk, step: walk.charger.unplug(step.evse_id, walk.now),
    "swipe": lambda walk, step: walk.charger.swipe(step.evse_id, step.token, walk.now),
    "remote start": remote_start,
    "give up": give_up,
    "reserve": reserve,
    "cancel": cancel,
    "expire": expire,
    "fault": lambda walk, step: walk.charger.fault(step.evse_id, walk.now),
    "repair": lambda walk, step: walk.charger.repair(step.evse_id),
    "out": lambda walk, step: walk.charger.set_available(step.evse_id, False)[1],
    "in": lambda walk, step: walk.charger.set_available(None, True)[1],
    "forget": lambda walk, step: walk.charger.forget_reservations(),
    "reset when idle": lambda walk, step: walk.charger.reset_when_idle()[1],
    "reset one": reset_evse,
    "reset one when idle": lambda walk, step: walk.charger.reset_evse_when_idle(
        step.evse_id, walk.now
    )[1],
    "one is back": lambda walk, step: walk.charger.evse_is_back(step.evse_id, walk.now),
    "go down": go_down,
    "come up": lambda walk, step: walk.charger.come_up(walk.now),
}

STEPS = st.builds(
    Step,
    what=st.sampled_from(sorted(DOING)),
    evse_id=st.integers(1, EVSES),
    token=st.builds(DriverToken, st.sampled_from(TOKENS), group=st.sampled_from(GROUPS)),
    reservation_id=st.integers(1, 3),
    any_evse=st.booleans(),
    plug=st.sampled_from(PLUGS),
)


@pytest.mark.parametrize("tx_start", list(TxStart))
@pytest.mark.parametrize("newer", [True, False])
@settings(deadline=None, max_examples=60)
@given(steps=st.lists(STEPS, max_size=40))
def test_whatever_is_done_to_it_a_charger_stays_in_one_piece(
    tx_start: TxStart, newer: bool, steps: list[Step]
) -> None:
    rules = ChargerRules(tx_start, 7400.0, ("cCCS2", "cType2"), newer, newer)
    walk = Walk(Charger(EVSES, rules))
    for step in steps:
        walk.take(step)
        assert_statuses_are_told(walk.charger)
        assert_reservations_have_evses(walk.charger)
        assert_sessions_are_sound(walk.charger)
    assert_every_end_is_told_once(walk)


def assert_statuses_are_told(charger: Charger) -> None:
    for evse in charger.evses.values():
        assert evse.reported_status == charger.status(evse.id)


def assert_reservations_have_evses(charger: Charger) -> None:
    held = charger.reservations.held
    assert charger.reservations.without_evse(charger.evses.values()) == []
    alone = [each.evse_id for each in held.values() if each.evse_id is not None]
    assert len(set(alone)) == len(alone)


def assert_sessions_are_sound(charger: Charger) -> None:
    running = [evse.session for evse in charger.evses.values() if evse.session is not None]
    assert {session.id for session in running} == {s.id for s in charger.sessions if s.active}
    for evse in charger.evses.values():
        if evse.session is not None and evse.session.charging:
            assert evse.plugged
            assert evse.authorization is not None
        assert (evse.charging_since is not None) is bool(evse.session and evse.session.charging)
    for session in charger.sessions:
        assert session.active or (session.meter_stop_wh or 0) >= session.meter_start_wh


def assert_every_end_is_told_once(walk: Walk) -> None:
    made = [event.reservation.id for event in walk.events if isinstance(event, ReservationHeld)]
    told = [
        event.reservation_id
        for event in walk.events
        if isinstance(event, SimulatedReservationEnded)
    ]
    for each in set(made):
        assert told.count(each) + walk.cancelled.count(each) <= made.count(each)
    ended = [event.session.id for event in walk.events if isinstance(event, ChargingSessionEnded)]
    assert sorted(ended) == sorted(s.id for s in walk.charger.sessions if not s.active)
