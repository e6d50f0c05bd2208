"""Copies of relayed frames wait for the database: so many bytes, and a gap for the rest."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from station_gateway.session.copies import FIXED_BYTES, Allowance, Copies, Copy, From

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ROOM = 3 * (FIXED_BYTES + 10)


def copy(text: str = "x" * 10) -> Copy:
    return Copy(From.STATION, text, NOW)


def held(copies: Copies) -> list[str | bytes | None]:
    return [copies.take().data for _ in range(len(copies))]


def test_copies_come_out_in_their_order() -> None:
    copies = Copies(ROOM, Allowance(ROOM))
    assert [copies.put(copy(text)) for text in ("a", "b")] == [True, True]
    assert held(copies) == ["a", "b"]


def test_what_has_no_room_is_one_gap_where_it_would_stand() -> None:
    copies = Copies(ROOM, Allowance(10 * ROOM))
    assert [copies.put(copy()) for _ in range(5)] == [True, True, True, False, False]
    assert copies.take().data is not None
    assert copies.put(copy("later"))
    assert [data is None for data in held(copies)] == [False, False, True, False]


def test_a_copy_costs_what_it_holds_in_memory() -> None:
    assert [copy(text).cost - FIXED_BYTES for text in ("abc", "ab\u00fc")] == [3, 12]
    assert Copy(From.STATION, b"\xff\x00", NOW).cost - FIXED_BYTES == 2
    assert Copy(From.STATION, None, NOW).cost == FIXED_BYTES


def test_all_stations_share_one_allowance() -> None:
    allowance = Allowance(ROOM)
    one, other = Copies(ROOM, allowance), Copies(ROOM, allowance)
    assert one.put(copy()) and one.put(copy()) and other.put(copy())
    assert not other.put(copy())
    one.take()
    assert other.put(copy())


@given(st.lists(st.one_of(st.none(), st.text(max_size=600), st.binary(max_size=600))))
def test_no_more_bytes_are_held_than_may_be_and_none_is_lost_without_a_gap(
    steps: list[str | bytes | None],
) -> None:
    allowance = Allowance(ROOM)
    copies = Copies(ROOM, allowance)
    put: list[str | bytes | None] = []
    for step in steps:
        if step is not None:
            kept = copies.put(Copy(From.BACK_END, step, NOW))
            put += [step] if kept else [] if put[-1:] == [None] else [None]
        elif put:
            assert copies.take().data == put.pop(0)
    texts = [text for text in put if text is not None]
    assert sum(Copy(From.BACK_END, text, NOW).cost for text in texts) <= ROOM
    assert held(copies) == put
    assert allowance.take(ROOM)
