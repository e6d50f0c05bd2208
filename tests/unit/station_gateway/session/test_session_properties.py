"""Hypothesis drives both directions of a session and compares it with a plain model."""

import json
from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    precondition,
    rule,
)

from station_gateway.dialects import v16, v21, v201
from station_gateway.session.engine import OcppSession, SessionLimits
from station_gateway.session.events import (
    AnswerMissing,
    AnswerReceived,
    CallInFlight,
    CallReceived,
    Event,
    SessionOver,
)

LIMITS = SessionLimits()
ACTION = "TriggerMessage"
FRAMES = st.one_of(
    st.text(max_size=40),
    st.binary(max_size=40),
    st.builds(
        lambda *frame: json.dumps(frame),
        st.integers(-1, 10),
        st.sampled_from(["ours-1", "a", "", 7, None]),
        st.sampled_from(["Heartbeat", "Reset", "Odd", {}, {"status": "Accepted"}, 1]),
        st.sampled_from([{}, [], {"idTag": "T"}, None, "x"]),
    ),
)


class TwoDirections(RuleBasedStateMachine):
    """Any interleaving of the station, our commands, slow handlers and the clock."""

    sent = Bundle("sent")

    @initialize(dialect=st.sampled_from([v16, v201, v21]))
    def connect(self, dialect: Any) -> None:
        self.session = OcppSession(dialect, LIMITS)
        self.now = 0.0
        self.made = 0
        self.calls: set[str] = set()
        self.ends: Counter[str] = Counter()
        self.handed_over: Counter[Any] = Counter()
        self.in_hand: list[Any] = []
        self.received: Counter[Any] = Counter()
        self.answered: Counter[Any] = Counter()

    def take(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, CallReceived):
                self.handed_over[event.message_id] += 1
                self.in_hand.append(event.message_id)
            elif isinstance(event, AnswerMissing) or (
                isinstance(event, AnswerReceived) and not event.late
            ):
                self.ends[event.message_id] += 1
        for text in self.session.data_to_send():
            frame = json.loads(text)
            if frame[0] != 2:
                self.answered[frame[1]] += 1

    @rule(target=sent)
    def we_call(self) -> str:
        self.made += 1
        message_id = f"ours-{self.made}"
        busy = self.session.busy
        try:
            self.session.call(message_id, ACTION, {}, self.now, 10.0)
        except CallInFlight:
            assert busy
            return "never"
        except SessionOver:
            assert self.session.over
            return "never"
        self.calls.add(message_id)
        self.take([])
        return message_id

    @rule(message_id=sent, word=st.sampled_from([{"status": "Accepted"}, {"odd": 1}, 7]))
    def station_answers(self, message_id: str, word: Any) -> None:
        self.take(self.session.receive(json.dumps([3, message_id, word]), self.now))

    @rule(message_id=consumes(sent))
    def station_refuses(self, message_id: str) -> None:
        self.take(self.session.receive(json.dumps([4, message_id, "GenericError"]), self.now))

    @rule(number=st.integers(0, 5))
    def station_calls(self, number: int) -> None:
        if not self.session.over:
            self.received[f"c{number}"] += 1
        frame = json.dumps([2, f"c{number}", "Heartbeat", {}])
        self.take(self.session.receive(frame, self.now))

    @precondition(lambda self: self.in_hand)
    @rule(fail=st.booleans())
    def handler_finishes(self, fail: bool) -> None:
        message_id = self.in_hand.pop(0)
        if fail:
            self.take(self.session.reply_error(message_id, "InternalError"))
        else:
            self.take(self.session.reply(message_id, {}))

    @rule(data=FRAMES)
    def station_says_anything(self, data: str | bytes) -> None:
        self.take(self.session.receive(data, self.now))

    @rule(seconds=st.floats(0, 20))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.take(self.session.check_timeouts(self.now))

    @rule()
    @precondition(lambda self: self.made > 5)
    def socket_drops(self) -> None:
        self.take(self.session.connection_lost())
        self.in_hand.clear()

    @invariant()
    def every_call_of_ours_ends_once(self) -> None:
        assert all(count == 1 for count in self.ends.values())
        if not self.session.busy and self.session.over:
            assert self.session.next_deadline() is None

    @invariant()
    def one_call_of_the_station_is_in_hand(self) -> None:
        assert len(self.in_hand) <= 1

    @invariant()
    def nothing_is_answered_that_was_not_received(self) -> None:
        for message_id in ("c0", "c1", "c2", "c3", "c4", "c5"):
            assert self.answered[message_id] <= self.received[message_id]
            assert self.handed_over[message_id] <= self.received[message_id]

    @invariant()
    def memory_is_bounded(self) -> None:
        session = self.session
        assert len(session._overdue or ()) <= LIMITS.overdue_calls
        assert len(session._answers or ()) <= LIMITS.remembered_answers
        assert len(session._waiting or ()) <= LIMITS.queued_calls

    def teardown(self) -> None:
        if hasattr(self, "session"):
            self.take(self.session.connection_lost())
            assert self.calls == set(self.ends)


