"""Marks: what a transaction notes for the time after its commit.

Some writes have listeners in this process: the watchers of the log, the dispatcher of wake-ups.
They may be told only after the commit, and only of what was really committed. So the code that
writes adds a mark to the transaction, and the database hands all marks to its listener after the
commit. A transaction that is rolled back loses its marks.

A write that was undone to a savepoint leaves its marks: a listener may be told of a change that is
not there. Listeners therefore read the tables and trust no mark.
"""

from collections.abc import Mapping

from fleet.engine.statements import Tx

Marks = Mapping[str, frozenset[str]]
"""The items of each mark, by the mark's name."""

_IN_INFO = "evcommand_commit_marks"


class CommitMark:
    """One kind of mark. `name` is unique in the program."""

    def __init__(self, name: str) -> None:
        self.name = name

    def add(self, tx: Tx, item: str) -> None:
        """Note an item in this transaction; twice the same item counts once."""
        tx.info.setdefault(_IN_INFO, {}).setdefault(self.name, set()).add(item)

    def items(self, tx: Tx) -> frozenset[str]:
        """What the transaction has noted so far."""
        return frozenset(tx.info.get(_IN_INFO, {}).get(self.name, ()))

    def of(self, marks: Marks) -> frozenset[str]:
        """The items of this mark among all marks of a commit."""
        return marks.get(self.name, frozenset())


def take_marks(tx: Tx) -> Marks:
    """Remove every mark from the transaction and return them. Empty when there are none."""
    noted: dict[str, set[str]] = tx.info.pop(_IN_INFO, {})
    return {name: frozenset(items) for name, items in noted.items()}
