"""StopSession at the edge: its faults, how it is read, and the id that goes to the station."""

import pytest
from evcommand.v1 import remote_command_service_pb2 as pb

from broker.commands import stop_session
from broker.errors import Reason
from tests.unit.broker.edges import fields_of, refused
from tests.unit.broker.requests import NOW, REQUEST_ID, stop, token
from tests.unit.broker.things import SEALER


def stop_faults(request: pb.StopSessionRequest) -> list[str]:
    return fields_of(stop_session.check(request, NOW))


GOOD_STOPS = [
    stop(transaction="stations/CP-1/transactions/abc"),
    stop(transaction="stations/CP-1/transactions/abc", station="stations/CP-1"),
    stop(start_command=f"commands/{REQUEST_ID}"),
    stop(evse_id=1, station="stations/CP-1"),
    stop(id_token=token(), station="stations/CP-1"),
    stop(reservation="reservations/0123456789abcdef01234567", station="stations/CP-1"),
    stop(transaction_id="-1", station="stations/CP-1"),
]


@pytest.mark.parametrize("request_", GOOD_STOPS, ids=lambda one: str(one.WhichOneof("target")))
def test_each_target_of_a_stop_is_taken(request_: pb.StopSessionRequest) -> None:
    assert stop_faults(request_) == []


@pytest.mark.parametrize(
    ("request_", "faults"),
    [
        (stop(), ["target"]),
        (stop(transaction="transactions/abc"), ["transaction"]),
        (stop(transaction="stations/A/transactions/b", station="stations/B"), ["station"]),
        (stop(start_command="commands/1"), ["start_command"]),
        (stop(evse_id=1), ["station"]),
        (stop(evse_id=0, station="stations/A"), ["evse_id"]),
        (stop(id_token=token(""), station="stations/A"), ["id_token.value"]),
        (stop(id_token=token("M\u00fcller"), station="stations/A"), []),
        (stop(reservation="7", station="stations/A"), ["reservation"]),
        (stop(transaction_id="x" * 256, station="stations/A"), ["transaction_id"]),
        (stop(transaction_id="", station="stations/A"), ["transaction_id"]),
    ],
)
def test_a_bad_stop_names_its_fields(request_: pb.StopSessionRequest, faults: list[str]) -> None:
    assert stop_faults(request_) == faults


@pytest.mark.parametrize(
    ("request_", "field", "value"),
    [
        (stop(transaction="stations/A/transactions/b"), "transaction", "stations/A/transactions/b"),
        (stop(start_command="commands/x"), "start_command", "commands/x"),
        (stop(evse_id=2, station="stations/CP%2F1"), "evse_id", 2),
        (
            stop(reservation="reservations/0123456789abcdef01234567"),
            "reservation",
            "reservations/0123456789abcdef01234567",
        ),
        (stop(transaction_id="9"), "ocpp_transaction_id", "9"),
    ],
)
def test_a_stop_is_read_with_exactly_its_target(
    request_: pb.StopSessionRequest, field: str, value: object
) -> None:
    parsed = stop_session.read(request_, SEALER, NOW)
    targets = ("transaction", "start_command", "evse_id", "id_token", "reservation")
    given = {name: getattr(parsed.spec, name) for name in (*targets, "ocpp_transaction_id")}
    assert {name: found for name, found in given.items() if found is not None} == {field: value}
    assert parsed.station == ("CP/1" if request_.station else None)


def test_a_stop_by_token_is_read_with_its_sealed_token_only() -> None:
    parsed = stop_session.read(stop(id_token=token()), SEALER, NOW)
    assert parsed.spec.id_token is not None
    assert SEALER.open(parsed.spec.id_token.sealed) == "04A1B2C3"
    said = stop_session.said(parsed.spec)
    assert [name for name, value in said.items() if value is not None] == ["id_token"]
    assert parsed.token_chars == {"id_token": 8}
    assert "04A1B2C3" not in repr(parsed)


@pytest.mark.parametrize(("given", "sent"), [("42", "42"), ("-1", "-1"), ("0042", "42")])
def test_a_16_station_gets_its_id_as_a_number(given: str, sent: str) -> None:
    assert stop_session.sent_transaction_id("1.6", given) == sent


@pytest.mark.parametrize("given", ["abc", "2147483648", "1.0", "٣", "99999999999"])
def test_a_16_station_cannot_be_sent_another_id(given: str) -> None:
    with refused(Reason.INVALID_REQUEST):
        stop_session.sent_transaction_id("1.6", given)
    assert stop_session.sent_transaction_id("2.0.1", given) == given
