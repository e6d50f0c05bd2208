"""A station that answers one CALL of ours twice, and not the same."""

import pytest

from station_gateway.session.engine import SessionLimits
from station_gateway.session.events import Event, FrameRefused
from tests.unit.station_gateway.conversation import Conversation

ACTION = "RemoteStartTransaction"
ACCEPTED = {"status": "Accepted"}
OTHER = {"status": "Rejected"}


def untaken(events: list[Event]) -> list[tuple[str, str]]:
    refused = [event for event in events if isinstance(event, FrameRefused)]
    return [(e.untaken.action, e.untaken.reason) for e in refused if e.untaken]


@pytest.mark.parametrize(("first", "second"), [(OTHER, ACCEPTED), (ACCEPTED, OTHER)])
@pytest.mark.parametrize("late", [False, True])
def test_a_second_answer_that_says_something_else_is_a_fact_of_its_own(
    first: dict[str, str], second: dict[str, str], late: bool
) -> None:
    talk = Conversation()
    talk.we_ask("ours", timeout_s=1)
    if late:
        talk.time_passes(1)
    talk.station_answers("ours", first)
    assert untaken(talk.station_answers("ours", first)) == []
    told = [untaken(talk.station_answers("ours", second)) for _ in range(2)]
    assert told == [[(ACTION, "contradicting_answer")]] * 2
    assert untaken(talk.station_answers("never", second)) == []


def test_a_contradicted_call_is_one_fact_and_old_answers_are_forgotten() -> None:
    talk = Conversation(limits=SessionLimits(heard_answers=1))
    keys = set()
    for number in range(2):
        talk.we_ask(f"m{number}")
        talk.station_answers(f"m{number}", ACCEPTED)
        for word in ("Rejected", "Other"):
            (event,) = talk.station_answers(f"m{number}", {"status": word})
            assert isinstance(event, FrameRefused) and event.untaken
            keys.add(event.untaken.key)
    assert len(keys) == 2
    assert untaken(talk.station_answers("m0", OTHER)) == []
