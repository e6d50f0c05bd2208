"""Is this session ours? One table, a row per rule."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from domain.evidence.matching import causes_sent, classify, clock_is_wrong
from domain.evidence.sessions import (
    ConnectorState,
    Match,
    Rival,
    SentFrame,
    Session,
    cable_wait_ended,
)
from domain.limits import CAUSE_AGE, CLOCK_TOLERANCE
from tests.unit.domain.situations import (
    T0,
    at,
    available,
    ended,
    frame,
    rival,
    session,
)

DEADLINE = at(76)
LONG_AGO = at(-3600)


def judged(
    of: Session, sent: SentFrame | None = None, *rivals: Rival, named: str | None = None
) -> Match:
    return classify(of, sent or frame(), named=named, rivals=rivals, late_after=DEADLINE)


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        pytest.param(session(), Match.MATCH, id="our token and EVSE, after our frame"),
        pytest.param(
            session(remote_start_id=5, token_digest=None, received_time=LONG_AGO),
            Match.MATCH,
            id="the station names our request, whatever else",
        ),
        pytest.param(session(remote_start_id=6), Match.NO_MATCH, id="it names another request"),
        pytest.param(session(token_digest="other"), Match.NO_MATCH, id="another token"),
        pytest.param(session(evse_id=2), Match.DOUBTFUL, id="another EVSE, with our token"),
        pytest.param(session(evse_id=None), Match.MATCH, id="the EVSE is not told"),
        pytest.param(session(received_time=at(-1)), Match.NO_MATCH, id="known before our frame"),
        pytest.param(
            session(start_time=at(-1)), Match.MATCH, id="a clock that tells whole seconds"
        ),
        pytest.param(
            session(start_time=at(-8)), Match.DOUBTFUL, id="begun before, or a clock behind"
        ),
        pytest.param(
            session(start_time=at(-8), start_slack_s=2.0), Match.DOUBTFUL, id="begun before"
        ),
        pytest.param(
            session(start_time=at(8), start_slack_s=-18.0),
            Match.DOUBTFUL,
            id="begun before, by a clock that is ahead",
        ),
        pytest.param(
            session(start_time=at(-29), start_slack_s=32.0), Match.MATCH, id="a clock behind"
        ),
        pytest.param(session(start_time=LONG_AGO), Match.DOUBTFUL, id="began before our frame"),
        pytest.param(
            ended(start_time=LONG_AGO, start_slack_s=2.0, stop_time=at(-3000)),
            Match.NO_MATCH,
            id="ended before our frame",
        ),
        pytest.param(session(clock_suspect=True), Match.DOUBTFUL, id="a clock in 1970"),
        pytest.param(
            ended(clock_suspect=True, stop_time=at(-3000)),
            Match.DOUBTFUL,
            id="its end is not to be trusted either",
        ),
        pytest.param(session(token_digest=None), Match.DOUBTFUL, id="nobody says whose it is"),
        pytest.param(session(observed_only=True), Match.DOUBTFUL, id="its start was never told"),
        pytest.param(
            session(start_time=at(376), received_time=at(376)),
            Match.MATCH,
            id="late, within the window",
        ),
        pytest.param(
            session(start_time=at(377), received_time=at(377)),
            Match.NO_MATCH,
            id="the driver's own, hours on",
        ),
        pytest.param(
            session(start_time=at(10 + 23 * 3600)), Match.DOUBTFUL, id="a clock a day ahead"
        ),
        pytest.param(session(start_time=at(39)), Match.MATCH, id="a clock a little ahead"),
        pytest.param(
            ended(start_time=LONG_AGO, stop_time=at(-3000), received_time=at(1), at_s=60),
            Match.DOUBTFUL,
            id="we saw it running, so its clock is wrong about its end",
        ),
    ],
)
def test_session_is_ours_by_what_it_says(of: Session, expected: Match) -> None:
    assert judged(of) is expected


def _live(of: Session, **changed: Any) -> Session:
    """The session as it is reported on the socket of our frame."""
    return replace(of, epoch=3, **changed)


def _answered(**changed: Any) -> SentFrame:
    return frame(epoch=3, **changed)


BACKWARDS = ended(start_time=at(2), stop_time=at(-660), received_time=at(2), at_s=2)

WRONG_CLOCKS = [
    pytest.param(BACKWARDS, id="it ended before its own start"),
    pytest.param(
        ended(start_time=at(-660), stop_time=at(-661), received_time=at(2), at_s=3),
        id="a clock that is late and goes backwards",
    ),
    pytest.param(
        ended(start_time=at(-660), stop_time=at(-660), received_time=at(2), at_s=62),
        id="a clock that stands",
    ),
    pytest.param(session(start_time=at(3_600)), id="it is still to begin"),
    pytest.param(
        ended(start_time=at(2), stop_time=at(3_600), received_time=at(2), at_s=9),
        id="it is still to end",
    ),
    pytest.param(session(clock_suspect=True), id="1970"),
    pytest.param(
        ended(clock_suspect=True, stop_time=at(-3_000)), id="1970, and an end that is no better"
    ),
]


@pytest.mark.parametrize("of", WRONG_CLOCKS)
def test_a_clock_that_is_wrong_proves_nothing_and_the_order_of_messages_decides(
    of: Session,
) -> None:
    assert clock_is_wrong(of)
    assert judged(_live(of), _answered()) is Match.MATCH
    assert judged(_live(of), _answered(), rival(send_time=at(-5))) is Match.DOUBTFUL
    assert judged(_live(of), _answered(), rival(send_time=at(5_000))) is Match.MATCH
    assert judged(_live(of), _answered(answer_time=None)) is Match.DOUBTFUL
    assert judged(_live(of, offline=True), _answered()) is Match.DOUBTFUL
    assert judged(replace(of, epoch=4), _answered()) is Match.DOUBTFUL
    assert judged(of, frame()) is Match.DOUBTFUL


@pytest.mark.parametrize("of", WRONG_CLOCKS)
def test_a_clock_that_is_wrong_makes_no_session_of_another_token_ours(of: Session) -> None:
    assert judged(_live(of, token_digest="other"), _answered()) is Match.NO_MATCH


@pytest.mark.parametrize(
    "of",
    [
        pytest.param(session(token_digest="other", token_known=False), id="a masked or cut token"),
        pytest.param(session(token_digest=None), id="an empty or unreadable token"),
        pytest.param(session(evse_id=0), id="connector 0"),
        pytest.param(
            session(token_digest=None, received_time=at(-60), start_time=at(-60)),
            id="the cable was first, and nobody has told a token",
        ),
        pytest.param(
            session(received_time=at(-60), start_time=at(-60), token_time=at(2)),
            id="the cable was first, and our token came after our frame",
        ),
        pytest.param(
            ended(token_digest=None, received_time=at(-60), start_time=at(-60), stop_time=at(5)),
            id="the cable was first, and it has ended",
        ),
    ],
)
def test_whatever_may_be_ours_is_doubtful(of: Session) -> None:
    assert judged(_live(of), _answered()) is Match.DOUBTFUL


@pytest.mark.parametrize(
    "of",
    [
        pytest.param(session(token_digest="other", evse_id=0), id="another driver's, connector 0"),
        pytest.param(
            session(received_time=at(-60), start_time=at(-60), token_time=at(-50)),
            id="the cable was first, and the token came before our frame",
        ),
        pytest.param(
            session(
                token_digest="other",
                received_time=at(-60),
                start_time=at(-60),
                token_time=at(2),
            ),
            id="the cable was first, and another driver's token came",
        ),
        pytest.param(
            ended(token_digest=None, received_time=at(-60), start_time=at(-60), at_s=-5),
            id="it had ended before our frame",
        ),
        pytest.param(
            session(token_digest=None, received_time=at(-60), observed_only=True),
            id="it was metered before our frame",
        ),
    ],
)
def test_what_was_there_before_or_is_another_drivers_is_not_ours(of: Session) -> None:
    assert judged(_live(of), _answered()) is Match.NO_MATCH


@pytest.mark.parametrize(
    ("of", "named"), [(session(remote_start_id=5), None), (session(), "7")], ids=["id", "answer"]
)
def test_a_session_that_is_named_is_ours_unless_it_tells_another_known_token(
    of: Session, named: str | None
) -> None:
    """A station that names another driver's session contradicts itself."""
    others = replace(of, token_digest="other")
    assert judged(replace(of, token_digest=None), named=named) is Match.MATCH
    assert judged(replace(others, token_known=False), named=named) is Match.MATCH
    assert judged(replace(others, group_digest="g"), frame(group_digest="g"), named=named) is (
        Match.MATCH
    )
    assert judged(others, named=named) is Match.DOUBTFUL
    assert judged(replace(others, received_time=LONG_AGO), named=named) is Match.DOUBTFUL


