"""What every request for a command has: faults of its options."""

from datetime import timedelta

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from broker.commands import start_session
from tests.unit.broker.edges import BAD_TIME, fields_of
from tests.unit.broker.requests import NOW, at, options, start


def option_faults(**fields: object) -> list[str]:
    return fields_of(start_session.check(start(options=options(**fields)), NOW))


@pytest.mark.parametrize("moment", [BAD_TIME, at(NOW), at(NOW + timedelta(days=31))])
def test_not_after_must_be_in_the_near_future(moment: Timestamp) -> None:
    assert option_faults(not_after=moment) == ["options.not_after"]


def test_labels_are_limited_in_number() -> None:
    many = {f"k{index}": "v" for index in range(17)}
    assert option_faults(labels=many) == ["options.labels"]
