"""A share that is taken up refuses its own holder alone, and every place is given back."""

from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.places import Places, Share, ShareTaken

SOUTH, NORTH = ("south",), ("north",)


def test_a_tenant_with_its_whole_share_leaves_the_others_theirs() -> None:
    places = Places({Share.BROKER: 3, Share.TENANT: 2})
    with ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(places.one_more({Share.TENANT: SOUTH}))
        with pytest.raises(ShareTaken) as taken, places.one_more({Share.TENANT: SOUTH}):
            pass
        assert (taken.value.share, taken.value.most) == (Share.TENANT, 2)
        stack.enter_context(places.one_more({Share.TENANT: NORTH}))
        with pytest.raises(ShareTaken) as taken, places.one_more({Share.TENANT: NORTH}):
            pass
        assert taken.value.share is Share.BROKER
    assert places.count == 0


def test_a_share_without_a_limit_and_a_place_of_nobody_are_counted() -> None:
    places = Places({})
    with places.one_more({}), places.one_more({Share.CONNECTION: ("a",)}):
        assert places.count == 2
    assert places.count == 0


HOLDERS = st.fixed_dictionaries(
    {}, optional={share: st.sampled_from([SOUTH, NORTH]) for share in Share if share != "broker"}
)


@given(st.lists(HOLDERS, max_size=20), st.dictionaries(st.sampled_from(Share), st.integers(0, 3)))
def test_no_share_is_ever_exceeded_and_all_is_given_back(
    holders: list[dict[Share, tuple[str, ...]]], most: dict[Share, int]
) -> None:
    places = Places(most)
    held: list[dict[Share, tuple[str, ...]]] = []
    with ExitStack() as stack:
        for each in holders:
            try:
                stack.enter_context(places.one_more(each))
            except ShareTaken as taken:
                assert taken.most == most[taken.share]
                mine = each.get(taken.share, ())
                assert sum(one.get(taken.share) == mine for one in held) == taken.most
            else:
                held.append(each | {Share.BROKER: ()})
        assert places.count == len(held)
    assert places.count == 0
    assert not places._taken
