"""Every way a command can end."""

import pytest

from domain.model.command import Code
from domain.model.outcomes import ENDINGS, Cause, cause_of, ending


@pytest.mark.parametrize("cause", Cause)
def test_every_cause_has_one_ending_and_a_sentence(cause: Cause) -> None:
    assert ENDINGS[cause].sentence.endswith(".")
    assert cause.value == cause.name
    assert ending(cause, "More.").message == f"{ENDINGS[cause].sentence} More."


def test_every_code_has_a_cause() -> None:
    assert {entry.code for entry in ENDINGS.values()} == set(Code)


def test_a_word_of_another_code_is_not_taken_for_a_cause() -> None:
    assert (
        cause_of("STATION_OFFLINE", Code.NOT_SENT, Cause.GATEWAY_UNREACHABLE) == "STATION_OFFLINE"
    )
    assert cause_of("SESSION_STARTED", Code.UNKNOWN, Cause.ANSWER_TIMEOUT) == "ANSWER_TIMEOUT"
    assert cause_of("of tomorrow", Code.UNKNOWN, Cause.ANSWER_TIMEOUT) == "ANSWER_TIMEOUT"
