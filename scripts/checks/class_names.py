"""Every class of the production tree has its own name, so that the name says which one is meant."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from scripts.checks.sources import ROOMS, python_sources, report


def repeated_class_names(root: Path) -> Iterator[str]:
    """Each name that more than one class has, with the places."""
    places: defaultdict[str, list[str]] = defaultdict(list)
    for source in python_sources(root, *ROOMS):
        for node in source.tree.body:
            if isinstance(node, ast.ClassDef):
                places[node.name].append(source.at(node))
    for name, where in places.items():
        if len(where) > 1:
            yield f"class {name} stands {len(where)} times: {', '.join(where)}"


if __name__ == "__main__":
    report(repeated_class_names)
