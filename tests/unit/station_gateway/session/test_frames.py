"""Frames: what is let through, and that nothing but a FrameError ever comes out."""

import json
from contextlib import suppress

import orjson
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
from station_gateway.session.structure import is_deeper, loses_pairs, skeleton

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


TRICKY = st.text(alphabet=':,"\\[]{}u03aA x\n\u00e9', max_size=12)
TRICKY_JSON = st.recursive(
    TRICKY | st.integers(0, 9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TRICKY, inner, max_size=3),
    max_leaves=8,
)


def levels(value: object) -> int:
    """How deep arrays and objects are nested."""
    if not isinstance(value, list | dict):
        return 0
    inner = value.values() if isinstance(value, dict) else value
    return 1 + max(map(levels, inner), default=0)


def commas(value: object) -> int:
    """How many commas separate values."""
    if not isinstance(value, list | dict):
        return 0
    inner = list(value.values() if isinstance(value, dict) else value)
    return max(len(inner) - 1, 0) + sum(map(commas, inner))


@pytest.mark.parametrize(
    ("text", "twice"),
    [
        (r'{"a":1,"a":1}', True),
        ('{"a":1,"a":1,"b":1E2,"c":1E2,"d":1E2}', True),  # as long as what is written again
        (r'{"\u003a":1,"b":":"}', False),
        (r'{"\\u003a":1}', False),
        (r'{"\u003A":1,"\u003a":2}', True),
        (r'{"a\"b":1, "c":"\\"}', False),
    ],
)
def test_a_key_twice_is_noticed_beside_escaped_characters(text: str, twice: bool) -> None:
    frame = f'[2,"m","A",{{"x":{text}}}]'
    if twice:
        with pytest.raises(FrameError, match="duplicate keys"):
            decode(frame, LIMITS)
    else:
        assert decode(frame, LIMITS).body == {"x": json.loads(text)}


def test_brackets_inside_texts_are_not_nested() -> None:
    text = '[2,"m","A",{"a":["' + '[[[\\"{{' * 20 + '","]"]}]'
    assert decode(text, LIMITS).action == "A"


@given(TRICKY_JSON, st.sampled_from([None, 1]), st.booleans())
def test_the_skeleton_of_a_text_tells_how_deep_it_is_and_how_many_values_it_has(
    value: object, indent: int | None, escapes: bool
) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=escapes).encode()
    bones, depth = skeleton(text), levels(value)
    assert bones.count(b"[") == bones.count(b"]")
    assert (is_deeper(bones, depth), depth and is_deeper(bones, depth - 1)) == (False, depth > 0)
    assert bones.count(b",") == commas(value)


@given(st.lists(st.tuples(TRICKY, TRICKY), max_size=5), st.booleans(), st.sampled_from(["", " "]))
def test_a_key_twice_is_noticed_in_any_spelling(
    pairs: list[tuple[str, str]], escaped: bool, blank: str
) -> None:
    def spelled(text: str) -> str:
        written = json.dumps(text)
        return written.replace(":", "\\u003A") if escaped else written

    body = ",".join(f"{spelled(key)}:{blank}{spelled(value)}" for key, value in pairs)
    twice = len({key for key, _ in pairs}) < len(pairs)
    text = f'[2,"m","A",{{{body}}}]'
    assert loses_pairs(text.encode(), orjson.dumps(json.loads(text))) is twice


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
    many = ",".join(["[]"] * (LIMITS.values // 2 + 1))
    with pytest.raises(FrameError, match="too many values") as refused:
        decode(f'[2,"m","A",{{"x":[{many}]}}]', LIMITS)
    assert (refused.value.fault, refused.value.message_id) == (Fault.TEXT, "m")
    assert decode(f'[2,"m","A",{{"x":"{"[" * 50}"}}]', LIMITS).action == "A"
