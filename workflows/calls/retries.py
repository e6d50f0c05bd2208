"""The ways in which a call is tried again."""

from temporalio.common import RetryPolicy

from workflows.limits import FIRST_RETRY, LONGEST_RETRY, LONGEST_TURN_RETRY, TURN_RETRY

UNTIL_IT_WORKS = RetryPolicy(
    initial_interval=FIRST_RETRY,
    backoff_coefficient=2.0,
    maximum_interval=LONGEST_RETRY,
    maximum_attempts=0,
    non_retryable_error_types=["LookupError"],  # the command is not in this database, and never was
)
"""For reads and writes of the fleet: they may run twice, and the database comes back."""

ONCE = RetryPolicy(maximum_attempts=1)
"""For what leaves our house: what a failure means is decided by facts, not by a repeat."""

UNTIL_ITS_TURN = RetryPolicy(
    initial_interval=TURN_RETRY,
    backoff_coefficient=2.0,
    maximum_interval=LONGEST_TURN_RETRY,
    maximum_attempts=0,
    non_retryable_error_types=["TemporalTimeout:StartToClose", "TemporalTimeout:Heartbeat"],
)
"""For a post that a broker hands back because it has no place for it. Every other failure ends the
call, as with `ONCE`: the broker marks its own, and a broker that died is found by a timeout. The
broker says how long the post waits; Temporal repeats it without an event in the history.
"""
