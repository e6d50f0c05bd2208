"""What a source file defines, imports and holds, read without a syntax tree.

`ast.parse` of CPython 3.11.7 and before counts its depth in one place for the whole process. When
the garbage is collected in the middle of it and a finaliser prints a traceback (which parses as
well), it raises SystemError "AST constructor recursion depth mismatch". In a process that has run
servers and tasks this happens; the compiler's own tables do not go that way.
"""

from collections.abc import Iterator
from modulefinder import ModuleFinder
from pathlib import Path
from symtable import symtable
from types import CodeType


def functions_of(file: Path) -> set[str]:
    """The names of the functions at the top of the file, asynchronous ones too."""
    top = symtable(file.read_text(), str(file), "exec").get_children()
    return {each.get_name() for each in top if each.get_type() == "function"}


def imports_of(file: Path) -> Iterator[str]:
    """Each module that the file imports anywhere, and each name that it imports from one."""
    finder = ModuleFinder()
    for code in _codes(file):
        for kind, what in finder.scan_opcodes(code):
            if kind == "absolute_import":
                names, module = what
                yield module
                yield from (f"{module}.{name}" for name in names or ())


def constants_of(file: Path) -> Iterator[object]:
    """Each constant of the file, those inside of tuples and sets too."""
    waiting = [constant for code in _codes(file) for constant in code.co_consts]
    while waiting:
        constant = waiting.pop()
        if isinstance(constant, tuple | frozenset):
            waiting.extend(constant)
        else:
            yield constant


def _codes(file: Path) -> Iterator[CodeType]:
    waiting = [compile(file.read_text(), str(file), "exec")]
    while waiting:
        code = waiting.pop()
        yield code
        waiting.extend(each for each in code.co_consts if isinstance(each, CodeType))
