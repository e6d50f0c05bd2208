"""Frames are remembered without the tokens in them."""

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.model.specs import ReserveSpec, StartSpec
from fleet.keys import Sealer
from station_gateway.dialects.command_words import FrameParts
from station_gateway.dialects.interface import Dialect
from station_gateway.dialects.masking import TOKEN_FIELDS, masked, without_tokens
from tests.unit.station_gateway.dialects.test_writing import STARTS, every
from tests.unit.station_gateway.dialects.test_writing_commands import HOLDS
from tests.unit.station_gateway.versions import write

MASK = Sealer(bytes(32)).mask
VALUES = st.binary(min_size=1, max_size=8).map(lambda b: hashlib.sha256(b).hexdigest()[:20])
"""Values that cannot be in a frame by chance."""

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from([*sorted(TOKEN_FIELDS), "type", "additionalInfo", "evseId"]), inner
        )
    ),
    max_leaves=20,
)


def as_text(payload: Any) -> str:
    return json.dumps(payload, ensure_ascii=False)


@every
@given(spec=STARTS, value=VALUES, group=st.none() | VALUES)
def test_no_token_survives_in_a_remembered_start(
    dialect: Dialect, spec: StartSpec, value: str, group: str | None
) -> None:
    _, payload = write(dialect, spec, FrameParts(value, group, 7))
    kept = as_text(masked(payload, MASK))
    assert value not in kept and (group is None or group not in kept)
    assert MASK(value) in kept


@every
@given(spec=HOLDS, value=VALUES, group=st.none() | VALUES)
def test_no_token_survives_in_a_remembered_reservation(
    dialect: Dialect, spec: ReserveSpec, value: str, group: str | None
) -> None:
    _, payload = write(dialect, spec, FrameParts(value, group))
    kept = as_text(masked(payload, MASK))
    assert value not in kept and (group is None or group not in kept)
    assert MASK(value) in kept


def tokens_in(document: Any, *, inside: bool = False) -> list[str]:
    """Every text below a token's name, but its type."""
    match document:
        case str():
            return [document] if inside else []
        case list():
            return [text for each in document for text in tokens_in(each, inside=inside)]
        case dict():
            return [
                text
                for name, each in document.items()
                if not (inside and name == "type" and isinstance(each, str))
                for text in tokens_in(each, inside=inside or name in TOKEN_FIELDS)
            ]
    return []


@given(st.dictionaries(st.sampled_from([*sorted(TOKEN_FIELDS), "customData", "evseId"]), JSON))
def test_every_text_below_a_tokens_name_is_masked_however_deep(payload: dict[str, Any]) -> None:
    before = as_text(payload)
    hidden = masked(payload, lambda _: "MASKED")
    assert set(tokens_in(hidden)) <= {"MASKED"}
    assert len(tokens_in(hidden)) == len(tokens_in(payload))
    assert as_text(payload) == before


@given(st.dictionaries(st.sampled_from(["connectorId", "evseId", "customData"]), st.integers()))
def test_what_is_no_token_stays_as_it_was_sent(payload: dict[str, Any]) -> None:
    assert masked(payload, MASK) == payload


def test_tokens_of_both_families_are_masked_and_their_types_are_shown() -> None:
    """Also in lists, below further values, and under names that nobody knows yet."""
    token = {"idToken": "T", "type": "ISO14443", "additionalInfo": [{"type": "x", "more": "T"}]}
    hidden = {"idToken": "M", "type": "ISO14443", "additionalInfo": [{"type": "x", "more": "M"}]}
    before = {"idTag": "T", "connectorId": 1, "list": [{"parentIdTag": "T"}, "shown"]}
    after = {"idTag": "M", "connectorId": 1, "list": [{"parentIdTag": "M"}, "shown"]}
    assert masked(before, lambda _: "M") == after
    assert masked({"idToken": token}, lambda _: "M") == {"idToken": hidden}
    odd = {"groupIdToken": {"type": {"idToken": "T"}, "number": 5, "pair": ("T", None)}}
    wanted = {"groupIdToken": {"type": {"idToken": "M"}, "number": 5, "pair": ["M", None]}}
    assert masked(odd, lambda _: "M") == wanted


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("bad tag ABC", "bad tag M"),
        ("ABC", "M"),
        ("(ABC) is blocked", "(M) is blocked"),
        ("idTag=ABC.", "idTag=M."),
        ("idTag:ABC!", "idTag:M!"),
        ("no such tag: ABC.", "no such tag: M."),
        ("ABCD is another one", "ABCD is another one"),
        ("A B", "M"),
        ("", ""),
    ],
)
def test_a_station_that_repeats_a_token_in_its_own_words_is_kept_without_it(
    text: str, kept: str
) -> None:
    assert without_tokens(text, lambda word: word in {"ABC", "A B"}, lambda _: "M") == kept
