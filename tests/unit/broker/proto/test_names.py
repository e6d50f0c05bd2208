"""Names of resources are made and read, whatever a client sends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.proto import names
from tests.unit.broker.requests import REQUEST_ID


@given(st.text(min_size=1, max_size=60).filter(str.isprintable))
def test_every_printable_identity_survives_its_name(identity: str) -> None:
    assert names.parse_station(names.station_name(identity)) == identity
    name = names.transaction_name(identity, "abc")
    assert names.parse_transaction(name) == (identity, "abc")


@given(st.text(max_size=300))
def test_no_text_breaks_a_name_parser(text: str) -> None:
    for parse in (
        names.parse_station,
        names.parse_transaction,
        names.parse_command,
        names.parse_reservation,
        names.parse_uuid,
    ):
        parse(text)


@pytest.mark.parametrize("name", ["stations/", "stations/%FF", "stations/%0A", "x/CP"])
def test_bad_station_names_are_refused(name: str) -> None:
    assert names.parse_station(name) is None


def test_uuids_are_taken_in_their_long_form_only() -> None:
    good = "0B0F6B0E-5F0C-4D6A-9D2A-0D8F4F1F2A11"
    assert names.parse_uuid(good) == good.lower()
    for bad in (good.replace("-", ""), "{" + good[1:-1] + "}", "z" * 36, "-" * 36):
        assert names.parse_uuid(bad) is None


def test_a_name_that_was_not_checked_is_a_bug() -> None:
    with pytest.raises(ValueError, match="not checked"):
        names.station_in("x")
    assert names.command_in(f"commands/{REQUEST_ID}") == REQUEST_ID
    assert names.transaction_in("stations/A/transactions/b") == ("A", "b")
    delivery = f"msg_{'0' * 32}"
    assert names.delivery_in(names.delivery_name(delivery)) == delivery
    assert names.parse_delivery("callbackDeliveries/7") is None
