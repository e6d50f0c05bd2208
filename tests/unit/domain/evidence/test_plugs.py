"""Which sessions have ended although no station said so."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from domain.evidence.plugs import (
    ToldEnd,
    ended_under_another_id,
    ends,
    goes_on_as,
    is_freed,
    meant_by_stop,
    repeats,
    shows_running,
)
from domain.evidence.restart import ConnectorReport
from domain.evidence.sessions import Session
from tests.unit.domain.situations import at, session

BOOT = at(500)


def earlier(**changed: Any) -> Session:
    """Began at 0, on EVSE 1."""
    return session(**{"name": "earlier", "start_time": at(0), "received_time": at(0)} | changed)


def later(**changed: Any) -> Session:
    """Reported at 1000, and began then, on EVSE 1."""
    return session(
        **{"name": "later", "start_time": at(1_000), "received_time": at(1_000)} | changed
    )


def missed(**changed: Any) -> Session:
    """Ended at 1000 by what we know; nobody reported it."""
    known = {"active": False, "stop_received_time": at(1_000), "end_reported": False}
    return earlier(**known | changed)


@pytest.mark.parametrize(
    ("newer", "older"),
    [
        pytest.param(later(), earlier(), id="the next car"),
        pytest.param(later(active=False, stop_time=at(1_001)), earlier(), id="and it has gone"),
        pytest.param(later(), earlier(observed_only=True), id="a session that was only metered"),
        pytest.param(
            later(start_time=at(100), offline=True), earlier(), id="sessions replayed in order"
        ),
        pytest.param(later(start_time=at(0)), earlier(), id="a clock that stands"),
        pytest.param(
            later(start_time=at(340)), earlier(start_time=at(-660)), id="a clock that lags"
        ),
        pytest.param(
            later(clock_suspect=True), earlier(clock_suspect=True), id="a clock that is always bad"
        ),
        pytest.param(later(), earlier(clock_suspect=True), id="a clock that is good again"),
        pytest.param(
            later(start_time=at(13)),
            earlier(start_time=at(1_518), received_time=at(17), alive_time=at(11)),
            id="a start that arrived late, by a clock that is known since",
        ),
        pytest.param(later(clock_suspect=True), earlier(), id="1970 after the power cut"),
    ],
)
def test_a_later_session_on_the_plug_ends_the_earlier_one(newer: Session, older: Session) -> None:
    assert ends(newer, older, BOOT)


@pytest.mark.parametrize(
    ("newer", "older", "boot_time"),
    [
        pytest.param(later(evse_id=2), earlier(), BOOT, id="another EVSE"),
        pytest.param(later(evse_id=None), earlier(evse_id=None), BOOT, id="no EVSE"),
        pytest.param(later(evse_id=0), earlier(evse_id=0), BOOT, id="connector 0"),
        pytest.param(later(observed_only=True), earlier(), BOOT, id="perhaps the same session"),
        pytest.param(later(name="earlier"), earlier(), BOOT, id="the same session"),
        pytest.param(earlier(), later(), BOOT, id="it was reported before"),
        pytest.param(
            later(start_time=at(-900), offline=True), earlier(), BOOT, id="an old one, replayed"
        ),
        pytest.param(
            later(start_time=at(0), offline=True), earlier(), BOOT, id="which of them was first?"
        ),
        pytest.param(
            later(start_time=at(-900)), earlier(), BOOT, id="an old one, and no flag that says so"
        ),
        pytest.param(
            later(start_time=at(-5)),
            earlier(observed_only=True),
            BOOT,
            id="the start of what was metered comes late",
        ),
        pytest.param(
            later(start_time=at(13)),
            earlier(start_time=at(1_518), received_time=at(17), alive_time=at(14)),
            None,
            id="a start that arrived late, and ran after the other one began",
        ),
        pytest.param(later(clock_suspect=True), earlier(), None, id="1970, perhaps an old one"),
        pytest.param(later(clock_suspect=True), earlier(), at(-1), id="1970, and no boot between"),
        pytest.param(
            later(clock_suspect=True, offline=True),
            earlier(clock_suspect=True),
            BOOT,
            id="1970, and an old one",
        ),
    ],
)
def test_what_may_be_older_or_elsewhere_ends_nothing(
    newer: Session, older: Session, boot_time: datetime | None
) -> None:
    assert not ends(newer, older, boot_time)


def free(at_s: float = 600, status: str = "Available") -> ConnectorReport:
    return ConnectorReport(1, status, at(at_s), reported_time=at(at_s))


def test_a_boot_and_then_a_free_connector_prove_the_end() -> None:
    assert is_freed(earlier(), BOOT, [free()])
    assert is_freed(earlier(), BOOT, iter([free(), free(500)]))


def replayed(**changed: Any) -> Session:
    """Began at 0, by its station's clock; reported at 510, after the boot."""
    return earlier(**{"received_time": at(510)} | changed)


def test_a_session_from_before_the_boot_that_is_reported_after_it_is_freed_too() -> None:
    assert is_freed(replayed(), BOOT, [free()])
    assert is_freed(replayed(clock_suspect=True, offline=True), BOOT, [free()])


