"""What every request for a command has: faults of its options."""

from datetime import timedelta

import pytest
from evcommand.v1 import command_options_pb2 as options_pb
from google.protobuf.timestamp_pb2 import Timestamp

from broker.commands import start_session
from broker.commands.options import options_in
from domain.model.command import Callback
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


def test_a_callback_is_checked_and_read() -> None:
    url = "https://receiver.example/news"
    assert option_faults(callback=options_pb.Callback(url="x")) == ["options.callback.url"]
    read = options_in(options(callback=options_pb.Callback(url=url)))
    assert read.callback == Callback(url)
