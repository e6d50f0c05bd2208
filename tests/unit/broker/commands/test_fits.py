"""Tokens must fit into a frame of the station's OCPP version."""

import pytest

from broker.commands.fits import check_tokens_fit
from broker.errors import Reason
from tests.unit.broker.edges import refused


@pytest.mark.parametrize(("version", "limit"), [("1.6", 20), ("2.0.1", 36), ("2.1", 255)])
def test_a_token_must_fit_the_stations_version(version: str, limit: int) -> None:
    check_tokens_fit(version, {"id_token": limit})
    with refused(Reason.NOT_POSSIBLE_ON_STATION):
        check_tokens_fit(version, {"id_token": limit + 1})


def test_an_unknown_version_and_no_token_are_not_judged() -> None:
    check_tokens_fit("", {"id_token": 255})
    check_tokens_fit("1.6", {})
