"""The table of tokens: requests checked, rows shown. Pure.

Unlike a driver's token in a command, a token of this table is shown in the clear.
"""

from evcommand.v1 import id_token_pb2 as id_token_pb
from evcommand.v1 import token_service_pb2 as tokens_pb

from broker.errors import FieldViolation
from broker.proto import fields
from broker.proto.fields import Findings
from broker.proto.id_token import (
    MAX_TOKEN,
    is_sendable,
    sendable_value,
    token_type_out,
    token_value,
)
from broker.proto.times import moment, time_out
from fleet.tokens import Token

_STATUS = tokens_pb.Token.Status


def check_put(request: tokens_pb.PutTokenRequest) -> tuple[FieldViolation, ...]:
    """What is wrong with a PutToken."""
    findings = Findings()
    token = request.token
    sendable_value(findings, "token.value", token.value)
    fields.enum_value(findings, "token.type", token.type, id_token_pb.IdTokenType)
    fields.enum_value(findings, "token.status", token.status, _STATUS)
    findings.expect(
        len(token.group) <= MAX_TOKEN
        and fields.is_printable(token.group)
        and is_sendable(token.group),
        "token.group",
        f"at most {MAX_TOKEN} visible ASCII characters, blanks only between them",
    )
    if token.HasField("expire_time"):
        findings.expect(
            moment(token.expire_time) is not None, "token.expire_time", "is not a valid time"
        )
    return findings.violations


def check_key(
    request: tokens_pb.GetTokenRequest | tokens_pb.DeleteTokenRequest,
) -> tuple[FieldViolation, ...]:
    """What is wrong with a GetToken or a DeleteToken."""
    findings = Findings()
    token_value(findings, "value", request.value)
    fields.enum_value(findings, "type", request.type, id_token_pb.IdTokenType)
    return findings.violations


def check_list(request: tokens_pb.ListTokensRequest) -> tuple[FieldViolation, ...]:
    """What is wrong with a ListTokens."""
    findings = Findings()
    fields.page_size_field(findings, request.page_size)
    return findings.violations


def token_out(token: Token) -> tokens_pb.Token:
    """A token of the table as the contract shows it: in the clear."""
    return tokens_pb.Token(
        value=token.value,
        type=token_type_out(token.type),
        status=_STATUS.Value(f"STATUS_{token.status}"),
        group=token.group or "",
        expire_time=time_out(token.expire_time),
        update_time=time_out(token.update_time),
    )


def status_in(status: tokens_pb.Token.Status.ValueType) -> str:
    """A token's status in the fleet's word; absent means ACCEPTED."""
    return _STATUS.Name(status).removeprefix("STATUS_") if status else "ACCEPTED"
