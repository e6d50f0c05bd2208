"""The words that an operator reads about a reservation."""

from dataclasses import replace

from domain.reservations import transitions as changes
from domain.reservations.reservation import ChangeState
from domain.reservations.wording import details, origin, title
from tests.unit.domain.holds import change, hold
from tests.unit.domain.situations import at


def test_the_title_names_station_evse_holder_and_end() -> None:
    assert title(hold()) == "Reservation at CS-1, EVSE 1, for ****1234, until 2026-05-01 13:00 UTC"
    anywhere = hold(evse_id=None, connector_type="cCCS2")
    assert "any EVSE, connector cCCS2" in title(anywhere)


def test_the_origin_names_who_asked_and_the_number() -> None:
    assert origin(hold(caller="desk")).startswith("Asked by: desk, tenant acme")
    text = origin(hold())
    assert "a caller without credentials" in text
    assert "Command: `c1`" in text
    assert "Number at the station: 42" in text


def test_the_details_of_a_held_reservation_show_what_is_done_about_it() -> None:
    text = details(hold(progress="Waiting for the driver.", evse_id=None))
    assert "State: **HELD**" in text
    assert "EVSE: any" in text
    assert "Now: Waiting for the driver." in text


def test_the_details_of_an_ended_reservation_say_why() -> None:
    text = details(changes.withdrawn(hold(), "the site is closed", at(9)))
    assert "Why: CANCELLED_BY_OPERATOR" in text
    assert "Cancelled: the site is closed" in text


def test_the_details_show_the_latest_change() -> None:
    asked = hold(change=change())
    assert details(asked).endswith("Latest change: **PENDING**")
    refused = replace(change(), state=ChangeState.REFUSED, message="Occupied")
    assert details(hold(change=refused)).endswith("Latest change: **REFUSED**: Occupied")
