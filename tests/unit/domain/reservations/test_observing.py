"""What became of a hold, cell by cell: facts in, end or doubt out."""

from dataclasses import replace

import pytest

from domain.evidence.proof import UntakenReport
from domain.evidence.sessions import TokenState
from domain.limits import REPAIRS, SETTLING
from domain.reservations.facts import ReservationEvidence
from domain.reservations.observing import observe
from domain.reservations.reservation import ChangeState, Reservation, ReservationState
from domain.reservations.transitions import EndCause
from tests.unit.domain.holds import (
    END_S,
    change,
    charging,
    frame,
    hold,
    known,
    no,
    shows,
    yes,
)
from tests.unit.domain.situations import at

SETTLED = 10 + SETTLING.total_seconds()
"""A status that is told at 10 s has lasted."""

OTHERS = charging(token_digest="other")
BEFORE = replace(OTHERS, start_time=at(-5))
DOUBT = hold(doubt_time=at(50), doubt_attempt=2)

UNTAKEN = (UntakenReport("StartTransaction", at(60), evse_id=1),)

ENDS: list[tuple[str, Reservation, ReservationEvidence, float, EndCause]] = [
    (
        "a session names it",
        hold(),
        known(sessions=(charging(reservation_id=42, token_digest=None),)),
        70,
        EndCause.SESSION_USED_IT,
    ),
    (
        "a session of its token",
        hold(),
        known(sessions=(charging(),)),
        70,
        EndCause.SESSION_OF_ITS_TOKEN,
    ),
    (
        "a session of its group",
        hold(),
        known(sessions=(charging(token_digest="member", group_digest="group"),)),
        70,
        EndCause.SESSION_OF_ITS_TOKEN,
    ),
    (
        "its token anywhere, when any EVSE may serve it",
        hold(evse_id=None),
        known(sessions=(charging(evse_id=3),), place=None),
        70,
        EndCause.SESSION_OF_ITS_TOKEN,
    ),
    (
        "a use that is told with the end over",
        hold(),
        known(sessions=(charging(reservation_id=42, received_time=at(END_S + 5)),)),
        END_S + 5,
        EndCause.SESSION_USED_IT,
    ),
    ("its time is over", hold(), known(), END_S, EndCause.TIME_OVER),
    (
        "its time is over at a station that is away",
        hold(),
        known(ready=False),
        END_S,
        EndCause.USE_NOT_KNOWN,
    ),
    (
        "its time is over, and a report could not be used",
        hold(),
        known(untaken=UNTAKEN),
        END_S,
        EndCause.USE_NOT_KNOWN,
    ),
    (
        "its time is over, and a session did not tell its token",
        hold(),
        known(sessions=(charging(token_digest=None, token_state=TokenState.NOT_TOLD),)),
        END_S,
        EndCause.USE_NOT_KNOWN,
    ),
    (
        "its time is over, and a session of its token has an impossible time",
        hold(),
        known(sessions=(charging(clock_suspect=True),)),
        END_S,
        EndCause.USE_NOT_KNOWN,
    ),
    (
        "its time is over, and a session of its token was refused",
        hold(),
        known(sessions=(charging(token_state=TokenState.REFUSED),)),
        END_S,
        EndCause.TIME_OVER,
    ),
    (
        "a session of another token names it",
        hold(),
        known(sessions=(charging(reservation_id=42, token_digest="other"),)),
        70,
        EndCause.USED_BY_ANOTHER,
    ),
    (
        "2.x says Expired at about its end",
        hold(),
        known(report="Expired", report_time=at(END_S - 20)),
        END_S - 20,
        EndCause.TIME_OVER,
    ),
    ("its CSMS ended it", hold(), known(back_end_time=at(5)), 6, EndCause.CANCELLED_BY_BACK_END),
    (
        "2.x says Removed",
        hold(),
        known(report="Removed", report_time=at(9)),
        10,
        EndCause.REMOVED_BY_STATION,
    ),
    (
        "2.1 says NoTransaction",
        hold(),
        known(report="NoTransaction", report_time=at(9)),
        10,
        EndCause.NO_TRANSACTION,
    ),
    (
        "the connector broke, and stays so",
        hold(),
        known(place=shows("Faulted", since=10)),
        SETTLED,
        EndCause.CONNECTOR_FAULTED,
    ),
    (
        "the connector was taken out of service",
        hold(),
        known(place=shows("Unavailable", since=10)),
        SETTLED,
        EndCause.CONNECTOR_UNAVAILABLE,
    ),
    (
        "somebody else charges there",
        hold(),
        known(sessions=(OTHERS,)),
        70,
        EndCause.EVSE_TAKEN,
    ),
    (
        "refused after a reboot",
        DOUBT,
        known(boot_time=at(40), holds=(no(2, 60),), place=None),
        70,
        EndCause.LOST_AT_REBOOT,
    ),
    (
        "refused after the place was shown as free",
        DOUBT,
        known(holds=(no(2, 60),), place=shows("Available", since=40, previous="Reserved")),
        70,
        EndCause.HOLD_VANISHED,
    ),
    (
        "let go again and again",
        DOUBT,
        known(holds=tuple(yes(-n, 40 - n) for n in range(REPAIRS))),
        70,
        EndCause.HOLD_VANISHED,
    ),
    (
        "refused after a change was refused",
        replace(DOUBT, change=change(state=ChangeState.REFUSED)),
        known(holds=(no(1, 40), no(2, 60)), place=shows("Available", since=45)),
        70,
        EndCause.CHANGE_LOST_IT,
    ),
]


