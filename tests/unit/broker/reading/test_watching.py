"""Resume tokens that name an impossible place."""

import pytest

from broker.errors import Reason, Refusal
from broker.reading import opaque_tokens as pages
from broker.reading.watching import read_place


@pytest.mark.parametrize("phase", ["yesterday", "0001-01-01T00:00:00+23:00"])
def test_a_resume_token_with_an_impossible_place_is_refused(phase: str) -> None:
    token = pages.write_token("s", [0, 1, phase, ""])
    with pytest.raises(Refusal) as refused:
        read_place("s", token)
    assert refused.value.reason is Reason.RESUME_TOKEN_INVALID
