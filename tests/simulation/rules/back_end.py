"""What holds between a station and the back end (CSMS) that it stands behind.

Theory. The judge are the two connections of each relayed socket, as a wire-tap would have them.

passes on   The station is told nothing but what its back end said and CALLs of ours. Its back end
            is told nothing but what the station said, and no answer to a CALL of ours. Each as
            often as it was said, to the byte, and what is no CALL of the back end at once.
one CALL    No CALL is written while another one is out at the station: not answered, and not given
            up yet.
no wait     No CALL of the back end waits for more than WAITS_S because of us: all the time in which
            no other CALL of its own was out.
not theirs  No start of ours claims, and none undoes, a session that the back end has asked for.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.model.command import Code
from domain.model.specs import Kind
from tests.simulation.back_end.back_end import Pair
from tests.simulation.repeatable.virtual_time import BEGIN
from tests.simulation.rules.reading import claimed, ended_as, message_ids
from tests.simulation.servers.gateways import SETTINGS
from tests.simulation.servers.wire import Carried
from tests.simulation.world.callers import TIMING, Told
from tests.simulation.world.world import Ran

WAITS_S = 25.0
LEAST_TURN = 0.2
"""For what part of the hold a CALL of the back end is out at least, however long others waited."""

ROUGHLY_S = 0.5
AT_ONCE_S = 1.0
QUESTION_S = 2.0
"""The least that a station is given to answer a question of ours: the time of one is limited
altogether, and most of it may go while it waits for its turn."""

_ASKED = ("GetConfiguration", "GetVariables", "TriggerMessage", "GetTransactionStatus")


@dataclass
class Out:
    """A CALL that was written to the station. until_s: of its answer, or when it is given up."""

    message_id: str
    is_ours: bool
    at_s: float
    until_s: float


def _head(text: str) -> tuple[int, str]:
    """Type and id of a frame; 0 when nobody can read it."""
    try:
        frame = json.loads(text, strict=False)
        return int(frame[0]), str(frame[1])
    except (ValueError, LookupError, TypeError):
        return 0, ""


def _end_s(pair: Pair) -> float:
    """When the first of both connections ended."""
    return min(each.cut_s for each in (pair.station, pair.back_end, _NEVER) if each.cut_s)


class _Never:
    cut_s: float | None = float("inf")


_NEVER = _Never()


def _said(frames: list[Carried], *, up: bool) -> list[Carried]:
    return [frame for frame in frames if frame.up is up]


def _of_ours(pair: Pair) -> set[str]:
    """The ids of our CALLs to the station."""
    theirs = {frame.text for frame in _said(pair.back_end.carried, up=True)}
    down = _said(pair.station.carried, up=False)
    heads = [_head(frame.text) for frame in down if frame.text not in theirs]
    return {message_id for kind, message_id in heads if kind == 2}


def passed_on(pair: Pair) -> Iterator[str]:
    """Each side is told what the other one said, as often as it did, and nothing else."""
    ours = _of_ours(pair)
    said = Counter(frame.text for frame in _said(pair.back_end.carried, up=True))
    for frame in _said(pair.station.carried, up=False):
        kind, message_id = _head(frame.text)
        if said[frame.text]:
            said[frame.text] -= 1
        elif kind not in {2, 5} or message_id not in ours:
            yield f"the station was told {frame.text}, which its back end did not say"
    said = Counter(frame.text for frame in _said(pair.station.carried, up=True))
    for frame in _said(pair.back_end.carried, up=False):
        kind, message_id = _head(frame.text)
        if kind in {3, 4} and message_id in ours:
            yield f"the back end was told {frame.text}, which answers a CALL of ours"
        if not said[frame.text]:
            yield f"the back end was told {frame.text}, which the station did not say"
        said[frame.text] -= 1


def passed_on_at_once(pair: Pair) -> Iterator[str]:
    """What arrived and is no CALL of the back end goes on at once, while both sides are there."""
    ours, end_s, served_s = _of_ours(pair), _end_s(pair), pair.station.socket.served_s
    if served_s is None:
        return
    ways = (
        ("back end", pair.station.carried, pair.back_end.carried),
        ("station", pair.back_end.carried, pair.station.carried),
    )
    for who, come, go in ways:
        written = Counter(frame.text for frame in _said(go, up=False))
        for frame in _said(come, up=True):
            kind, message_id = _head(frame.text)
            if kind == 2 and who == "station":
                continue
            if kind in {3, 4} and message_id in ours and who == "back end":
                continue
            if frame.arrived_s is None or max(frame.arrived_s, served_s) + AT_ONCE_S > end_s:
                continue
            if not written[frame.text]:
                yield f"the {who} was never told {frame.text} of {frame.arrived_s:.1f} s"
            written[frame.text] -= 1


def _calls(pair: Pair) -> list[Out]:
    """The CALLs to the station, in their order."""
    ours, calls = _of_ours(pair), []
    answers = [
        (frame.arrived_s, _head(frame.text))
        for frame in _said(pair.station.carried, up=True)
        if frame.arrived_s is not None
    ]
    for frame in _said(pair.station.carried, up=False):
        kind, message_id = _head(frame.text)
        if kind != 2:
            continue
        patience_s = SETTINGS.upstream_turn_s
        if message_id in ours:
            asked = json.loads(frame.text)[2] in _ASKED
            patience_s = QUESTION_S if asked else TIMING.answer_timeout_s
        until_s = frame.written_s + patience_s
        answered = [
            at_s
            for at_s, (answer, of) in answers
            if answer in {3, 4} and of == message_id and at_s >= frame.written_s
        ]
        until_s = min([until_s, *answered])
        calls.append(Out(message_id, message_id in ours, frame.written_s, until_s))
    return calls


def one_call(pair: Pair) -> Iterator[str]:
    """Two CALLs are never out at the station at once."""
    calls = _calls(pair)
    overdue = list(_overdue(pair, calls))
    for number, call in enumerate(calls):
        for other in calls[:number]:
            until_s = _given_up_s(other, overdue)
            if until_s > call.at_s + ROUGHLY_S / 10:
                yield (
                    f"{call.message_id} was written at {call.at_s:.1f} s, and "
                    f"{other.message_id} of {other.at_s:.1f} s was out until {until_s:.1f} s"
                )


def _overdue(pair: Pair, calls: list[Out]) -> Iterator[tuple[float, float]]:
    """From when until when a CALL of the back end had waited as long as it may."""
    written = {call.message_id: call.at_s for call in calls if not call.is_ours}
    for frame in _said(pair.back_end.carried, up=True):
        kind, message_id = _head(frame.text)
        if kind == 2 and frame.arrived_s is not None:
            until_s = written.get(message_id, float("inf"))
            if (since_s := frame.arrived_s + SETTINGS.upstream_hold_s) <= until_s:
                yield since_s, until_s


def _given_up_s(out: Out, overdue: list[tuple[float, float]]) -> float:
    """Until when an answer is waited for: in front of one that is overdue for a short time only."""
    least_s = 0.0 if out.is_ours else LEAST_TURN * SETTINGS.upstream_hold_s
    given_up = [
        max(since_s, out.at_s + least_s)
        for since_s, until_s in overdue
        if out.at_s <= until_s and max(since_s, out.at_s + least_s) <= until_s + ROUGHLY_S
    ]
    return min([out.until_s, *given_up])


def no_wait(pair: Pair) -> Iterator[str]:
    """No CALL of the back end waits long for ours."""
    calls = _calls(pair)
    written = {call.message_id: call.at_s for call in calls if not call.is_ours}
    for frame in _said(pair.back_end.carried, up=True):
        kind, message_id = _head(frame.text)
        if kind != 2 or frame.arrived_s is None:
            continue
        until_s = written.get(message_id, _end_s(pair))
        if until_s == float("inf"):
            continue
        of_its_own = sum(
            max(0.0, min(call.until_s, until_s) - max(call.at_s, frame.arrived_s))
            for call in calls
            if not call.is_ours and call.message_id != message_id
        )
        waited_s = until_s - frame.arrived_s - of_its_own
        if waited_s > WAITS_S + ROUGHLY_S:
            yield f"{message_id} of {frame.arrived_s:.1f} s waited {waited_s:.1f} s for ours"


def not_theirs(ran: Ran, told: Told, calls: set[str]) -> Iterator[str]:
    """A start neither claims nor undoes what the back end has asked for.

    A station that refuses a start of its back end says that a session for the same token is not due
    to it: then nobody can know better.
    """
    command = told.last
    if told.command.kind is not Kind.START_SESSION:
        return
    session = claimed(ran, command) if ended_as(command, Code.SUCCEEDED) else None
    asked = None if session is None else ran.truth.arrived(session.cause)
    refused = asked is not None and asked.said == "Rejected"
    if session is not None and session.cause in calls and not refused:
        yield f"true: it claims session {session.number}, which the back end has asked for"
    for session in ran.truth.sessions:
        if session.cause in calls and session.end_cause in message_ids(told):
            yield f"it undid session {session.number}, which the back end has asked for"


def read_until(ran: Ran) -> datetime:
    """What came by then is recorded in the end, also when the back end never answered it."""
    return BEGIN + timedelta(seconds=ran.ended_s - SETTINGS.relay_answer_s - 3.0)


PAIR_RULES = (passed_on, passed_on_at_once, one_call, no_wait)


def broken_by_the_relay(ran: Ran) -> Iterator[str]:
    """All of it, for a world with a back end."""
    if ran.back_end is None:
        return
    for number, pair in enumerate(ran.back_end.pairs):
        for rule in PAIR_RULES:
            for lie in rule(pair):
                yield f"socket {number + 1}: {lie}"
    for told in ran.told:
        for lie in not_theirs(ran, told, ran.back_end.calls):
            yield f"{told.command.name}: {lie}"
