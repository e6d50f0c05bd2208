"""A credential of a group of stations: those whose identity begins as its setting says."""

import pytest

from broker.access.caller import Caller
from broker.settings import ApiKey

DIGEST = "0" * 64


def test_a_key_is_bound_to_the_stations_that_its_setting_names() -> None:
    key = ApiKey.parse(f"desk@north/OSLO-/DE*ABC*E+unlock:{DIGEST}")
    assert (key.name, key.tenant, key.groups) == ("desk", "north", ("OSLO-", "DE*ABC*E"))
    assert ApiKey.parse(f"desk/a:b:{DIGEST}").groups == ("a:b",)
    assert ApiKey.parse(f"desk@north:{DIGEST}").groups == ()


@pytest.mark.parametrize("bad", ["desk/", "desk//OSLO", "desk/OS LO", "desk/" + "x" * 49])
def test_a_group_without_a_clear_beginning_is_refused(bad: str) -> None:
    """An empty beginning would be every station."""
    with pytest.raises(ValueError, match="station group"):
        ApiKey.parse(f"{bad}:{DIGEST}")


def test_a_group_is_compared_letter_by_letter_from_the_beginning() -> None:
    caller = Caller("desk", groups=("OSLO-", "B"))
    assert caller.covers("OSLO-1")
    assert caller.covers("B")
    for other in ("oslo-1", "OSLO", "X-OSLO-1", "", "b"):
        assert not caller.covers(other)


def test_without_a_group_every_station_is_covered() -> None:
    assert Caller("desk").covers("anything")