@pytest.mark.parametrize("number", [0, -1, 6])
def test_a_session_that_names_a_request_that_we_never_sent_is_doubtful(number: int) -> None:
    """A wrong number says nothing; that of another request of ours says whose session it is."""
    stray = session(remote_start_id=number, names_nothing=True)
    assert judged(_live(stray), _answered()) is Match.DOUBTFUL
    assert judged(stray, named="7") is Match.DOUBTFUL
    assert judged(replace(stray, token_digest="other")) is Match.NO_MATCH
    assert judged(replace(stray, received_time=LONG_AGO)) is Match.NO_MATCH
    assert judged(replace(stray, names_nothing=False)) is Match.NO_MATCH
    assert judged(replace(stray, names_nothing=False), named="7") is Match.NO_MATCH


@pytest.mark.parametrize(
    ("of", "sent", "expected"),
    [
        pytest.param(session(evse_id=2), frame(answer_time=None), Match.DOUBTFUL, id="no answer"),
        pytest.param(session(evse_id=2, clock_suspect=True), frame(), Match.DOUBTFUL, id="1970"),
        pytest.param(session(evse_id=2), frame(refused=True), Match.NO_MATCH, id="after a no"),
        pytest.param(
            session(evse_id=2, token_digest="sibling", group_digest="g"),
            frame(group_digest="g"),
            Match.NO_MATCH,
            id="another token of the group",
        ),
        pytest.param(
            session(evse_id=2, token_digest=None), frame(), Match.NO_MATCH, id="no token is told"
        ),
        pytest.param(
            session(evse_id=2, start_time=LONG_AGO, start_slack_s=2.0),
            frame(),
            Match.NO_MATCH,
            id="it is a replay",
        ),
        pytest.param(
            session(evse_id=2, received_time=at(-1), token_time=at(2)),
            frame(),
            Match.NO_MATCH,
            id="known before our frame",
        ),
    ],
)
def test_a_session_of_our_token_on_another_plug_may_be_ours(
    of: Session, sent: SentFrame, expected: Match
) -> None:
    assert judged(of, sent) is expected
    assert judged(of, sent, rival(evse_id=2, claimed="tx")) is Match.NO_MATCH


