"""How each version gives a station its password, and what its answer means."""

import json
from typing import Any

import pytest

from domain.model.answers import CallError, Verdict
from domain.ocpp_words import CAPABILITIES, password_bytes, password_fits
from fleet.keys import Passwords
from station_gateway.dialects import v16
from station_gateway.dialects.command_words import SETS_PASSWORD
from station_gateway.dialects.interface import Dialect
from station_gateway.dialects.messages import Answer, Unreadable, Unsendable
from tests.unit.station_gateway.versions import DIALECTS, schemas_of

every = pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
newer = pytest.mark.parametrize("dialect", [DIALECTS["2.0.1"], DIALECTS["2.1"]])
HEX = "0001020304050607ffffffffffffffffffffffff"


@every
@pytest.mark.parametrize("password", ["sixteen-letters!", "z" * 20, HEX])
def test_every_frame_obeys_its_schema(dialect: Dialect, password: str) -> None:
    action, payload = dialect.set_password(password)
    name = action if dialect is v16 else f"{action}Request"
    assert schemas_of(dialect).faults_of_ours(name, json.loads(json.dumps(payload))) == []
    assert action in SETS_PASSWORD


@pytest.mark.parametrize(
    ("password", "value"),
    [("sixteen-letters!", "7369787465656E2D6C65747465727321"), (HEX, HEX.upper())],
)
def test_ocpp_1_6_takes_the_bytes_in_hexadecimal_digits(password: str, value: str) -> None:
    assert v16.set_password(password) == (
        "ChangeConfiguration",
        {"key": "AuthorizationKey", "value": value},
    )


@newer
def test_ocpp_2_takes_the_text(dialect: Dialect) -> None:
    (datum,) = dialect.set_password(HEX)[1]["setVariableData"]
    assert datum == {
        "component": {"name": "SecurityCtrlr"},
        "variable": {"name": "BasicAuthPassword"},
        "attributeValue": HEX,
    }


@pytest.mark.parametrize(
    ("version", "password", "fits"),
    [
        ("1.6", "z" * 15, False),
        ("1.6", "z" * 16, True),
        ("1.6", "z" * 20, True),
        ("1.6", "z" * 21, False),
        ("1.6", "a" * 31, False),
        ("1.6", "a" * 32, True),
        ("1.6", "a" * 40, True),
        ("1.6", "a" * 16, False),  # eight bytes
        ("2.0.1", "a" * 15, False),
        ("2.0.1", "a" * 16, True),
        ("2.1", "z" * 40, True),
        ("2.1", "z" * 41, False),
    ],
)
def test_what_does_not_fit_is_not_written(version: str, password: str, fits: bool) -> None:
    assert password_fits(password, CAPABILITIES[version]) is fits
    if not fits:
        with pytest.raises(Unsendable) as refused:
            DIALECTS[version].set_password(password)
        assert password not in str(refused.value)


@pytest.mark.parametrize("password", ["sixteen-letters!", HEX, "a" * 32, "z" * 20])
def test_the_bytes_that_a_station_gets_are_the_ones_that_it_is_recognised_by(
    password: str,
) -> None:
    passwords = Passwords(b"master")
    generated = passwords.hash_generated("a-generated-password")
    assert passwords.look(generated, "", password_bytes("a-generated-password")).value == "RIGHT"
    as_bytes = passwords.hash_chosen(password).startswith("argon2hex:")
    assert as_bytes is (password_bytes(password) != password.encode())


def answer_of(dialect: Dialect, word: str) -> dict[str, Any]:
    if dialect is v16:
        return {"status": word}
    result = {
        "attributeStatus": word,
        "component": {"name": "SecurityCtrlr"},
        "variable": {"name": "BasicAuthPassword"},
    }
    return {"setVariableResult": [result]}


@every
@pytest.mark.parametrize(
    ("word", "verdict"),
    [
        ("Accepted", Verdict.ACCEPTED),
        ("RebootRequired", Verdict.SCHEDULED),
        ("Rejected", Verdict.REJECTED),
        ("Certainly", Verdict.UNREADABLE),
    ],
)
def test_what_the_answer_means(dialect: Dialect, word: str, verdict: Verdict) -> None:
    answer = dialect.read_set_password(answer_of(dialect, word))
    assert (answer.verdict, answer.status) == (verdict, word)


@pytest.mark.parametrize(
    ("version", "word"),
    [
        ("1.6", "NotSupported"),
        ("2.0.1", "UnknownVariable"),
        ("2.0.1", "UnknownComponent"),
        ("2.1", "NotSupportedAttributeType"),
    ],
)
def test_a_station_that_has_no_such_setting_says_so(version: str, word: str) -> None:
    dialect = DIALECTS[version]
    assert dialect.read_set_password(answer_of(dialect, word)).verdict is Verdict.NOT_SUPPORTED


@every
def test_what_is_no_answer_is_read_as_none(dialect: Dialect) -> None:
    refused = dialect.read_set_password(CallError("NotImplemented"))
    assert refused.verdict is Verdict.NOT_SUPPORTED
    nothing: tuple[Answer, ...] = ({}, Unreadable("no JSON"))
    for answer in nothing:
        assert dialect.read_set_password(answer).verdict is Verdict.UNREADABLE
