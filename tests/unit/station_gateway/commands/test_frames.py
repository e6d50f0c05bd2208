"""What a frame is built from, and what the fleet keeps of it."""

from datetime import UTC, datetime

import pytest

from contract.commands import SendFrameInput
from domain.model.specs import IdToken, Kind, StartSpec, StopSpec, only_spec
from fleet.keys import Sealer
from scripts.pages.answers import SPECS
from station_gateway.commands.frames import (
    KEPT,
    Unopenable,
    at_evse,
    build,
    kept_of,
    lacks_evse,
)
from station_gateway.dialects.interface import Dialect
from station_gateway.dialects.messages import Unsendable
from tests.unit.station_gateway.versions import DIALECTS

SEALER = Sealer(bytes(32))
THEN = datetime(2026, 1, 1, tzinfo=UTC)
every = pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
every_kind = pytest.mark.parametrize("kind", Kind)


def token(value: str, type_: str = "Central") -> IdToken:
    return IdToken(type_, "", SEALER.seal(value), SEALER.digest(type_, value))


def request_of(kind: Kind, spec: object) -> SendFrameInput:
    return SendFrameInput(
        command="c",
        tenant="t",
        workflow_id="w",
        station="S1",
        kind=kind,
        attempt=1,
        not_after=THEN,
        answer_timeout_s=1.0,
        **only_spec(kind, spec),  # type: ignore[arg-type]
    )


def test_every_kind_says_what_is_kept_of_its_frame() -> None:
    assert set(KEPT) == set(Kind)


@every
@every_kind
def test_request_without_the_spec_of_its_kind_is_not_sent(dialect: Dialect, kind: Kind) -> None:
    with pytest.raises(Unsendable, match=kind.value):
        build(dialect, SEALER, request_of(kind, None))
    assert kept_of(request_of(kind, None)).evse_id is None


@every
def test_tokens_are_opened_for_the_frame_and_kept_as_digests(dialect: Dialect) -> None:
    spec = StartSpec(token("TAG"), evse_id=2, group_id_token=token("GROUP"))
    request = request_of(Kind.START_SESSION, spec)
    _, payload = build(dialect, SEALER, request, remote_start_id=7)
    assert "TAG" in str(payload)
    kept = kept_of(request)
    assert (kept.evse_id, kept.token_digest) == (2, spec.id_token.digest)
    assert kept.group_digest == SEALER.digest("Central", "GROUP")


@every
def test_token_of_another_key_is_not_sent(dialect: Dialect) -> None:
    spec = StartSpec(IdToken("Central", "", "not sealed by us", "d"))
    with pytest.raises(Unopenable):
        build(dialect, SEALER, request_of(Kind.START_SESSION, spec))


@every
def test_token_that_only_names_what_to_stop_is_not_opened(dialect: Dialect) -> None:
    spec = StopSpec(
        id_token=IdToken("Central", "", "not sealed by us", "d"), found_ocpp_transaction_id="7"
    )
    request = request_of(Kind.STOP_SESSION, spec)
    assert "7" in str(build(dialect, SEALER, request))
    assert (kept_of(request).named_id, kept_of(request).token_digest) == ("7", None)


@every_kind
def test_only_a_start_or_a_reservation_on_16_lacks_an_evse(kind: Kind) -> None:
    request = request_of(kind, SPECS[kind])
    wanted = kind in {Kind.START_SESSION, Kind.RESERVE_NOW}
    assert lacks_evse(DIALECTS["1.6"], request) == wanted
    assert not lacks_evse(DIALECTS["2.0.1"], request)
    if wanted:
        assert kept_of(at_evse(request, 3)).evse_id == 3
        assert not lacks_evse(DIALECTS["1.6"], at_evse(request, 3))
