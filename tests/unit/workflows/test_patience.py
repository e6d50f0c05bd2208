"""A command waits for a station that is away: nobody looks again and again at the same facts."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.unit.workflows.situations import TIMING, at, start
from workflows.domain.facts import Act, Facts
from workflows.domain.frames import HoldFrame
from workflows.domain.judgement import judge
from workflows.domain.model import CancelReservationSpec, Command, Kind, ReserveSpec, State

RESERVE = ReserveSpec(
    id_token=start().start.id_token,  # type: ignore[union-attr]
    expire_time=at(3_600),
    evse_id=1,
    reservation="a" * 24,
    wire_id=7,
)


def lost(kind: Kind) -> Command:
    """A command of a hold whose frame got no answer."""
    return replace(
        start(),
        kind=kind,
        start=None,
        reserve=RESERVE if kind is Kind.RESERVE_NOW else None,
        cancel_reservation=CancelReservationSpec(7) if kind is Kind.CANCEL_RESERVATION else None,
        state=State.AWAITING_EFFECT,
        send_time=at(0),
        not_after=at(120),
    )


@pytest.mark.parametrize("kind", [Kind.RESERVE_NOW, Kind.CANCEL_RESERVATION])
def test_a_lost_answer_of_a_station_that_is_away_is_waited_for_until_the_deadline(
    kind: Kind,
) -> None:
    known = Facts(asks=(HoldFrame(1, at(0), over=True),), connected_since=None)
    decision = judge(lost(kind), known, TIMING, at(60))
    assert (decision.act, decision.look_again) == (Act.WAIT, at(120))


@pytest.mark.parametrize("kind", [Kind.RESERVE_NOW, Kind.CANCEL_RESERVATION])
def test_a_repeat_that_is_not_due_is_waited_for(kind: Kind) -> None:
    known = Facts(asks=(HoldFrame(1, at(58), over=True),), connected_since=at(59))
    decision = judge(lost(kind), known, TIMING, at(60))
    assert decision.act is Act.WAIT
    assert decision.look_again is not None
    assert at(60) < decision.look_again <= at(60) + timedelta(seconds=5)
