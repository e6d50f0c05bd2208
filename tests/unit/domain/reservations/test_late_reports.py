"""A session is reported after the end of the reservation that it used."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.evidence.sessions import Session, TokenState
from domain.limits import CORRECTED_WITHIN, SETTLING, TAKING_UP
from domain.model.specs import IdToken
from domain.reservations import transitions as changes
from domain.reservations.facts import ReservationEvidence
from domain.reservations.observing import observe
from domain.reservations.reservation import CORRECTIONS, ENDS, Reservation, ReservationState
from domain.reservations.timeliness import began_at, was_held_at
from domain.reservations.transitions import ENDINGS, EndCause
from tests.unit.domain.holds import END_S, charging, hold, known, shows
from tests.unit.domain.situations import at

END = EndCause
PROVEN = {END.SESSION_USED_IT, END.SESSION_OF_ITS_TOKEN, END.USED_BY_ANOTHER}
NEWER = "2.0.1"
GROUP = IdToken("ISO14443", "****5678", "sealed", "group")


def ended(cause: EndCause = END.TIME_OVER, at_s: float = END_S) -> Reservation:
    return changes.ended(hold(), cause, at(at_s))


def late(start_s: float, after_s: float = 2, **changed: object) -> Session:
    """A session of the holder that began then, and was reported so long after the end."""
    told = {"start_time": at(start_s), "received_time": at(END_S + after_s), "start_slack_s": 2.0}
    return charging(**{**told, **changed})


def anew(over: Reservation, *sessions: Session, now_s: float = END_S + 5, **told: object) -> str:
    return observe(over, known(sessions=sessions, **told), at(now_s)).cause


@pytest.mark.parametrize("after_s", [0.3, 1, 3, 3_600, 6 * 86_400])
def test_a_use_in_the_last_second_is_told_whenever_it_is_reported(after_s: float) -> None:
    session = late(END_S - 0.5, after_s)
    after = observe(ended(), known(sessions=(session,)), at(END_S + after_s))
    assert (after.state, after.cause) == (ReservationState.USED, END.SESSION_OF_ITS_TOKEN)
    assert after.transaction == "s1"
    assert after.end_time == ended().end_time
    assert after.message == (
        f"{ENDINGS[END.SESSION_OF_ITS_TOKEN][1]} "
        "It was told as EXPIRED (TIME_OVER) until a session was reported."
    )


@pytest.mark.parametrize(
    ("session", "cause"),
    [
        pytest.param(late(END_S + 3), END.TIME_OVER, id="began after the end"),
        pytest.param(late(END_S + 1), END.USE_NOT_KNOWN, id="began as near as clocks tell"),
        pytest.param(late(END_S - 20, start_slack_s=32), END.TIME_OVER, id="a clock behind"),
        pytest.param(late(END_S + 8, start_slack_s=-8), END.SESSION_OF_ITS_TOKEN, id="one ahead"),
        pytest.param(late(END_S - 1, start_slack_s=None), END.SESSION_OF_ITS_TOKEN, id="no clock"),
        pytest.param(late(END_S + 1, start_slack_s=None), END.USE_NOT_KNOWN, id="none, at the end"),
        pytest.param(late(0, clock_suspect=True), END.USE_NOT_KNOWN, id="an impossible time"),
        pytest.param(late(0, 31, clock_suspect=True), END.TIME_OVER, id="impossible, and late"),
        pytest.param(late(60, observed_only=True), END.USE_NOT_KNOWN, id="its start is not told"),
        pytest.param(late(60, token_digest=None), END.USE_NOT_KNOWN, id="no token is told"),
        pytest.param(late(60, evse_id=2), END.USE_NOT_KNOWN, id="at another place"),
        pytest.param(late(60, token_digest="other"), END.TIME_OVER, id="of another token"),
        pytest.param(late(60, token_state=TokenState.REFUSED), END.TIME_OVER, id="refused"),
        pytest.param(late(-60), END.TIME_OVER, id="began before it was reserved"),
        pytest.param(late(-29), END.TIME_OVER, id="began half a minute before it was reserved"),
        pytest.param(late(-1), END.SESSION_OF_ITS_TOKEN, id="began as near as its clock tells"),
        pytest.param(late(-40, start_slack_s=42), END.SESSION_OF_ITS_TOKEN, id="its clock is late"),
        pytest.param(late(-29, start_slack_s=None), END.USE_NOT_KNOWN, id="old by no clock"),
        pytest.param(late(END_S + 99, reservation_id=42), END.SESSION_USED_IT, id="names it"),
        pytest.param(late(60, reservation_id=43), END.TIME_OVER, id="names another one"),
        pytest.param(
            late(60, reservation_id=42, token_digest="other"), END.USED_BY_ANOTHER, id="another's"
        ),
    ],
)
def test_a_session_that_is_reported_after_the_end_counts_by_its_start(
    session: Session, cause: EndCause
) -> None:
    assert anew(ended(), session) == cause


def test_the_end_at_its_own_time_looks_at_the_start_too() -> None:
    facts = known(sessions=(late(END_S + 3, 4),))
    assert observe(hold(), facts, at(END_S + 4)).cause == END.TIME_OVER
    in_time = known(sessions=(late(END_S - 1, 4),))
    assert observe(hold(), in_time, at(END_S + 4)).cause == END.SESSION_OF_ITS_TOKEN


@pytest.mark.parametrize("cause", sorted(set(EndCause) - PROVEN))
def test_every_end_that_no_session_proved_is_corrected_by_one_that_names_it(
    cause: EndCause,
) -> None:
    session = late(50, reservation_id=42)
    after = observe(ended(cause, 100), known(sessions=(session,)), at(END_S))
    assert (after.cause, after.transaction) == (END.SESSION_USED_IT, "s1")
    assert observe(after, known(sessions=(session, late(60))), at(END_S)) is after


@pytest.mark.parametrize("cause", sorted(PROVEN))
def test_what_a_session_proved_stays(cause: EndCause) -> None:
    assert anew(ended(cause), late(60, reservation_id=42)) == cause


def test_who_used_it_is_told_anew_when_the_token_is_told_later() -> None:
    unnamed = late(60, reservation_id=42, token_digest=None, token_state=TokenState.NOT_TOLD)
    used = observe(hold(), known(sessions=(unnamed,)), at(70))
    assert (used.cause, used.transaction) == (END.SESSION_USED_IT, "s1")
    others = late(60, reservation_id=42, token_digest="other")
    after = observe(used, known(sessions=(others,)), at(80))
    assert (after.state, after.cause) == (ReservationState.LOST, END.USED_BY_ANOTHER)
    assert (after.transaction, after.end_time) == ("s1", used.end_time)
    assert observe(after, known(sessions=(unnamed,)), at(90)) is after
    its_own = late(60, reservation_id=42)
    assert observe(used, known(sessions=(its_own,)), at(80)) is used


def test_another_session_that_names_it_does_not_tell_who_used_it() -> None:
    used = changes.ended(hold(), END.SESSION_USED_IT, at(70), "s1")
    others = late(90, name="s2", reservation_id=42, token_digest="other")
    assert observe(used, known(sessions=(others,)), at(100)) is used
    assert observe(used, known(sessions=(others, late(60, reservation_id=42))), at(100)) is used


@pytest.mark.parametrize(
    ("told", "cause"),
    [
        pytest.param({}, END.USED_BY_ANOTHER, id="a token that is known, of no group"),
        pytest.param({"group_digest": "g2"}, END.USED_BY_ANOTHER, id="of another group"),
        pytest.param({"group_digest": "group"}, END.SESSION_USED_IT, id="of its group"),
        pytest.param({"token_known": False}, END.SESSION_USED_IT, id="a token that nobody knows"),
        pytest.param(
            {"group_known": False}, END.SESSION_USED_IT, id="a token that only a command brought"
        ),
        pytest.param(
            {"token_state": TokenState.NOT_TOLD}, END.SESSION_USED_IT, id="the token of a request"
        ),
    ],
)
def test_a_token_whose_group_is_not_known_may_be_of_the_group(
    told: dict[str, Any], cause: EndCause
) -> None:
    """Only the station may know it, and it says whose reservation it is."""
    session = late(60, reservation_id=42, token_digest="other", **told)
    facts = known(sessions=(session,))
    assert observe(hold(group_id_token=GROUP), facts, at(70)).cause == cause
    if "group_digest" not in told:
        assert observe(hold(), facts, at(70)).cause == END.USED_BY_ANOTHER


def test_who_cancelled_is_believed_unless_the_session_names_it_and_began_before() -> None:
    over = ended(END.CANCELLED_BY_CALLER, 100)
    session = replace(late(90), received_time=at(105))
    assert anew(over, session, now_s=110) == END.CANCELLED_BY_CALLER
    named = replace(session, reservation_id=42)
    assert anew(over, named, now_s=110) == END.SESSION_USED_IT
    begun_later = replace(named, start_time=at(103))
    assert anew(over, begun_later, now_s=110) == END.CANCELLED_BY_CALLER
    denied = ended(END.CANCEL_DENIED, 100)
    assert anew(denied, begun_later, now_s=110) == END.SESSION_USED_IT


@pytest.mark.parametrize("cause", [END.REMOVED_BY_STATION, END.HOLD_VANISHED, END.NO_TRANSACTION])
@pytest.mark.parametrize("after_s", [1, 8])
def test_a_driver_who_plugs_in_after_the_station_let_the_reservation_go_has_come(
    cause: EndCause, after_s: float
) -> None:
    session = replace(late(100 + after_s), received_time=at(100 + after_s))
    assert anew(ended(cause, 100), session, now_s=120) == END.SESSION_OF_ITS_TOKEN


def test_the_time_to_plug_in_has_an_end() -> None:
    over = ended(END.REMOVED_BY_STATION, 100)
    longest = (SETTLING + TAKING_UP).total_seconds()
    for limit_s, version in ((SETTLING.total_seconds(), "1.6"), (longest, NEWER)):
        soon, later = (
            replace(late(100 + limit_s + by), received_time=at(100 + limit_s + by))
            for by in (-1, 1)
        )
        assert anew(over, soon, now_s=300, ocpp_version=version) == END.SESSION_OF_ITS_TOKEN
        assert anew(over, later, now_s=300, ocpp_version=version) == END.REMOVED_BY_STATION
    at_the_end = ended(END.REMOVED_BY_STATION, END_S - 1)
    assert anew(at_the_end, late(END_S + 1)) == END.REMOVED_BY_STATION


def test_a_station_that_says_expired_early_has_not_ended_our_time() -> None:
    over = ended(END.TIME_OVER, END_S - 20)
    session = replace(late(END_S - 12), received_time=at(END_S - 12))
    assert anew(over, session, now_s=END_S - 10) == END.SESSION_OF_ITS_TOKEN


@pytest.mark.parametrize("word", ["Preparing", "Occupied"])
def test_whose_car_was_plugged_in_before_the_end_nobody_knows(word: str) -> None:
    """The driver's, who showed the token too late, or that of somebody else."""
    shown = shows(word, since=END_S - 1, previous="Reserved")
    over = changes.ended(hold(), END.USE_NOT_KNOWN, at(END_S))
    session = late(END_S + 20, 20)
    assert anew(over, session, now_s=END_S + 60, place=shown) == END.USE_NOT_KNOWN
    lost = ended(END.LOST_AT_REBOOT, 20)
    assert anew(lost, session, now_s=END_S + 60, place=shown) == END.LOST_AT_REBOOT


