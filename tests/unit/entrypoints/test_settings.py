"""Every setting is a flag and a variable, and reaches the settings of its room."""

import hashlib
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
import pytest

from broker.settings import BrokerSettings
from domain.commands.timing import Timing
from entrypoints.options import flag_of, given_settings, variable_of, with_settings
from entrypoints.settings import Settings, split_address
from station_gateway.settings import GatewaySettings
from workflows.settings import WorkerSettings

DIGEST = hashlib.sha256(b"key").hexdigest()


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(variable_of(name), raising=False)


@click.command()
@with_settings
def program(**options: Any) -> None:
    """A program with every setting."""


def test_every_setting_has_a_description() -> None:
    undescribed = [name for name, field in Settings.model_fields.items() if not field.description]
    assert undescribed == []


def test_every_setting_is_a_flag() -> None:
    flags = {flag for option in program.params for flag in option.opts}
    assert flags == {flag_of(name) for name in Settings.model_fields}


@pytest.mark.parametrize("room", [BrokerSettings, GatewaySettings, WorkerSettings, Timing])
def test_every_field_of_a_room_is_described_in_its_class(room: type[Any]) -> None:
    assert [field.name for field in fields(room) if not field.metadata.get("doc")] == []


def test_without_any_setting_the_rooms_get_their_own_defaults() -> None:
    settings = Settings()
    assert settings.broker() == BrokerSettings()
    assert settings.gateway() == GatewaySettings()
    assert settings.worker() == WorkerSettings()


def test_with_versioning_no_first_decision_bypasses_the_current_build() -> None:
    assert Settings().broker().eager_start
    versioned = Settings.model_validate({"worker_versioning": True})
    assert versioned.worker().versioning
    assert not versioned.broker().eager_start


def test_a_flag_wins_over_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVCOMMAND_GRPC_LISTEN", "127.0.0.1:1")
    monkeypatch.setenv("EVCOMMAND_OCPP_LISTEN", "127.0.0.1:2")
    settings = given_settings({"grpc_listen": "127.0.0.1:3"})
    assert (settings.grpc_listen, settings.ocpp_listen) == ("127.0.0.1:3", "127.0.0.1:2")


def test_a_limit_of_a_room_is_a_variable_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVCOMMAND_GATEWAY_MAX_FRAME_BYTES", "1024")
    monkeypatch.setenv("EVCOMMAND_TIMING_ANSWER_TIMEOUT_S", "7.5")
    settings = Settings()
    assert settings.gateway().max_frame_bytes == 1024
    assert settings.broker().timing.answer_timeout_s == 7.5


def test_every_wrong_setting_is_named_at_once_with_flag_and_variable() -> None:
    wrong = {"grpc_listen": "nonsense", "gateway_ping_interval_s": "soon"}
    with pytest.raises(click.UsageError) as refusal:
        given_settings(wrong)
    for name in wrong:
        assert f"{flag_of(name)} ({variable_of(name)})" in refusal.value.message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("broker_plans_at_once", "0"),
        ("gateway_arrivals_per_s", "0"),
        ("gateway_housekeeping_rate", "0"),
        ("gateway_command_queue", "-1"),
        ("timing_answer_timeout_s", "-0.5"),
    ],
)
def test_a_number_with_which_nobody_would_be_served_is_refused(name: str, value: str) -> None:
    with pytest.raises(click.UsageError) as refusal:
        given_settings({name: value})
    assert f"{flag_of(name)} ({variable_of(name)})" in refusal.value.message


def test_api_keys_come_from_the_variable_and_from_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("EVCOMMAND_API_KEYS", f"ops:{DIGEST}, app@acme:{DIGEST}")
    keys = tmp_path / "keys"
    keys.write_text(f"# the night shift\nnight:{DIGEST}\n")
    names = [key.name for key in Settings(api_keys_file=keys).broker().api_keys]
    assert names == ["ops", "app", "night"]


def test_a_key_in_place_of_its_digest_is_refused_and_not_shown() -> None:
    with pytest.raises(click.UsageError) as refusal:
        given_settings({"api_keys": "ops:a-real-secret"})
    assert "a-real-secret" not in refusal.value.message


@pytest.mark.parametrize("text", ["", "host", "host:", ":1", "host:x", "host:99999"])
def test_an_address_without_host_or_port_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not HOST:PORT"):
        split_address(text)


def test_an_ipv6_address_is_read() -> None:
    assert split_address("[::1]:9000") == ("::1", 9000)


def test_the_sqlite_file_stands_in_the_data_directory_unless_a_url_is_given() -> None:
    assert Settings(data_dir=Path("/data")).sqlite_file == Path("/data/evcommand.sqlite")
    assert Settings(database_url="sqlite:////other/x.db").sqlite_file == Path("/other/x.db")
    assert Settings(database_url="postgresql://host/name").sqlite_file is None


def test_only_half_of_a_tls_pair_is_refused() -> None:
    with pytest.raises(ValueError, match="give both or none"):
        Settings(grpc_tls_certificate=Path("server.pem")).broker()


def test_the_database_url_may_stand_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text("postgresql://evcommand:secret@database/evcommand\n")
    settings = Settings.model_validate({"database_url_file": file})
    assert settings.database == "postgresql://evcommand:secret@database/evcommand"
    assert settings.sqlite_file is None
    assert "secret" not in repr(settings)


def test_a_file_of_the_database_url_that_is_empty_is_refused(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("\n")
    with pytest.raises(ValueError, match="EVCOMMAND_DATABASE_URL_FILE"):
        _ = Settings.model_validate({"database_url_file": tmp_path / "url"}).database


def test_a_database_url_beside_its_file_is_refused(tmp_path: Path) -> None:
    both = {"database_url": "sqlite:///x", "database_url_file": tmp_path / "url"}
    with pytest.raises(click.UsageError, match="database-url-file"):
        given_settings(both)


def test_a_token_of_the_metrics_that_is_empty_is_refused(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(" \n")
    settings = Settings.model_validate({"metrics_token_file": tmp_path / "token"})
    with pytest.raises(ValueError, match="EVCOMMAND_METRICS_TOKEN_FILE"):
        settings.metrics_token()
