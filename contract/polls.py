"""How many polls a process keeps open at a task queue: few when idle, more when tasks wait.

The server says when more polls or fewer would be right, and the SDK follows it within these limits.
"""

from temporalio.worker import PollerBehaviorAutoscaling

LEAST_POLLS = 5
"""So many polls are always open, as tasks have been left for a single one.

A decision once waited for the worker's only poll of the common queue until that poll's 60 s were
over. A worker keeps polls for new decisions apart from those for what it has in its cache, and
this holds for each of the two: the first decision after another worker's death finds several.
"""


def polls(most: int) -> PollerBehaviorAutoscaling:
    """Between `LEAST_POLLS` and `most` polls; it begins with the least.

    most: a smaller number than `LEAST_POLLS` counts as that.
    """
    return PollerBehaviorAutoscaling(
        minimum=LEAST_POLLS, initial=LEAST_POLLS, maximum=max(LEAST_POLLS, most)
    )
