"""Reads the documentation: pages, their links, and the grpcurl commands that they show."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from tests.support.sources import functions_of

ROOT = Path(__file__).resolve().parents[3]
DOCS = ROOT / "docs"

_LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_SHELL = re.compile(r"^```(?:console|sh)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
_TEST = re.compile(r"`([\w/]+\.py)::(\w+)`")
_SERVICE = "evcommand.v1."


@dataclass(frozen=True)
class Call:
    """A grpcurl command of a page: the method it calls, and its request as JSON."""

    page: str
    method: str
    request: str


def pages() -> list[Path]:
    """Every Markdown page that people read."""
    top = [*ROOT.glob("*.md"), *DOCS.glob("*.md")]
    return sorted([*top, *ROOT.glob("examples/*.md"), *ROOT.glob("deploy/*.md")])


def all_docs() -> str:
    """The text of everything in docs/."""
    return "\n".join(page.read_text() for page in sorted(DOCS.glob("*.md")))


def named_tests(page: Path, number: str) -> dict[str, list[str]]:
    """The tests that each row of a page's table names, as `file::function` below tests/.

    number: what the first cell of such a row looks like, as a regular expression.
    """
    rows = re.findall(rf"^\| ({number}) \|(.+)\|$", page.read_text(), re.MULTILINE)
    return {row: [f"{file}::{name}" for file, name in _TEST.findall(text)] for row, text in rows}


def is_test(named: str) -> bool:
    """Whether there is such a test: `file::function` below tests/."""
    file, _, name = named.partition("::")
    path = ROOT / "tests" / file
    return path.exists() and name in functions_of(path)


def dead_links(page: Path) -> list[str]:
    """Relative links of a page that lead nowhere, headings included."""
    targets = [at["target"] for at in _LINK.finditer(_FENCED.sub("", page.read_text()))]
    return [target for target in targets if "://" not in target and not _leads(page, target)]


def _leads(page: Path, target: str) -> bool:
    path, _, anchor = target.partition("#")
    there = (page.parent / path) if path else page
    if not there.exists():
        return False
    return not anchor or anchor in _anchors(there)


def _anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = _HEADING.findall(_FENCED.sub("", page.read_text()))
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


def grpcurl_calls() -> list[Call]:
    """Every call of one of our services in the shell blocks of all pages."""
    return [call for page in pages() for call in _calls_of(page)]


def _calls_of(page: Path) -> list[Call]:
    found = []
    for block in _SHELL.findall(page.read_text()):
        text = re.sub(r"\$\(.*?\)", "2030-01-01T00:00:00Z", block.replace("$ grpcurl", "grpcurl"))
        words = iter(shlex.split(text, comments=True))
        request = "{}"
        for word in words:
            if word == "-d":
                request = next(words)
            elif word.startswith(_SERVICE):
                found.append(Call(page.name, word.removeprefix(_SERVICE), request))
    return found
