"""Places of a pool, what a booking needs of a place, and which places are equal."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """A member of a pool: one EVSE, by an id that is unique in the pool.

    connector_types: what can be plugged in; empty: anything, as far as anybody has said.
    max_power_w: its most. features: names of the operator, for instance "trailer".
    """

    id: str
    connector_types: frozenset[str] = frozenset()
    max_power_w: int = 0
    features: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Needs:
    """What a booking needs of its place.

    connector_types: one of these; empty: any. min_power_w: at least. features: all of these.
    """

    connector_types: frozenset[str] = frozenset()
    min_power_w: int = 0
    features: frozenset[str] = frozenset()

    def __str__(self) -> str:
        """In words: "CCS or CHAdeMO of 150 kW with trailer"; "a place" if it needs nothing."""
        what = " or ".join(sorted(self.connector_types)) or "a place"
        power = f" of {self.min_power_w / 1000:g} kW" if self.min_power_w else ""
        features = f" with {' and '.join(sorted(self.features))}" if self.features else ""
        return f"{what}{power}{features}"


@dataclass(frozen=True, slots=True)
class PlaceKind:
    """Places that are equal to everyone who books. ids: in order, at least one."""

    sample: Place
    ids: tuple[str, ...]

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.ids)


def serves(place: Place, needs: Needs) -> bool:
    """Whether the place has all that is needed."""
    types = needs.connector_types
    anything = not types or not place.connector_types
    return (
        needs.min_power_w <= place.max_power_w
        and (anything or not types.isdisjoint(place.connector_types))
        and needs.features <= place.features
    )


def replaces(place: Place, other: Place) -> bool:
    """Whether the place serves everyone whom the other one serves."""
    anything, types = not place.connector_types, other.connector_types
    return (
        other.max_power_w <= place.max_power_w
        and (anything or (bool(types) and types <= place.connector_types))
        and other.features <= place.features
    )


def kinds_of(places: Iterable[Place]) -> tuple[PlaceKind, ...]:
    """The places, with equal ones together; scarce ones, which replace most others, last."""
    ids: dict[tuple[frozenset[str], int, frozenset[str]], list[Place]] = {}
    for place in sorted(places, key=lambda place: place.id):
        key = (place.connector_types, place.max_power_w, place.features)
        ids.setdefault(key, []).append(place)
    kinds = [PlaceKind(group[0], tuple(each.id for each in group)) for group in ids.values()]
    reach = {
        kind.ids: sum(replaces(kind.sample, other.sample) for other in kinds) for kind in kinds
    }
    return tuple(
        sorted(kinds, key=lambda kind: (reach[kind.ids], kind.sample.max_power_w, kind.ids))
    )
