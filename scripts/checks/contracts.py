"""Kinds of contract that import-linter does not have itself; pyproject.toml says what they hold."""

import sys
from collections.abc import Iterable, Iterator
from typing import cast

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class OnlyIn(Contract):
    """The packages are imported directly by nobody but these modules and what stands below them.

    A package that nobody imports keeps the contract, so that it also guards one that is gone.
    """

    packages = fields.SetField(subfield=fields.StringField())
    modules = fields.SetField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Looks for an importer that is not among the modules."""
        del verbose
        guarded, allowed = _texts(self.packages), _texts(self.modules)
        return _checked(
            f"{importer} imports {imported}"
            for importer, imported in _imports(graph)
            if _below(imported, guarded) and not _below(importer, guarded | allowed)
        )

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Prints what was found."""
        _print(check)


class StandardLibraryOnly(Contract):
    """The modules import the standard library and the packages `besides`, and nothing else.

    without: what they may not import of the standard library.
    """

    source_modules = fields.SetField(subfield=fields.StringField())
    besides = fields.SetField(subfield=fields.StringField())
    without = fields.SetField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Looks for an import that is not allowed, also where it is made for type checking."""
        del verbose
        sources = _texts(self.source_modules)
        library = sys.stdlib_module_names - _texts(self.without)
        allowed = library | sources | _texts(self.besides)
        return _checked(
            f"{importer} imports {imported}"
            for importer, imported in _imports(graph)
            if _below(importer, sources) and not _below(imported, allowed)
        )

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Prints what was found."""
        _print(check)


class NoCycles(Contract):
    """No files below these packages import each other in a circle."""

    packages = fields.SetField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Looks for circles of any length."""
        del verbose
        packages = _texts(self.packages)
        imports: dict[str, set[str]] = {}
        for importer, imported in _imports(graph):
            if _below(importer, packages) and _below(imported, packages):
                imports.setdefault(importer, set()).add(imported)
        return _checked(f"a circle: {', '.join(sorted(one))}" for one in _circles(imports))

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Prints what was found."""
        _print(check)


def _imports(graph: ImportGraph) -> Iterator[tuple[str, str]]:
    for importer in sorted(graph.modules):
        for imported in sorted(graph.find_modules_directly_imported_by(importer)):
            yield importer, imported


def _circles(imports: dict[str, set[str]]) -> Iterator[set[str]]:
    """The modules that reach themselves, each with those that it reaches and that reach it."""
    reached = {module: _reached_from(module, imports) for module in imports}
    left = {module for module, others in reached.items() if module in others}
    while left:
        first = min(left)
        circle = {one for one in reached[first] & left if first in reached[one]}
        left -= circle
        yield circle


def _reached_from(module: str, imports: dict[str, set[str]]) -> set[str]:
    reached: set[str] = set()
    ahead = [module]
    while ahead:
        for imported in imports.get(ahead.pop(), set()) - reached:
            reached.add(imported)
            ahead.append(imported)
    return reached


def _below(module: str, places: Iterable[str]) -> bool:
    return any(module == place or module.startswith(f"{place}.") for place in places)


def _texts(field: object) -> set[str]:
    """The parsed value of a field, which has the declaration's type for the type checker."""
    return cast("set[str]", field)


def _checked(found: Iterator[str]) -> ContractCheck:
    breaches = list(found)
    return ContractCheck(kept=not breaches, metadata={"breaches": breaches})


def _print(check: ContractCheck) -> None:
    for breach in check.metadata["breaches"]:
        output.print_error(f"- {breach}")
