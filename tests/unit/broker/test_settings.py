"""The broker's settings: keys, rights, and where it may listen."""

import hashlib
from pathlib import Path

import pytest

from broker.settings import (
    ORDINARY,
    ApiKey,
    BrokerSettings,
    Right,
    Tls,
    UnsafeBroker,
    check_listener,
)

KEY = "k" * 40
API_KEY = ApiKey("desk", hashlib.sha256(KEY.encode()).hexdigest(), tenant="north")
DIGEST = "0" * 64


def test_an_api_key_setting_holds_a_digest_only() -> None:
    assert ApiKey.parse(f"desk@north:{API_KEY.digest.upper()}") == API_KEY
    assert ApiKey.parse(f"desk:{API_KEY.digest}").tenant == "default"
    for bad in (f"desk:{KEY}", API_KEY.digest, f":{API_KEY.digest}", f"a@b c:{API_KEY.digest}"):
        with pytest.raises(ValueError, match="API key") as refused:
            ApiKey.parse(bad)
        assert KEY not in str(refused.value)


def test_a_key_has_the_rights_that_its_setting_names() -> None:
    key = ApiKey.parse(f"desk@north+unlock+hard-reset:{DIGEST}")
    assert (key.name, key.tenant, key.rights) == ("desk", "north", frozenset(Right))
    assert ApiKey.parse(f"desk:{DIGEST}").rights == ORDINARY
    with pytest.raises(ValueError, match="rights are"):
        ApiKey.parse(f"desk+everything:{DIGEST}")


def test_the_broker_listens_beyond_loopback_only_with_tls_and_credentials() -> None:
    tls = Tls(Path("c.pem"), Path("k.pem"))
    with pytest.raises(UnsafeBroker, match="certificate and key and at least one API key"):
        check_listener(BrokerSettings(listen="0.0.0.0:1"))
    with pytest.raises(UnsafeBroker, match="configure at least one API key"):
        check_listener(BrokerSettings(listen="0.0.0.0:1", tls=tls))
    check_listener(BrokerSettings(listen="0.0.0.0:1", tls=tls, api_keys=(API_KEY,)))
    check_listener(BrokerSettings(listen="0.0.0.0:1", insecure=True))
    check_listener(BrokerSettings())


def test_settings_do_not_show_key_digests() -> None:
    assert API_KEY.digest not in repr(BrokerSettings(api_keys=(API_KEY,)))


@pytest.mark.parametrize(
    ("text", "rate"),
    [("desk", None), ("desk@north/CP-+unlock~50", 50.0), ("desk~0.5", 0.5), ("desk~0", 0.0)],
)
def test_a_key_may_have_a_rate_of_its_own(text: str, rate: float | None) -> None:
    assert ApiKey.parse(f"{text}:{DIGEST}").call_rate == rate


@pytest.mark.parametrize("text", ["desk~", "desk~fast", "desk~-1", "desk~1~2", "desk~9999999"])
def test_a_keys_rate_must_be_calls_a_second(text: str) -> None:
    with pytest.raises(ValueError, match="API key's rate"):
        ApiKey.parse(f"{text}:{DIGEST}")