def test_a_token_of_the_same_group_is_ours() -> None:
    of = session(token_digest="sibling", group_digest="group")
    assert judged(of, frame(group_digest="group")) is Match.MATCH


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        pytest.param(rival(), Match.DOUBTFUL, id="a newer start of the same token"),
        pytest.param(rival(claimed="tx"), Match.NO_MATCH, id="it has this session already"),
        pytest.param(rival(claimed="another"), Match.MATCH, id="it has its own session"),
        pytest.param(rival(send_time=at(-5)), Match.MATCH, id="it is older than ours"),
        pytest.param(rival(send_time=at(60)), Match.MATCH, id="it was sent after the session"),
        pytest.param(rival(token_digest="other"), Match.MATCH, id="it is for another token"),
        pytest.param(rival(evse_id=2), Match.MATCH, id="it is for another EVSE"),
    ],
)
def test_another_start_may_be_the_cause(other: Rival, expected: Match) -> None:
    assert judged(session(), frame(), other) is expected


def test_an_older_start_is_the_likelier_cause_of_a_session_that_began_before_our_frame() -> None:
    older = rival(send_time=at(-20))
    assert judged(session(start_time=at(-15), start_slack_s=20.0), frame(), older) is Match.DOUBTFUL
    assert judged(session(start_time=at(-15), start_slack_s=20.0), frame()) is Match.MATCH