@pytest.mark.parametrize(
    ("began", "reports"),
    [
        pytest.param(replayed(), [free(505)], id="shown before it was reported"),
        pytest.param(replayed(clock_suspect=True), [free()], id="1970"),
        pytest.param(
            replayed(clock_suspect=True, offline=True, charging_state="Idle"),
            [free()],
            id="open, and waiting for its car",
        ),
        pytest.param(replayed(start_time=at(505)), [free()], id="it began after the boot"),
    ],
)
def test_a_session_that_may_have_begun_after_the_boot_is_not_freed(
    began: Session, reports: list[ConnectorReport]
) -> None:
    assert not is_freed(began, BOOT, reports)


@pytest.mark.parametrize(
    ("reports", "boot_time"),
    [
        pytest.param([free()], None, id="no boot"),
        pytest.param([free()], at(0), id="the boot came before the session"),
        pytest.param([], BOOT, id="no connector"),
        pytest.param([free(400)], BOOT, id="free before the boot"),
        pytest.param([free(), free(400)], BOOT, id="one of them has not reported yet"),
        pytest.param([free(status="Charging")], BOOT, id="not free"),
        pytest.param([ConnectorReport(1, "Available", at(600))], BOOT, id="never reported"),
    ],
)
def test_less_than_that_proves_no_end(
    reports: list[ConnectorReport], boot_time: datetime | None
) -> None:
    assert not is_freed(earlier(), boot_time, reports)


def test_a_message_from_after_an_unreported_end_shows_that_the_session_runs() -> None:
    assert shows_running(missed(), at(1_001), suspect=False)
    assert shows_running(missed(), at(0), suspect=True)
    assert shows_running(missed(stop_received_time=None), at(0), suspect=False)
    assert not shows_running(missed(), at(999), suspect=False)
    assert not shows_running(earlier(active=False), at(2_000), suspect=False)


@pytest.mark.parametrize(
    ("running", "unreported", "time", "suspect", "expected"),
    [
        pytest.param([later()], [], at(2_000), False, "later", id="the only one"),
        pytest.param([later()], [], at(340), False, "later", id="before its own start: a clock"),
        pytest.param([later()], [missed()], at(2_000), False, "later", id="the one that runs"),
        pytest.param([later()], [missed()], at(900), False, "earlier", id="the one that was cut"),
        pytest.param([later()], [missed()], at(900), True, "later", id="1970 names none"),
        pytest.param(
            [later()], [missed(), missed()], at(900), False, "later", id="several were cut"
        ),
        pytest.param([], [missed()], at(-900), False, "earlier", id="the only one that was cut"),
        pytest.param([], [missed()], at(900), False, "earlier", id="it was cut then"),
        pytest.param([], [missed(), missed()], at(900), False, None, id="any of two"),
        pytest.param([later(), later()], [], at(2_000), False, None, id="two run"),
        pytest.param([], [], at(2_000), False, None, id="none"),
        pytest.param(
            [],
            [missed(stop_received_time=None)],
            at(900),
            False,
            "earlier",
            id="ended, no idea when",
        ),
    ],
)
def test_an_end_without_an_id_is_about_one_session_or_about_none(
    running: list[Session],
    unreported: list[Session],
    time: datetime,
    suspect: bool,
    expected: str | None,
) -> None:
    told = ToldEnd(time, suspect, None, None)
    meant = meant_by_stop(told, running, unreported, at(1_003), clock_known=False)
    assert (meant.name if meant else None) == expected


@pytest.mark.parametrize(
    ("told", "now", "clock_known", "suspect", "expected"),
    [
        pytest.param(at(340), at(1_003), False, False, "later", id="a wrong clock, in one breath"),
        pytest.param(at(340), at(1_003), True, False, None, id="the clock is known to be good"),
        pytest.param(at(340), at(1_060), False, False, None, id="the session is known for long"),
        pytest.param(at(990), at(1_060), True, False, "later", id="within the clock's tolerance"),
        pytest.param(at(340), at(1_060), True, True, "later", id="1970 tells nothing"),
    ],
)
def test_an_end_from_before_the_session_is_of_another_one(
    told: datetime, now: datetime, clock_known: bool, suspect: bool, expected: str | None
) -> None:
    end = ToldEnd(told, suspect, None, None)
    meant = meant_by_stop(end, [later()], [], now, clock_known=clock_known)
    assert (meant.name if meant else None) == expected


SAME = {"token_digest": "digest", "meter_start_wh": 5}


