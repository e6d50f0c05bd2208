"""CALLs of a relayed station wait for the answer of another back end, each for its time."""

from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from station_gateway.dialects.messages import (
    AuthorizationAsked,
    Booted,
    SessionStarted,
    StationTime,
    TokenSeen,
)
from station_gateway.session.events import CallReceived
from station_gateway.session.exchanges import OPEN_LIMIT, Exchanges, OpenCall


def fits(_: object) -> bool:
    """An answer that says what every message asks for."""
    return True


NOW = datetime(2026, 1, 1, tzinfo=UTC)


def opened(message_id: str | int, due: float = 60.0, *, said: object = None) -> OpenCall:
    call = CallReceived(message_id, "BootNotification", {"said": said})
    return OpenCall(call, Booted("Acme", "One"), NOW, due)


def test_an_answer_belongs_to_the_call_with_its_id_once() -> None:
    exchanges, one, other = Exchanges(), opened("1"), opened(1)
    assert exchanges.begin(one) is None
    assert exchanges.begin(other) is None
    assert exchanges.answered(1, fits) is other
    assert exchanges.answered("1", fits) is one
    assert exchanges.answered("1", fits) is None


def test_a_call_under_the_id_of_an_open_one_gives_that_one_up() -> None:
    exchanges, older, newer = Exchanges(), opened("1"), opened("1", said="other")
    exchanges.begin(older)
    assert exchanges.begin(newer) is older
    assert [exchanges.waits_for(each) for each in (older, newer)] == [False, True]
    assert exchanges.answered("1", fits) is newer
    assert not exchanges.waits_for(newer)


def test_a_call_that_is_said_twice_waits_once_for_its_answer_and_keeps_its_first_time() -> None:
    exchanges, first = Exchanges(), opened("1", due=60.0)
    again = msgspec.structs.replace(opened("1", due=85.0), time=NOW + timedelta(seconds=25))
    exchanges.begin(first)
    assert exchanges.begin(again) is None
    assert [exchanges.waits_for(each) for each in (first, again)] == [True, False]
    assert exchanges.look_again() == 85.0
    answered = exchanges.answered("1", fits)
    assert answered is not None
    assert answered.time == NOW
    assert not exchanges.waits_for(first)


def test_a_start_is_awaited_until_it_is_answered() -> None:
    exchanges, boot = Exchanges(), opened("1")
    start = SessionStarted(1, 1, TokenSeen("TAG1"), 0, StationTime(NOW))
    exchanges.begin(boot)
    assert not exchanges.wait_for_start()
    exchanges.begin(msgspec.structs.replace(opened("2"), message=start))
    assert exchanges.wait_for_start()
    exchanges.answered("2", fits)
    assert not exchanges.wait_for_start()


def test_the_oldest_of_too_many_is_given_up() -> None:
    exchanges = Exchanges()
    calls = [opened(number) for number in range(OPEN_LIMIT + 1)]
    assert [exchanges.begin(call) for call in calls] == [None] * OPEN_LIMIT + [calls[0]]


def test_calls_are_overdue_at_their_time() -> None:
    exchanges, late, other = Exchanges(), opened("1", due=5.0), opened("2", due=7.0)
    assert exchanges.look_again() is None
    exchanges.begin(other)
    exchanges.begin(late)
    assert exchanges.look_again() == 5.0
    assert exchanges.overdue(4.9) == []
    assert exchanges.overdue(5.0) == [late]
    assert exchanges.end() == [other]
    assert exchanges.end() == []


def test_an_answer_is_awaited_longer_while_who_owes_it_is_away() -> None:
    exchanges, soon, later = Exchanges(), opened("1", due=5.0), opened("2", due=90.0)
    exchanges.begin(soon)
    exchanges.begin(later)
    exchanges.postpone(60.0)
    assert exchanges.look_again() == 60.0
    assert exchanges.overdue(59.0) == []
    assert exchanges.waits_for(soon)
    late = exchanges.overdue(60.0)
    assert [each.call for each in late] == [soon.call]
    assert not exchanges.waits_for(soon)
    assert exchanges.end() == [later]


def test_an_answer_about_a_token_is_awaited_no_longer_for_one_who_is_away() -> None:
    exchanges = Exchanges()
    asked = AuthorizationAsked(TokenSeen("TAG1"), asked_time=NOW)
    exchanges.begin(msgspec.structs.replace(opened("1", due=5.0), message=asked))
    exchanges.postpone(60.0)
    assert exchanges.look_again() == 5.0


START = SessionStarted(1, 1, TokenSeen("TAG1"), 0, StationTime(NOW))


def start(message_id: str, due: float = 60.0, *, said: object = None) -> OpenCall:
    return msgspec.structs.replace(opened(message_id, due, said=said), message=START)


