"""Errors carry a reason, the bad fields, and when to try again."""

from datetime import timedelta

import grpc
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from broker.errors import FieldViolation, Reason, Refusal
from broker.proto.error_details import DETAILS_KEY, trailing_details


def details_of(refusal: Refusal) -> Status:
    ((key, content),) = trailing_details(refusal)
    assert key == DETAILS_KEY
    return Status.FromString(content)


def test_a_refusal_carries_reason_fields_and_retry() -> None:
    refusal = Refusal(
        Reason.INVALID_REQUEST,
        "no",
        violations=(FieldViolation("station", "is required"),),
        retry_after=timedelta(seconds=2),
        facts={"a": "b"},
    )
    status = details_of(refusal)
    info, bad, retry = ErrorInfo(), BadRequest(), RetryInfo()
    for detail, message in zip(status.details, (info, bad, retry), strict=True):
        assert detail.Unpack(message)
    assert (info.reason, info.domain, dict(info.metadata)) == (
        "INVALID_REQUEST",
        "evcommand",
        {"a": "b"},
    )
    assert [one.field for one in bad.field_violations] == ["station"]
    assert retry.retry_delay.seconds == 2
    assert status.code == grpc.StatusCode.INVALID_ARGUMENT.value[0]


def test_a_plain_refusal_carries_its_reason_only() -> None:
    status = details_of(Refusal(Reason.COMMAND_NOT_FOUND, "no"))
    assert len(status.details) == 1