def test_a_token_that_is_shown_after_the_end_came_too_late() -> None:
    """OCPP 2.x: the cable was in before, and nobody knows whose car it is."""
    cable_first = replace(late(END_S - 50, token_time=at(END_S + 20)), received_time=at(END_S - 49))
    over = changes.ended(hold(), END.USE_NOT_KNOWN, at(END_S))
    assert anew(over, cable_first, now_s=END_S + 21) == END.USE_NOT_KNOWN
    in_time = replace(cable_first, token_time=at(END_S - 1))
    assert anew(over, in_time, now_s=END_S + 21) == END.SESSION_OF_ITS_TOKEN


def test_a_reservation_of_any_place_is_corrected_by_a_session_at_one() -> None:
    over = changes.ended(hold(evse_id=None, connector_id=None), END.TIME_OVER, at(END_S))
    assert anew(over, late(END_S - 1, evse_id=3), place=None) == END.SESSION_OF_ITS_TOKEN


def test_a_report_that_comes_too_late_corrects_nothing() -> None:
    session = late(60, reservation_id=42)
    last = timedelta(seconds=END_S) + CORRECTED_WITHIN
    facts = known(sessions=(session,))
    assert observe(ended(), facts, at(0) + last).cause == END.SESSION_USED_IT
    assert observe(ended(), facts, at(1) + last).cause == END.TIME_OVER


