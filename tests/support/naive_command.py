"""The naive shape of a command, to compare with: one workflow with one activity, nothing else.

The caller waits for the result, and no effect is ever looked for.
"""

from datetime import timedelta

from temporalio import activity, workflow
from temporalio.common import RetryPolicy


@activity.defn
async def naive_send(station: str) -> str:
    """Stands for the frame and its answer."""
    return f"{station}: Accepted"


@workflow.defn
class NaiveCommand:
    """Runs the activity `naive_send` of its task queue once."""

    @workflow.run
    async def run(self, station: str) -> str:
        """Returns the status of the station's answer."""
        return str(
            await workflow.execute_activity(
                "naive_send",
                station,
                start_to_close_timeout=timedelta(seconds=30),
                retry_policy=RetryPolicy(maximum_attempts=1),
            )
        )
