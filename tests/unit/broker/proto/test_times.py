"""Spans of the contract: what is one, and what is none."""

from datetime import timedelta

import pytest
from google.protobuf.duration_pb2 import Duration

from broker.proto.times import span


@pytest.mark.parametrize(
    ("given", "length"),
    [
        ((5, 0), timedelta(seconds=5)),
        ((5, 500_000_000), timedelta(seconds=5.5)),
        ((-5, -500_000_000), timedelta(seconds=-5.5)),
        ((0, -1_000), timedelta(microseconds=-1)),
        ((5, -1), None),
        ((-5, 1), None),
        ((0, 1_000_000_000), None),
        ((2**62, 0), None),
    ],
)
def test_a_span_has_one_sign_and_less_than_a_second_of_nanos(
    given: tuple[int, int], length: timedelta | None
) -> None:
    seconds, nanos = given
    assert span(Duration(seconds=seconds, nanos=nanos)) == length
