"""When the facts are looked at again."""

from domain.commands import timing
from tests.unit.domain.situations import (
    at,
    frame,
)


def test_facts_are_looked_at_in_growing_steps_while_an_answer_is_missing() -> None:
    unanswered = frame(answer_time=None)
    looks = [timing.next_look(unanswered, at(now), at(60)) for now in (0, 5, 12, 21, 41)]
    assert looks == [at(5), at(10), at(20), at(40), at(60)]
    assert timing.next_look(frame(), at(5), at(60)) == at(60)