@pytest.mark.parametrize(
    ("age_s", "expected"),
    [(86_400 + 10, Match.DOUBTFUL), (86_400 + 20, Match.MATCH)],
    ids=["a day", "more"],
)
def test_an_older_start_counts_for_a_day(age_s: float, expected: Match) -> None:
    of = session(start_time=at(-15), start_slack_s=20.0)
    assert judged(of, frame(), rival(send_time=at(-age_s))) is expected


def test_of_two_starts_that_left_at_once_neither_is_the_likelier_cause() -> None:
    assert judged(session(), frame(), rival(send_time=T0)) is Match.DOUBTFUL


@pytest.mark.parametrize(
    ("sent", "other", "expected"),
    [
        pytest.param(frame(), rival(refused=True), Match.MATCH, id="it was refused, ours not"),
        pytest.param(
            frame(refused=True), rival(send_time=at(-5)), Match.DOUBTFUL, id="ours was, it was not"
        ),
        pytest.param(
            frame(refused=True), rival(refused=True), Match.DOUBTFUL, id="both, it is newer"
        ),
        pytest.param(frame(refused=True), rival(send_time=at(60)), Match.MATCH, id="it came later"),
    ],
)
def test_a_refused_start_explains_nothing_that_another_one_explains(
    sent: SentFrame, other: Rival, expected: Match
) -> None:
    assert judged(session(), sent, other) is expected


@pytest.mark.parametrize(
    ("of", "named"), [(session(remote_start_id=5), None), (session(), "7")], ids=["id", "answer"]
)
def test_a_session_that_names_our_frame_and_was_claimed_by_another_is_doubtful(
    of: Session, named: str | None
) -> None:
    assert judged(of, frame(), rival(claimed="tx"), named=named) is Match.DOUBTFUL
    assert judged(of, frame(), rival(claimed="another"), named=named) is Match.MATCH


def test_more_rivals_than_could_be_read_make_a_session_doubtful() -> None:
    of: dict[str, Any] = {"named": None, "rivals": (), "late_after": DEADLINE}
    assert classify(session(), frame(), more_rivals=True, **of) is Match.DOUBTFUL
    assert classify(session(token_digest="x"), frame(), more_rivals=True, **of) is Match.NO_MATCH


@pytest.mark.parametrize(
    ("of", "sent", "first"),
    [
        (session(), frame(), T0),
        (session(), frame(refused=True), at(10) - CAUSE_AGE),
        (session(start_time=at(-5)), frame(), at(-5) - CAUSE_AGE),
    ],
    ids=["newer ones", "ours was refused", "it began before our frame"],
)
def test_other_causes_were_sent_between(of: Session, sent: SentFrame, first: datetime) -> None:
    assert causes_sent(of, sent) == (first, of.start_time + CLOCK_TOLERANCE)


@pytest.mark.parametrize(
    ("connector", "sent", "expected"),
    [
        (available(), frame(), True),
        (available(at_s=0.5), frame(), False),
        (available(status="Charging"), frame(), False),
        (available(previous_status="Finishing"), frame(), False),
        (available(evse_id=2), frame(), False),
        (available(), frame(answer_time=None), False),
    ],
)
def test_back_to_available_ends_the_wait_for_the_cable(
    connector: ConnectorState, sent: SentFrame, expected: bool
) -> None:
    assert cable_wait_ended((connector,), sent) is expected


def test_the_frame_left_at_t0() -> None:
    assert frame().send_time == T0
