"""Frames: what is let through, and that nothing but a FrameError ever comes out."""

import json
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from station_gateway.session.frames import (
    CALL,
    DecodedFrame,
    Fault,
    FrameError,
    FrameLimits,
    decode,
    encode_call,
    encode_result,
)

LIMITS = FrameLimits()


@given(st.text() | st.binary())
@example('[2,"m","A",{}]')
@example("[" * 2000)
@example('[2,"m","A",{"a":' + "9" * 5000 + "}]")
def test_any_text_is_a_frame_or_a_frame_error(data: str | bytes) -> None:
    with suppress(FrameError):
        assert isinstance(decode(data, LIMITS), DecodedFrame)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=12,
)


@given(st.lists(JSON, max_size=6) | JSON, st.sampled_from([None, 1]))
def test_any_json_is_a_frame_or_a_frame_error(message: object, indent: int | None) -> None:
    with suppress(FrameError):
        assert isinstance(decode(json.dumps(message, indent=indent), LIMITS), DecodedFrame)


@given(st.dictionaries(st.text(max_size=9), JSON, max_size=4), st.sampled_from([None, 1]))
def test_spelling_of_a_frame_does_not_matter(
    payload: dict[str, object], indent: int | None
) -> None:
    try:
        frame = decode(json.dumps([CALL, "m", "A", payload], indent=indent), LIMITS)
    except FrameError as error:
        assert error.reason in ("not JSON", "nested too deep")  # integers beyond double
        return
    assert (frame.message_id, frame.action) == ("m", "A")
    assert frame.body.keys() == payload.keys()


@pytest.mark.parametrize("depth", [1, 28, 29])
def test_nesting_up_to_the_limit_is_let_through(depth: int) -> None:
    payload = '{"a":' + "[" * depth + "]" * depth + "}"
    assert decode(f'[2,"m","A",{payload}]', FrameLimits(nesting=32)).action == "A"


def test_many_brackets_side_by_side_are_not_deep() -> None:
    assert decode('[2,"m","A",{"a":[' + ",".join(["{}"] * 99) + "]}]", LIMITS).action == "A"


def test_frame_of_exactly_the_limit_is_let_through() -> None:
    text = '[2,"m","A",{"a":"' + "ä" * 50 + '"}]'
    size = len(text.encode())
    assert decode(text, FrameLimits(frame_bytes=size)).action == "A"
    with pytest.raises(FrameError):
        decode(text, FrameLimits(frame_bytes=size - 1))


def test_what_we_write_is_compact_json() -> None:
    assert encode_call("m", "Reset", {"type": "Hard"}) == '[2,"m","Reset",{"type":"Hard"}]'
    assert encode_result("m", {"a": 1.5}) == '[3,"m",{"a":1.5}]'


def test_a_frame_of_very_many_arrays_is_refused_before_each_is_looked_at() -> None:
    many = ",".join(["[]"] * LIMITS.parts)
    with pytest.raises(FrameError, match="too many parts") as refused:
        decode(f'[2,"m","A",{{"x":[{many}]}}]', LIMITS)
    assert (refused.value.fault, refused.value.message_id) == (Fault.TEXT, "m")
    assert decode(f'[2,"m","A",{{"x":"{"[" * 50}"}}]', LIMITS).action == "A"
