"""Names, tokens for pages, errors, credentials, settings."""

import base64
import hashlib
from datetime import timedelta
from pathlib import Path

import grpc
import pytest
from evcommand.v1 import remote_command_service_pb2 as pb
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from hypothesis import given
from hypothesis import strategies as st

from broker.auth import Authenticator, Caller
from broker.errors import CODES, DETAILS_KEY, Reason, Refusal, Violation, invalid, trailing_details
from broker.proto import names
from broker.reading import opaque_tokens as pages
from broker.reading.paging import Pager
from broker.reading.watching import read_place
from broker.settings import ApiKey, BrokerSettings, Tls, UnsafeListener, check_listener

KEY = "k" * 40
API_KEY = ApiKey("desk", hashlib.sha256(KEY.encode()).hexdigest(), tenant="north")


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


def selection(**fields: object) -> str:
    request = pb.ListCommandsRequest(**fields)  # type: ignore[arg-type]
    return pages.selection_digest("t", "List", request, frozenset({"page_size", "page_token"}))


def test_a_page_token_comes_back_for_the_same_filters_only() -> None:
    token = pages.write_token(selection(station="stations/A"), [7, "x"])
    same = selection(station="stations/A", page_size=5, page_token="z")
    assert pages.read_token(same, token, (int, str)) == (7, "x")
    with pytest.raises(pages.BadToken, match="other filters"):
        pages.read_token(selection(station="stations/B"), token, (int, str))


@given(st.text(max_size=100) | st.binary(max_size=100).map(lambda b: base64.b64encode(b).decode()))
def test_made_up_tokens_are_refused_calmly(token: str) -> None:
    with pytest.raises(pages.BadToken):
        pages.read_token("s", token, (int, str))


@pytest.mark.parametrize(
    "content", ['["s", [7]]', '["s", ["x", 7]]', '["s", [true, "x"]]', "[" * 900]
)
def test_tokens_of_another_shape_are_refused(content: str) -> None:
    with pytest.raises(pages.BadToken):
        pages.read_token("s", base64.urlsafe_b64encode(content.encode()).decode(), (int, str))
    with pytest.raises(pages.BadToken):
        pages.read_token("s", "A" * 5_000, (int, str))


def test_a_bad_page_token_is_an_invalid_argument() -> None:
    pager = Pager("t", "List", pb.ListCommandsRequest())
    assert pager.position("", (str,)) is None
    assert pager.token(None) == ""
    assert pager.position(pager.token(["a"]), (str,)) == ("a",)
    with pytest.raises(Refusal) as refused:
        pager.position("x", (str,))
    assert refused.value.reason is Reason.PAGE_TOKEN_INVALID


@pytest.mark.parametrize("phase", ["yesterday", "0001-01-01T00:00:00+23:00"])
def test_a_resume_token_with_an_impossible_place_is_refused(phase: str) -> None:
    token = pages.write_token("s", [0, 1, phase, ""])
    with pytest.raises(Refusal) as refused:
        read_place("s", token)
    assert refused.value.reason is Reason.RESUME_TOKEN_INVALID


def details_of(refusal: Refusal) -> Status:
    ((key, content),) = trailing_details(refusal)
    assert key == DETAILS_KEY
    return Status.FromString(content)


def test_every_reason_has_a_status_code() -> None:
    assert set(CODES) == set(Reason)


def test_a_refusal_carries_reason_fields_and_retry() -> None:
    refusal = Refusal(
        Reason.INVALID_REQUEST,
        "no",
        violations=(Violation("station", "is required"),),
        retry_after=timedelta(seconds=2),
        facts={"a": "b"},
    )
    status = details_of(refusal)
    info, bad, retry = ErrorInfo(), BadRequest(), RetryInfo()
    for detail, message in zip(status.details, (info, bad, retry), strict=True):
        assert detail.Unpack(message)
    assert (info.reason, info.domain, dict(info.metadata)) == (
        "INVALID_REQUEST",
        "evcommand",
        {"a": "b"},
    )
    assert [one.field for one in bad.field_violations] == ["station"]
    assert retry.retry_delay.seconds == 2
    assert status.code == grpc.StatusCode.INVALID_ARGUMENT.value[0]


def test_a_message_is_bounded_and_names_each_field_once() -> None:
    assert len(Refusal(Reason.INTERNAL, "x" * 9_999).message) == 1_000
    twice = invalid((Violation("a", "1"), Violation("a", "2"), Violation("b", "3")))
    assert "a 1; b 3" in twice.message


def bearer(key: str) -> list[tuple[str, str | bytes]]:
    return [("user-agent", "x"), ("Authorization", f"Bearer {key}")]


def test_without_keys_everybody_is_let_in() -> None:
    assert Authenticator(()).admit("/x/Y", []) == Caller()


def test_a_known_key_names_its_caller_and_tenant() -> None:
    assert Authenticator((API_KEY,)).admit("/x/Y", bearer(KEY)) == Caller(
        "desk", "north", frozenset()
    )


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ([], Reason.CREDENTIALS_MISSING),
        ([("authorization", "Basic abc")], Reason.CREDENTIALS_MISSING),
        ([("authorization", b"Bearer x")], Reason.CREDENTIALS_MISSING),
        (bearer("k" * 9_999), Reason.CREDENTIALS_MISSING),
        (bearer("wrong"), Reason.CREDENTIALS_INVALID),
        (bearer(API_KEY.digest), Reason.CREDENTIALS_INVALID),
    ],
)
def test_other_credentials_are_refused(
    metadata: list[tuple[str, str | bytes]], reason: Reason
) -> None:
    with pytest.raises(Refusal) as refused:
        Authenticator((API_KEY,)).admit("/evcommand.v1.X/Y", metadata)
    assert refused.value.reason is reason
    assert refused.value.code is grpc.StatusCode.UNAUTHENTICATED


def test_health_is_answered_without_a_key_and_reflection_is_not() -> None:
    guard = Authenticator((API_KEY,))
    assert guard.admit("/grpc.health.v1.Health/Check", []) == Caller()
    with pytest.raises(Refusal):
        guard.admit("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", [])


def test_an_api_key_setting_holds_a_digest_only() -> None:
    assert ApiKey.parse(f"desk@north:{API_KEY.digest.upper()}") == API_KEY
    assert ApiKey.parse(f"desk:{API_KEY.digest}").tenant == "default"
    for bad in (f"desk:{KEY}", API_KEY.digest, f":{API_KEY.digest}", f"a@b c:{API_KEY.digest}"):
        with pytest.raises(ValueError, match="API key") as refused:
            ApiKey.parse(bad)
        assert KEY not in str(refused.value)


def test_the_broker_listens_beyond_loopback_only_with_tls_and_credentials() -> None:
    tls = Tls(Path("c.pem"), Path("k.pem"))
    with pytest.raises(UnsafeListener, match="certificate and key and at least one API key"):
        check_listener(BrokerSettings(listen="0.0.0.0:1"))
    with pytest.raises(UnsafeListener, match="configure at least one API key"):
        check_listener(BrokerSettings(listen="0.0.0.0:1", tls=tls))
    check_listener(BrokerSettings(listen="0.0.0.0:1", tls=tls, api_keys=(API_KEY,)))
    check_listener(BrokerSettings(listen="0.0.0.0:1", insecure=True))
    check_listener(BrokerSettings())


def test_settings_do_not_show_key_digests() -> None:
    assert API_KEY.digest not in repr(BrokerSettings(api_keys=(API_KEY,)))
