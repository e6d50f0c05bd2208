"""What is known about a command."""

from tests.unit.domain.situations import (
    facts,
)


def test_2x_can_be_asked_for_the_status_of_a_transaction() -> None:
    assert facts(ocpp_version="2.0.1").can_ask_status
    assert facts(ocpp_version="2.1").can_ask_status
    assert not facts().can_ask_status
