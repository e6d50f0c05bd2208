"""A workflow file is loaded per run and compiled once."""

import importlib
import sys
from pathlib import Path

import pytest

from workflows.compiled import compile_once


def loaded_anew(name: str) -> object:
    """The module as a run of the sandbox loads it."""
    sys.modules.pop(name, None)
    importlib.invalidate_caches()
    return importlib.import_module(name)


def test_a_module_is_loaded_anew_from_code_that_was_compiled_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "compiled_for_a_test.py"
    source.write_text("words = []\n")
    monkeypatch.syspath_prepend(tmp_path)
    compile_once("compiled_for_a_test")
    first = loaded_anew("compiled_for_a_test")
    source.write_text("this is no Python\n")
    second = loaded_anew("compiled_for_a_test")
    assert vars(second)["words"] == []
    assert vars(first)["words"] is not vars(second)["words"]
