"""Every reason has its status, and every message a limit."""

import pytest

from broker.errors import CODES, FieldViolation, Reason, Refusal, check, invalid


def test_every_reason_has_a_status_code() -> None:
    assert set(CODES) == set(Reason)


def test_a_message_is_bounded_and_names_each_field_once() -> None:
    assert len(Refusal(Reason.INTERNAL, "x" * 9_999).message) == 1_000
    twice = invalid((FieldViolation("a", "1"), FieldViolation("a", "2"), FieldViolation("b", "3")))
    assert "a 1; b 3" in twice.message


def test_a_request_without_bad_fields_goes_on() -> None:
    check(())
    with pytest.raises(Refusal) as refused:
        check((FieldViolation("a", "is required"),))
    assert refused.value.reason is Reason.INVALID_REQUEST
