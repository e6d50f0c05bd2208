"""The names of flaws: they are read from text, documented and tested."""

from datetime import UTC, datetime
from pathlib import Path

import click
import pytest

from entrypoints.commands.station import given_config, with_station_options
from simulator.behaviour import Behaviour
from simulator.charger.model import DriverToken, SimulatedReservation
from simulator.config import StationConfig
from simulator.flaws import FLAWS, AnswersCallError, Late, Silent, WrongClock, parse_flaw

ROOT = Path(__file__).resolve().parents[4]
TESTS = "".join(each.read_text() for each in sorted(Path(__file__).parent.glob("test_*.py")))


def config_of(*words: str) -> StationConfig:
    """The station that a command line sets up."""
    made: list[StationConfig] = []
    command = click.command()(with_station_options(lambda **how: made.append(given_config(**how))))
    command(["--id", "CP1", "--url", "ws://127.0.0.1:1/ocpp", *words], standalone_mode=False)
    return made[0]


def test_flaws_of_the_command_line_are_those_of_the_code() -> None:
    config = config_of("--flaw", "late=40", "--flaw", "silent=ReserveNow,Reset")
    assert config.flaws == (Late(40.0), Silent(only=frozenset({"ReserveNow", "Reset"})))


def test_a_station_is_honest_unless_it_is_told_otherwise() -> None:
    assert config_of().flaws == ()
    assert config_of() == StationConfig("CP1", "ws://127.0.0.1:1/ocpp")


def test_what_a_station_can_do_is_said_on_the_command_line() -> None:
    config = config_of("--tethered", "--no-reserves-any", "--connector-type", "cCCS2", "--resumes")
    assert config.tethered
    assert not config.reserves_any
    assert config.connector_types == ("cCCS2",)
    assert config.resumes


@pytest.mark.parametrize("name", FLAWS)
def test_every_flaw_has_a_name_and_says_what_it_does(name: str) -> None:
    assert isinstance(parse_flaw(name), FLAWS[name])
    assert (FLAWS[name].__doc__ or "").strip().endswith(".")


@pytest.mark.parametrize("name", FLAWS)
def test_every_flaw_is_documented_and_tested(name: str) -> None:
    assert f"| `{name}` |" in (ROOT / "docs" / "simulator.md").read_text()
    assert f"{FLAWS[name].__name__}(" in TESTS


def test_values_are_read_as_what_they_are() -> None:
    assert parse_flaw("call-error=SecurityError") == AnswersCallError("SecurityError")
    assert parse_flaw("wrong-clock=-3600") == WrongClock("-3600")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("moody", "none of: silent"),
        ("late=soon", "no seconds"),
        ("wrong-clock=yesterday", "no how"),
        ("silent=MakeCoffee", "no only"),
        ("keeps-reservations=5", "takes no value"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_flaw(text)


def test_by_default_a_behaviour_changes_nothing() -> None:
    honest, now = Behaviour(), datetime(2030, 1, 1, tzinfo=UTC)
    assert honest.written([2, "1", "Heartbeat", {}]) == [[2, "1", "Heartbeat", {}]]
    assert honest.now(now) == now
    assert not honest.keeps(SimulatedReservation(1, DriverToken("A"), now))
    assert honest.comes_back
    assert not honest.goes_down_first
