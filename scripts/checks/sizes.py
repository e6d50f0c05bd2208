"""How much stands in one place: lines of a file, lines of a function, files of a folder."""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from scripts.checks.sources import Source, python_sources, report

FILE_LINES = 400
FUNCTION_LINES = 50
FOLDER_FILES = 15


def oversized(root: Path) -> Iterator[str]:
    """What is too long or too full, one line each. `__init__.py` is no file of its folder's own."""
    folders: Counter[str] = Counter()
    for source in python_sources(root):
        lines = len(source.text.splitlines())
        if lines > FILE_LINES:
            yield f"{source.path}: {lines} lines (at most {FILE_LINES})"
        yield from _long_functions(source)
        if source.path.name != "__init__.py":
            folders[str(source.path.parent)] += 1
    for folder, files in folders.items():
        if files > FOLDER_FILES:
            yield f"{folder}/: {files} Python files (at most {FOLDER_FILES})"


def _long_functions(source: Source) -> Iterator[str]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
            lines = node.end_lineno - node.lineno + 1
            if lines > FUNCTION_LINES:
                yield f"{source.at(node)}: {node.name} has {lines} lines (at most {FUNCTION_LINES})"


if __name__ == "__main__":
    report(oversized)
