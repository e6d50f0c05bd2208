"""One session uses one of its driver's reservations at a station."""

from dataclasses import replace
from typing import Any

import pytest

from domain.reservations.neighbours import NextTo, as_used
from domain.reservations.reservation import Reservation, ReservationState
from tests.unit.domain.holds import charging, hold
from tests.unit.domain.situations import at

MINE = hold(evse_id=None, connector_id=None)
OTHER = replace(MINE, name="f" * 24, wire_id=43)
OLDER = {"create_time": at(-9), "start_time": at(-8)}
DIGESTS = frozenset({"token"})


def used(known: Reservation, other: Reservation, **told: Any) -> int | None:
    """The number that the session has for `known`, beside the other one."""
    return as_used(charging(**told), known, (NextTo(other, DIGESTS),)).reservation_id


@pytest.mark.parametrize(
    ("changed", "number"),
    [
        pytest.param(OLDER, 43, id="an older one goes before"),
        pytest.param({"create_time": at(1), "start_time": at(2)}, None, id="a younger one"),
        pytest.param({}, None, id="one of the same time, by its name"),
        pytest.param({"create_time": at(1), "evse_id": 1}, 43, id="one of the session's own EVSE"),
        pytest.param(OLDER | {"evse_id": 2}, None, id="one of another EVSE"),
        pytest.param(OLDER | {"expire_time": at(5)}, None, id="one that was over"),
        pytest.param(OLDER | {"state": ReservationState.REQUESTED}, None, id="not held yet"),
        pytest.param(
            {"state": ReservationState.USED, "transaction": charging().name}, 43, id="it was told"
        ),
        pytest.param(
            OLDER | {"state": ReservationState.CANCELLED, "transaction": None}, None, id="cancelled"
        ),
    ],
)
def test_a_session_is_used_by_the_first_of_its_drivers_reservations(
    changed: dict[str, Any], number: int | None
) -> None:
    other = replace(OTHER, **changed)
    assert used(MINE, other, received_time=at(9)) == number


def test_of_two_reservations_one_uses_a_session() -> None:
    older = replace(OTHER, **OLDER)  # type: ignore[arg-type]
    assert [used(MINE, older), used(older, MINE)] == [43, None]


def test_another_drivers_reservation_uses_nothing() -> None:
    assert used(MINE, replace(OTHER, **OLDER), token_digest="other") is None  # type: ignore[arg-type]


def test_what_a_session_or_a_reservation_has_told_stays() -> None:
    older = replace(OTHER, **OLDER)  # type: ignore[arg-type]
    assert used(MINE, older, reservation_id=42) == 42
    assert used(replace(MINE, transaction=charging().name), older) is None
