"""A token is judged by the time at which it was shown: its station may have been offline then."""

from datetime import timedelta
from typing import Any

import pytest

from domain.reservations.reservation import ReservationState
from tests.integration.station_gateway.sessions.test_lasting_authorisations import ALL, Told
from tests.support.benches.gateway_bench import Bench, now

pytestmark = pytest.mark.parametrize("subprotocol", ALL)

OVER: dict[str, Any] = {
    "state": ReservationState.EXPIRED,
    "since_s": 1200.0,
    "within_s": -300.0,
}
"""A reservation from 20 to 5 minutes ago. Nobody was seen to use it."""


def shown(subprotocol: str, minutes_ago: float) -> Told:
    told = Told(subprotocol)
    told.at = (now() - timedelta(minutes=minutes_ago)).isoformat()
    return told


async def test_a_session_of_the_time_of_a_reservation_is_good_when_it_is_told_after_it(
    bench: Bench, subprotocol: str
) -> None:
    async with bench.station(subprotocol=subprotocol) as station:
        await bench.reserved(**OVER)
        assert await shown(subprotocol, 10).start(station) == "Accepted"


@pytest.mark.parametrize("minutes_ago", [0, 4, 25])
async def test_a_session_before_or_after_a_reservation_is_not_good_by_it(
    bench: Bench, subprotocol: str, minutes_ago: float
) -> None:
    async with bench.station(subprotocol=subprotocol) as station:
        await bench.reserved(**OVER)
        assert await shown(subprotocol, minutes_ago).start(station) == "Invalid"


async def test_a_reservation_that_was_taken_back_makes_no_late_session_good(
    bench: Bench, subprotocol: str
) -> None:
    async with bench.station(subprotocol=subprotocol) as station:
        await bench.reserved(**OVER | {"state": ReservationState.CANCELLED})
        assert await shown(subprotocol, 10).start(station) == "Invalid"
