"""What is wrong with a request for stations, transactions or tokens: every bad field at once."""

import re

from evcommand.v1 import id_token_pb2 as id_token_pb
from evcommand.v1 import station_service_pb2 as stations_pb
from evcommand.v1 import token_service_pb2 as tokens_pb

from broker.errors import Violation
from broker.proto import fields
from broker.proto.fields import MAX_TEXT, MAX_TOKEN, Findings, moment

_STATION_ID = re.compile(r"[A-Za-z0-9*\-_=+|@.]{1,48}")
_PASSWORD = re.compile(r"[\x21-\x7e]{16,40}")


def check_create_station(request: stations_pb.CreateStationRequest) -> tuple[Violation, ...]:
    """What is wrong with a CreateStation."""
    findings = Findings()
    findings.expect(
        _STATION_ID.fullmatch(request.station_id) is not None,
        "station_id",
        "must be 1 to 48 characters of a-z, A-Z, 0-9 and *-_=+|@.",
    )
    findings.expect(len(request.location) <= MAX_TEXT, "location", f"at most {MAX_TEXT} characters")
    profile = request.security_profile if request.HasField("security_profile") else 1
    findings.expect(
        1 <= profile <= 2,
        "security_profile",
        "must be 1 (password) or 2 (TLS and password); client certificates (3) are not checked",
    )
    if request.basic_auth_password:
        findings.expect(
            _PASSWORD.fullmatch(request.basic_auth_password) is not None,
            "basic_auth_password",
            "must be 16 to 40 characters of printable ASCII without spaces; leave it out to "
            "have a strong one made",
        )
    return findings.violations


def check_list_stations(request: stations_pb.ListStationsRequest) -> tuple[Violation, ...]:
    """What is wrong with a ListStations."""
    findings = Findings()
    for field, value in (("location", request.location), ("ocpp_version", request.ocpp_version)):
        findings.expect(len(value) <= MAX_TEXT, field, f"at most {MAX_TEXT} characters")
    fields.page_size_field(findings, request.page_size)
    return findings.violations


def check_list_transactions(
    request: stations_pb.ListTransactionsRequest,
) -> tuple[Violation, ...]:
    """What is wrong with a ListTransactions."""
    findings = Findings()
    fields.station_field(findings, request.station, required=False)
    fields.page_size_field(findings, request.page_size)
    return findings.violations


def check_put_token(request: tokens_pb.PutTokenRequest) -> tuple[Violation, ...]:
    """What is wrong with a PutToken."""
    findings = Findings()
    token = request.token
    fields.token_value(findings, "token.value", token.value)
    fields.enum_value(findings, "token.type", token.type, id_token_pb.IdTokenType)
    fields.enum_value(findings, "token.status", token.status, tokens_pb.Token.Status)
    findings.expect(
        len(token.group) <= MAX_TOKEN and fields.is_printable(token.group),
        "token.group",
        f"at most {MAX_TOKEN} printable characters",
    )
    if token.HasField("expire_time"):
        findings.expect(
            moment(token.expire_time) is not None, "token.expire_time", "is not a valid time"
        )
    return findings.violations


def check_token_key(
    request: tokens_pb.GetTokenRequest | tokens_pb.DeleteTokenRequest,
) -> tuple[Violation, ...]:
    """What is wrong with a GetToken or a DeleteToken."""
    findings = Findings()
    fields.token_value(findings, "value", request.value)
    fields.enum_value(findings, "type", request.type, id_token_pb.IdTokenType)
    return findings.violations


def check_list_tokens(request: tokens_pb.ListTokensRequest) -> tuple[Violation, ...]:
    """What is wrong with a ListTokens."""
    findings = Findings()
    fields.page_size_field(findings, request.page_size)
    return findings.violations
