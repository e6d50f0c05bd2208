"""The judge of bookings: the stations' own records against what holders were told.

It imports nothing of ours: no rule, no plan, no state but the words that the API shows.

double      No two live bookings have one EVSE at one time, none a closed one, and no more are live
            at a moment than the pool has EVSEs for bookings.
forgotten   Each booking reaches an end, and its workflows close. Once its start has come it has an
            EVSE, or its holder was told otherwise. HELD: its station really held it.
blocked     No station holds a place before `hold_lead`, nor for a booking that has ended or moved,
            as soon as it could be told to let go.
true        NO_SHOW: the driver did not come, as far as stations have told, and its station was
            there to see that. FULFILLED: the driver's session ran at that place. Nobody is charged
            for what did not happen. What has ended for good does not change. In a calm world
            (nothing fails, stations do what they are asked) each end is exactly what happened.
"""

from collections.abc import Callable, Iterator

from tests.simulation.bookings.rules import blocked, promises, truths
from tests.simulation.bookings.rules.words import BookingCase

Rule = Callable[[BookingCase], Iterator[str]]

RULES: tuple[Rule, ...] = (*promises.RULES, *blocked.RULES, *truths.RULES)


def lies_about_bookings(case: BookingCase) -> list[str]:
    """Every broken promise of a world, as sentences; none when all is well."""
    return [found for rule in RULES for found in rule(case)]
