"""The way of a frame, and why it was not the short one."""

import pytest

from domain.model.ways import LineUse, Way, told, way_of


@pytest.mark.parametrize("line", LineUse)
def test_each_word_has_a_way_and_a_sentence(line: LineUse) -> None:
    direct = line is LineUse.USED
    assert way_of(line) is (Way.DIRECT_LINE if direct else Way.TASK_QUEUE)
    assert told(line).startswith("by the direct line" if direct else "over the task queue")


def test_why_the_line_was_not_used_is_told_with_its_word() -> None:
    why = "over the task queue, as the gateway refused the key of its direct line (KEY_REFUSED)"
    assert told("KEY_REFUSED") == why
    assert told("NOT_OFFERED") == "over the task queue"


def test_a_frame_of_an_older_version_has_no_way() -> None:
    assert way_of("") is None
    assert told("") == ""


def test_a_word_of_a_newer_version_is_told_as_it_is() -> None:
    assert way_of("ON_FIRE") is Way.TASK_QUEUE
    assert told("ON_FIRE") == "over the task queue (ON_FIRE)"
