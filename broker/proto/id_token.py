"""Tokens of drivers: checked, sealed on their way in, masked on their way out. Pure.

A token's value is sealed while the request is read. Everything behind this module sees the sealed
token only, so that no value can reach a history, a log or a repr.
"""

from evcommand.v1 import id_token_pb2 as id_token_pb
from google.protobuf.message import Message

from broker.proto.fields import Findings, enum_value, is_printable
from domain.model.specs import IdToken
from fleet.keys import Sealer

MAX_TOKEN = 255

_DEFAULT_TYPE = "ISO14443"
_TYPE = id_token_pb.IdTokenType

TOKEN_TYPES: dict[int, str] = {
    _TYPE.ID_TOKEN_TYPE_UNSPECIFIED: _DEFAULT_TYPE,
    _TYPE.ID_TOKEN_TYPE_ISO14443: "ISO14443",
    _TYPE.ID_TOKEN_TYPE_ISO15693: "ISO15693",
    _TYPE.ID_TOKEN_TYPE_CENTRAL: "Central",
    _TYPE.ID_TOKEN_TYPE_EMAID: "eMAID",
    _TYPE.ID_TOKEN_TYPE_KEY_CODE: "KeyCode",
    _TYPE.ID_TOKEN_TYPE_LOCAL: "Local",
    _TYPE.ID_TOKEN_TYPE_MAC_ADDRESS: "MacAddress",
    _TYPE.ID_TOKEN_TYPE_NO_AUTHORIZATION: "NoAuthorization",
}
"""The contract's types in OCPP's words. An absent type means the default."""

_TYPES_OUT: dict[str, "id_token_pb.IdTokenType.ValueType"] = {
    word: _TYPE.Value(_TYPE.Name(_TYPE.ValueType(number)))
    for number, word in TOKEN_TYPES.items()
    if number
}


def id_token_field(
    findings: Findings, field: str, token: id_token_pb.IdToken, *, present: bool, told: bool = True
) -> None:
    """Note what is wrong with a token that is required.

    told: it is to be told to the station; else it only finds what a station reported.
    """
    if not present:
        findings.expect(False, field, "is required")
        return
    check = sendable_value if told else token_value
    check(findings, f"{field}.value", token.value)
    enum_value(findings, f"{field}.type", token.type, id_token_pb.IdTokenType)


def sendable_value(findings: Findings, field: str, value: str) -> None:
    """Note what is wrong with the value of a token that is to be told to stations."""
    token_value(findings, field, value)
    findings.expect(
        is_sendable(value),
        field,
        "must be of visible ASCII characters, blanks only between them, as OCPP has it; "
        "give the value as the station reads it",
    )


def is_sendable(value: str) -> bool:
    """Whether OCPP can carry a token's value: its CiString is of visible ASCII characters.

    Blanks between them are taken: stations store such values.
    """
    return value.isascii() and value == value.strip()


def token_value(findings: Findings, field: str, value: str) -> None:
    """Note what is wrong with a token's value."""
    findings.expect(
        1 <= len(value) <= MAX_TOKEN and is_printable(value),
        field,
        f"must be 1 to {MAX_TOKEN} printable characters",
    )
    findings.expect(not value.startswith("****"), field, "is masked; a masked value names no token")


def seal(sealer: Sealer, type: str, value: str) -> IdToken:
    """A token that nobody can read from a history or a log. type: OCPP's word."""
    return IdToken(
        type=type,
        masked=sealer.mask(value),
        sealed=sealer.seal(value),
        digest=sealer.digest(type, value),
    )


def token_in(sealer: Sealer, token: id_token_pb.IdToken) -> IdToken:
    """The client's token, sealed."""
    return seal(sealer, TOKEN_TYPES[token.type], token.value)


def token_chars(request: Message, *fields: str) -> dict[str, int]:
    """The length of the value of each of these tokens that the request has."""
    return {
        field: len(getattr(request, field).value) for field in fields if request.HasField(field)
    }


def token_out(token: IdToken | None) -> id_token_pb.IdToken | None:
    """A token as it is shown, masked; None stays None, and an absent field."""
    return None if token is None else masked_out(token)


def masked_out(token: IdToken) -> id_token_pb.IdToken:
    """A token as it is shown: masked."""
    return id_token_pb.IdToken(value=token.masked, type=token_type_out(token.type))


def token_type_out(word: str) -> "id_token_pb.IdTokenType.ValueType":
    """The enum's value for OCPP's word; UNSPECIFIED for a word that is not in the contract."""
    return _TYPES_OUT.get(word, _TYPE.ID_TOKEN_TYPE_UNSPECIFIED)


def said_token(token: IdToken | None) -> tuple[str, str] | None:
    """What makes two tokens the same for a repeat: type and digest. A seal is never the same."""
    return None if token is None else (token.type, token.digest)
