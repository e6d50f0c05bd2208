"""What was said about tokens within a session: the same question gets the same answer.

`Transaction.judged` maps the digest of a token to how it came by its right, and a digest with a
question ("digest:question") to the verdict that was given. A station repeats a message until it
hears our answer, also days later. By then the command that brought the token is over, or somebody
has changed the token.

    digest             BROUGHT: a command or a reservation brought this token (or group) for this
                       session: it is good to the session's end
                       LISTED: the same, and the token table knows the token
                       REQUESTED: the same, and the station has not told it yet
    digest:question    the verdict on this token when this question was asked first
    digest:group       NOT_TOLD: another back end judged this token, and named no group
    judge              ELSEWHERE: another back end judges every token of this session
"""

from dataclasses import replace

from sqlalchemy import update

from fleet.engine.statements import Tx
from fleet.tables import transactions
from fleet.transactions.rows import Transaction

BROUGHT = "BROUGHT"
LISTED = "LISTED"
REQUESTED = "REQUESTED"
NOT_TOLD = "NOT_TOLD"
ELSEWHERE = {"judge": "ELSEWHERE"}

JUDGED_LIMIT = 16
"""How many entries one session keeps: a station asks about one token or two."""


def is_brought(session: Transaction, *digests: str | None) -> bool:
    """Whether one of these digests, of a token or its group, was brought for this session."""
    known = session.judged or {}
    return any(digest is not None and digest in known for digest in digests)


def is_requested(session: Transaction, digest: str) -> bool:
    """Whether this token is known from our request alone: the station has not told it."""
    return (session.judged or {}).get(digest) == REQUESTED


def knows_group(session: Transaction) -> bool:
    """Whether the group of its token was told, or the token table says that it has none."""
    if session.group_digest is not None or session.token_digest is None:
        return True
    known = session.judged or {}
    if _of_group(session.token_digest) in known:
        return False
    return known.get(session.token_digest, LISTED) == LISTED


def is_elsewhere(session: Transaction) -> bool:
    """Whether another back end judges its tokens."""
    return ELSEWHERE.keys() <= (session.judged or {}).keys()


def without_group(digest: str) -> dict[str, str]:
    """What is kept of a token that another back end judged without a word of its group."""
    return {_of_group(digest): NOT_TOLD}


def _of_group(digest: str) -> str:
    return f"{digest}:group"


def earlier_verdict(session: Transaction, digest: str, question: str) -> str | None:
    """The verdict that this question got before; None when it is new."""
    return (session.judged or {}).get(f"{digest}:{question}")


def entries(
    digest: str, question: str, verdict: str, brought: tuple[str, ...], *, listed: bool = False
) -> dict[str, str]:
    """What is kept of one verdict. brought: the digests that a command or a reservation brought.

    listed: the token table knows the token.
    """
    known = dict.fromkeys(brought, BROUGHT)
    if listed and digest in known:
        known[digest] = LISTED
    return {**known, f"{digest}:{question}": verdict}


async def keep(tx: Tx, session: Transaction, new: dict[str, str]) -> Transaction:
    """Add entries to those of the session, within the limit. The first verdict stands."""
    known = session.judged or {}
    kept = dict(known)
    for key, value in new.items():
        if kept.get(key) == REQUESTED or (key not in kept and len(kept) < JUDGED_LIMIT):
            kept[key] = value
    if kept == known:
        return session
    await tx.execute(
        update(transactions).where(transactions.c.id == session.id).values(judged=kept)
    )
    return replace(session, judged=kept)