@pytest.mark.parametrize(
    ("reservation", "facts", "now", "cause"),
    [row[1:] for row in ENDS],
    ids=[row[0] for row in ENDS],
)
def test_a_hold_ends_as_the_facts_say(
    reservation: Reservation, facts: ReservationEvidence, now: float, cause: EndCause
) -> None:
    """Each end is recognised, once: what was written stays, whatever else is told."""
    after = observe(reservation, facts, at(now))
    assert after.cause == cause.value
    assert after.ended
    assert after.end_time == at(now)
    assert observe(after, known(sessions=(OTHERS,)), at(2 * END_S)) is after


def test_every_end_that_facts_bring_is_in_the_table() -> None:
    """The other ends are asked for by somebody, and are written where that is done."""
    asked_for = {EndCause.CANCELLED_BY_CALLER, EndCause.CANCELLED_BY_OPERATOR}
    asked_for |= {EndCause.UNKNOWN_HOLD_UNDONE, EndCause.CANCEL_DENIED}
    assert {row[4] for row in ENDS} == set(EndCause) - asked_for


STANDS: list[tuple[str, ReservationEvidence, float]] = [
    ("nothing is new", known(), 70),
    ("a second before its end", known(), END_S - 1),
    ("the station is away", known(ready=False), 70),
    ("a session of its token elsewhere", known(sessions=(charging(evse_id=2),)), 70),
    ("a session that names another", known(sessions=(charging(reservation_id=43),)), 70),
    ("a refused token's session", known(sessions=(charging(token_state=TokenState.REFUSED),)), 70),
    ("an old session, told late", known(sessions=(charging(start_time=at(-600)),)), 70),
    (
        "a session with a wrong clock",
        known(sessions=(charging(clock_suspect=True, start_time=at(-9e8)),)),
        70,
    ),
    ("a session of unknown beginning", known(sessions=(charging(observed_only=True),)), 70),
    ("somebody's session that ended", known(sessions=(replace(OTHERS, active=False),)), 70),
    (
        "somebody's session that ran before",
        known(sessions=(BEFORE,)),
        70,
    ),
    ("broken for a moment", known(place=shows("Faulted", since=10)), SETTLED - 1),
    ("broken before it was held", known(place=shows("Faulted", since=-10)), 70),
    ("a report older than its yes", known(report="Removed", report_time=at(-1)), 70),
    ("free for a moment", known(place=shows("Available", since=10, previous="Reserved")), 12),
    ("free as it always was", known(place=shows("Available", since=10, previous="Faulted")), 70),
]