def test_nobody_came_is_corrected_twice_when_the_token_is_told_later() -> None:
    unnamed = late(60, token_digest=None)
    unknown = observe(ended(), known(sessions=(unnamed,)), at(END_S + 3))
    assert unknown.cause == END.USE_NOT_KNOWN
    assert anew(unknown, late(60)) == END.SESSION_OF_ITS_TOKEN
    assert observe(unknown, known(sessions=(unnamed,)), at(END_S + 4)) is unknown
    removed = ended(END.REMOVED_BY_STATION)
    assert changes.corrected(removed, END.USE_NOT_KNOWN) is removed


SESSIONS = st.builds(
    late,
    st.sampled_from([-60, 60, END_S - 1, END_S + 1, END_S + 60]),
    st.sampled_from([-30, 1, 60]),
    token_digest=st.sampled_from(["token", "other", None]),
    reservation_id=st.sampled_from([None, 42, 43]),
    evse_id=st.sampled_from([1, 2, None]),
    clock_suspect=st.booleans(),
    start_slack_s=st.sampled_from([None, 2.0, -20.0]),
)
EVIDENCE = st.lists(SESSIONS, max_size=3).map(
    lambda found: known(
        sessions=tuple(replace(each, name=f"s{number}") for number, each in enumerate(found, 1))
    )
)


