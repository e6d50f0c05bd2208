"""How a simulated station misbehaves: one seed, one temper."""

from dataclasses import dataclass, replace
from datetime import timedelta

from tests.simulation.repeatable.chance import Chance
from tests.simulation.station.field.tempers import AS_EVER, FieldTemper

ACCEPTS_ONLY = {"accept": 1.0}
TOO_OFTEN_S = 60.0
"""How often the power is cut where cuts are what it is about."""


@dataclass(frozen=True)
class Temper:
    """What a station is like.

    start_moods, stop_moods: weights of how it treats a frame. clock: how wrong its clock is.
    connection_timeout_s: how long it waits for the cable; tells_timeout: whether it says so.
    patient: it starts although its own timeout is over. begins_at: "authorized" or "plugged" (2.x).
    names_start: "always", "later" (not in the first message) or "never" (2.x).
    forgets_ids: it never takes our transaction id (1.6). lag_s: how slowly it reports.
    drops_every_s, reboots_every_s: on average; 0 never. half_open: the gateway is not told.
    unlock_moods, reset_moods, reserve_moods, let_go_moods: the same for the other frames.
    tethered: its cables cannot be unlocked. restarts_after_s: the longest pause before a restart.
    tells_why: whether its boots name their reason (2.x).
    names_holds: sessions name the hold that they used. tells_of_holds: it tells of ends (2.x).
    keeps_holds: past their end, for ever. forgets_holds, revives_holds: when it restarts.
    refuses_repeats: a number that it holds already. loses_on_refusal: it lets the old hold go then.
    takes_past: it takes a hold whose end has passed by its clock. removes_every_s: on average.
    doubles: how often a message is sent twice. silent_to_questions: asked, it does not answer.
    """

    version: str = "1.6"
    evses: int = 1
    start_moods: tuple[tuple[str, float], ...] = (("accept", 1.0),)
    stop_moods: tuple[tuple[str, float], ...] = (("accept", 1.0),)
    unlock_moods: tuple[tuple[str, float], ...] = (("accept", 1.0),)
    reset_moods: tuple[tuple[str, float], ...] = (("accept", 1.0),)
    reserve_moods: tuple[tuple[str, float], ...] = (("accept", 1.0),)
    let_go_moods: tuple[tuple[str, float], ...] = (("accept", 1.0),)
    tethered: bool = False
    restarts_after_s: float = 2.0
    tells_why: bool = True
    names_holds: bool = True
    tells_of_holds: bool = True
    keeps_holds: bool = False
    forgets_holds: bool = False
    revives_holds: bool = False
    refuses_repeats: bool = False
    loses_on_refusal: bool = False
    takes_past: bool = False
    removes_every_s: float = 0.0
    clock: timedelta | str = timedelta(0)
    connection_timeout_s: float = 30.0
    tells_timeout: bool = True
    patient: bool = False
    begins_at: str = "authorized"
    names_start: str = "always"
    forgets_ids: bool = False
    lag_s: float = 0.2
    drops_every_s: float = 0.0
    reboots_every_s: float = 0.0
    half_open: float = 0.0
    doubles: float = 0.0
    silent_to_questions: bool = False
    event_first: float = 0.2
    swipes: bool = False
    plugged: float = 0.5
    plugs_late: float = 0.0
    never_plugs: float = 0.1
    ends_by_itself: float = 0.1
    field: FieldTemper = AS_EVER


