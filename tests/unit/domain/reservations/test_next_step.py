"""What is done about a hold next: asked for, changed, cancelled, waited for, left."""

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.limits import (
    CANCEL_TRIES,
    CLEARING,
    FRAME_PAUSE,
    LONGEST_FRAME_PAUSE,
    SETTLING,
    SHOWN_PAUSE,
)
from domain.model.answers import StationAnswer, Verdict
from domain.reservations.next_step import ReservationAct, as_asked, next_step
from domain.reservations.reservation import Reservation, ReservationState
from domain.reservations.transitions import LETS_GO, EndCause, ended
from tests.unit.domain.holds import END_S, change, frame, hold, known, no, shows, yes
from tests.unit.domain.situations import at

DOUBT = hold(doubt_time=at(50), doubt_attempt=1)
FREE = shows("Available", since=END_S + 1)
UNKNOWN_WORD = StationAnswer(Verdict.NOT_SUPPORTED, "")
NEXT_DAY = END_S + CLEARING.total_seconds()


def over(cause: EndCause = EndCause.TIME_OVER, seconds: float = END_S) -> Reservation:
    """A hold that has ended."""
    return ended(hold(), cause, at(seconds))


class TestWhileItIsHeld:
    """Little is sent: only what is in doubt, or is to be changed."""

    def test_it_waits_for_its_end(self) -> None:
        """Its station's word stands."""
        step = next_step(hold(), known(), at(70))
        assert (step.act, step.look_again) == (ReservationAct.WAIT, at(END_S))

    def test_a_good_status_is_not_looked_at_again(self) -> None:
        """There is nothing to wait for but its end."""
        step = next_step(hold(), known(place=shows("Preparing", since=60)), at(61))
        assert step.look_again == at(END_S)

    def test_the_answer_of_a_frame_is_not_waited_for_beyond_its_end(self) -> None:
        """A silent station does not put off the end."""
        step = next_step(DOUBT, known(holds=(frame(1, END_S - 3),)), at(END_S - 2))
        assert step.look_again == at(END_S)

    def test_it_looks_again_when_a_bad_status_has_lasted(self) -> None:
        """Stations pass through some while they restart."""
        step = next_step(hold(), known(place=shows("Faulted", since=60)), at(61))
        assert step.look_again == at(60) + SETTLING

    def test_a_change_is_sent_as_it_is_to_become(self) -> None:
        """And only while its station is there."""
        asked = hold(change=change())
        assert next_step(asked, known(), at(70)).act is ReservationAct.CHANGE

    def test_a_doubt_is_asked_about(self) -> None:
        """With the same number and the same end."""
        assert next_step(DOUBT, known(), at(51)).act is ReservationAct.HOLD

    def test_it_waits_for_a_station_that_is_away(self) -> None:
        """A frame to nobody helps nobody; the end of the hold is not put off."""
        step = next_step(DOUBT, known(ready=False), at(51))
        assert (step.act, step.look_again) == (ReservationAct.WAIT, at(END_S))

    def test_one_frame_at_a_time(self) -> None:
        """Its answer is waited for."""
        assert next_step(DOUBT, known(holds=(frame(1, 51),)), at(52)).act is ReservationAct.WAIT

    @pytest.mark.parametrize("lost", range(1, 12))
    def test_each_try_comes_after_a_longer_pause(self, lost: int) -> None:
        """5 s, 10 s, 20 s ... 10 minutes; never later than its end."""
        frames = tuple(frame(n, 51, over=True) for n in range(1, lost + 1))
        pause = min(FRAME_PAUSE * 2 ** (lost - 1), LONGEST_FRAME_PAUSE)
        early = next_step(DOUBT, known(holds=frames), at(51) + pause - timedelta(seconds=1))
        assert (early.act, early.look_again) == (ReservationAct.WAIT, at(51) + pause)
        assert next_step(DOUBT, known(holds=frames), at(51) + pause).act is ReservationAct.HOLD


