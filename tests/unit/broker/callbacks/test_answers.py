"""What a receiver's answer means, and when the next try is due."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.callbacks.answers import judge, read_retry_after
from contract.callbacks import PostStatus
from domain.callbacks import PAUSES, RETRY_AFTER_LIMIT, TRIES, DeliveryCause, pause_after

NOW = datetime(2026, 5, 1, tzinfo=UTC)
D, R, P = PostStatus.DELIVERED, PostStatus.RETRY, PostStatus.PARK
MEANINGS = {
    200: (D, ""),
    202: (D, ""),
    204: (D, ""),
    299: (D, ""),
    300: (P, DeliveryCause.REDIRECTED),
    301: (P, DeliveryCause.REDIRECTED),
    304: (P, DeliveryCause.REDIRECTED),
    307: (P, DeliveryCause.REDIRECTED),
    308: (P, DeliveryCause.REDIRECTED),
    400: (P, DeliveryCause.REFUSED),
    401: (P, DeliveryCause.REFUSED),
    404: (P, DeliveryCause.REFUSED),
    405: (P, DeliveryCause.REFUSED),
    408: (R, DeliveryCause.RECEIVER_BUSY),
    410: (P, DeliveryCause.GONE),
    413: (P, DeliveryCause.REFUSED),
    425: (P, DeliveryCause.REFUSED),
    429: (R, DeliveryCause.RECEIVER_BUSY),
    499: (P, DeliveryCause.REFUSED),
    500: (R, DeliveryCause.RECEIVER_FAILED),
    502: (R, DeliveryCause.RECEIVER_FAILED),
    503: (R, DeliveryCause.RECEIVER_FAILED),
    599: (R, DeliveryCause.RECEIVER_FAILED),
    999: (R, DeliveryCause.RECEIVER_FAILED),
}


@pytest.mark.parametrize(("status", "meaning"), MEANINGS.items())
def test_every_status_has_its_meaning(status: int, meaning: tuple[PostStatus, str]) -> None:
    result = judge(status, None, NOW)
    assert (result.status, result.cause, result.http_status) == (*meaning, status)
    assert bool(result.reason) is (result.status is not D)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        (" 0 ", 0.0),
        ("Fri, 01 May 2026 00:01:00 GMT", 60.0),
        ("Thu, 30 Apr 2026 00:00:00 GMT", 0.0),
        ("Fri, 01 May 2026 00:01:00 -0000", None),
        ("-5", None),
        ("soon", None),
        ("", None),
        (None, None),
        ("٣", None),
    ],
)
def test_retry_after_is_read_in_both_forms(value: str | None, seconds: float | None) -> None:
    assert read_retry_after(value, NOW) == seconds


@given(st.text())
def test_no_retry_after_breaks_the_reader(text: str) -> None:
    seconds = read_retry_after(text, NOW)
    assert seconds is None or seconds >= 0


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_a_busy_receiver_says_when_to_come_back(status: int) -> None:
    assert judge(status, "90", NOW).retry_after_s == 90


def test_there_are_eight_tries_within_three_days_and_a_bit() -> None:
    assert TRIES == 8
    assert timedelta(hours=72) <= sum(PAUSES, timedelta()) <= timedelta(hours=73)
    assert list(PAUSES) == sorted(PAUSES)


def test_retry_after_lengthens_a_pause_within_its_limit() -> None:
    assert pause_after(1, 10.0) == PAUSES[0]
    assert pause_after(1, 600.0) == timedelta(minutes=10)
    assert pause_after(1, 1e12) == RETRY_AFTER_LIMIT
    assert pause_after(7, 1e12) == PAUSES[6]
    assert pause_after(8, 600.0) is None
