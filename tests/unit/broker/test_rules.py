"""What a station can be asked for, what counts as a repeat, how long a call waits."""

import asyncio
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from broker.commands import capabilities, drafting
from broker.commands.asks import Options, PlainToken, StartAsk, StopAsk
from broker.errors import Reason, Refusal
from broker.reading.following import next_cursor
from broker.reading.waiting import Patience, is_satisfied, patience_for, wait_for_command
from broker.settings import BrokerSettings
from domain.commands import wording
from domain.model.answers import StationAnswer, Verdict
from domain.model.command import Code, Command, Outcome, State, WaitFor
from domain.model.specs import Kind, OfflinePolicy, ResetMode, ResetSpec, StopSpec
from fleet.keys import Sealer
from fleet.log.book import Cursor, Entry
from tests.unit.broker.requests import NOW, REQUEST_ID
from tests.unit.broker.things import command

SEALER = Sealer(b"0" * 32)
TOKEN = PlainToken("ISO14443", "04A1B2C3")
START = StartAsk("CP/1", TOKEN, evse_id=1, request_id=REQUEST_ID)
STOP = StopAsk(evse_id=1, station="CP/1", request_id=REQUEST_ID)
ORIGIN = drafting.Origin("default", "desk", "")


def refused(reason: Reason) -> Any:
    return pytest.raises(Refusal, check=lambda refusal: refusal.reason is reason)


@pytest.mark.parametrize(("version", "limit"), [("1.6", 20), ("2.0.1", 36), ("2.1", 255)])
def test_a_token_must_fit_the_stations_version(version: str, limit: int) -> None:
    capabilities.check_token_fits(version, "id_token", PlainToken("x", "1" * limit))
    with refused(Reason.NOT_POSSIBLE_ON_STATION):
        capabilities.check_token_fits(version, "id_token", PlainToken("x", "1" * (limit + 1)))


def test_an_unknown_version_and_no_token_are_not_judged() -> None:
    capabilities.check_token_fits("", "id_token", PlainToken("x", "1" * 255))
    capabilities.check_token_fits("1.6", "group_id_token", None)


@pytest.mark.parametrize("connectors", [[], [(1, 1)], [(1, 0), (1, 1), (2, 2)]])
def test_a_connector_can_be_named_where_it_is_the_only_one(
    connectors: list[tuple[int, int]],
) -> None:
    capabilities.check_start_fits(replace(START, connector_id=1), "2.0.1", connectors)
    capabilities.check_start_fits(START, "2.0.1", connectors)


@pytest.mark.parametrize(("number", "connectors"), [(2, []), (1, [(1, 1), (1, 2)])])
def test_another_connector_cannot_be_named(number: int, connectors: list[tuple[int, int]]) -> None:
    with refused(Reason.NOT_POSSIBLE_ON_STATION):
        capabilities.check_start_fits(replace(START, connector_id=number), "1.6", connectors)


@pytest.mark.parametrize(("given", "sent"), [("42", "42"), ("-1", "-1"), ("0042", "42")])
def test_a_16_station_gets_its_id_as_a_number(given: str, sent: str) -> None:
    assert capabilities.wire_id_for("1.6", given) == sent


@pytest.mark.parametrize("given", ["abc", "2147483648", "1.0", "٣", "99999999999"])
def test_a_16_station_cannot_be_sent_another_id(given: str) -> None:
    with refused(Reason.INVALID_REQUEST):
        capabilities.wire_id_for("1.6", given)
    assert capabilities.wire_id_for("2.0.1", given) == given


def drafted(ask: StartAsk | StopAsk = START) -> Command:
    spec = (
        drafting.start_spec(ask, SEALER)
        if isinstance(ask, StartAsk)
        else drafting.stop_spec(ask, SEALER)
    )
    return drafting.draft(ask, REQUEST_ID, "CP/1", spec, origin=ORIGIN, now=NOW)


