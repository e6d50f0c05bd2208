"""CONTRIBUTING lists every file that a change touches; the lists are those of the tree."""

import re
import subprocess

import pytest

from tests.unit.docs.pages import ROOT

MOST_FILES = {
    "a seventh command": 12,
    "OCPP 2.2": 5,
    "a rule of reservations": 4,
    "a field of StartSession": 6,
}
PRODUCTION = ("broker", "contract", "domain", "fleet", "journal", "station_gateway", "workflows")
ROW = re.compile(r"^\| `([^`]+)`( \(new\))? \|", re.MULTILINE)


def listed(change: str) -> list[tuple[str, bool]]:
    """The files that CONTRIBUTING lists for a change, and whether each is new."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    part = text.split(f"<!-- change: {change} -->")[1].split("<!-- ")[0]
    return [(path, bool(new)) for path, new in ROW.findall(part)]


def naming(words: str, *folders: str) -> set[str]:
    """The committed files of these folders that contain one of the words; generated ones not."""
    search = ["git", "grep", "-lE", words, "--", *folders, ":!protos/gen", ":!*.md", ":!*.binpb"]
    found = subprocess.run(search, cwd=ROOT, check=False, capture_output=True, text=True)
    assert found.returncode in {0, 1}, found.stderr
    return set(found.stdout.split())


@pytest.mark.parametrize("change", MOST_FILES)
def test_a_change_touches_few_files_and_each_of_them_is_there(change: str) -> None:
    files = listed(change)
    assert 0 < len(files) <= MOST_FILES[change]
    assert [path for path, new in files if (ROOT / path).exists() is new] == []


def test_a_command_is_named_in_the_listed_files_and_nowhere_else() -> None:
    words = "UNLOCK_CONNECTOR|UnlockConnector|UnlockSpec|unlock_connector"
    expected = {path.replace("trigger_message", "unlock_connector") for path, _ in _seventh()}
    assert naming(words, *PRODUCTION, "protos") - expected == {"domain/ocpp_words.py"}
    assert expected <= naming(words, *PRODUCTION, "protos")


def _seventh() -> list[tuple[str, bool]]:
    return listed("a seventh command")


def test_a_version_of_ocpp_is_named_in_the_listed_files_and_nowhere_else() -> None:
    expected = {path.replace("v22", "v21") for path, _ in listed("OCPP 2.2")}
    named = naming('"2[.]1": |VERSION = "2[.]1"|import .*v21', *PRODUCTION)
    assert named == expected


def test_the_rules_of_reservations_stand_in_one_folder() -> None:
    assert {path.rsplit("/", 1)[0] for path, _ in listed("a rule of reservations")} == {
        "domain/reservations"
    }


def test_a_field_of_start_session_is_named_in_the_listed_files() -> None:
    expected = {path for path, _ in listed("a field of StartSession")}
    assert expected <= naming("charging_profile", *PRODUCTION, "protos")


@pytest.mark.parametrize("page", ["docs/design.md", "CONTRIBUTING.md"])
def test_the_files_that_a_page_names_are_there(page: str) -> None:
    text = re.sub(r"^\| `[^`]+` \(new\) \|", "|", (ROOT / page).read_text(), flags=re.MULTILINE)
    named = {
        path for path in re.findall(r"`([\w/]+/[\w./]*)`", text) if path.endswith((".py", "/"))
    }
    assert named
    rooms = (ROOT, *(ROOT / room for room in PRODUCTION))  # a table names a room once
    assert [each for each in sorted(named) if not any((at / each).exists() for at in rooms)] == []
