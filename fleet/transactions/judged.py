"""What was said about tokens within a session: the same question gets the same answer.

`Transaction.judged` maps the digest of a token to how it came by its right, and a digest with a
question ("digest:question") to the verdict that was given. A station repeats a message until it
hears our answer, also days later. By then the command that brought the token is over, or somebody
has changed the token.

    digest             BROUGHT: a command or a reservation brought this token (or group) for this
                       session: it is good to the session's end
                       LISTED: the same, and the token table knows the token
                       REQUESTED: the same, and the station has not told it yet
                       JUDGED: the station told it, and another back end judged it: that it was
                       brought gives it no right
                       UNJUDGED: the station told it, and the other back end that judges it has not
                       answered (yet): it is neither accepted nor refused
    digest:question    the verdict on this token when this question was asked first
    judge              ELSEWHERE: another back end judges every token of this session
"""

from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy import update

from fleet.engine.statements import Tx
from fleet.tables import transactions
from fleet.transactions.rows import Transaction

BROUGHT = "BROUGHT"
LISTED = "LISTED"
REQUESTED = "REQUESTED"
JUDGED = "JUDGED"
UNJUDGED = "UNJUDGED"
ELSEWHERE = {"judge": "ELSEWHERE"}

JUDGED_LIMIT = 16
"""How many entries one session keeps: a station asks about one token or two."""


def is_brought(session: Transaction, *digests: str | None) -> bool:
    """Whether one of these digests, of a token or its group, was brought for this session."""
    known = session.judged or {}
    gives_no_right = {JUDGED, UNJUDGED}
    return any(digest and known.get(digest, JUDGED) not in gives_no_right for digest in digests)


def is_requested(session: Transaction, digest: str) -> bool:
    """Whether this token is known from our request alone: the station has not told it."""
    return (session.judged or {}).get(digest) == REQUESTED


def is_unjudged(session: Transaction) -> bool:
    """Whether its token was told, and the back end that judges it has not answered."""
    digest = session.token_digest
    return digest is not None and (session.judged or {}).get(digest) == UNJUDGED


def may_charge(session: Transaction) -> bool:
    """Whether its token was accepted, or at least by nobody refused."""
    return session.authorized or is_unjudged(session)


def knows_group(session: Transaction) -> bool:
    """Whether the group of its token was told, or the token table says that it has none.

    Another back end that judges a token need not tell its group.
    """
    if session.group_digest is not None or session.token_digest is None:
        return True
    return (session.judged or {}).get(session.token_digest, LISTED) == LISTED


def is_elsewhere(session: Transaction) -> bool:
    """Whether another back end judges its tokens."""
    known, digest = session.judged or {}, session.token_digest
    by_another = digest is not None and known.get(digest) in {JUDGED, UNJUDGED}
    return by_another or ELSEWHERE.keys() <= known.keys()


def earlier_verdict(session: Transaction, digest: str, question: str) -> str | None:
    """The verdict that this question got before; None when it is new."""
    return (session.judged or {}).get(f"{digest}:{question}")


def entries(
    digest: str,
    question: str,
    verdict: str,
    brought: tuple[str, ...],
    *,
    listed: bool = False,
    by_back_end: bool = False,
) -> dict[str, str]:
    """What is kept of one verdict. brought: the digests that a command or a reservation brought.

    listed: the token table knows the token. by_back_end: it is the verdict of another back end.
    """
    known = dict.fromkeys(brought, BROUGHT)
    if by_back_end:
        known = {digest: JUDGED}
    elif listed and digest in known:
        known[digest] = LISTED
    return {**known, f"{digest}:{question}": verdict}


async def keep(
    tx: Tx, session: Transaction, new: Mapping[str, str], *, accepted: bool = False
) -> Transaction:
    """Add entries to those of the session, within the limit. The first verdict stands.

    accepted: what they say of the session's token, where nobody had judged it before.
    """
    known = session.judged or {}
    kept = dict(known)
    for key, value in new.items():
        is_open = kept.get(key) in {REQUESTED, UNJUDGED}
        if is_open or (key not in kept and len(kept) < JUDGED_LIMIT):
            kept[key] = value
    if kept == known:
        return session
    after = replace(session, judged=kept)
    if is_unjudged(session) and not is_unjudged(after):
        after = replace(after, authorized=accepted)
    of_session = update(transactions).where(transactions.c.id == session.id)
    await tx.execute(of_session.values(judged=after.judged, authorized=after.authorized))
    return after