def test_a_draft_takes_the_kinds_defaults() -> None:
    start, stop = drafted(), drafted(STOP)
    assert start.not_after == NOW + timedelta(seconds=60)
    assert start.offline_policy is OfflinePolicy.FAIL_FAST
    assert stop.offline_policy is OfflinePolicy.WAIT
    assert start.workflow_id == f"command/default/{REQUEST_ID}"
    assert (start.state, start.revision, start.caller) == (State.QUEUED, 0, "desk")


def test_a_draft_holds_no_token_value() -> None:
    group = replace(START, group_id_token=PlainToken("Central", "GROUP-VALUE"))
    assert "04A1B2C3" not in repr(drafted(group))
    assert "GROUP-VALUE" not in repr(drafted(group))
    assert SEALER.open(drafted().start.id_token.sealed) == "04A1B2C3"  # type: ignore[union-attr]


def fields_that_differ(known: Command, ask: StartAsk | StopAsk) -> list[str]:
    spec: Any = drafted(ask).start or drafted(ask).stop
    try:
        drafting.check_same(known, ask, spec)
    except Refusal as refusal:
        assert refusal.reason is Reason.REQUEST_ID_REUSED
        return refusal.facts["fields"].split(",")
    return []


def test_the_same_request_is_a_repeat_though_its_seal_differs() -> None:
    same_value = replace(START, id_token=PlainToken("ISO14443", "04a1b2c3"))
    assert fields_that_differ(drafted(), START) == []
    assert fields_that_differ(drafted(), same_value) == []


def test_what_a_repeat_leaves_to_defaults_is_not_compared() -> None:
    options = Options(not_after=NOW + timedelta(seconds=9))
    assert fields_that_differ(drafted(replace(START, options=options)), START) == []
    waiting = replace(START, options=Options(wait_for=WaitFor.OUTCOME))
    assert fields_that_differ(drafted(), waiting) == []


def test_a_stop_is_a_repeat_whatever_was_found_for_it() -> None:
    known = drafted(STOP)
    found = replace(known, stop=StopSpec(evse_id=1, wire_id="42", resolved_transaction="tx"))
    assert fields_that_differ(found, STOP) == []
    assert fields_that_differ(found, replace(STOP, station=None)) == []


@pytest.mark.parametrize(
    ("ask", "fields"),
    [
        (replace(START, station="CP/2"), ["station"]),
        (replace(START, evse_id=None), ["evse_id"]),
        (replace(START, id_token=PlainToken("ISO14443", "other")), ["id_token"]),
        (replace(START, id_token=PlainToken("eMAID", "04A1B2C3")), ["id_token"]),
        (replace(START, group_id_token=TOKEN), ["group_id_token"]),
        (replace(START, options=Options(labels={"a": "b"})), ["options.labels"]),
        (replace(START, options=Options(not_after=NOW)), ["options.not_after"]),
        (
            replace(START, options=Options(offline_policy=OfflinePolicy.WAIT), evse_id=2),
            ["options.offline_policy", "evse_id"],
        ),
        (STOP, ["kind"]),
    ],
)
def test_another_request_under_the_same_id_names_what_differs(
    ask: StartAsk | StopAsk, fields: list[str]
) -> None:
    assert fields_that_differ(drafted(), ask) == fields


def answered(**changes: object) -> Command:
    return command(station_answer=StationAnswer(Verdict.ACCEPTED, "Accepted"), **changes)


UNKNOWN = Outcome(Code.UNKNOWN, "CONNECTION_LOST_AFTER_SEND", "")
REJECTED = Outcome(Code.REJECTED, "STATION_REJECTED", "")


@pytest.mark.parametrize(
    ("known", "satisfied"),
    [
        (command(), {WaitFor.SUBMITTED}),
        (command(state=State.SENT), {WaitFor.SUBMITTED}),
        (answered(state=State.AWAITING_EFFECT), {WaitFor.SUBMITTED, WaitFor.STATION_ANSWER}),
        (
            command(state=State.AWAITING_EFFECT, outcome=UNKNOWN),
            {WaitFor.SUBMITTED, WaitFor.STATION_ANSWER},
        ),
        (command(state=State.DONE, outcome=UNKNOWN), set(WaitFor)),
        (answered(state=State.COMPENSATING, outcome=REJECTED), set(WaitFor)),
    ],
)
def test_a_wait_ends_when_the_command_is_as_far_as_wanted(
    known: Command, satisfied: set[WaitFor]
) -> None:
    assert {wait for wait in WaitFor if is_satisfied(known, wait)} == satisfied


