"""When a station is asked what became of a command, and what its reply proves.

OCPP 2.x has GetTransactionStatus: the station says whether a transaction runs, and whether it holds
messages back. OCPP 1.6 can only be made to repeat what it has reported. A reply counts only on the
connection on which it was given: a station that was away may have new facts.
"""

from datetime import datetime

from domain.evidence.facts import Facts
from domain.limits import ASK_SPACING, MAX_ASKS, QUIET_AFTER_RETURN


def may_ask(facts: Facts, now: datetime) -> bool:
    """Whether a question can bring something new: the station is there, and was not heard yet."""
    asked, since = facts.asked, facts.connected_since
    if since is None:
        return False
    if asked is None:
        return True
    fruitless = not asked.replied or bool(asked.messages_in_queue)
    again = asked.at < since or (fruitless and asked.at + ASK_SPACING <= now)
    return again and asked.times < MAX_ASKS


def nothing_is_held_back(facts: Facts) -> bool:
    """Whether the station said, on this connection, that it has reported everything (2.x)."""
    asked, since = facts.asked, facts.connected_since
    return (
        facts.can_ask_status
        and asked is not None
        and since is not None
        and asked.at >= since
        and asked.messages_in_queue is False
        and not asked.ongoing
    )


def said_all_at(facts: Facts, over: datetime) -> bool:
    """Whether the station said so at this time or later."""
    return nothing_is_held_back(facts) and facts.asked is not None and facts.asked.at >= over


def quiet_at(facts: Facts, since: datetime) -> datetime | None:
    """When a station that booted or reconnected after `since` was quiet for long enough.

    None: it did neither, or it is away.
    """
    returns = [each for each in (facts.connected_since, facts.boot_time) if each and each > since]
    if facts.connected_since is None or not returns:
        return None
    return max(returns) + QUIET_AFTER_RETURN
