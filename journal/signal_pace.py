"""How often one workflow is signalled: the first signal at once, those of a burst with pauses.

A signal makes its workflow read all facts. A station that reports sixteen times a second would make
it do so sixteen times a second, and would fill its history. Pure: the caller tells the time.
"""

from datetime import timedelta

from domain.backoff import pause_after

FIRST_PAUSE = timedelta(milliseconds=100)
"""The pause after the first signal of a burst: two facts that belong together come within it."""

LONGEST_PAUSE = timedelta(milliseconds=400)
"""The longest pause within a burst: how late a fact may reach a workflow that is flooded."""

BURST_ENDS_S = 2.0
"""A workflow that got no signal for so long is in no burst: its next signal goes at once."""


class SignalPace:
    """Who may be signalled now. All times are seconds of one clock that never goes back."""

    def __init__(self) -> None:
        self._under_way: dict[str, bool] = {}  # whether more came meanwhile
        self._lately: dict[str, tuple[float, int]] = {}  # when, and the how many-th of its burst

    def wait_s(self, workflow_id: str, now_s: float) -> float | None:
        """How long its next signal has to wait, 0.0 for "send it".

        None while one is under way: `end` tells then that more came.
        """
        if workflow_id in self._under_way:
            self._under_way[workflow_id] = True
            return None
        if workflow_id not in self._lately:
            return 0.0
        sent_s, count = self._lately[workflow_id]
        pause = pause_after(count, FIRST_PAUSE, LONGEST_PAUSE)
        return max(sent_s + pause.total_seconds() - now_s, 0.0)

    def begin(self, workflow_id: str, now_s: float) -> None:
        """A signal leaves."""
        self._forget_until(now_s - BURST_ENDS_S)
        _, count = self._lately.pop(workflow_id, (now_s, 0))
        self._lately[workflow_id] = (now_s, count + 1)  # the newest stands last
        self._under_way[workflow_id] = False

    def end(self, workflow_id: str) -> bool:
        """Its signal is answered and its rows are settled. Whether more came meanwhile."""
        return self._under_way.pop(workflow_id, False)

    def _forget_until(self, then_s: float) -> None:
        while self._lately:
            workflow_id, (sent_s, _) = next(iter(self._lately.items()))
            if sent_s > then_s:
                return
            del self._lately[workflow_id]
