"""Each answer of a station goes to whoever sent its CALL: to us, or to the back end behind us."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from station_gateway.session.pairing import (
    REMEMBERED,
    Head,
    Paired,
    Pairing,
    Side,
    head_of,
    with_id,
)

OURS, BACK_END = Side.OURS, Side.BACK_END


def call(message_id: str | int) -> str:
    return f'[2, {json.dumps(message_id)},"Reset",{{"n":1.0}}]'


def result(message_id: str | int) -> str:
    return f'[3 ,{json.dumps(message_id)}, {{"n":1e2}}]'


@pytest.mark.parametrize(
    ("frame", "head"),
    [
        ('[2,"a","Reset",{}]', Head(2, "a")),
        (' [ 3 , "a" ]', Head(3, "a")),
        ("[4,17,1]", Head(4, 17)),
        ('[2,"a\\u0062","Reset",{}]', Head(2, "ab")),
        ("[2]", Head(2, None)),
        ("[2,null]", Head(2, None)),
        ("[2,true,1]", Head(2, None)),
        ('[9,"a"]', Head(9, "a")),
        ('["2","a"]', Head(0, None)),
        ("[]", Head(0, None)),
        ("{}", Head(0, None)),
        ("[2,", Head(0, None)),
        (b'[2,"a"]', Head(0, None)),
    ],
)
def test_type_and_id_of_a_frame(frame: str | bytes, head: Head) -> None:
    assert head_of(frame) == head


@pytest.mark.parametrize("number", range(8))
def test_only_results_and_errors_are_answers(number: int) -> None:
    assert Head(number, "a").is_answer is (number in {3, 4})


def test_an_id_is_all_that_changes_in_a_frame() -> None:
    assert with_id('[ 2 ,"a" , "X",{"a":1.0}]', 'b"') == '[ 2 ,"b\\"" , "X",{"a":1.0}]'
    assert with_id('[2,"a\\u0062","X",{}]', "b") == '[2,"b","X",{}]'


@pytest.mark.parametrize("side", Side)
def test_an_answer_goes_back_as_it_is_also_a_second_time(side: Side) -> None:
    pairing = Pairing()
    assert pairing.call(side, call("a")) == call("a")
    assert [pairing.answer(result("a")) for _ in range(2)] == [Paired(side, result("a"))] * 2


@pytest.mark.parametrize(("first", "second"), [(OURS, BACK_END), (BACK_END, OURS)])
def test_the_same_id_of_both_sides_is_another_one_on_the_wire(first: Side, second: Side) -> None:
    pairing = Pairing()
    pairing.call(first, call("a"))
    on_wire = head_of(pairing.call(second, call("a"))).message_id
    assert on_wire is not None
    assert on_wire != "a"
    assert pairing.answer(result(on_wire)) == Paired(second, result("a"))
    assert pairing.answer(result("a")) == Paired(first, result("a"))


@pytest.mark.parametrize("frame", [result("nobody"), "[", b"[3", "[3,null,{}]"])
def test_what_is_nobodys_goes_to_the_back_end(frame: str | bytes) -> None:
    assert Pairing().answer(frame) == Paired(BACK_END, frame)


def test_a_call_without_an_id_goes_as_it_is() -> None:
    assert Pairing().call(BACK_END, '[2,null,"Reset",{}]') == '[2,null,"Reset",{}]'


def test_the_oldest_ids_are_forgotten() -> None:
    pairing = Pairing()
    for number in range(REMEMBERED + 1):
        pairing.call(OURS, call(number))
    assert pairing.answer(result(0)).side is BACK_END
    assert pairing.answer(result(1)).side is OURS


def test_an_answer_that_was_owed_to_a_lost_back_end_goes_to_nobody() -> None:
    pairing = Pairing()
    for message_id in ("answered", "owed"):
        pairing.call(BACK_END, call(message_id))
    pairing.call(OURS, call("ours"))
    pairing.answer(result("answered"))
    pairing.lose()
    assert [pairing.answer(result("owed")) for _ in range(2)] == [Paired(None, result("owed"))] * 2
    assert pairing.answer(result("ours")) == Paired(OURS, result("ours"))
    assert pairing.call(BACK_END, call("answered")) == call("answered")
    on_wire = head_of(pairing.call(BACK_END, call("owed"))).message_id
    assert on_wire is not None
    assert on_wire != "owed"
    assert pairing.answer(result(on_wire)) == Paired(BACK_END, result("owed"))


def test_the_oldest_ids_of_a_lost_back_end_are_forgotten() -> None:
    pairing = Pairing()
    for number in range(2 * REMEMBERED):
        pairing.call(BACK_END, call(number))
        if number % REMEMBERED == REMEMBERED - 1:
            pairing.lose()
    assert pairing.answer(result(0)).side is BACK_END
    assert pairing.answer(result(REMEMBERED)).side is None


IDS = st.sampled_from(["a", "b", "relay-1", "relay-2", 1, 2])


STEPS = st.tuples(st.sampled_from([*Side, None, "lose"]), IDS, st.integers(0, 30))


@given(st.lists(STEPS, max_size=60))
def test_no_answer_goes_to_another_side_or_connection_or_under_another_id(
    steps: list[tuple[Side | str | None, Any, int]],
) -> None:
    pairing, wire = Pairing(), dict[Any, tuple[Side | None, Any]]()
    owed = set[Any]()
    for side, message_id, number in steps:
        if isinstance(side, Side):
            on_wire = head_of(pairing.call(side, call(message_id))).message_id
            assert wire.get(on_wire, (side, message_id)) == (side, message_id)
            wire[on_wire] = (side, message_id)
            owed |= {on_wire} if side is BACK_END else set()
        elif side == "lose":  # the back end is lost: what is owed to it is nobody's
            pairing.lose()
            wire |= {on_wire: (None, on_wire) for on_wire in owed}
            owed.clear()
        elif wire:  # an answer to any CALL so far: late, double, in any order
            on_wire, (whose, its_id) = list(wire.items())[number % len(wire)]
            assert on_wire is not None
            assert pairing.answer(result(on_wire)) == Paired(whose, result(its_id))
            owed.discard(on_wire)


@given(st.one_of(st.text(max_size=60), st.binary(max_size=60), st.from_regex(r"\[[0-9],.*")))
def test_whatever_comes_is_passed_on(frame: str | bytes) -> None:
    assert Pairing().answer(frame) == Paired(BACK_END, frame)
    if isinstance(frame, str):
        assert Pairing().call(BACK_END, frame) == frame
