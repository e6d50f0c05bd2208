"""Page tokens come back for their own filters only, and no text breaks their reader."""

import base64

import pytest
from evcommand.v1 import remote_command_service_pb2 as pb
from hypothesis import given
from hypothesis import strategies as st

from broker.proto.selection import list_selection, watch_selection
from broker.reading import opaque_tokens as pages


def selection(**fields: object) -> str:
    return list_selection("t", pb.ListCommandsRequest(**fields))  # type: ignore[arg-type]


def test_a_page_token_comes_back_for_the_same_filters_only() -> None:
    token = pages.write_token(selection(station="stations/A"), [7, "x"])
    same = selection(station="stations/A", page_size=5, page_token="z")
    assert pages.read_token(same, token, (int, str)) == (7, "x")
    with pytest.raises(pages.BadToken, match="other filters"):
        pages.read_token(selection(station="stations/B"), token, (int, str))


@given(st.text(max_size=100) | st.binary(max_size=100).map(lambda b: base64.b64encode(b).decode()))
def test_made_up_tokens_are_refused_calmly(token: str) -> None:
    with pytest.raises(pages.BadToken):
        pages.read_token("s", token, (int, str))


@pytest.mark.parametrize(
    "content", ['["s", [7]]', '["s", ["x", 7]]', '["s", [true, "x"]]', "[" * 900]
)
def test_tokens_of_another_shape_are_refused(content: str) -> None:
    with pytest.raises(pages.BadToken):
        pages.read_token("s", base64.urlsafe_b64encode(content.encode()).decode(), (int, str))
    with pytest.raises(pages.BadToken):
        pages.read_token("s", "A" * 5_000, (int, str))


def test_a_selection_is_bound_to_its_tenant_and_its_method() -> None:
    mine = list_selection("t", pb.ListCommandsRequest())
    assert mine != list_selection("u", pb.ListCommandsRequest())
    assert mine != watch_selection("t", pb.WatchCommandsRequest())
    resumed = pb.WatchCommandsRequest(resume_token="x")
    assert watch_selection("t", resumed) == watch_selection("t", pb.WatchCommandsRequest())


def test_tokens_of_earlier_releases_still_fit_their_selection() -> None:
    assert selection(station="stations/A") == "334382af9fc11720"