class TestTheFrameOfAChange:
    """A change asks for the reservation as it is to become, every other frame for it as it is."""

    def test_another_end(self) -> None:
        """The place stays, with its connector."""
        asked = as_asked(hold(change=change()), ReservationAct.CHANGE)
        assert (asked.expire_time, asked.evse_id, asked.connector_id) == (at(2 * END_S), 1, 1)

    def test_another_place(self) -> None:
        """The end stays; a connector's number is one of its EVSE."""
        asked = as_asked(hold(change=change(expire_time=None, evse_id=2)), ReservationAct.CHANGE)
        assert (asked.expire_time, asked.evse_id, asked.connector_id) == (at(END_S), 2, None)

    def test_the_same_place(self) -> None:
        """It is no move."""
        asked = as_asked(hold(change=change(evse_id=1)), ReservationAct.CHANGE)
        assert (asked.evse_id, asked.connector_id) == (1, 1)

    @pytest.mark.parametrize("act", [ReservationAct.HOLD, ReservationAct.CANCEL])
    def test_no_change(self, act: ReservationAct) -> None:
        """A hold that is made sure of is the old one."""
        known_hold = hold(change=change(evse_id=2))
        assert as_asked(known_hold, act) is known_hold


@pytest.mark.parametrize("cause", sorted(EndCause))
def test_what_may_still_be_held_is_cancelled_at_its_station(cause: EndCause) -> None:
    """Unless the station itself said that nothing is held any more."""
    step = next_step(over(cause), known(place=None), at(END_S + 1))
    assert step.act is (ReservationAct.END if cause in LETS_GO else ReservationAct.CANCEL)


@pytest.mark.parametrize("answer", [yes(1, END_S + 1), no(1, END_S + 1)])
def test_a_cancel_that_the_station_understood_ends_it(answer: object) -> None:
    """Accepted: it is gone now. Rejected: it was gone before."""
    facts = known(cancels=(answer,), place=FREE)
    assert next_step(over(), facts, at(END_S + 3)).act is ReservationAct.END


def test_a_station_that_does_not_know_the_message_is_not_asked_again() -> None:
    """It cannot cancel; its own timer has to do."""
    facts = known(cancels=(frame(1, END_S + 1, UNKNOWN_WORD),), place=FREE)
    assert next_step(over(), facts, at(END_S + 3)).act is ReservationAct.END


def test_a_lost_cancel_is_sent_again_after_a_pause() -> None:
    """Until the station says that nothing is held."""
    facts = known(cancels=(frame(1, END_S, over=True),))
    assert next_step(over(), facts, at(END_S + 4)).act is ReservationAct.WAIT
    assert next_step(over(), facts, at(END_S + 5)).act is ReservationAct.CANCEL


def test_after_the_last_cancel_somebody_has_to_look() -> None:
    """It is not tried for ever, and not silently given up."""
    lost = tuple(frame(n, END_S + n, over=True) for n in range(CANCEL_TRIES))
    step = next_step(over(), known(cancels=lost), at(2 * END_S))
    assert (step.act, step.alarm) == (ReservationAct.END, True)


def test_a_station_that_is_away_is_waited_for_a_day() -> None:
    """What it still holds is cancelled when it is back; a day later it is given up, loudly."""
    away = known(ready=False)
    step = next_step(over(), away, at(END_S + 1))
    assert (step.act, step.look_again, step.alarm) == (ReservationAct.WAIT, at(NEXT_DAY), False)
    assert next_step(over(), known(), at(NEXT_DAY - 1)).act is ReservationAct.CANCEL
    given_up = next_step(over(), away, at(NEXT_DAY))
    assert (given_up.act, given_up.alarm) == (ReservationAct.END, True)


def test_the_day_counts_from_the_end_that_the_station_knows() -> None:
    """A hold that was lost early may stand at its station until its end."""
    step = next_step(over(EndCause.LOST_AT_REBOOT, 60), known(ready=False), at(61))
    assert step.look_again == at(NEXT_DAY)


def test_nobody_waits_a_day_for_a_station_of_which_nothing_is_wanted() -> None:
    """The hold was used and no frame of ours can have made another: its workflow may end."""
    used = over(EndCause.SESSION_USED_IT, 60)
    shown = known(ready=False, place=shows("Reserved", since=90))
    assert next_step(used, shown, at(100)).act is ReservationAct.END


