"""What guesses of passwords cost, and whom: decided here, without a clock and without waiting.

A password that a look proves right is never refused, whatever strangers did at the same address or
with the same name. A wrong one counts against both. One that only a slow hash can prove counts
against its station; it has to queue, and in the queue the addresses take turns.
"""

from collections import OrderedDict
from typing import Generic, TypeVar

from fleet.keys import Fit
from station_gateway.settings import GatewaySettings
from station_gateway.sockets.limits import Attempts, network_of

T = TypeVar("T")


class Failures:
    """Failed attempts, per station and per address. `now_s` is the caller's monotonic time."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._stations = attempts(settings, settings.station_failures)
        self._addresses = attempts(settings, settings.address_failures)

    def count(self, station: str, address: str, now_s: float) -> None:
        """Count a wrong password."""
        self._stations.count(station, now_s)
        self._addresses.count(network_of(address), now_s)

    def blocked(self, fit: Fit, station: str, address: str, now_s: float) -> tuple[str, float]:
        """Why an attempt is refused although its password was not looked at further, and for how
        many seconds; ("", 0.0) when it is not.

        An unproven password may be the right one of a station that shares its address with
        strangers: the failures of the address do not count against it.
        """
        if fit is Fit.RIGHT:
            return "", 0.0
        if (wait_s := self._stations.blocked_s(station, now_s)) > 0:
            return "too_many_failures", wait_s
        if fit is Fit.UNPROVEN:
            return "", 0.0
        if (wait_s := self._addresses.blocked_s(network_of(address), now_s)) > 0:
            return "too_many_failures_of_address", wait_s
        return "", 0.0


class FairQueue(Generic[T]):
    """Who waits for a slow hash: at most `limit` in all, and one for a station at an address.

    The addresses take turns. When there is no room, the address with the most loses its newest.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._addresses: OrderedDict[str, dict[str, T]] = OrderedDict()

    def __len__(self) -> int:
        return sum(map(len, self._addresses.values()))

    def put(self, address: str, station: str, item: T) -> T | None:
        """Add an item. Returns the one that has no place: an older one or this one, or none."""
        waiting = self._addresses.get(address, {})
        if station in waiting or self._limit < 1:
            return item
        crowded_out = self._make_room(len(waiting)) if len(self) >= self._limit else None
        if crowded_out is None and len(self) >= self._limit:
            return item
        self._addresses.setdefault(address, {})[station] = item
        return crowded_out

    def take(self) -> T | None:
        """The next one in turn; None when nobody waits."""
        if not self._addresses:
            return None
        address, waiting = self._addresses.popitem(last=False)
        item = waiting.pop(next(iter(waiting)))
        if waiting:
            self._addresses[address] = waiting
        return item

    def remove(self, address: str, station: str, item: T) -> None:
        """Forget an item that waits no longer."""
        waiting = self._addresses.get(address, {})
        if waiting.get(station) is item:
            self._drop(address, station)

    def _make_room(self, own: int) -> T | None:
        """Drop the newest of the address with the most, when that has more than one with `own`
        would have after one more."""
        address, waiting = max(self._addresses.items(), key=lambda each: len(each[1]))
        if len(waiting) <= own + 1:
            return None
        return self._drop(address, next(reversed(waiting)))

    def _drop(self, address: str, station: str) -> T:
        waiting = self._addresses[address]
        item = waiting.pop(station)
        if not waiting:
            del self._addresses[address]
        return item


def attempts(settings: GatewaySettings, limit: int) -> Attempts:
    """Counts what may happen `limit` times within the window of failures, with their penalties."""
    return Attempts(
        limit=limit,
        window_s=settings.failure_window_s,
        penalty_s=settings.failure_penalty_s,
        max_penalty_s=settings.max_penalty_s,
        max_keys=settings.max_remembered,
    )