def temper_of(chance: Chance, *, calm: bool) -> Temper:
    """The temper of a seed. A calm station does what it is asked, and its driver too."""
    version = chance.pick(("1.6", "2.0.1", "2.1"))
    if calm:
        return Temper(version=version, evses=chance.number(1, 2), never_plugs=0.2)
    wild = chance.happens(0.5)
    return Temper(
        version=version,
        evses=chance.number(1, 2),
        start_moods=_START_WILD if wild else _START_MILD,
        stop_moods=_STOP_WILD if chance.happens(0.5) else _STOP_MILD,
        unlock_moods=_START_WILD if chance.happens(0.5) else _START_MILD,
        reset_moods=_STOP_WILD if chance.happens(0.5) else _STOP_MILD,
        reserve_moods=_START_WILD if chance.happens(0.5) else _START_MILD,
        let_go_moods=_START_WILD if chance.happens(0.3) else _START_MILD,
        tethered=chance.happens(0.1),
        restarts_after_s=chance.pick((2.0, 15.0)),
        tells_why=chance.happens(0.8),
        names_holds=chance.happens(0.7),
        tells_of_holds=chance.happens(0.7),
        keeps_holds=chance.happens(0.15),
        forgets_holds=chance.happens(0.4),
        revives_holds=chance.happens(0.2),
        refuses_repeats=chance.happens(0.2),
        loses_on_refusal=chance.happens(0.2),
        takes_past=chance.happens(0.3),
        removes_every_s=chance.pick((0.0, 0.0, 0.0, 300.0)),
        clock=_clock(chance),
        connection_timeout_s=chance.pick((10.0, 30.0, 30.0, 60.0, 90.0)),
        tells_timeout=chance.happens(0.6),
        patient=chance.happens(0.2),
        begins_at=chance.pick(("authorized", "plugged")),
        names_start=chance.weighed(always=6, later=2, never=2),
        forgets_ids=chance.happens(0.1),
        lag_s=chance.pick((0.2, 0.2, 2.0, 8.0)),
        drops_every_s=chance.pick((0.0, 0.0, 30.0, 90.0)),
        reboots_every_s=chance.pick((0.0, 0.0, 0.0, 120.0)),
        half_open=chance.pick((0.0, 0.5)),
        doubles=chance.pick((0.0, 0.3)),
        silent_to_questions=chance.happens(0.2),
        event_first=chance.pick((0.0, 0.5)),
        swipes=chance.happens(0.4),
        plugged=chance.pick((0.0, 0.5, 1.0)),
        plugs_late=chance.pick((0.0, 0.0, 0.5)),
        never_plugs=chance.pick((0.0, 0.3)),
        ends_by_itself=chance.pick((0.0, 0.3)),
    )


def of_the_field(temper: Temper, field: FieldTemper) -> Temper:
    """The same station, as the field has it: often enough in the situation that shows it."""
    if field.loses_sessions:
        temper = replace(temper, reboots_every_s=TOO_OFTEN_S, swipes=True)
    if field.lends_holds:
        temper = replace(temper, swipes=True, plugged=1.0)
    if field.cable_first:
        temper = replace(temper, plugged=1.0)
    if field.short:
        temper = replace(temper, ends_by_itself=0.8, plugged=1.0)
    return replace(temper, field=field)


def _clock(chance: Chance) -> timedelta | str:
    match chance.weighed(right=5, near=2, day=2, half_hour=1, begin=1, far=0.5, bare=0.5):
        case "near":
            return timedelta(seconds=chance.between(-25, 25))
        case "day":
            return timedelta(hours=chance.pick((-24, -1, 1, 23)))
        case "half_hour":
            return timedelta(minutes=chance.between(-30, 30))
        case "begin":
            return "1970"
        case "far":
            return "far"
        case "bare":
            return "bare"
        case _:
            return timedelta(0)


_START_MILD = (("accept", 8.0), ("reject", 1.0), ("error", 0.5), ("late", 0.5))
_START_WILD = (
    ("accept", 4.0),
    ("reject", 1.0),
    ("error", 1.0),
    ("unreadable", 1.0),
    ("silent", 1.0),
    ("late", 1.5),
    ("drops", 1.5),
    ("drops_after", 1.0),
    ("reboots", 0.7),
)
_STOP_MILD = (("accept", 8.0), ("reject", 1.0), ("late", 1.0))
_STOP_WILD = (
    ("accept", 3.0),
    ("reject", 1.0),
    ("error", 0.7),
    ("unreadable", 0.7),
    ("silent", 1.0),
    ("late", 1.0),
    ("drops", 1.0),
    ("drops_after", 0.7),
    ("ignores", 1.0),
    ("reboots", 0.5),
)
