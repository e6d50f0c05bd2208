"""What counts as a yes and what counts as a no."""

import pytest

from domain.model.answers import Verdict


@pytest.mark.parametrize(
    ("verdict", "is_yes", "is_no", "is_lasting_no"),
    [
        (Verdict.ACCEPTED, True, False, False),
        (Verdict.SCHEDULED, True, False, False),
        (Verdict.REJECTED, False, True, True),
        (Verdict.NOT_SUPPORTED, False, True, True),
        (Verdict.FAILED, False, True, False),
        (Verdict.UNREADABLE, False, False, False),
    ],
)
def test_each_verdict_is_a_yes_or_a_no_or_neither(
    verdict: Verdict, is_yes: bool, is_no: bool, is_lasting_no: bool
) -> None:
    assert (verdict.is_yes, verdict.is_no) == (is_yes, is_no)
    assert verdict.is_lasting_no is is_lasting_no
