"""Types of tokens have a word of OCPP and a way back."""

from evcommand.v1 import id_token_pb2 as token_pb

from broker.proto import id_token


def test_every_token_type_of_the_contract_has_a_word_and_a_way_back() -> None:
    assert set(id_token.TOKEN_TYPES) == set(token_pb.IdTokenType.values())
    for number, word in id_token.TOKEN_TYPES.items():
        assert id_token.token_type_out(word) == (number or 1)
    assert id_token.token_type_out("idTag") == 0
