"""What a bad request id is told, where it may be absent and where it may not."""

import pytest

from broker.proto import fields

UUID = "0f6d1c3a-6d0e-4c39-9a53-6f1c2c1d7f10"


@pytest.mark.parametrize(
    ("request_id", "required", "said"),
    [
        (UUID, True, None),
        (UUID, False, None),
        ("", False, None),
        ("", True, "must be a UUID of 36 characters, made by you, the same one in a repeat"),
        ("a1", True, "must be a UUID of 36 characters, made by you, the same one in a repeat"),
        ("a1", False, "must be a UUID of 36 characters, or absent"),
    ],
)
def test_a_request_id_that_may_not_be_absent_is_not_told_that_it_may(
    request_id: str, required: bool, said: str | None
) -> None:
    findings = fields.Findings()
    fields.request_id_field(findings, request_id, required=required)
    told = [violation.description for violation in findings.violations]
    assert told == ([said] if said else [])
