"""What a station says while its back end is away goes out later: in order, a CALL at a time."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from station_gateway.session.copies import FIXED_BYTES, Allowance
from station_gateway.session.outbox import OPEN_LIMIT, NoRoom, StationOutbox
from station_gateway.session.pairing import head_of

PLENTY = 10**6


def outbox(
    frames_limit: int = 100, bytes_limit: int = PLENTY, allowance: Allowance | None = None
) -> StationOutbox:
    return StationOutbox(
        frames_limit=frames_limit,
        bytes_limit=bytes_limit,
        allowance=allowance or Allowance(PLENTY),
    )


def away(*, frames_limit: int = 100, bytes_limit: int = PLENTY) -> StationOutbox:
    made = outbox(frames_limit, bytes_limit)
    made.lose()
    return made


def call(message_id: str | int, words: str = "") -> str:
    return json.dumps([2, message_id, "Data", {"n": words or message_id}])


def test_a_frame_goes_out_at_once_while_the_back_end_is_there() -> None:
    made = outbox()
    for frame in (call("1"), call("2"), '[3,"x",{}]', "[", b"\x00", '[2,null,"X",{}]'):
        assert made.say(frame) == [frame]
    assert not made.replays
    assert made.answered("1") == []
    assert made.answered(None) == []


def test_a_frame_waits_while_it_is_away() -> None:
    made = away()
    assert made.say(call("1")) == []
    assert (len(made), made.replays, made.held_bytes > 0) == (1, False, True)


def test_a_call_goes_out_after_the_answer_to_the_one_before() -> None:
    made = away()
    for frame in ("[6]", call("1"), "[", call("2"), b"\x00"):
        made.say(frame)
    assert made.connect() == ["[6]", call("1")]
    assert (made.out, made.replays) == ("1", True)
    assert made.say(call("3")) == []
    assert made.say('[3,"theirs",{}]') == ['[3,"theirs",{}]']
    assert made.answered("another") == []
    assert made.answered("1") == ["[", call("2")]
    assert made.turn_over() == [b"\x00", call("3")]
    assert made.answered("3") == []
    assert (made.replays, made.held_bytes) == (False, FIXED_BYTES + len(call("2")))
    assert made.answered("2") == []
    assert made.held_bytes == 0


def test_a_call_without_an_id_keeps_none_waiting() -> None:
    made = away()
    made.say('[2,null,"X",{}]')
    made.say(call("1"))
    assert made.connect() == ['[2,null,"X",{}]', call("1")]


def test_open_calls_go_out_once_more_before_all_others() -> None:
    made = outbox()
    for message_id in ("1", "2", "3"):
        made.say(call(message_id))
    made.answered("2")
    made.lose()
    made.say(call("4"))
    made.lose()
    assert made.connect() == [call("1")]
    made.lose()
    assert made.connect() == [call("1")]
    assert made.answered("1") == [call("3")]
    assert made.answered("3") == [call("4")]


def test_an_answer_that_is_read_after_the_end_still_counts() -> None:
    made = outbox()
    for frame in (call("1"), call("2")):
        made.say(frame)
    made.lose()
    assert made.answered("2") == []
    assert made.answered("nobody") == []
    assert made.connect() == [call("1")]
    assert made.answered("1") == []


def test_a_call_under_the_id_of_an_open_one_takes_its_place() -> None:
    made = outbox()
    made.say(call("1", "a"))
    made.say(call("1", "b"))
    made.lose()
    assert made.connect() == [call("1", "b")]
    assert made.answered("1") == []


@pytest.mark.parametrize("older", [call("1", "a"), call(1, "a")])
def test_a_call_that_is_said_again_takes_the_place_of_its_first(older: str) -> None:
    made = away()
    made.say(older)
    made.say(call("2", "a"))
    assert (len(made), made.repeated) == (1, 1)
    assert made.connect() == [call("2", "a")]


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        (call("1", "a"), call("2", "b")),
        ("[6,1]", "[6,1]"),
        ("[", "["),
        (b"[", b"["),
        (call("1", "a"), b"["),
        ('[2,null,"X",{}]', '[2,null,"X",{}]'),
    ],
)
def test_nothing_else_is_taken_for_the_same(older: str | bytes, newer: str | bytes) -> None:
    made = away()
    made.say(older)
    made.say(newer)
    assert (len(made), made.repeated) == (2, 0)


def test_an_answer_that_nobody_asked_for_is_dropped() -> None:
    made = away()
    assert made.say('[3,"1",{}]') == []
    assert made.say('[4,"1","X","",{}]') == []
    assert (len(made), made.unasked) == (0, 2)


@pytest.mark.parametrize(
    ("frames_limit", "bytes_limit"),
    [(1, PLENTY), (100, FIXED_BYTES + 40), (100, 0)],
)
def test_more_than_may_wait_is_an_error_and_not_kept(frames_limit: int, bytes_limit: int) -> None:
    made = away(frames_limit=frames_limit, bytes_limit=bytes_limit)
    with pytest.raises(NoRoom):
        for message_id in ("1", "2"):
            made.say(call(message_id))
    assert len(made) == min(1, bytes_limit)


def test_all_stations_share_one_allowance_and_give_it_back() -> None:
    allowance = Allowance(FIXED_BYTES + 100)
    one, other = outbox(allowance=allowance), outbox(allowance=allowance)
    one.lose()
    other.lose()
    one.say(call("1"))
    with pytest.raises(NoRoom):
        other.say(call("1"))
    assert one.end() == 1
    assert other.say(call("1")) == []


def test_odd_letters_cost_what_they_may_hold() -> None:
    made = away()
    made.say("\u00fc")
    assert made.held_bytes == FIXED_BYTES + 4


def test_open_calls_are_bounded_in_number_and_in_bytes() -> None:
    made = outbox()
    for number in range(OPEN_LIMIT + 1):
        made.say(call(number))
    made.lose()
    assert len(made) == OPEN_LIMIT
    small = outbox(bytes_limit=FIXED_BYTES + 40)
    for number in range(3):
        small.say(call(number))
    small.say(call("x" * 100))
    small.lose()
    assert len(small) == 0
    assert small.held_bytes == 0


def test_an_open_call_without_allowance_is_not_kept() -> None:
    made = outbox(allowance=Allowance(0))
    assert made.say(call("1")) == [call("1")]
    made.lose()
    assert len(made) == 0


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("say"), st.sampled_from(["call", "send", "answer"])),
        st.tuples(st.sampled_from(["answer", "late", "lose", "connect", "turn"]), st.just("")),
    ),
    max_size=60,
)


@given(STEPS)
def test_whatever_happens_the_back_end_hears_all_in_order_and_one_replayed_call_at_a_time(
    steps: list[tuple[str, str]],
) -> None:
    made = outbox()
    said: list[str] = []
    heard: list[str] = []
    is_away = False

    def hear(frames: list[str | bytes]) -> None:
        assert not (is_away and frames)
        for frame in frames:
            assert isinstance(frame, str)
            heard.append(frame)

    for number, (step, kind) in enumerate(steps):
        if step == "say":
            frame = {
                "call": call(number),
                "send": f'[6,"{number}","X",{{}}]',
                "answer": f'[3,"{number}",{{}}]',
            }[kind]
            going = made.say(frame)
            if kind == "answer":
                assert going == ([] if is_away else [frame])
            else:
                said.append(frame)
                hear(going)
        elif step == "answer" and made.out is not None and not is_away:
            hear(made.answered(made.out))
        elif step == "late" and heard:
            hear(made.answered(head_of(heard[0]).message_id))
        elif step == "lose":
            made.lose()
            is_away = True
        elif step == "connect" and is_away:
            is_away = False
            hear(going := made.connect())
            assert sum(head_of(frame).type_number == 2 for frame in going) <= 1
        elif step == "turn" and not is_away and made.replays:
            hear(made.turn_over())
    is_away = False
    made.lose()
    hear(made.connect())
    while made.out is not None:
        hear(made.answered(made.out))
    assert list(dict.fromkeys(heard)) == said
    assert len(made) == 0
    assert made.end() == 0
    assert made.held_bytes == 0
