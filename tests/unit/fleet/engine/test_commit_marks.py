"""Marks: what a transaction notes for the time after its commit."""

import asyncio

import pytest

from fleet.engine.commit_marks import CommitMark, Marks
from fleet.engine.database import SqlDatabase
from fleet.engine.engines import open_engines
from fleet.engine.statements import Tx

GREW = CommitMark("test_grew")
OTHER = CommitMark("test_other")


class Told:
    """A database of its own, and the marks of its commits."""

    def __init__(self, url: str) -> None:
        engines = open_engines(url, timeout_s=2.0, synchronous="NORMAL", pool_size=2)
        self.marks: list[Marks] = []
        self.db = SqlDatabase(engines, timeout_s=2.0, on_commit=self.marks.append)


async def test_marks_are_handed_over_after_the_commit(fleet_url: str) -> None:
    told = Told(fleet_url)
    async with told.db.write() as tx:
        GREW.add(tx, "a")
        GREW.add(tx, "a")
        GREW.add(tx, "b")
        assert GREW.items(tx) == {"a", "b"}
        assert told.marks == []
    (marks,) = told.marks
    assert GREW.of(marks) == {"a", "b"}
    assert OTHER.of(marks) == frozenset()
    await told.db.close()


async def test_a_transaction_that_is_rolled_back_loses_its_marks(fleet_url: str) -> None:
    told = Told(fleet_url)
    with pytest.raises(RuntimeError):
        async with told.db.write() as tx:
            GREW.add(tx, "a")
            raise RuntimeError
    async with told.db.write() as tx:
        assert GREW.items(tx) == frozenset()
    assert told.marks == []
    await told.db.close()


async def test_writes_that_share_a_transaction_share_its_marks(fleet_url: str) -> None:
    told = Told(fleet_url)

    async def write(tx: Tx, item: str) -> None:
        GREW.add(tx, item)

    await asyncio.gather(*(told.db.batch(lambda tx, i=i: write(tx, i)) for i in "abc"))  # type: ignore[misc]
    assert frozenset().union(*(GREW.of(each) for each in told.marks)) == {"a", "b", "c"}
    await told.db.close()
