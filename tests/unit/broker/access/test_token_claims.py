"""What the claims of a signed token say of its caller."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from broker.access.token_claims import Expired, NotValid, caller_of
from broker.settings import Right
from broker.token_settings import TokenSettings

NOW = datetime(2026, 11, 29, 7, 0, tzinfo=UTC)
SETTINGS = TokenSettings(leeway_s=10.0, groups_claim="sites")
CLAIMS: dict[str, Any] = {
    "sub": "auth0|anna",
    "tenant": "north",
    "rights": ["read", "unlock"],
    "sites": ["OSLO-"],
    "exp": NOW.timestamp() + 60,
}


def claims(**changed: Any) -> dict[str, Any]:
    """The claims, some of them changed; None takes one away."""
    return {name: value for name, value in {**CLAIMS, **changed}.items() if value is not None}


def test_the_claims_name_the_caller_its_tenant_its_rights_and_its_stations() -> None:
    caller = caller_of(claims(), SETTINGS, NOW)
    assert (caller.name, caller.tenant) == ("jwt:auth0|anna", "north")
    assert caller.rights == {Right.READ, Right.UNLOCK}
    assert caller.groups == ("OSLO-",)
    assert caller.until == NOW + timedelta(seconds=60)


def test_the_name_of_a_token_is_never_that_of_a_key() -> None:
    """Callbacks, shares and records belong to a name: a subject must not choose a key's."""
    assert caller_of(claims(sub="support"), SETTINGS, NOW).name == "jwt:support"


@pytest.mark.parametrize(
    ("said", "has"),
    [
        (None, set()),
        ([], set()),
        ("openid read  command", {Right.READ, Right.COMMAND}),
        (["read", "everything", "READ"], {Right.READ}),
    ],
)
def test_a_token_has_the_rights_that_it_names_and_no_others(said: Any, has: set[Right]) -> None:
    assert caller_of(claims(rights=said), SETTINGS, NOW).rights == has


@pytest.mark.parametrize(
    "changed",
    [
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "a\nb"},
        {"sub": "x" * 201},
        {"tenant": None},
        {"tenant": ""},
        {"tenant": ["north"]},
        {"tenant": "no rth"},
        {"rights": 7},
        {"rights": [7]},
        {"rights": {"read": True}},
        {"sites": None},
        {"sites": []},
        {"sites": "OSLO-"},
        {"sites": [""]},
        {"sites": ["OSLO-", 7]},
        {"exp": None},
        {"exp": "soon"},
        {"exp": True},
        {"exp": float("nan")},
        {"exp": 1e300},
        {"nbf": "now"},
        {"nbf": NOW.timestamp() + 11},
        {"iat": NOW.timestamp() + 11},
    ],
)
def test_claims_that_are_missing_or_odd_give_nothing(changed: dict[str, Any]) -> None:
    """A tenant or a group that is not said must not become everybody's."""
    with pytest.raises(NotValid):
        caller_of(claims(**changed), SETTINGS, NOW)


def test_a_token_is_good_a_little_after_its_end_and_before_its_begin() -> None:
    caller_of(claims(exp=NOW.timestamp() - 9, nbf=NOW.timestamp() + 9), SETTINGS, NOW)
    with pytest.raises(Expired):
        caller_of(claims(exp=NOW.timestamp() - 10), SETTINGS, NOW)


def test_a_token_that_is_expired_and_odd_is_not_told_to_be_expired() -> None:
    with pytest.raises(NotValid):
        caller_of(claims(exp=NOW.timestamp() - 99, tenant=None), SETTINGS, NOW)


def test_all_stations_have_to_be_said() -> None:
    assert caller_of(claims(sites=["*"]), SETTINGS, NOW).groups == ()
    with pytest.raises(NotValid):
        caller_of(claims(sites=["*", "OSLO-"]), SETTINGS, NOW)


def test_where_no_claim_is_set_for_it_a_token_has_the_default_tenant_and_all_its_stations() -> None:
    settings = replace(SETTINGS, tenant_claim="", groups_claim="")
    caller = caller_of(claims(tenant="north"), settings, NOW)
    assert (caller.tenant, caller.groups) == ("default", ())


def test_a_claim_may_have_the_name_of_a_url() -> None:
    settings = replace(SETTINGS, rights_claim="https://example.com/rights")
    given = claims(**{"https://example.com/rights": ["tokens"]})
    assert caller_of(given, settings, NOW).rights == {Right.TOKENS}
