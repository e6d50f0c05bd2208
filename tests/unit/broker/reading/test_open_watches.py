"""One process serves so many watches and no more."""

import pytest

from broker.errors import Reason, Refusal
from broker.reading.open_watches import OpenWatches


def test_a_watch_too_many_is_refused_until_another_one_ends() -> None:
    watches = OpenWatches(1)
    with watches.one_more(), pytest.raises(Refusal) as refused, watches.one_more():
        pass
    assert refused.value.reason is Reason.TOO_MANY_WATCHES
    assert refused.value.retry_after
    with watches.one_more():
        pass
