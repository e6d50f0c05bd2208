"""How far the log was read."""

from broker.reading.following import next_cursor
from fleet.log.event_log import Cursor, Entry
from tests.unit.broker.requests import NOW


def entry(seq: int) -> Entry:
    return Entry(seq, 0, "t", "n", "k", 1, NOW, {})


def test_a_reader_skips_what_did_not_concern_it_but_not_what_it_has_not_read() -> None:
    start, end = Cursor(0, 10), Cursor(0, 90)
    assert next_cursor(start, end, [], 2) == end
    assert next_cursor(start, end, [entry(20)], 2) == end
    assert next_cursor(start, end, [entry(20), entry(30)], 2) == Cursor(0, 30)
    assert next_cursor(start, end, [entry(95)], 2) == Cursor(0, 95)
