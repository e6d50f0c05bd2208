"""Who calls, and what it may do."""

import hashlib

import grpc
import pytest

from broker.access.caller import Caller
from broker.auth import Authenticator
from broker.commands.table import METHOD_RIGHTS
from broker.errors import Reason, Refusal
from broker.settings import ORDINARY, ApiKey, Right

KEY = "k" * 40
METHOD = "/evcommand.v1.RemoteCommandService/GetCommand"
API_KEY = ApiKey("desk", hashlib.sha256(KEY.encode()).hexdigest(), tenant="north")


def bearer(key: str) -> list[tuple[str, str | bytes]]:
    return [("user-agent", "x"), ("Authorization", f"Bearer {key}")]


async def test_without_keys_everybody_is_let_in() -> None:
    assert await Authenticator((), rights=METHOD_RIGHTS).identify("/x/Y", []) == Caller()


async def test_a_known_key_names_its_caller_and_tenant() -> None:
    assert await Authenticator((API_KEY,), rights=METHOD_RIGHTS).identify(
        METHOD, bearer(KEY)
    ) == Caller("desk", "north", ORDINARY)


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
async def test_other_credentials_are_refused(
    metadata: list[tuple[str, str | bytes]], reason: Reason
) -> None:
    with pytest.raises(Refusal) as refused:
        await Authenticator((API_KEY,), rights=METHOD_RIGHTS).identify(
            "/evcommand.v1.X/Y", metadata
        )
    assert refused.value.reason is reason
    assert refused.value.code is grpc.StatusCode.UNAUTHENTICATED


async def test_health_is_answered_without_a_key_and_reflection_is_not() -> None:
    guard = Authenticator((API_KEY,), rights=METHOD_RIGHTS)
    assert await guard.identify("/grpc.health.v1.Health/Check", []) == Caller()
    with pytest.raises(Refusal):
        await guard.identify("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", [])


async def test_a_call_without_the_right_ends_with_its_headers() -> None:
    key = ApiKey("eyes", API_KEY.digest, rights=frozenset({Right.READ}))
    guard = Authenticator((key,), rights=METHOD_RIGHTS)
    eyes = await guard.identify("/evcommand.v1.StationService/GetStation", bearer(KEY))
    guard.authorize("/evcommand.v1.StationService/GetStation", eyes)
    with pytest.raises(Refusal) as refused:
        guard.authorize("/evcommand.v1.StationService/DeleteStation", eyes)
    assert refused.value.reason is Reason.RIGHT_MISSING
