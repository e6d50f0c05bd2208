"""Payloads and snapshots that were stored under old field names are read under the present ones."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from contract import renamed
from contract.converter import DATA_CONVERTER
from contract.renamed import with_present_names


@dataclass(frozen=True)
class Inner:
    """Once its field was called `wire`."""

    number: int
    label: str = ""


@dataclass(frozen=True)
class Outer:
    """Holds a renamed dataclass, and has a renamed field of its own."""

    name: str
    inner: Inner | None = None


@pytest.fixture(autouse=True)
def _renamed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    table = {Inner: {"wire": "number"}, Outer: {"title": "name"}}
    monkeypatch.setattr(renamed, "RENAMED", table)
    renamed._plan.cache_clear()
    yield
    renamed._plan.cache_clear()


def test_old_names_are_read_as_present_names_at_every_depth() -> None:
    stored = {"title": "a", "inner": {"wire": 7, "label": "x"}}
    assert with_present_names(Outer, stored) == {"name": "a", "inner": {"number": 7, "label": "x"}}


def test_what_has_present_names_only_is_the_same_object() -> None:
    stored = {"name": "a", "inner": {"number": 7}}
    assert with_present_names(Outer, stored) is stored


def test_a_present_name_wins_over_an_old_one() -> None:
    assert with_present_names(Inner, {"wire": 1, "number": 2})["number"] == 2


def test_the_data_converter_reads_a_payload_of_old_names() -> None:
    converter = DATA_CONVERTER.payload_converter
    payload = converter.to_payload({"title": "a", "inner": {"wire": 7}})
    assert converter.from_payload(payload, Outer) == Outer("a", Inner(7))


def test_the_data_converter_writes_present_names() -> None:
    converter = DATA_CONVERTER.payload_converter
    payload = converter.to_payload(Outer("a", Inner(7)))
    assert converter.from_payload(payload) == {"name": "a", "inner": {"number": 7}}
