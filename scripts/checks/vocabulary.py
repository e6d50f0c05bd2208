"""Where words may stand that belong to one room: a command's kind, OCPP's words, OCPP's versions.

What a kind of command means stands in tables with a row for each kind, and a test says that the
tables are whole. A branch on a kind elsewhere would let a new kind fall through in silence.
OCPP's words are what the schemas of its messages list. They stand in the dialects and in
`domain/ocpp_words.py`; everything else uses the names of our own enums, so that a new version of
OCPP changes the dialects and one table.
"""

import ast
import importlib.util
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from scripts.checks.sources import ROOMS, Source, python_sources, report

KIND_TABLES: tuple[str, ...] = ()
"""Files that may compare kinds."""

WORD_PLACES = (
    "domain/ocpp_words.py",
    "station_gateway/dialects",
    "broker/proto/id_token.py",  # the API's enum of token types, in OCPP's words
    "simulator",  # a station; it has no part in the system
)
"""Where OCPP's words may stand."""

VERSION_PLACES = (
    *WORD_PLACES,
    "entrypoints/commands/demo.py",  # the versions of the simulated stations that it starts
    "entrypoints/commands/station.py",  # the same
)
"""Where a version of OCPP may be written out."""

HOMONYMS = frozenset({"Absolute", "NONE", "Relative", "Reset"})
"""Words of OCPP that our own texts use in another sense."""

_WORD = re.compile(r"[A-Z][A-Za-z]+")
_VERSION = re.compile(r"(ocpp)?(1\.6j?|2\.0|2\.0\.1|2\.1)", re.IGNORECASE)


def misplaced_words(root: Path) -> Iterator[str]:
    """Every branch on a kind, word of OCPP and version of OCPP that stands in a wrong place."""
    for source in python_sources(root, *ROOMS):
        if not source.is_in(*KIND_TABLES):
            yield from _branches_on_kind(source)
        if not source.is_in(*WORD_PLACES):
            yield from _ocpp_words(source)
        if not source.is_in(*VERSION_PLACES):
            yield from _versions(source)


def _branches_on_kind(source: Source) -> Iterator[str]:
    for node in ast.walk(source.tree):
        match node:
            case ast.Compare(left=left, comparators=others):
                compared = [left, *others]
            case ast.MatchValue(value=value):
                compared = [value]
            case _:
                continue
        if any(_is_kind(part) for one in compared for part in ast.walk(one)):
            yield f"{source.at(compared[0])}: a branch on Kind; make it a row of a table"


def _is_kind(node: ast.AST) -> bool:
    match node:
        case ast.Attribute(value=ast.Name(id="Kind") | ast.Attribute(attr="Kind")):
            return True
    return False


def _ocpp_words(source: Source) -> Iterator[str]:
    known = _words_of_ocpp() - HOMONYMS
    for node in _texts(source):
        if node.value in known:
            yield f"{source.at(node)}: a word of OCPP, {node.value!r}; use a name of ocpp_words"


def _versions(source: Source) -> Iterator[str]:
    for text in _texts(source):
        if _VERSION.fullmatch(str(text.value)):
            yield f"{source.at(text)}: a version of OCPP, {text.value!r}; ask its capabilities"
    for node in ast.walk(source.tree):
        match node:
            case ast.Call(
                func=ast.Attribute(attr="startswith"), args=[ast.Constant(value="1" | "2"), *_]
            ):
                yield f"{source.at(node)}: a guess at OCPP's version; ask its capabilities"


def _texts(source: Source) -> Iterator[ast.Constant]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node


@cache
def _words_of_ocpp() -> frozenset[str]:
    """The names of the messages, and every value that their schemas list."""
    found = importlib.util.find_spec("ocpp")
    if found is None or found.origin is None:
        raise FileNotFoundError("the package `ocpp`, whose schemas list the words of OCPP")
    words: set[str] = set()
    for schema in sorted(Path(found.origin).parent.glob("v*/schemas/*.json")):
        words.add(re.sub("(Request|Response)$", "", schema.stem))
        words.update(_listed_in(json.loads(schema.read_text(encoding="utf-8-sig"))))
    return frozenset(word for word in words if _WORD.fullmatch(word))


def _listed_in(part: Any) -> Iterator[str]:
    match part:
        case {"enum": list(values)}:
            yield from values
    for inner in part.values() if isinstance(part, dict) else part:
        if isinstance(inner, dict | list):
            yield from _listed_in(inner)


if __name__ == "__main__":
    report(misplaced_words)
