"""Which changes are news, which one is posted next, and what a post looks like."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from broker.callbacks.signing import body_of, make_secret, signed_headers
from domain.callbacks import (
    PAUSES,
    RETRY_AFTER_LIMIT,
    TRIES,
    NewsKind,
    Waiting,
    delivery_id,
    news_of,
    pause_after,
    pick,
)
from domain.commands import transitions as changes
from domain.model.command import Callback, CallbackEvents, Code, Command, CompensationState
from domain.model.outcomes import Cause, ending
from fleet.callbacks import Endpoint
from tests.unit.domain.situations import T0, answered, at, start

OUTCOMES = Callback("https://receiver.example.com")
ALL = replace(OUTCOMES, events=CallbackEvents.ALL)


def story() -> list[Command]:
    """Queued, sent, answered, DONE and UNKNOWN, then raised."""
    queued = start()
    sent = changes.sent(queued, T0)
    accepted = answered(sent)
    unknown = changes.concluded(accepted, ending(Cause.ANSWER_TIMEOUT), at(9))
    raised = replace(unknown, outcome=ending(Cause.SESSION_STARTED))
    return [queued, sent, accepted, unknown, raised]


def news(callback: Callback, commands: list[Command]) -> list[NewsKind | None]:
    return [
        news_of(callback, before, after)
        for before, after in zip([None, *commands], commands, strict=False)
    ]


def test_outcomes_are_posted_and_posted_again_when_raised() -> None:
    assert news(OUTCOMES, story()) == [None, None, None, NewsKind.OUTCOME, NewsKind.OUTCOME]


def test_every_state_is_posted_when_asked_for() -> None:
    assert news(ALL, story()) == [*[NewsKind.STATE] * 3, NewsKind.OUTCOME, NewsKind.OUTCOME]


@pytest.mark.parametrize("code", Code)
def test_every_outcome_is_told_whatever_its_code(code: Code) -> None:
    done = changes.concluded(start(), replace(ending(Cause.ANSWER_TIMEOUT), code=code), at(9))
    assert news_of(OUTCOMES, start(), done) is NewsKind.OUTCOME


@pytest.mark.parametrize("state", [each for each in CompensationState if each != "NONE"])
def test_what_is_undone_after_the_outcome_is_told(state: CompensationState) -> None:
    done = story()[-1]
    undone = replace(done, compensation=replace(done.compensation, state=state))
    assert news_of(OUTCOMES, done, undone) is NewsKind.OUTCOME


def test_a_change_that_tells_nothing_new_is_not_posted() -> None:
    done = story()[-1]
    assert news_of(ALL, done, replace(done, progress="something")) is None


def waiting(*news: NewsKind, resent: bool = False) -> list[Waiting]:
    return [Waiting(number, each, resent) for number, each in enumerate(news, start=1)]


def test_the_oldest_change_goes_first() -> None:
    picked = pick(waiting(NewsKind.STATE, NewsKind.STATE, NewsKind.OUTCOME), tried=0)
    assert (picked.next, picked.replaced) == (Waiting(1, NewsKind.STATE), ())


def test_a_state_in_retry_gives_way_to_the_newest() -> None:
    picked = pick(waiting(NewsKind.STATE, NewsKind.STATE, NewsKind.STATE), tried=1)
    assert (picked.next, picked.replaced) == (Waiting(3, NewsKind.STATE), (1, 2))


def test_an_outcome_is_never_replaced() -> None:
    picked = pick(waiting(NewsKind.STATE, NewsKind.OUTCOME, NewsKind.OUTCOME), tried=1)
    assert (picked.next, picked.replaced) == (Waiting(2, NewsKind.OUTCOME), (1,))
    assert pick(waiting(NewsKind.OUTCOME, NewsKind.OUTCOME), tried=1).replaced == ()


def test_what_somebody_asked_for_again_is_not_replaced() -> None:
    assert pick(waiting(NewsKind.STATE, NewsKind.OUTCOME, resent=True), tried=1).replaced == ()


def test_nothing_is_due_when_nothing_waits() -> None:
    assert pick([], tried=0).next is None


@given(st.lists(st.sampled_from(NewsKind), min_size=1), st.integers(0, 3))
def test_picking_loses_no_outcome_and_keeps_the_order(kinds: list[NewsKind], tried: int) -> None:
    all_of_them = waiting(*kinds)
    picked = pick(all_of_them, tried)
    assert picked.next is not None
    gone = [each for each in all_of_them if each.revision in picked.replaced]
    assert all(each.news is NewsKind.STATE for each in gone)
    assert list(picked.replaced) == list(range(1, picked.next.revision))


def test_an_id_is_stable_and_of_one_change_only() -> None:
    ids = {
        delivery_id(tenant, command, revision)
        for tenant in ("a", "b")
        for command in ("x", "y")
        for revision in range(3)
    }
    assert len(ids) == 12
    assert delivery_id("a", "x", 1) == delivery_id("a", "x", 1)


def signed(keys: list[str], now: datetime | None = None) -> tuple[dict[str, str], str]:
    body = body_of(NewsKind.OUTCOME, replace(story()[-1], revision=5), at(9))
    return signed_headers("msg_1", body, keys, now or datetime.now(UTC)), body


def test_a_post_is_accepted_by_the_specifications_library() -> None:
    secret = make_secret()
    headers, body = signed([secret])
    post = Webhook(secret).verify(body, headers)
    assert (post["type"], post["sequence"]) == ("command.outcome", 5)
    assert post["data"]["outcome"]["code"] == "CODE_SUCCEEDED"
    assert post["data"]["revision"] == "5"


def test_both_secrets_verify_while_they_sign_in_parallel() -> None:
    old, new = make_secret(), make_secret()
    headers, body = signed([new, old])
    for secret in (old, new):
        Webhook(secret).verify(body, headers)


def test_another_body_time_or_secret_is_refused() -> None:
    secret = make_secret()
    headers, body = signed([secret])
    late, _ = signed([secret], datetime.now(UTC) - timedelta(minutes=6))
    for key, sent, content in (
        (secret, headers, body + " "),
        (secret, late, body),
        (make_secret(), headers, body),
        (secret, {**headers, "webhook-id": "msg_2"}, body),
    ):
        with pytest.raises(WebhookVerificationError):
            Webhook(key).verify(content, sent)


def test_a_post_carries_no_token_value() -> None:
    body = body_of(NewsKind.OUTCOME, story()[-1], at(9))
    token = json.loads(body)["data"]["startSession"]["idToken"]
    assert token["value"].startswith("****")
    assert "sealed" not in body


def test_the_previous_secret_signs_until_its_time_is_over() -> None:
    owner = Endpoint("t", "c", secret="new", previous_secret="old", previous_until=at(60))
    assert owner.secrets(at(59)) == ["new", "old"]
    assert owner.secrets(at(60)) == ["new"]
    assert Endpoint("t", "c").secrets(T0) == []


def test_a_receiver_may_ask_for_a_longer_pause_within_limits() -> None:
    assert pause_after(1) == PAUSES[0]
    assert pause_after(1, 3_600) == timedelta(hours=1)
    assert pause_after(1, 1e9) == RETRY_AFTER_LIMIT
    assert pause_after(TRIES) is None
