"""Whether a credential may still get the posts that it chose."""

import pytest

from broker.callbacks.subscribers import MayGet, may_be_told, may_get
from broker.settings import ApiKey, BrokerSettings, Right
from broker.token_settings import TokenSettings
from domain.callback_events import EventSubject
from fleet.callbacks import Endpoint

STATION, BOOKING = EventSubject.STATION, EventSubject.BOOKING
KEYS = (
    ApiKey("site", "d1", "acme", groups=("SITE-",)),
    ApiKey("venue", "d3", "acme", rights=frozenset({Right.BOOKINGS_READ})),
    ApiKey("blind", "d2", "acme", rights=frozenset({Right.COMMAND})),
)
GUARDED = BrokerSettings(api_keys=KEYS)


def owner(caller: str, tenant: str = "acme") -> Endpoint:
    return Endpoint(tenant, caller, station_groups=["OLD-"])


def test_who_may_read_bookings_alone_gets_their_events_alone() -> None:
    assert may_get(owner("venue"), GUARDED, BOOKING) == MayGet()
    assert "the right read any longer" in may_get(owner("venue"), GUARDED, STATION).why_not
    assert "bookings.read or read" in may_get(owner("blind"), GUARDED, BOOKING).why_not


def test_a_broker_without_credentials_posts_what_was_chosen() -> None:
    assert may_get(owner(""), BrokerSettings(), STATION) == MayGet(["OLD-"])
    assert may_get(Endpoint("acme", ""), BrokerSettings(), STATION) == MayGet()


def test_a_key_gets_its_groups_as_they_are_now() -> None:
    assert may_get(owner("site"), GUARDED, STATION) == MayGet(("SITE-",))


@pytest.mark.parametrize(
    ("who", "why"),
    [
        (owner("gone"), "not known"),
        (owner("site", "other"), "not known"),
        (owner(""), "not known"),
        (owner("blind"), "the right read"),
        (owner("jwt:someone"), "signed tokens"),
    ],
)
def test_who_may_not_read_any_longer_gets_nothing(who: Endpoint, why: str) -> None:
    assert why in may_get(who, GUARDED, STATION).why_not


def test_a_signed_token_gets_the_groups_that_it_had_when_it_chose() -> None:
    tokens = TokenSettings(jwks_url="https://issuer.example.com/keys")
    settings = BrokerSettings(api_keys=KEYS, tokens=tokens)
    assert may_get(owner("jwt:someone"), settings, STATION) == MayGet(["OLD-"])


@pytest.mark.parametrize("caller", ["site", "blind", "venue"])
def test_a_key_is_told_of_its_own_commands_whatever_its_rights(caller: str) -> None:
    assert may_be_told(owner(caller), GUARDED, "SITE-1") == ""


@pytest.mark.parametrize(
    ("who", "station", "why"),
    [
        (owner("gone"), "SITE-1", "not known"),
        (owner("site", "other"), "SITE-1", "not known"),
        (owner(""), "SITE-1", "not known"),
        (owner("site"), "OLD-1", "may not see"),
        (owner("jwt:someone"), "SITE-1", "signed tokens"),
    ],
)
def test_who_is_no_caller_any_longer_is_told_of_no_command(
    who: Endpoint, station: str, why: str
) -> None:
    assert why in may_be_told(who, GUARDED, station)


def test_a_broker_without_credentials_and_a_signed_token_go_on_to_be_told() -> None:
    assert may_be_told(owner(""), BrokerSettings(), "S1") == ""
    tokens = TokenSettings(jwks_url="https://issuer.example.com/keys")
    assert may_be_told(owner("jwt:someone"), BrokerSettings(tokens=tokens), "S1") == ""
