"""The polls of a task queue: never so few that a task is left behind."""

import pytest

from contract.polls import LEAST_POLLS, polls


@pytest.mark.parametrize(("most", "maximum"), [(50, 50), (5, 5), (1, 5), (0, 5)])
def test_several_polls_are_always_open(most: int, maximum: int) -> None:
    behavior = polls(most)
    assert behavior.minimum == behavior.initial == LEAST_POLLS == 5
    assert behavior.maximum == maximum