class Call:
    """As much of a gRPC context as a wait looks at."""

    def __init__(self, remaining_s: float | None) -> None:
        self._remaining_s = remaining_s

    def time_remaining(self) -> float | None:
        return self._remaining_s


@pytest.mark.parametrize(
    ("own_s", "patience_s"), [(None, 600.0), (10.0, 9.75), (0.1, 0.0), (10_000.0, 600.0)]
)
async def test_a_call_returns_before_its_own_deadline(
    own_s: float | None, patience_s: float
) -> None:
    call: Any = Call(own_s)
    patience = patience_for(call, BrokerSettings(), asyncio.Event())
    assert patience.remaining_s == pytest.approx(patience_s, abs=0.05)


async def test_patience_ends_with_the_drain() -> None:
    draining = asyncio.Event()
    patience = Patience(asyncio.get_running_loop().time() + 60, draining)
    assert patience.remaining_s > 50
    draining.set()
    assert patience.remaining_s == 0


@contextmanager
def news(event: asyncio.Event) -> Any:
    yield event


async def test_a_waiting_call_returns_with_the_change_it_waited_for() -> None:
    changed, states = asyncio.Event(), [command(), answered()]

    async def read() -> Command:
        changed.set()
        return states.pop(0)

    patience = Patience(asyncio.get_running_loop().time() + 5, asyncio.Event())
    found = await wait_for_command(news(changed), read, WaitFor.STATION_ANSWER, patience)
    assert found is not None
    assert found.station_answer is not None


async def test_a_waiting_call_returns_the_command_as_it_is_when_the_broker_drains() -> None:
    draining = asyncio.Event()

    async def read() -> Command:
        asyncio.get_running_loop().call_soon(draining.set)
        return command()

    patience = Patience(asyncio.get_running_loop().time() + 5, draining)
    found = await wait_for_command(news(asyncio.Event()), read, WaitFor.OUTCOME, patience)
    assert found == command()


def entry(seq: int) -> Entry:
    return Entry(seq, 0, "t", "n", "k", 1, NOW, {})


def test_a_reader_skips_what_did_not_concern_it_but_not_what_it_has_not_read() -> None:
    start, end = Cursor(0, 10), Cursor(0, 90)
    assert next_cursor(start, end, [], 2) == end
    assert next_cursor(start, end, [entry(20)], 2) == end
    assert next_cursor(start, end, [entry(20), entry(30)], 2) == Cursor(0, 30)
    assert next_cursor(start, end, [entry(95)], 2) == Cursor(0, 95)


def test_the_web_ui_says_what_is_asked_of_which_station() -> None:
    assert wording.title(drafted()).startswith("Start session at CP/1, EVSE 1, token ****")
    reset = command(kind=Kind.RESET, start=None, reset=ResetSpec(ResetMode.SOFT))
    assert wording.title(reset) == "Reset at CP/1, the whole station, SOFT"


def test_the_web_ui_says_who_asked_until_when_and_in_which_trace() -> None:
    shown = wording.origin(command(caller="desk", trace_id="4bf9"))
    assert "Asked by: desk, tenant default" in shown
    assert "When the station is offline: FAIL_FAST" in shown
    assert "Trace: `4bf9`" in shown
    assert "Trace" not in wording.origin(command())


def test_a_summary_is_cut_where_temporal_would_refuse_it() -> None:
    title = wording.title(command(station="\N{BATTERY}" * 255))
    assert len(wording.brief(title).encode()) <= wording.SUMMARY_BYTES
    assert wording.brief(title).startswith("Start session at \N{BATTERY}")
    assert wording.brief("Reset at CP-1") == "Reset at CP-1"
