"""Which EVSE a reservation may keep, and when two of them may keep the same."""

import pytest

from domain.reservations.places import at_shown, is_shared, may_keep
from domain.reservations.reservation import ENDS, ReservationState
from tests.unit.domain.holds import hold

ANY = None


@pytest.mark.parametrize(
    ("kept", "evse_id", "may"),
    [
        pytest.param(1, 1, True, id="the very EVSE"),
        pytest.param(1, 2, False, id="another EVSE"),
        pytest.param(ANY, 2, True, id="any EVSE is kept"),
        pytest.param(1, None, True, id="the EVSE is not known"),
        pytest.param(1, 0, True, id="the station as a whole"),
        pytest.param(ANY, None, True, id="neither is known"),
    ],
)
def test_which_evse_a_reservation_may_keep(
    kept: int | None, evse_id: int | None, *, may: bool
) -> None:
    assert may_keep(hold(evse_id=kept), evse_id) is may


@pytest.mark.parametrize(
    ("own", "others", "shared"),
    [
        pytest.param(1, 1, True, id="the same EVSE"),
        pytest.param(1, 2, False, id="another EVSE"),
        pytest.param(1, ANY, True, id="the other one keeps any EVSE"),
        pytest.param(ANY, 1, True, id="ours keeps any EVSE"),
        pytest.param(ANY, ANY, True, id="both keep any EVSE"),
    ],
)
def test_another_reservation_may_keep_the_same_evse(
    own: int | None, others: int | None, *, shared: bool
) -> None:
    ours, other = hold(evse_id=own), hold(name="1" * 24, evse_id=others)
    assert is_shared(ours, [ours, other]) is shared
    assert is_shared(other, [ours, other]) is shared


@pytest.mark.parametrize("state", ReservationState)
def test_only_what_has_not_ended_keeps_an_evse(state: ReservationState) -> None:
    other = hold(name="1" * 24, state=state)
    assert is_shared(hold(), [other]) is (state not in ENDS)


def test_a_reservation_shares_its_evse_with_nobody_by_itself() -> None:
    assert not is_shared(hold(), [hold()])
    assert not is_shared(hold(), [])


@pytest.mark.parametrize(
    ("shown", "kept", "there"),
    [
        pytest.param({2}, (), 2, id="an EVSE is reserved for nobody"),
        pytest.param({0}, (), 0, id="the whole station is"),
        pytest.param({1, 2}, (1,), 2, id="one of two is explained"),
        pytest.param({1}, (1,), ANY, id="the only one is explained"),
        pytest.param({1, 2}, (ANY,), ANY, id="one of any EVSE explains each"),
        pytest.param((), (), ANY, id="none is reserved"),
    ],
)
def test_where_a_station_may_keep_again_what_was_for_any_evse(
    shown: set[int], kept: tuple[int | None, ...], there: int | None
) -> None:
    over = hold(evse_id=ANY, state=ReservationState.CANCELLED)
    others = [hold(name=str(number) * 24, evse_id=evse) for number, evse in enumerate(kept)]
    assert at_shown(over, shown, others).evse_id == there


def test_a_reservation_that_is_held_or_names_its_evse_is_looked_for_where_it_is() -> None:
    held, named = hold(evse_id=ANY), hold(evse_id=1, state=ReservationState.CANCELLED)
    assert at_shown(held, {2}, ()) is held
    assert at_shown(named, {2}, ()) is named
