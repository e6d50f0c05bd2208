"""How often a station may connect, and how many attempts may fail.

Nothing here reads a clock: `now_s` is the caller's monotonic time.

A password that a look proves right is never refused, whatever strangers did at the same address or
with the same name. A wrong one counts against both. One that only a slow hash can prove counts
against its station; it has to queue (`slow_checks`), and in the queue the addresses take turns.
"""

from collections import OrderedDict
from datetime import timedelta
from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network, ip_address

from domain.backoff import pause_after
from domain.token_bucket import TokenBucket
from fleet.keys import Fit
from station_gateway.settings import GatewaySettings

_OF_ONE_SUBSCRIBER = 64
"""Bits of an IPv6 address that a provider gives out; whoever has them chooses the other 64."""


@lru_cache(maxsize=4_096)
def network_of(address: str) -> str:
    """Who is behind an address, for limits: one of IPv4, and the network of one of IPv6.

    Who has one IPv6 address nearly always has 2^64 of them: without this nothing would be limited.
    """
    try:
        ip = ip_address(address)
    except ValueError:  # not known: such peers are one
        return address
    if not isinstance(ip, IPv6Address):
        return address
    if ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    return str(IPv6Network((int(ip), _OF_ONE_SUBSCRIBER), strict=False))


class Attempts:
    """Counts events per key within a window. Beyond `limit` the key is blocked, longer each time.

    At most `max_keys` are remembered: the key that was quiet for longest is forgotten first.
    """

    def __init__(
        self, *, limit: int, window_s: float, penalty_s: float, max_penalty_s: float, max_keys: int
    ) -> None:
        self._limit = limit
        self._window_s = window_s
        self._penalty_s = penalty_s
        self._max_penalty_s = max_penalty_s
        self._max_keys = max_keys
        self._seen: OrderedDict[str, tuple[int, float, float]] = OrderedDict()

    def blocked_s(self, key: str, now_s: float) -> float:
        """How many seconds `key` still has to stay away; 0.0 when it may try."""
        entry = self._seen.get(key)
        return 0.0 if entry is None else max(0.0, entry[2] - now_s)

    def count(self, key: str, now_s: float) -> float:
        """Count one event of `key`. Returns how long it is blocked from now, 0.0 if it is not."""
        events, begin_s, until_s = self._seen.pop(key, (0, now_s, 0.0))
        if now_s - max(begin_s, until_s) > self._window_s:
            events, begin_s = 0, now_s
        events += 1
        if events >= self._limit:
            over = events - self._limit
            longest = timedelta(seconds=self._max_penalty_s)
            penalty = pause_after(over + 1, timedelta(seconds=self._penalty_s), longest)
            until_s = now_s + penalty.total_seconds()
        self._seen[key] = (events, begin_s, until_s)
        if len(self._seen) > self._max_keys:
            self._seen.popitem(last=False)
        return max(0.0, until_s - now_s)

    def block(self, key: str, now_s: float, seconds: float) -> None:
        """Block `key` for `seconds`, whatever it did before."""
        events, begin_s, until_s = self._seen.pop(key, (0, now_s, 0.0))
        self._seen[key] = (events, begin_s, max(until_s, now_s + seconds))
        if len(self._seen) > self._max_keys:
            self._seen.popitem(last=False)


class Reconnects:
    """How often a station may open a connection: one bucket per station, bounded as `Attempts`.

    It serves for whatever else may happen so often per hour and key.
    """

    def __init__(self, *, per_hour: int, max_keys: int, burst: int | None = None) -> None:
        self._per_hour = per_hour
        self._burst = per_hour if burst is None else burst
        self._max_keys = max_keys
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def blocked_s(self, station: str, now_s: float) -> float:
        """Count one opening. Returns how long the station has to wait when there were too many."""
        bucket = self._buckets.pop(station, None)
        if bucket is None:
            bucket = TokenBucket(self._per_hour / 3600.0, self._burst, now_s)
        self._buckets[station] = bucket
        if len(self._buckets) > self._max_keys:
            self._buckets.popitem(last=False)
        return bucket.try_take(now_s)


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


def attempts(settings: GatewaySettings, limit: int) -> Attempts:
    """Counts what may happen `limit` times within the window of failures, with their penalties."""
    return Attempts(
        limit=limit,
        window_s=settings.failure_window_s,
        penalty_s=settings.failure_penalty_s,
        max_penalty_s=settings.max_penalty_s,
        max_keys=settings.max_remembered,
    )