@pytest.mark.parametrize(("facts", "now"), [row[1:] for row in STANDS], ids=[r[0] for r in STANDS])
def test_a_hold_stands_when_nothing_speaks_against_it(
    facts: ReservationEvidence, now: float
) -> None:
    """The very same object comes back: nothing is written, nothing is sent."""
    assert observe(hold(), facts, at(now)) == hold()


DOUBTS: list[tuple[str, ReservationEvidence, float, float]] = [
    ("the station restarted", known(boot_time=at(40)), 41, 40),
    ("let go before its time", known(report="Expired", report_time=at(40)), 41, 40),
    (
        "shown as free, on 1.6",
        known(place=shows("Available", since=40, previous="Reserved")),
        40 + SETTLING.total_seconds(),
        40,
    ),
    (
        "shown as free, on 2.x, for longer than its driver may take",
        known(
            place=shows("Available", since=40, previous="Reserved"),
            ocpp_version="2.0.1",
            connection_timeout_s=30,
        ),
        70 + SETTLING.total_seconds(),
        40,
    ),
]


@pytest.mark.parametrize(
    ("facts", "now", "since"), [row[1:] for row in DOUBTS], ids=[row[0] for row in DOUBTS]
)
def test_a_hold_is_in_doubt_when_its_station_may_have_lost_it(
    facts: ReservationEvidence, now: float, since: float
) -> None:
    """Its station has to say it again, to a frame that is sent after this."""
    after = observe(hold(), replace(facts, attempts=3), at(now))
    assert (after.state, after.doubt_time) == (ReservationState.HELD, at(since))
    assert after.doubt_attempt == 4


def test_on_2x_the_driver_may_take_the_place_that_the_token_freed() -> None:
    """OCPP 2.x shows the place as free when the token is shown, until the cable is in."""
    facts = known(
        place=shows("Available", since=40, previous="Reserved"),
        ocpp_version="2.1",
        connection_timeout_s=30,
    )
    assert observe(hold(), facts, at(79)) == hold()


def test_a_yes_to_an_earlier_frame_does_not_end_the_doubt() -> None:
    """It was said before the station restarted."""
    after = observe(DOUBT, known(boot_time=at(40), holds=(yes(1, 30),)), at(70))
    assert after.doubt_time == at(50)


def test_a_no_to_an_earlier_frame_does_not_end_the_hold() -> None:
    """It was said before the doubt: another frame is on its way."""
    after = observe(DOUBT, known(boot_time=at(40), holds=(no(1, 30),), place=None), at(70))
    assert (after.state, after.doubt_time) == (ReservationState.HELD, at(50))


def test_a_hold_that_was_made_again_long_ago_is_made_again() -> None:
    """A station that restarts once a day is no station that lets go at once."""
    facts = known(holds=tuple(yes(-n, -9000 - n) for n in range(REPAIRS)))
    assert observe(DOUBT, facts, at(70)).state is ReservationState.HELD


def test_a_yes_since_the_doubt_ends_it() -> None:
    """The hold was made again."""
    after = observe(DOUBT, known(boot_time=at(40), holds=(yes(2, 60),)), at(70))
    assert (after.state, after.doubt_time) == (ReservationState.HELD, None)
    assert after.hold_time == at(61)