def test_a_call_that_was_given_up_is_known_by_its_id_once() -> None:
    exchanges, overdue = Exchanges(), start("1", due=5.0)
    exchanges.begin(overdue)
    assert exchanges.answered_late("1") is None
    exchanges.overdue(5.0)
    assert exchanges.answered("1", fits) is None
    assert exchanges.answered_late("1") is overdue
    assert exchanges.answered_late("1") is None


def test_as_many_are_known_that_were_given_up_as_may_wait() -> None:
    exchanges = Exchanges()
    for number in range(2 * OPEN_LIMIT):
        exchanges.begin(start(str(number), said=number))
    assert exchanges.answered_late("0") is not None
    exchanges.overdue(60.0)
    found = [exchanges.answered_late(str(number)) for number in range(2 * OPEN_LIMIT)]
    assert [each is not None for each in found] == [False] * OPEN_LIMIT + [True] * OPEN_LIMIT


def test_what_no_late_answer_tells_anything_of_is_not_kept() -> None:
    exchanges, late = Exchanges(), start("1", due=5.0)
    exchanges.begin(late)
    exchanges.overdue(5.0)
    asked = AuthorizationAsked(TokenSeen("TAG1"), asked_time=NOW)
    for number in range(2 * OPEN_LIMIT):
        question = opened(f"asks-{number}", due=6.0, said=number)
        exchanges.begin(msgspec.structs.replace(question, message=asked))
    exchanges.overdue(6.0)
    assert exchanges.answered_late("asks-9") is None
    assert exchanges.answered_late("1") is late


def test_a_newer_call_under_its_id_takes_the_place_of_one_that_was_given_up() -> None:
    exchanges = Exchanges()
    exchanges.begin(start("1", due=5.0))
    exchanges.overdue(5.0)
    newer = start("1", said="other")
    exchanges.begin(newer)
    assert exchanges.answered("1", fits) is newer
    assert exchanges.answered_late("1") is None


def test_a_newer_boot_takes_the_place_of_one_that_was_given_up_and_of_no_start() -> None:
    exchanges, late = Exchanges(), start("2", due=5.0)
    exchanges.begin(opened("1", due=5.0))
    exchanges.begin(late)
    exchanges.overdue(5.0)
    exchanges.begin(opened("3"))
    assert exchanges.answered_late("1") is None
    assert exchanges.answered_late("2") is late


def test_a_start_that_was_said_again_under_another_id_has_the_answer_to_the_last_one() -> None:
    exchanges, first, again, other = Exchanges(), start("1"), start("2"), start("3", said="other")
    for each in (first, other, again):
        assert exchanges.begin(each) is None
    assert exchanges.answered("2", fits) is again
    assert not exchanges.waits_for(first)
    assert exchanges.waits_for(other)
    assert exchanges.answered_late("1") is first


def no(_: object) -> bool:
    """An answer that says nothing of what is asked for."""
    return False


def test_of_two_calls_under_one_id_an_answer_that_fits_not_is_that_to_the_first() -> None:
    exchanges, second = Exchanges(), start("7")
    for _ in range(2):
        exchanges.pass_by("7")
    exchanges.begin(second)
    assert [exchanges.answered("7", no), exchanges.answered("7", no)] == [None, None]
    assert exchanges.answered("7", no) is second


def test_an_answer_that_fits_is_taken_though_the_first_call_was_never_answered() -> None:
    exchanges, second = Exchanges(), start("7")
    exchanges.pass_by("7")
    exchanges.begin(second)
    assert exchanges.answered("7", fits) is second


def test_a_call_that_was_answered_or_came_later_takes_no_answer_away() -> None:
    exchanges, first = Exchanges(), start("7")
    exchanges.pass_by("7")
    assert exchanges.answered("7", no) is None
    exchanges.begin(first)
    exchanges.pass_by("7")
    assert exchanges.answered("7", no) is first


def test_as_many_passed_calls_are_known_as_may_wait() -> None:
    exchanges, second = Exchanges(), start("0")
    for number in range(OPEN_LIMIT + 1):
        exchanges.pass_by(str(number))
    exchanges.begin(second)
    assert exchanges.answered("0", no) is second


@given(st.lists(st.tuples(st.sampled_from(["call", "answer", "clock"]), st.integers(0, 20))))
def test_each_call_comes_out_exactly_once(steps: list[tuple[str, int]]) -> None:
    exchanges = Exchanges()
    begun: list[OpenCall] = []
    out: list[OpenCall] = []
    for step, number in steps:
        if step == "call":
            begun.append(opened(number, due=float(len(begun)), said=len(begun)))
            given_up = exchanges.begin(begun[-1])
            out += [given_up] if given_up else []
        elif step == "answer":
            answered = exchanges.answered(number, fits)
            out += [answered] if answered else []
        else:
            out += exchanges.overdue(float(number))
    out += exchanges.end()
    assert sorted(map(id, out)) == sorted(map(id, begun))