@given(st.sampled_from(EndCause), st.lists(EVIDENCE, max_size=4))
def test_an_end_is_corrected_only_towards_a_use_and_keeps_its_time(
    cause: EndCause, seen: list[ReservationEvidence]
) -> None:
    over = ended(cause)
    for facts in seen:
        after = observe(over, facts, at(END_S + 90))
        if after is not over:
            assert after.state in CORRECTIONS[over.state] & ENDS
            assert after.cause in PROVEN | {END.USE_NOT_KNOWN}
            whose = (over.cause, after.cause) == (END.SESSION_USED_IT, END.USED_BY_ANOTHER)
            assert over.cause not in PROVEN or whose
            assert after.end_time == over.end_time
        assert observe(after, facts, at(END_S + 91)) is after
        over = after


HELD_FROM = at(10)


@pytest.mark.parametrize(
    ("over", "shown_s", "held"),
    [
        pytest.param(replace(hold(), start_time=HELD_FROM), END_S - 1, True, id="it is held"),
        pytest.param(replace(hold(), start_time=HELD_FROM), END_S, False, id="at its end"),
        pytest.param(replace(hold(), start_time=HELD_FROM), 9, False, id="before the yes"),
        pytest.param(replace(hold(), start_time=None), 20, False, id="nobody said yes"),
        pytest.param(replace(ended(), start_time=HELD_FROM), END_S - 1, True, id="expired since"),
        pytest.param(
            replace(ended(END.CANCELLED_BY_CALLER, 30), start_time=HELD_FROM), 29, True, id="before"
        ),
        pytest.param(
            replace(ended(END.CANCELLED_BY_CALLER, 30), start_time=HELD_FROM), 31, False, id="after"
        ),
        pytest.param(
            replace(ended(END.SESSION_USED_IT, 30), start_time=HELD_FROM), 29, False, id="used"
        ),
    ],
)
def test_whether_a_place_was_held_at_a_time_is_known_after_the_end(
    over: Reservation, shown_s: float, held: bool
) -> None:
    assert was_held_at(over, at(shown_s)) is held


@pytest.mark.parametrize(("slack_s", "began_s"), [(None, 20), (2.0, 20), (32.0, 50)])
def test_the_time_of_a_start_is_told_less_what_the_clock_is_off(
    slack_s: float | None, began_s: float
) -> None:
    assert began_at(at(20), slack_s) == at(began_s)