def test_a_place_that_is_shown_as_reserved_after_its_use_is_cleared() -> None:
    """Once the status has lasted: the report of a use and of a status may cross."""
    used = over(EndCause.SESSION_USED_IT, 60)
    shown = known(place=shows("Reserved", since=90))
    soon = next_step(used, shown, at(91))
    assert (soon.act, soon.look_again) == (ReservationAct.WAIT, at(90) + SETTLING)
    later = next_step(used, shown, at(90) + SETTLING)
    assert (later.act, later.alarm) == (ReservationAct.CANCEL, True)


def test_a_station_that_shows_what_it_let_go_and_is_away_is_looked_at_soon_again() -> None:
    """Its return wakes only the newest reservations of the place."""
    used = over(EndCause.SESSION_USED_IT, 60)
    told = {"holds": (yes(1, 10),), "cancels": (yes(2, 70),)}
    away = known(ready=False, place=shows("Reserved", since=90), **told)
    step = next_step(used, away, at(100))
    assert (step.act, step.look_again) == (ReservationAct.WAIT, at(100) + SHOWN_PAUSE)


def test_a_place_that_was_shown_as_reserved_before_its_end_is_no_news() -> None:
    """It was."""
    used = over(EndCause.SESSION_USED_IT, 60)
    assert (
        next_step(used, known(place=shows("Reserved", since=50)), at(200)).act is ReservationAct.END
    )


def test_a_frame_that_was_asked_of_a_station_that_left_is_looked_after() -> None:
    """What it may have made there is waited for, though the hold itself was used."""
    used = over(EndCause.SESSION_USED_IT, 60)
    gone = known(ready=False, holds=(frame(1, 59, over=True),))
    assert next_step(used, gone, at(100)).act is ReservationAct.WAIT


def test_a_place_that_another_hold_may_mean_is_left_alone() -> None:
    """Its number is another's."""
    used = over(EndCause.SESSION_USED_IT, 60)
    shown = known(place=shows("Reserved", since=90), shared=True)
    assert next_step(used, shown, at(200)).act is ReservationAct.END


def test_a_hold_that_was_made_again_after_a_cancel_is_cancelled_again() -> None:
    """The station said that nothing is held, and then yes to a frame that had been under way."""
    crossed = known(cancels=(yes(1, END_S),), holds=(yes(2, END_S + 5),), place=FREE)
    assert next_step(over(), crossed, at(END_S + 7)).act is ReservationAct.CANCEL
    older = replace(crossed, holds=(yes(0, END_S - 9), yes(2, END_S + 5)))
    assert next_step(over(), older, at(END_S + 7)).act is ReservationAct.CANCEL
    settled = replace(crossed, cancels=(yes(1, END_S), yes(3, END_S + 8)))
    assert next_step(over(), settled, at(END_S + 10)).act is ReservationAct.END


@pytest.mark.parametrize("answer", [None, yes(2, 59)], ids=["no answer", "answered afterwards"])
def test_a_frame_that_crossed_a_cancel_may_have_made_another_hold(answer: object) -> None:
    """Cancelled, while the station was being asked to hold it again."""
    asked = answer or frame(2, 59, over=True)
    after = over(EndCause.CANCELLED_BY_CALLER, 60)
    assert next_step(after, known(holds=(asked,), place=FREE), at(70)).act is ReservationAct.CANCEL


def test_a_request_under_way_is_its_commands() -> None:
    """No second hand sends frames for it."""
    asked = hold(state=ReservationState.REQUESTED)
    assert next_step(asked, known(), at(70)).act is ReservationAct.END


def test_a_place_that_is_shown_as_free_is_looked_at_when_the_driver_had_his_time() -> None:
    free = known(place=shows("Available", since=60, previous="Reserved"))
    assert next_step(hold(), free, at(61)).look_again == at(60) + SETTLING


def test_the_answer_to_a_cancel_is_waited_for() -> None:
    step = next_step(over(), known(cancels=(frame(1, END_S + 1),)), at(END_S + 2))
    assert (step.act, step.look_again) == (ReservationAct.WAIT, at(END_S + 2) + FRAME_PAUSE)