def test_a_no_is_a_yes_where_the_place_is_shown_as_reserved() -> None:
    """Some stations refuse a number that they hold already. Only where it cannot be another's."""
    refused = known(boot_time=at(40), holds=(no(2, 60),), place=shows("Reserved", since=55))
    assert observe(DOUBT, refused, at(70)).state is ReservationState.HELD
    shared = replace(refused, shared=True)
    assert observe(DOUBT, shared, at(70)).cause == EndCause.LOST_AT_REBOOT
    stale = replace(refused, place=shows("Reserved", since=45))
    assert observe(DOUBT, stale, at(70)).cause == EndCause.LOST_AT_REBOOT


class TestChanges:
    """A change is accepted, refused or unknown; whichever, the old hold is never just assumed."""

    asked = hold(change=change())

    def test_a_yes_makes_it_so(self) -> None:
        """The end is the new one, at once."""
        after = observe(self.asked, known(holds=(yes(1, 10),)), at(12))
        assert after.change is not None
        assert after.change.state is ChangeState.ACCEPTED
        assert after.expire_time == at(2 * END_S)

    def test_a_move_forgets_the_connector_of_the_old_place(self) -> None:
        """A connector's number is one of its EVSE."""
        moved = hold(change=change(evse_id=2))
        after = observe(moved, known(holds=(yes(1, 10),)), at(12))
        assert (after.evse_id, after.connector_id) == (2, None)

    def test_a_no_keeps_the_old_end_and_asks_for_the_old_hold(self) -> None:
        """The station may have dropped the old hold while it refused the new one."""
        after = observe(self.asked, known(holds=(no(1, 10),), attempts=1), at(12))
        assert after.change is not None
        assert (after.change.state, after.change.cause) == (
            ChangeState.REFUSED,
            "STATION_REJECTED",
        )
        assert after.expire_time == at(END_S)
        assert (after.doubt_time, after.doubt_attempt) == (at(11), 2)

    @pytest.mark.parametrize("lost", [1, 2])
    def test_it_is_asked_again_while_answers_are_lost(self, lost: int) -> None:
        """It is not decided yet."""
        frames = tuple(frame(n + 1, 10 * n, over=True) for n in range(lost))
        assert observe(self.asked, known(holds=frames, attempts=lost), at(70)) == self.asked

    def test_it_is_unknown_after_the_last_try(self) -> None:
        """And the old hold has to be made sure of."""
        frames = tuple(frame(n + 1, 10 * n, over=True) for n in range(3))
        after = observe(self.asked, known(holds=frames, attempts=3), at(70))
        assert after.change is not None
        assert after.change.state is ChangeState.UNKNOWN
        assert after.doubt_attempt == 4

    def test_nothing_is_in_doubt_when_the_station_is_away(self) -> None:
        """It heard nothing, so the old hold stands."""
        after = observe(self.asked, known(ready=False), at(12))
        assert after.change is not None
        assert (after.change.state, after.change.cause) == (ChangeState.REFUSED, "STATION_OFFLINE")
        assert after.doubt_time is None

    def test_an_end_decides_a_change_that_is_under_way(self) -> None:
        """Its caller is not left waiting."""
        after = observe(self.asked, known(), at(END_S))
        assert after.change is not None
        assert (after.change.state, after.change.cause) == (ChangeState.REFUSED, "TIME_OVER")


@pytest.mark.parametrize("state", [s for s in ReservationState if s is not ReservationState.HELD])
def test_facts_end_only_what_is_held(state: ReservationState) -> None:
    """Before, its command has the say; what has ended without a time is too old to be corrected."""
    other = hold(state=state)
    assert observe(other, known(sessions=(charging(reservation_id=42),)), at(2 * END_S)) is other


def test_a_refusal_of_a_reservation_that_is_in_no_doubt_changes_nothing() -> None:
    """The frame was sent for an older doubt, and the station has said yes since."""
    assert observe(hold(), known(holds=(no(1, 10),)), at(20)) == hold()


def test_a_place_that_was_never_shown_is_no_reason_for_doubt() -> None:
    assert observe(hold(), known(place=None), at(20)) == hold()