TestTwoDirections = TwoDirections.TestCase
TestTwoDirections.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


STARTED = {"connectorId": 1, "idTag": "T", "meterStart": 0, "timestamp": "2026-01-01T00:00:00Z"}


@given(st.lists(st.integers(0, 9), min_size=1, max_size=15))
def test_every_report_gets_exactly_one_answer_per_copy_and_has_one_effect(
    copies: list[int],
) -> None:
    session = OcppSession(v16, SessionLimits(remembered_answers=10))
    effects: Counter[Any] = Counter()
    for number in copies:
        frame = json.dumps([2, str(number), "StartTransaction", STARTED])
        events = session.receive(frame, 0.0)
        effects.update(event.message_id for event in events if isinstance(event, CallReceived))
    todo = list(effects)
    while todo:
        follow = session.reply(todo.pop(0), {})
        todo += [event.message_id for event in follow if isinstance(event, CallReceived)]
        effects.update(event.message_id for event in follow if isinstance(event, CallReceived))
    answers = Counter(json.loads(frame)[1] for frame in session.data_to_send())
    assert answers == Counter(str(number) for number in copies)
    assert all(count == 1 for count in effects.values())


CONTENTS = st.tuples(
    st.integers(0, 2),  # message id
    st.sampled_from(["Heartbeat", "StatusNotification", "StartTransaction"]),
    st.integers(1, 2),  # connector
    st.booleans(),  # whether what is in hand is answered before
)


@given(st.lists(CONTENTS, min_size=1, max_size=14))
def test_ids_that_are_used_again_swallow_no_message_and_change_no_order(
    messages: list[tuple[int, str, int, bool]],
) -> None:
    session = OcppSession(v16, SessionLimits(remembered_answers=20))
    expected: list[tuple[int, str, int]] = []
    handled: list[tuple[int, str, int]] = []
    in_hand: list[int] = []

    def take(events: list[Event]) -> None:
        for event in events:
            if isinstance(event, CallReceived):
                connector = event.payload.get("connectorId", 0)
                handled.append((int(event.message_id), event.action, connector))
                in_hand.append(int(event.message_id))

    for number, action, connector, answer_first in messages:
        if answer_first and in_hand:
            take(session.reply(str(in_hand.pop(0)), {}))
        payload: dict[str, Any] = {}
        if action == "StatusNotification":
            payload = {"connectorId": connector, "errorCode": "NoError", "status": "Available"}
        elif action == "StartTransaction":
            payload = STARTED | {"connectorId": connector}
        message = (number, action, payload.get("connectorId", 0))
        if action != "StartTransaction" or message not in expected:
            expected.append(message)
        take(session.receive(json.dumps([2, str(number), action, payload]), 0.0))
    while in_hand:
        take(session.reply(str(in_hand.pop(0)), {}))
    assert handled == expected
    assert len(session.data_to_send()) == len(messages)


def test_answers_of_others_are_never_taken_for_ours() -> None:
    session = OcppSession(v16, LIMITS)
    session.call("ours", ACTION, {}, 0.0, 10.0)
    taken = 0
    for number in range(100_000):
        events = session.receive(f'[3,"{number}",{{"status":"Accepted"}}]', 0.0)
        taken += any(isinstance(event, AnswerReceived) for event in events)
    assert taken == 0
    assert session.busy
