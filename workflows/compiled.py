"""Workflow files are loaded anew for every run; this keeps their compiled code for the next one.

Without it every run compiles them from source wherever Python may not write bytecode
(PYTHONDONTWRITEBYTECODE, read-only images), which takes longer than all else that a run needs.
"""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, ModuleType

_codes: dict[str, CodeType] = {}


class _Loader(SourceFileLoader):
    def get_code(self, fullname: str) -> CodeType | None:
        """The module's code, compiled by whoever asked first."""
        if fullname not in _codes:
            code = super().get_code(fullname)
            if code is None:
                return None
            _codes[fullname] = code
        return _codes[fullname]


class _Finder(MetaPathFinder):
    def __init__(self) -> None:
        self.names: set[str] = set()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """As Python's own finder does, with a loader that remembers."""
        if fullname not in self.names:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _Loader(spec.loader.name, spec.loader.path)
        return spec


_finder = _Finder()


def compile_once(*modules: str) -> None:
    """Keep the code of these modules, from the next time on that they are loaded."""
    _finder.names.update(modules)
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)