@pytest.mark.parametrize(
    ("ended", "running", "expected"),
    [
        pytest.param(missed(**SAME), [later(**SAME)], "later", id="told again, and no end"),
        pytest.param(
            earlier(active=False, remote_start_id=7),
            [later(remote_start_id=7)],
            "later",
            id="the same request of ours",
        ),
        pytest.param(missed(**SAME), [], None, id="none runs"),
        pytest.param(missed(**SAME), [later(**SAME)] * 2, None, id="either of two"),
        pytest.param(
            missed(**SAME | {"stop_received_time": at(900)}),
            [later(**SAME | {"meter_start_wh": 6})],
            None,
            id="energy",
        ),
        pytest.param(
            missed(**SAME),
            [later(**SAME | {"meter_start_wh": 6})],
            "later",
            id="nothing else speaks for its end",
        ),
        pytest.param(missed(**SAME), [later(**SAME, evse_id=2)], None, id="another EVSE"),
        pytest.param(
            missed(**SAME), [later(**SAME | {"token_digest": "other"})], None, id="another token"
        ),
        pytest.param(missed(**SAME), [later(**SAME, remote_start_id=7)], None, id="our request"),
        pytest.param(
            missed(token_digest=None, meter_start_wh=5),
            [later(token_digest=None, meter_start_wh=5)],
            None,
            id="nobody's",
        ),
        pytest.param(earlier(active=False, **SAME), [later(**SAME)], None, id="its end was told"),
        pytest.param(
            missed(**SAME), [later(**SAME, received_time=at(-1))], None, id="told before it"
        ),
    ],
)
def test_an_ended_session_goes_on_as_the_one_that_is_told_again(
    ended: Session, running: list[Session], expected: str | None
) -> None:
    found = goes_on_as(ended, running)
    assert (found.name if found else None) == expected


METERED: dict[str, Any] = {"meter_start_wh": 5}


def told_end(**changed: Any) -> ToldEnd:
    known: dict[str, Any] = {"time": at(900), "suspect": False, "token_digest": "digest"}
    return ToldEnd(**known | {"meter_stop_wh": 9} | changed)


@pytest.mark.parametrize(
    ("told", "one_plug"),
    [
        pytest.param(told_end(), False, id="its token"),
        pytest.param(told_end(token_digest=None), True, id="the only plug"),
        pytest.param(told_end(evse_id=1), False, id="its EVSE"),
    ],
)
def test_an_end_under_an_unknown_id_can_only_be_of_one_session(
    told: ToldEnd, one_plug: bool
) -> None:
    running = earlier(**METERED, token_digest="digest")
    assert ended_under_another_id(told, [running], one_plug=one_plug) is running


@pytest.mark.parametrize(
    ("told", "running"),
    [
        pytest.param(told_end(), [], id="none runs"),
        pytest.param(told_end(), [earlier(**METERED)] * 2, id="either of two"),
        pytest.param(told_end(token_digest=None), [earlier(**METERED)], id="any plug"),
        pytest.param(told_end(token_digest="other"), [earlier(**METERED)], id="another token"),
        pytest.param(told_end(evse_id=2), [earlier(**METERED)], id="another EVSE"),
        pytest.param(told_end(suspect=True), [earlier(**METERED)], id="no time"),
        pytest.param(
            told_end(), [earlier(**METERED, clock_suspect=True)], id="a clock that is wrong"
        ),
        pytest.param(told_end(time=at(-1)), [earlier(**METERED)], id="before it began"),
        pytest.param(told_end(meter_stop_wh=5), [earlier(**METERED)], id="no energy"),
        pytest.param(told_end(meter_stop_wh=None), [earlier(**METERED)], id="no meter"),
        pytest.param(told_end(), [earlier()], id="no meter at its start"),
    ],
)
def test_an_end_under_an_unknown_id_may_be_of_an_unknown_session(
    told: ToldEnd, running: list[Session]
) -> None:
    running = [replace(one, token_digest="digest") for one in running]
    assert ended_under_another_id(told, running, one_plug=False) is None


@pytest.mark.parametrize(
    ("told", "known", "expected"),
    [
        pytest.param(later(**METERED), earlier(**METERED), True, id="stamped anew"),
        pytest.param(
            later(**METERED, start_time=at(-9)), earlier(**METERED), False, id="an older one"
        ),
        pytest.param(
            later(**METERED, start_time=at(-9), clock_suspect=True),
            earlier(**METERED),
            True,
            id="by a clock that is wrong",
        ),
        pytest.param(
            later(**METERED), earlier(**METERED, clock_suspect=True), True, id="that was wrong"
        ),
        pytest.param(later(**METERED), earlier(meter_start_wh=6), False, id="another meter value"),
        pytest.param(later(), earlier(), False, id="no meter value"),
        pytest.param(later(**METERED), earlier(**METERED, active=False), False, id="it ended"),
        pytest.param(
            later(**METERED), earlier(**METERED, observed_only=True), False, id="only metered"
        ),
    ],
)
def test_a_start_that_is_equal_in_all_but_the_time_is_a_repeat(
    told: Session, known: Session, expected: bool
) -> None:
    assert repeats(told, known) is expected


def test_a_session_of_the_whole_station_ends_the_earlier_one_on_the_only_plug() -> None:
    assert ends(later(evse_id=0), earlier(evse_id=1), None, one_plug=True)
    assert not ends(later(evse_id=0), earlier(evse_id=1), None)


def test_a_session_ends_none_on_another_evse_although_the_station_has_shown_one_alone() -> None:
    assert not ends(later(evse_id=2), earlier(evse_id=1), None, one_plug=True)
