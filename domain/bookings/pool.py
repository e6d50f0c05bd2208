"""A pool: EVSEs that are booked together, what each of them can do, and when they are closed."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.bookings.places import Place
from domain.bookings.plan import Capacity, Closure
from domain.bookings.spans import Span

MOST_MEMBERS = 200
MOST_CLOSURES = 100


@dataclass(frozen=True)
class PoolMember:
    """One EVSE. connector_types: empty for any; max_power_w: 0 for any."""

    station: str
    evse_id: int
    connector_types: frozenset[str] = frozenset()
    max_power_w: int = 0
    features: frozenset[str] = frozenset()

    @property
    def place(self) -> str:
        """Its id in the plan: `station/evse`."""
        return place_of(self.station, self.evse_id)


@dataclass(frozen=True)
class PoolClosure:
    """A time at which members are closed. places: their ids in the plan; none: all of them."""

    start_time: datetime
    end_time: datetime
    places: frozenset[str] = frozenset()
    reason: str = ""


@dataclass(frozen=True)
class Pool:
    """A pool. walk_in_reserve: how many of its EVSEs are free of bookings at each moment."""

    members: tuple[PoolMember, ...]
    time_zone: str
    policy: str
    walk_in_reserve: int = 0
    closures: tuple[PoolClosure, ...] = ()
    display_name: str = ""

    @property
    def bookable(self) -> int:
        """How many bookings there may be at one moment."""
        return len(self.members) - self.walk_in_reserve

    def capacity(self, buffer: timedelta) -> Capacity:
        """What the planning needs to know of the pool."""
        return Capacity(
            tuple(_place(member) for member in self.members),
            tuple(
                Closure(Span(closure.start_time, closure.end_time), place)
                for closure in self.closures
                for place in (sorted(closure.places) or (None,))
            ),
            buffer,
        )


def place_of(station: str, evse_id: int) -> str:
    """The id of an EVSE in the plan."""
    return f"{station}/{evse_id}"


def evse_of(place: str) -> tuple[str, int]:
    """The station and the EVSE of a place of the plan."""
    station, _, evse_id = place.rpartition("/")
    return station, int(evse_id)


_ANY_POWER_W = 2**31 - 1


def _place(member: PoolMember) -> Place:
    power = member.max_power_w or _ANY_POWER_W
    return Place(member.place, member.connector_types, power, member.features)
