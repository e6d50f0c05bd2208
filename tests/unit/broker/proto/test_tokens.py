"""The table of tokens: faults of requests, and how rows are shown."""

import pytest
from evcommand.v1 import id_token_pb2 as token_pb
from evcommand.v1 import token_service_pb2 as tokens_pb

from broker.proto import tokens as messages
from tests.unit.broker.edges import BAD_TIME, fields_of
from tests.unit.broker.requests import NOW, at
from tests.unit.broker.things import table_token


def test_a_list_of_tokens_is_checked() -> None:
    tokens = tokens_pb.ListTokensRequest(page_size=-1)
    assert fields_of(messages.check_list(tokens)) == ["page_size"]


def test_a_token_of_the_table_is_checked() -> None:
    bad = tokens_pb.Token(value="", group="\0", expire_time=BAD_TIME)
    bad.type = 44  # type: ignore[assignment]
    bad.status = 44  # type: ignore[assignment]
    request = tokens_pb.PutTokenRequest(token=bad)
    assert fields_of(messages.check_put(request)) == [
        "token.value",
        "token.type",
        "token.status",
        "token.group",
        "token.expire_time",
    ]
    good = tokens_pb.PutTokenRequest(token=tokens_pb.Token(value="A", expire_time=at(NOW)))
    assert messages.check_put(good) == ()
    assert messages.check_put(tokens_pb.PutTokenRequest(token=tokens_pb.Token(value="A"))) == ()


def test_the_key_of_a_token_is_checked() -> None:
    assert fields_of(messages.check_key(tokens_pb.GetTokenRequest())) == ["value"]
    assert messages.check_key(tokens_pb.DeleteTokenRequest(value="A")) == ()


def test_a_token_of_the_table_comes_back_as_it_was_put() -> None:
    shown = messages.token_out(table_token(NOW, "GROUP"))
    assert (shown.value, shown.group) == ("04A1", "GROUP")
    assert shown.type == token_pb.ID_TOKEN_TYPE_EMAID
    assert shown.status == tokens_pb.Token.STATUS_BLOCKED
    assert not messages.token_out(table_token()).HasField("expire_time")


def test_a_token_without_a_status_is_accepted() -> None:
    assert messages.status_in(tokens_pb.Token.STATUS_UNSPECIFIED) == "ACCEPTED"
    assert messages.status_in(tokens_pb.Token.STATUS_EXPIRED) == "EXPIRED"


@pytest.mark.parametrize("value", [" ", "A ", "\U0001f697"])
def test_a_token_that_ocpp_cannot_carry_is_not_stored_but_can_be_deleted(value: str) -> None:
    bad = tokens_pb.Token(value=value, group=value)
    faults = fields_of(messages.check_put(tokens_pb.PutTokenRequest(token=bad)))
    assert faults == ["token.value", "token.group"]
    assert messages.check_key(tokens_pb.DeleteTokenRequest(value=value)) == ()
