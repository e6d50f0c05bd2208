"""What a station is answered: each judgement, each boot, each field that an answer may have."""

from datetime import UTC, datetime

import pytest

from station_gateway.dialects import v16, v21, v201
from station_gateway.dialects.interface import Dialect
from station_gateway.dialects.messages import (
    Authorization,
    BootVerdict,
    Confirmation,
    Payload,
    TokenVerdict,
)
from tests.unit.station_gateway.dialects.test_writing import every, faults, newer
from tests.unit.station_gateway.malformed import REQUIRED

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TIME = "2026-01-01T00:00:00Z"

WORDS = {
    TokenVerdict.ACCEPTED: "Accepted",
    TokenVerdict.BLOCKED: "Blocked",
    TokenVerdict.EXPIRED: "Expired",
    TokenVerdict.INVALID: "Invalid",
    TokenVerdict.CONCURRENT: "ConcurrentTx",
    TokenVerdict.NOT_AT_THIS_TIME: "NotAtThisTime",
    TokenVerdict.NOT_AT_THIS_LOCATION: "NotAtThisLocation",
}
V16_WORDS = WORDS | dict.fromkeys(
    (TokenVerdict.NOT_AT_THIS_TIME, TokenVerdict.NOT_AT_THIS_LOCATION), "Invalid"
)


def replied(
    dialect: Dialect, action: str, said: Confirmation, payload: Payload | None = None
) -> Payload:
    """The answer to a message that has no more than it must have; it obeys its schema."""
    least = REQUIRED[dialect.VERSION].get(action, {})
    answer = dialect.reply(dialect.read_call(action, payload or least, NOW), said)
    assert faults(dialect, f"{action}Response", answer) == []
    return answer


def judged(verdict: TokenVerdict = TokenVerdict.ACCEPTED, **more: object) -> Confirmation:
    """A judgement about the token of a message."""
    return Confirmation(NOW, Authorization(verdict, **more), ocpp_transaction_id=7)  # type: ignore[arg-type]


@every
@pytest.mark.parametrize("verdict", WORDS)
def test_a_judgement_is_said_in_its_word(dialect: Dialect, verdict: TokenVerdict) -> None:
    name, words = ("idTagInfo", V16_WORDS) if dialect is v16 else ("idTokenInfo", WORDS)
    assert replied(dialect, "Authorize", judged(verdict)) == {name: {"status": words[verdict]}}


@every
def test_a_token_that_nobody_judged_is_invalid(dialect: Dialect) -> None:
    name = "idTagInfo" if dialect is v16 else "idTokenInfo"
    assert replied(dialect, "Authorize", Confirmation(NOW)) == {name: {"status": "Invalid"}}


def test_on_16_a_judgement_names_parent_and_end() -> None:
    said = judged(group="GROUP", expire_time=NOW)
    info = {"status": "Accepted", "parentIdTag": "GROUP", "expiryDate": TIME}
    assert replied(v16, "Authorize", said) == {"idTagInfo": info}
    assert replied(v16, "StartTransaction", said) == {"idTagInfo": info, "transactionId": 7}


@newer
def test_on_2x_a_judgement_names_group_and_end(dialect: Dialect) -> None:
    said = judged(group="GROUP", group_type="ISO14443", expire_time=NOW)
    group = {"idToken": "GROUP", "type": "ISO14443"}
    info = {"status": "Accepted", "groupIdToken": group, "cacheExpiryDateTime": TIME}
    assert replied(dialect, "Authorize", said) == {"idTokenInfo": info}
    assert replied(dialect, "TransactionEvent", said) == {"idTokenInfo": info}


def test_a_groups_type_that_the_version_does_not_know_is_central() -> None:
    said = judged(group="GROUP", group_type="odd")
    info = replied(v201, "Authorize", said)["idTokenInfo"]
    assert info["groupIdToken"] == {"idToken": "GROUP", "type": "Central"}


@pytest.mark.parametrize(("dialect", "limit"), [(v16, 20), (v201, 36), (v21, 255)])
def test_a_group_that_the_version_cannot_carry_is_not_said(dialect: Dialect, limit: int) -> None:
    for group, fields in (("", 1), ("G" * limit, 2), ("G" * (limit + 1), 1)):
        (info,) = replied(dialect, "Authorize", judged(group=group)).values()
        assert len(info) == fields


def test_an_end_of_16_is_judged_only_when_a_token_came() -> None:
    assert replied(v16, "StopTransaction", Confirmation(NOW)) == {}
    assert replied(v16, "StopTransaction", judged()) == {"idTagInfo": {"status": "Accepted"}}


@newer
def test_an_event_of_2x_is_judged_only_when_a_token_came(dialect: Dialect) -> None:
    assert replied(dialect, "TransactionEvent", Confirmation(NOW)) == {}


@every
@pytest.mark.parametrize(
    ("verdict", "word"),
    [
        (BootVerdict.ACCEPTED, "Accepted"),
        (BootVerdict.PENDING, "Pending"),
        (BootVerdict.REJECTED, "Rejected"),
    ],
)
def test_a_boot_is_answered_with_word_time_and_interval(
    dialect: Dialect, verdict: BootVerdict, word: str
) -> None:
    said = Confirmation(NOW, boot=verdict, interval_s=60)
    wanted = {"status": word, "currentTime": TIME, "interval": 60}
    assert replied(dialect, "BootNotification", said) == wanted


@every
def test_a_heartbeat_is_told_the_time(dialect: Dialect) -> None:
    assert replied(dialect, "Heartbeat", Confirmation(NOW)) == {"currentTime": TIME}


@every
def test_data_of_a_vendor_that_nobody_knows_is_answered_so(dialect: Dialect) -> None:
    answer = replied(dialect, "DataTransfer", Confirmation(NOW), {"vendorId": "V"})
    assert answer == {"status": "UnknownVendorId"}
