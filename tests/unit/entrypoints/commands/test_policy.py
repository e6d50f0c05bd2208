"""`evcommand policy check`: what it prints, and how it ends."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from entrypoints.cli import main

ROOT = Path(__file__).parents[4]
PAGE = ROOT / "docs" / "bookings.md"
TRANSCRIPTS = re.findall(r"```console\n\$ evcommand (.+)\n([^`]+)```", PAGE.read_text())


def run(*words: str) -> Result:
    return CliRunner().invoke(main, list(words))


def check(path: Path, text: str) -> Result:
    path.write_text(text)
    return run("policy", "check", str(path))


@pytest.mark.parametrize(("words", "printed"), TRANSCRIPTS, ids=[words for words, _ in TRANSCRIPTS])
def test_the_page_shows_what_the_program_prints(
    words: str, printed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    shown = run(*words.split())
    assert (shown.exit_code, shown.stdout) == (0, printed)


def test_the_page_shows_the_three_markets() -> None:
    assert len(TRANSCRIPTS) == 3


def test_an_example_that_is_not_as_expected_ends_with_1(tmp_path: Path) -> None:
    text = (ROOT / "examples/bookings/workplace.toml").read_text()
    shown = check(tmp_path / "policy.toml", text.replace('expect = ["half-days"]', "expect = []"))
    assert shown.exit_code == 1
    assert "!!  Two hours are no half day: refused" in shown.stdout
    assert "expected allowed, but it is refused by half-days" in shown.stdout


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('time_zone = "Mars/Base"', 'time_zone: expected an IANA name as "Europe/Berlin".'),
        ('time_zone = "../etc"', 'time_zone: expected an IANA name as "Europe/Berlin".'),
        ("", 'time_zone: expected an IANA name as "Europe/Berlin".'),
        ("time_zone = ", "not TOML:"),
        ('time_zone = "UTC"\nplaces = 1\n[policy]\ngrace = 3', "policy.grace: expected a span"),
        ("#" * 300_000, "larger than 256 KiB."),
    ],
)
def test_a_file_that_cannot_be_read_is_told_with_its_place(
    tmp_path: Path, text: str, said: str
) -> None:
    shown = check(tmp_path / "policy.toml", text)
    assert shown.exit_code == 3
    assert said in shown.output


def test_a_file_of_bytes_is_no_policy(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_bytes(b"\xff\xfe")
    assert "cannot be read" in run("policy", "check", str(path)).output
