"""Two processes name the same build when they have the same code, and only then."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from telemetry import build


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a build with two files."""
    for room in ("domain", "workflows"):
        (tmp_path / room).mkdir()
        (tmp_path / room / "rules.py").write_text("LIMIT = 1\n")
    monkeypatch.setattr(build, "_ROOT", tmp_path)
    build.build_id.cache_clear()
    yield tmp_path
    build.build_id.cache_clear()


def named() -> str:
    build.build_id.cache_clear()
    return build.build_id()


def test_the_same_code_has_the_same_name(code: Path) -> None:
    assert named() == named()


def test_another_line_another_file_and_another_place_are_another_build(code: Path) -> None:
    names = [named()]
    (code / "domain" / "rules.py").write_text("LIMIT = 2\n")
    names.append(named())
    (code / "domain" / "rules.py").rename(code / "domain" / "limits.py")
    names.append(named())
    (code / "broker").mkdir()
    (code / "domain" / "limits.py").rename(code / "broker" / "limits.py")
    names.append(named())
    assert len(set(names)) == 4


def test_what_is_no_code_of_the_program_makes_no_other_build(code: Path) -> None:
    before = named()
    (code / "tests").mkdir()
    (code / "tests" / "test_rules.py").write_text("")
    (code / "domain" / "__pycache__").mkdir()
    (code / "domain" / "__pycache__" / "rules.pyc").write_bytes(b"1")
    assert named() == before


def test_every_room_of_the_program_is_read() -> None:
    root = Path(__file__).parents[3]
    rooms = {file.parent.name for file in root.glob("*/__init__.py")}
    assert set(build._ROOMS) == rooms - {"bench", "simulator", "tests"}
