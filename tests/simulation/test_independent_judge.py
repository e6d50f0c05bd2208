"""The judge by the station's record knows nothing of the product, and says what it sees."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.simulation.rules.station_record import judge
from tests.simulation.rules.station_record.judge import contradictions
from tests.simulation.rules.station_record.words import Case, CommandWords, PlainWords
from tests.simulation.station.truth import FrameSeen, TrueRestart, TrueSession, TrueUnlock, Truth
from tests.support.sources import imports_of

ROOT = Path(__file__).resolve().parents[2]
OURS = {
    "broker",
    "contract",
    "domain",
    "entrypoints",
    "evcommand",
    "fleet",
    "journal",
    "station_gateway",
    "telemetry",
    "workflows",
}
BEGIN = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
TOKEN = {"value": "****-A", "type": "ID_TOKEN_TYPE_ISO14443"}


def test_the_judge_imports_nothing_of_ours_not_even_by_way_of_others() -> None:
    folder = Path(judge.__file__).parent
    waiting, seen = sorted(folder.glob("*.py")), set[Path]()
    while waiting:
        file = waiting.pop()
        seen.add(file)
        for name in imports_of(file):
            assert name.split(".")[0] not in OURS, f"{file.name} imports {name}"
            there = ROOT.joinpath(*name.split(".")).with_suffix(".py")
            if there.is_file() and there not in seen:
                waiting.append(there)
    assert len(seen) > 5


def at(seconds: float) -> datetime:
    return BEGIN + timedelta(seconds=seconds)


def told(
    kind: str, code: str, cause: str = "", after_s: float = 60, spec: Any = None
) -> CommandWords:
    said = {
        "name": "commands/c1",
        "kind": f"KIND_{kind}",
        "outcome": {"code": f"CODE_{code}", "cause": cause},
        "sendTime": at(0).isoformat(),
        "outcomeTime": at(after_s).isoformat(),
        **(spec or {}),
    }
    return CommandWords(said, frozenset({"m1"}))


def started(code: str, cause: str = "", after_s: float = 60) -> CommandWords:
    return told("START_SESSION", code, cause, after_s, {"startSession": {"idToken": TOKEN}})


def session(**more: Any) -> TrueSession:
    known = {"begun": at(1), "begin_told": at(2), "ocpp_transaction_id": "7", **more}
    return TrueSession(1000, 1, "TAG-A", "m1", **known)


def record(*sessions: TrueSession, **more: Any) -> Truth:
    frame = FrameSeen(at(0.1), "m1", "RemoteStartTransaction", {}, "Accepted")
    return Truth(frames=[frame], sessions=list(sessions), **more)


STOPPED = {"stopSession": {"resolvedTransactionId": "7"}}
ENDED = {"ended": at(20), "end_cause": "driver", "end_told": at(21)}
RUNNING = {"transactionId": "7", "state": "STATE_ACTIVE"}
RESERVED = {"wireId": 4, "idToken": TOKEN, "endTime": at(90).isoformat()}

LIES: dict[str, tuple[CommandWords | None, Truth, PlainWords]] = {
    "had reported session": (started("NO_EFFECT"), record(session(**ENDED)), PlainWords()),
    "had begun": (
        started("NO_EFFECT", after_s=1.2),
        record(session(begin_told=None)),
        PlainWords(),
    ),
    "NOT_SENT, and the station got it": (started("NOT_SENT"), record(), PlainWords()),
    "charges": (started("REJECTED", after_s=0.5), record(session()), PlainWords()),
    "began no such session": (started("SUCCEEDED"), record(), PlainWords()),
    "token was refused": (
        started("SUCCEEDED"),
        record(session(ended=at(70), end_cause="deauthorized")),
        PlainWords(),
    ),
    "ran on": (told("STOP_SESSION", "SUCCEEDED", spec=STOPPED), record(session()), PlainWords()),
    "had ended at": (
        told("STOP_SESSION", "NO_EFFECT", "SESSION_KEEPS_RUNNING", spec=STOPPED),
        record(session(**ENDED)),
        PlainWords(),
    ),
    "nothing was unlocked": (told("UNLOCK_CONNECTOR", "SUCCEEDED"), record(), PlainWords()),
    "the station unlocked": (
        told("UNLOCK_CONNECTOR", "REJECTED"),
        record(unlocks=[TrueUnlock(at(1), 1, "m1")]),
        PlainWords(),
    ),
    "did not restart": (told("RESET", "SUCCEEDED"), record(), PlainWords()),
    "the station restarted": (
        told("RESET", "NO_EFFECT"),
        record(restarts=[TrueRestart(at(1), None, "m1")]),
        PlainWords(),
    ),
    "never held 4": (
        told("RESERVE_NOW", "SUCCEEDED", spec={"reserveNow": {"wireId": 4}}),
        record(),
        PlainWords(),
    ),
    "its driver never came": (
        None,
        record(),
        PlainWords(reservations=({**RESERVED, "state": "STATE_USED"},)),
    ),
    "used it": (
        None,
        record(session(hold=4, hold_named=True)),
        PlainWords(reservations=({**RESERVED, "state": "STATE_EXPIRED"},)),
    ),
    "runs on its plug": (
        None,
        record(
            session(ended=at(20), end_cause="replaced"),
            session(begun=at(30), ocpp_transaction_id="8"),
        ),
        PlainWords(sessions=(RUNNING, {"transactionId": "8", "state": "STATE_ACTIVE"})),
    ),
    "its end was reported at": (None, record(session(**ENDED)), PlainWords(sessions=(RUNNING,))),
    "its plug is free": (
        None,
        record(session(ended=at(20), end_cause="power"), statuses={1: (at(40), "Available")}),
        PlainWords(sessions=(RUNNING,)),
    ),
    "a heartbeat was told": (
        None,
        record(heartbeats=[(at(100), at(0).isoformat())]),
        PlainWords(),
    ),
    "was answered with": (
        None,
        record(wrong_answers=["StartTransaction was answered with {}"]),
        PlainWords(),
    ),
    "is shown as Preparing": (
        None,
        record(statuses={1: (at(9), "Available")}, last_said={1: "Available"}),
        PlainWords(connectors={1: "Preparing"}),
    ),
    "connected since": (
        started("NOT_SENT", "BOOT_NOT_ACCEPTED", after_s=90),
        Truth(connections=[at(0)]),
        PlainWords(),
    ),
}


@pytest.mark.parametrize("words", LIES)
def test_the_judge_finds(words: str) -> None:
    command, really, seen = LIES[words]
    commands = (command,) if command is not None else ()
    case = Case(really, PlainWords(commands, seen.reservations, seen.sessions, seen.connectors))
    found = contradictions(case)
    assert len(found) == 1, found
    assert words in found[0]


@pytest.mark.parametrize(
    ("number", "token", "ran", "nameless", "found"),
    [
        pytest.param(900, "TAG-A", (2, None), True, False, id="of either of two"),
        pytest.param(900, "TAG-A", (2, 30), True, False, id="the other one ended later"),
        pytest.param(900, "TAG-A", (2, None), False, True, id="it names its session"),
        pytest.param(900, "TAG-B", (2, None), True, True, id="the other one has another token"),
        pytest.param(2_000, "TAG-A", (2, None), True, True, id="its register stood higher"),
        pytest.param(900, "TAG-A", (2, 10), True, True, id="it had ended before"),
        pytest.param(900, "TAG-A", (25, None), True, True, id="it began later"),
    ],
)
def test_an_end_is_no_lie_only_where_it_may_be_of_another_session(
    number: int, token: str, ran: tuple[int, int | None], nameless: bool, found: bool
) -> None:
    begun, ended = at(ran[0]), None if ran[1] is None else at(ran[1])
    other = TrueSession(number, 2, token, "", begun, ended, ocpp_transaction_id="8")
    case = Case(record(session(**ENDED), other), PlainWords(sessions=(RUNNING,)), nameless=nameless)
    assert ["its end was reported at" in lie for lie in contradictions(case)] == [True] * found


@pytest.mark.parametrize(
    ("restart", "answered", "found"),
    [
        pytest.param(TrueRestart(at(5), None, "m1"), True, False, id="after its frame"),
        pytest.param(TrueRestart(at(-20), None, ""), False, False, id="its own, on a dead line"),
        pytest.param(TrueRestart(at(-20), None, ""), True, True, id="its own, before an answer"),
        pytest.param(TrueRestart(at(-20), None, "m0"), False, True, id="of an earlier reset"),
        pytest.param(TrueRestart(at(-70), None, ""), False, True, id="long before"),
    ],
)
def test_a_restart_before_the_frame_is_no_lie_only_where_nobody_had_asked_for_it(
    restart: TrueRestart, answered: bool, found: bool
) -> None:
    answer = {"stationAnswer": {"verdict": "VERDICT_ACCEPTED"}} if answered else {}
    words = PlainWords((told("RESET", "SUCCEEDED", spec=answer),))
    lies = contradictions(Case(record(restarts=[restart]), words))
    assert ["did not restart" in lie for lie in lies] == [True] * found


@pytest.mark.parametrize("dated", [True, False])
def test_a_later_session_proves_an_end_only_where_starts_tell_a_time(dated: bool) -> None:
    _, really, seen = LIES["runs on its plug"]
    assert bool(contradictions(Case(really, seen, dated=dated))) is dated


@pytest.mark.parametrize(
    ("placed", "evses", "found"),
    [
        pytest.param(True, 2, True, id="both told their connector"),
        pytest.param(False, 2, False, id="they may be on two"),
        pytest.param(False, 1, True, id="there is one"),
    ],
)
def test_a_later_session_proves_an_end_only_where_it_can_only_be_on_its_plug(
    placed: bool, evses: int, found: bool
) -> None:
    _, really, seen = LIES["runs on its plug"]
    shown = {evse: (at(40), "Charging") for evse in range(1, evses + 1)}
    lies = contradictions(Case(replace(really, statuses=shown), seen, placed=placed))
    assert ["runs on its plug" in lie for lie in lies] == [True] * found


def test_a_later_session_that_nobody_was_told_of_proves_no_end() -> None:
    """A session without an id is shown, and the later one has had no answer: it may be another."""
    _, really, seen = LIES["runs on its plug"]
    older, later = really.sessions
    untold = record(older, replace(later, ocpp_transaction_id=None, begin_told=None))
    shown = PlainWords(sessions=(*seen.sessions[:1], {"state": "STATE_ACTIVE"}))
    assert contradictions(Case(untold, shown)) == []


CUT = {"ended": at(20), "end_cause": "power"}


@pytest.mark.parametrize(
    ("placed", "other", "found"),
    [
        pytest.param(True, "Preparing", True, id="it told its connector"),
        pytest.param(False, "Preparing", False, id="it may be on the other one"),
        pytest.param(False, "Available", True, id="both are free"),
    ],
)
def test_a_free_plug_proves_an_end_only_where_it_can_only_be_its_plug(
    placed: bool, other: str, found: bool
) -> None:
    shown = {1: (at(40), "Available"), 2: (at(40), other)}
    case = Case(record(session(**CUT), statuses=shown), PlainWords(sessions=(RUNNING,)))
    lies = contradictions(replace(case, placed=placed))
    assert ["its plug is free" in lie for lie in lies] == [True] * found


@pytest.mark.parametrize(
    ("placed", "plug", "found"),
    [
        pytest.param(False, "Preparing", False, id="it may run, for no start tells its connector"),
        pytest.param(False, "Available", True, id="no plug has a car"),
        pytest.param(True, "Preparing", True, id="it told its connector"),
    ],
)
def test_an_end_may_be_of_a_session_that_lost_its_power_unseen(
    placed: bool, plug: str, found: bool
) -> None:
    lost = TrueSession(900, 2, "TAG-A", "", at(2), at(10), "power", ocpp_transaction_id="8")
    shown = {1: (at(40), plug), 2: (at(40), "Available")}
    really = record(session(**ENDED), lost, statuses=shown)
    case = Case(really, PlainWords(sessions=(RUNNING,)), nameless=True, placed=placed)
    lies = contradictions(case)
    assert ["its end was reported at" in lie for lie in lies] == [True] * found


@pytest.mark.parametrize(
    ("zoned", "more", "connections", "found"),
    [
        pytest.param(False, {}, (0, 30), False, id="it may have begun after the boot"),
        pytest.param(True, {}, (0, 30), True, id="its times tell their zone"),
        pytest.param(False, {}, (0, 30, 35), True, id="the station booted again"),
        pytest.param(False, {"begin_told": at(2)}, (0, 30), True, id="it was told before"),
        pytest.param(False, {"opened": None}, (0, 30), True, id="its token was shown first"),
        pytest.param(False, {}, (5, 30), True, id="it began offline"),
    ],
)
def test_a_free_plug_proves_an_end_only_where_it_began_before_the_boot(
    zoned: bool, more: dict[str, Any], connections: tuple[int, ...], found: bool
) -> None:
    lost = session(**{**CUT, "begin_told": None, "opened": at(1), **more})
    really = record(
        lost,
        statuses={1: (at(40), "Available")},
        connections=[at(seconds) for seconds in connections],
    )
    lies = contradictions(Case(really, PlainWords(sessions=(RUNNING,)), zoned=zoned))
    assert ["its plug is free" in lie for lie in lies] == [True] * found


@pytest.mark.parametrize("clocked", [True, False])
def test_a_free_plug_proves_no_end_where_the_clock_shows_another_age(clocked: bool) -> None:
    """It may have begun after the boot, as its station says: not offline."""
    lost = session(**{**CUT, "begin_told": at(35)})
    shown = {1: (at(40), "Available")}
    really = record(lost, statuses=shown, connections=[at(0), at(30)])
    lies = contradictions(Case(really, PlainWords(sessions=(RUNNING,)), clocked=clocked))
    assert ["its plug is free" in lie for lie in lies] == [True] * clocked


def test_the_judge_has_nothing_against_the_truth() -> None:
    words = PlainWords(
        commands=(started("SUCCEEDED", "SESSION_STARTED"),),
        sessions=(RUNNING,),
        connectors={1: "Charging"},
    )
    really = record(
        session(), statuses={1: (at(5), "Charging")}, last_said={1: "Charging"}, connections=[at(0)]
    )
    assert contradictions(Case(really, words)) == []
