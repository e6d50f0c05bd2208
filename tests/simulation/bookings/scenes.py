"""What a world of bookings is like: its pool, its policy, its stations. One seed, one scene."""

from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from tests.simulation.repeatable.chance import Chance
from tests.simulation.station.field.tempers import AS_EVER, FieldTemper, field_temper_of
from tests.simulation.station.tempers import Temper, of_the_field, temper_of

TOKENS = tuple(f"DRIVER-{letter}" for letter in "ABCDEFGH")
WALK_INS = ("WALK-IN-1", "WALK-IN-2")
"""Tokens of drivers who never book."""

FIELD = frozenset(
    {
        *("late-tokens", "lost-answers", "no-boot", "power-cuts", "lent-holds"),
        *("warm-restarts", "old-ids", "early-ends", "double-sessions"),
    }
)
"""What stations of the field do here. What a session says can be read, so that it proves a use."""


@dataclass(frozen=True)
class Terms:
    """The terms of the policy, in seconds. ladder: when a session that overstays is stopped."""

    bind_lead_s: float = 240.0
    hold_lead_s: float = 120.0
    grace_s: float = 90.0
    late_stop_s: float = 30.0
    buffer_s: float = 0.0
    stop_after_s: float = 60.0

    def as_table(self) -> dict[str, Any]:
        """As a policy file has it."""
        spans = {
            "bind_lead": self.bind_lead_s,
            "hold_lead": self.hold_lead_s,
            "grace": self.grace_s,
            "late_stop": self.late_stop_s,
            "buffer": self.buffer_s,
        }
        prices = {"no-show": "NO_SHOW", "overstay": "OVERSTAY", "late": "LATE_CANCEL"}
        return {
            **{name: f"{span:.0f}s" for name, span in spans.items()},
            "overstay": [
                {"act": "TELL", "after": "0s"},
                {"act": "CHARGE", "after": f"{self.stop_after_s / 2:.0f}s"},
                {"act": "STOP", "after": f"{self.stop_after_s:.0f}s"},
            ],
            "rules": [
                *(
                    {"id": id, "price": {"occasion": word, "quantity": 1, "unit": "credit"}}
                    for id, word in prices.items()
                ),
                {"id": "cancel", "cutoff": {"cancel": f"{self.bind_lead_s:.0f}s"}},
            ],
        }


@dataclass(frozen=True)
class Shut:
    """A closure, in seconds from the beginning. place: "": the whole pool."""

    begin_s: float
    end_s: float
    place: str


@dataclass(frozen=True)
class Scene:
    """One world of bookings.

    calm: nothing fails, and stations do what they are asked. spared: nothing of ours fails.
    bookings, walk_ins: how many drivers ask for one, and how many come without. at_once: how many
    ask for one that begins soon, while others charge. reserve: how many EVSEs are left to these.
    """

    calm: bool
    spared: bool
    terms: Terms
    tempers: tuple[Temper, ...]
    bookings: int
    walk_ins: int
    at_once: int = 0
    reserve: int = 0
    shut: tuple[Shut, ...] = ()

    @property
    def places(self) -> tuple[str, ...]:
        """The EVSEs of the pool."""
        return tuple(
            f"S{number}/{evse}"
            for number, temper in enumerate(self.tempers, 1)
            for evse in range(1, temper.evses + 1)
        )


def scene_of(seed: int, *, always_calm: bool = False) -> Scene:
    """The scene of a seed. always_calm: its stations do what they are asked."""
    chance = Chance(f"{seed}/scene")
    calm = chance.happens(0.2) or always_calm
    spared = calm or chance.happens(0.5)
    terms = Terms(
        grace_s=chance.pick((60.0, 90.0, 150.0)),
        late_stop_s=chance.pick((0.0, 30.0)),
        buffer_s=chance.pick((0.0, 0.0, 60.0)),
    )
    stations = range(chance.pick((1, 2, 2, 3)))
    tempers = tuple(_temper(Chance(f"{seed}/temper{one}"), calm=calm) for one in stations)
    scene = Scene(
        calm,
        spared,
        terms,
        tempers,
        bookings=chance.number(2, 6),
        walk_ins=chance.pick((0, 0, 1, 2)),
        at_once=Chance(f"{seed}/at once").pick((0, 0, 1, 2)),
    )
    reserve = 1 if len(scene.places) > 2 and chance.happens(0.3) else 0
    return replace(scene, reserve=reserve, shut=_shut(scene.places, chance))


def _shut(places: tuple[str, ...], chance: Chance) -> tuple[Shut, ...]:
    if not chance.happens(0.3):
        return ()
    begin_s = chance.pick((420.0, 600.0, 780.0))
    place = chance.pick(places) if chance.happens(0.8) else ""
    return (Shut(begin_s, begin_s + chance.pick((120.0, 300.0)), place),)


def _temper(chance: Chance, *, calm: bool) -> Temper:
    """A station whose drivers are those of the world: none comes by chance."""
    mild = calm or chance.happens(0.4)
    temper = temper_of(chance, calm=mild)
    seldom = replace(
        temper,
        drops_every_s=chance.pick((0.0, 0.0, 200.0, 600.0)) if not mild else 0.0,
        reboots_every_s=chance.pick((0.0, 0.0, 0.0, 500.0)) if not mild else 0.0,
    )
    field = AS_EVER if mild else _field(chance, temper.version)
    met = of_the_field(seldom, field)
    often_s = met.reboots_every_s and max(met.reboots_every_s, 300.0)
    return replace(
        met,
        reboots_every_s=often_s,
        plugged=0.0,
        swipes=False,
        ends_by_itself=0.0,
        never_plugs=0.0,
        plugs_late=0.0,
    )


def _field(chance: Chance, version: str) -> FieldTemper:
    seed = chance.number(1, 1_000_000)
    for again in count():
        drawn = field_temper_of(Chance(f"{seed}/{again}"), version, calm=False)
        if set(drawn.kinds) <= FIELD and drawn.token != "never":
            return replace(drawn, unknown_tokens=False)
    raise AssertionError("there is always another one")
