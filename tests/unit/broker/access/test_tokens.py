"""Signed tokens: whom they let in, and that a forged one tells nothing of what was wrong."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import grpc
import jwt
import pytest
import structlog
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from broker.access.caller import Caller
from broker.access.signing_keys import SigningKeys
from broker.access.tokens import TokenVerifier, looks_like_token
from broker.auth import Authenticator
from broker.commands.table import METHOD_RIGHTS
from broker.errors import Reason, Refusal
from broker.settings import ApiKey, Right, UnsafeBroker, check_tokens
from broker.token_settings import TokenSettings
from tests.support.access.signed_tokens import AUDIENCE, ISSUER, Signer

EC_KEY, RSA_KEY = Signer("ec"), Signer("rsa", "RSA")
SMALL, FOREIGN = Signer("small", "RSA", 1024), Signer("ec")
SETTINGS = TokenSettings(jwks_url="https://issuer.test/jwks", issuer=ISSUER, audience=AUDIENCE)
GET = "/evcommand.v1.RemoteCommandService/GetCommand"
START = "/evcommand.v1.RemoteCommandService/StartSession"
KEY = "k" * 40
API_KEY = ApiKey("desk", hashlib.sha256(KEY.encode()).hexdigest())


async def published() -> bytes:
    return json.dumps({"keys": [EC_KEY.jwk, RSA_KEY.jwk, SMALL.jwk]}).encode()


def guard(settings: TokenSettings = SETTINGS, *keys: ApiKey) -> Authenticator:
    verifier = TokenVerifier(SigningKeys(published, settings, lambda: 0.0), settings)
    return Authenticator(keys, verifier, lambda: datetime.now(UTC), rights=METHOD_RIGHTS)


async def admitted(token: str, method: str = GET, guard_: Authenticator | None = None) -> Caller:
    at = guard_ or guard()
    caller = await at.identify(method, [("authorization", f"Bearer {token}")])
    at.authorize(method, caller)
    return caller


async def refused(token: str, method: str = GET, guard_: Authenticator | None = None) -> Refusal:
    with pytest.raises(Refusal) as raised:
        await admitted(token, method, guard_)
    return raised.value


@pytest.mark.parametrize("signer", [EC_KEY, RSA_KEY])
async def test_a_good_token_names_its_caller(signer: Signer) -> None:
    caller = await admitted(signer.token())
    assert (caller.name, caller.tenant) == ("jwt:anna", "north")
    assert caller.rights == {Right.READ}


async def test_a_token_without_the_right_is_denied_and_told_which() -> None:
    denied = await refused(EC_KEY.token(), START)
    assert (denied.code, denied.facts) == (
        grpc.StatusCode.PERMISSION_DENIED,
        {"right": "command"},
    )


def unsigned() -> str:
    head, body, _ = EC_KEY.token({"alg": "none"}).split(".")
    return f"{head}.{body}."


def parts(token: str) -> list[str]:
    return token.split(".")


def signed_with_the_public_key() -> str:
    """HMAC with the public key as its secret: the oldest trick against such tokens."""
    head = {"alg": "HS256", "typ": "JWT", "kid": "rsa"}
    first = base64.urlsafe_b64encode(json.dumps(head).encode()).rstrip(b"=").decode()
    text = f"{first}.{parts(RSA_KEY.token())[1]}"
    public = RSA_KEY.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    made = hmac.digest(public, text.encode(), "sha256")
    return f"{text}.{base64.urlsafe_b64encode(made).rstrip(b'=').decode()}"


def with_other_claims() -> str:
    head, _, signature = parts(EC_KEY.token())
    return ".".join((head, parts(EC_KEY.token(rights=["admin"]))[1], signature))


FORGED: dict[str, Any] = {
    "another issuer": EC_KEY.token(iss="https://other.test"),
    "no issuer": EC_KEY.token(iss=None),
    "another audience": EC_KEY.token(aud="billing"),
    "no audience": EC_KEY.token(aud=None),
    "no end": EC_KEY.token(exp=None),
    "no tenant": EC_KEY.token(tenant=None),
    "a foreign key of the same name": FOREIGN.token(),
    "an unknown key": Signer("other").token(),
    "no key's name": EC_KEY.token({"kid": None}),
    "a short key": SMALL.token(),
    "a critical header": EC_KEY.token({"crit": ["x"], "x": 1}),
    "another algorithm": RSA_KEY.token({"kid": "ec"}),
    "no signature": unsigned(),
    "the public key as secret": signed_with_the_public_key(),
    "other claims": with_other_claims(),
    "rubbish": "a.b.c",
    "no text": "\ud800.b.c",
}


@pytest.mark.parametrize("why", FORGED)
async def test_a_token_that_is_not_good_is_told_nothing_of_why(why: str) -> None:
    denied = await refused(FORGED[why])
    assert denied.code is grpc.StatusCode.UNAUTHENTICATED
    assert (denied.reason, denied.message) == (
        Reason.CREDENTIALS_INVALID,
        "The credential is not valid.",
    )


async def test_a_token_that_ended_is_told_so() -> None:
    denied = await refused(EC_KEY.token(exp=datetime.now(UTC).timestamp() - 60))
    assert (denied.reason, denied.message) == (
        Reason.CREDENTIALS_EXPIRED,
        "The credential is expired.",
    )
    forged = await refused(FOREIGN.token(exp=datetime.now(UTC).timestamp() - 60))
    assert forged.reason is Reason.CREDENTIALS_INVALID


async def test_a_token_that_cannot_be_checked_now_is_not_called_bad() -> None:
    async def down() -> bytes:
        raise OSError("no route")

    settings = SETTINGS
    verifier = TokenVerifier(SigningKeys(down, settings, lambda: 0.0), settings)
    denied = await refused(EC_KEY.token(), guard_=Authenticator((), verifier, rights=METHOD_RIGHTS))
    assert (denied.code, denied.reason) == (
        grpc.StatusCode.UNAVAILABLE,
        Reason.CREDENTIALS_NOT_CHECKED,
    )
    assert denied.retry_after


async def test_keys_and_tokens_hold_side_by_side() -> None:
    both = guard(SETTINGS, API_KEY)
    assert (await admitted(KEY, guard_=both)).name == "desk"
    assert (await admitted(EC_KEY.token(), guard_=both)).name == "jwt:anna"
    assert (await refused("wrong", guard_=both)).message == "The credential is not valid."


async def test_with_tokens_alone_nobody_comes_in_without_one() -> None:
    with pytest.raises(Refusal) as raised:
        await guard().identify(GET, [])
    assert raised.value.reason is Reason.CREDENTIALS_MISSING
    assert (await refused("no-token-at-all")).reason is Reason.CREDENTIALS_INVALID


async def test_no_part_of_a_token_gets_into_the_log_or_the_answer() -> None:
    with structlog.testing.capture_logs() as lines:
        told = [(await refused(token)).message for token in FORGED.values() if "." in token]
    said = json.dumps([lines, told])
    for token in FORGED.values():
        for part in parts(token):
            assert len(part) < 8 or part not in said


def test_a_key_with_dots_is_no_token() -> None:
    assert looks_like_token("a.b.c")
    assert not looks_like_token("a.b")


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"jwks_url": "http://issuer.test/jwks"}, "https"),
        ({"jwks_url": "http://10.0.0.1/jwks"}, "https"),
        ({"jwks_url": "file:///etc/keys"}, "https"),
        ({"jwks_url": "https://user:secret@issuer.test/jwks"}, "user"),
        ({"issuer": ""}, "issuer"),
        ({"audience": ""}, "audience"),
        ({"algorithms": "HS256"}, "HS256"),
        ({"algorithms": "none"}, "none"),
        ({"algorithms": ""}, "algorithms"),
        ({"name_claim": ""}, "name_claim"),
        ({"leeway_s": 61.0}, "leeway"),
    ],
)
def test_settings_that_would_let_somebody_in_are_refused(
    changed: dict[str, Any], says: str
) -> None:
    good = {"jwks_url": "https://issuer.test/jwks", "issuer": ISSUER, "audience": AUDIENCE}
    with pytest.raises(UnsafeBroker, match=says) as refusal:
        check_tokens(TokenSettings(**{**good, **changed}))
    assert "secret" not in str(refusal.value)


def test_without_an_address_of_keys_no_token_is_taken() -> None:
    check_tokens(TokenSettings())
    check_tokens(TokenSettings(jwks_url="http://127.0.0.1:1/jwks", issuer="i", audience="a"))
    assert jwt.__version__
