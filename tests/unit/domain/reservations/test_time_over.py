"""What is said at a reservation's own time: "nobody came" only when nothing shows a use."""

from dataclasses import replace

import pytest

from domain.evidence.proof import UntakenReport
from domain.reservations.facts import EvseStatus, ReservationEvidence
from domain.reservations.observing import observe
from domain.reservations.reservation import Reservation
from domain.reservations.transitions import EndCause
from tests.unit.domain.holds import END_S, charging, hold, known, shows
from tests.unit.domain.situations import at

USE_NOT_KNOWN = EndCause.USE_NOT_KNOWN


def end_of(held: Reservation, facts: ReservationEvidence) -> str:
    after = observe(held, facts, at(END_S))
    assert after.ended
    return after.cause


@pytest.mark.parametrize(
    "status",
    ["Preparing", "Charging", "SuspendedEV", "SuspendedEVSE", "Finishing", "Occupied"],
)
def test_a_place_that_shows_a_car_may_have_been_used(status: str) -> None:
    in_use = shows(status, since=600, previous="Reserved")
    assert end_of(hold(), known(place=in_use)) == EndCause.USE_NOT_KNOWN
    left = shows("Available", since=900, previous=status)
    assert end_of(hold(), known(place=left)) == EndCause.USE_NOT_KNOWN


def test_a_place_that_has_charged_may_have_been_used_whatever_it_shows_now() -> None:
    reserved = shows("Reserved", since=900, previous="Available")
    assert end_of(hold(), known(place=replace(reserved, charging=at(600)))) == USE_NOT_KNOWN
    assert end_of(hold(), known(place=replace(reserved, charging=at(-60)))) == EndCause.TIME_OVER


def test_a_place_in_a_word_that_nobody_knows_may_have_been_used() -> None:
    unclear = shows("InUse", since=600, previous="Reserved")
    assert end_of(hold(), known(place=unclear)) == USE_NOT_KNOWN


@pytest.mark.parametrize(
    "place",
    [
        pytest.param(None, id="no place is named"),
        pytest.param(shows("Charging", since=-60), id="a car that was there before"),
        pytest.param(shows("Reserved", since=1, previous="Finishing"), id="a car that left first"),
        pytest.param(shows("Available", since=END_S - 1, previous="Reserved"), id="let go"),
    ],
)
def test_a_place_that_shows_no_car_was_not_used(place: EvseStatus | None) -> None:
    assert end_of(hold(), known(place=place)) == EndCause.TIME_OVER


def test_a_station_that_says_expired_says_nothing_of_a_report_that_nobody_could_take() -> None:
    said = known(report="Expired", report_time=at(END_S - 20))
    heard = observe(hold(), said, at(END_S - 19))
    assert heard.cause == EndCause.TIME_OVER
    untaken = (UntakenReport("TransactionEvent", at(60), evse_id=1),)
    unsure = observe(hold(), replace(said, untaken=untaken), at(END_S - 19))
    assert unsure.cause == EndCause.USE_NOT_KNOWN
    elsewhere = (UntakenReport("TransactionEvent", at(60), evse_id=2),)
    sure = observe(hold(), replace(said, untaken=elsewhere), at(END_S - 19))
    assert sure.cause == EndCause.TIME_OVER


def test_a_driver_who_took_another_place_may_have_come() -> None:
    elsewhere = known(sessions=(charging(evse_id=2),))
    assert end_of(hold(), elsewhere) == EndCause.USE_NOT_KNOWN
    other = known(sessions=(charging(evse_id=2, token_digest="other"),))
    assert end_of(hold(), other) == EndCause.TIME_OVER
    unnamed = known(sessions=(charging(evse_id=2, token_digest=None),))
    assert end_of(hold(), unnamed) == EndCause.TIME_OVER


def test_a_hold_whose_yes_has_no_time_is_over_in_time() -> None:
    in_use = known(place=shows("Charging", since=600))
    assert end_of(hold(hold_time=None), in_use) == EndCause.TIME_OVER


@pytest.mark.parametrize(
    "told",
    [
        pytest.param({"token_known": False}, id="a token that only its station knows"),
        pytest.param({"group_known": False}, id="a token that only a command brought"),
    ],
)
def test_who_may_be_of_the_group_takes_no_place_and_may_have_come(told: dict[str, bool]) -> None:
    facts = known(sessions=(replace(charging(token_digest="kin"), **told),))  # type: ignore[arg-type]
    alone = hold()
    held = replace(alone, group_id_token=alone.id_token)
    assert not observe(held, facts, at(70)).ended
    assert end_of(held, facts) == EndCause.USE_NOT_KNOWN
    assert observe(alone, facts, at(70)).cause == EndCause.EVSE_TAKEN
    elsewhere = known(sessions=(replace(facts.sessions[0], evse_id=2),))
    assert end_of(held, elsewhere) == EndCause.TIME_OVER
