"""What real stations do that ours did not: one seed, one to three kinds of it.

Half of the worlds (FIELD_SHARE) have a station of the field. The others are as they were.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from simulator.oddities.fields import ODD_FIELDS
from simulator.oddities.texts import ODD_TEXTS
from tests.simulation.repeatable.chance import Chance

FIELD_SHARE = 0.5
"""The share of worlds with a station of the field; 0: none."""

SPARED_SHARE = 0.7
"""The share of these worlds in which none of our processes fails."""


@dataclass(frozen=True)
class FieldTemper:
    """What a station of the field is like. By default it does nothing of this.

    kinds: the names of what was drawn; empty: a station as it always was.
    version: of OCPP. spared: nothing of ours fails, so that the station alone is to blame.
    token: when a session names its token, and its remote start: "at_once", "late" or "never" (2.x).
    cable_first: a transaction is open as soon as the cable is in (2.x).
    names_session: the answer to a start names the session that is open already (2.x).
    meters_between: meter values come between the answer and the token (2.x).
    loses_answers: how often the answer to the report of a start is lost with the connection.
    unknown_tokens: the fleet knows no token of its drivers.
    odd_fields, odd_text: names in the simulator's oddities. odd_share: how often.
    tries: how often it says a message that is refused or not answered; 0: for ever.
    skips_boot: it connects without a BootNotification. boots_if_asked: unless we ask for one.
    loses_sessions: power cuts end sessions, and nobody ever reports that.
    stamps: how it writes times: "", "lower", "local" or "constant".
    ends_early: it writes ends as if they were eleven minutes before the starts.
    short: its sessions end within seconds.
    shows: the tag that it reports instead of its driver's: "empty", "stranger", or its own in
        small letters, "case" (1.6).
    connector_zero: it reports its sessions on connector 0 (1.6).
    lends_holds: anybody may charge at a reserved place, and is reported with the hold's number.
    restarts_warm: it restarts without losing its connection.
    old_ids: it uses few message ids, again and again, and sends heartbeats.
    one_breath: how often another message comes right before a report, with the same id.
    begins_refused: how often it refuses a start and begins all the same.
    begins_twice: how often it begins a second session at once, on the same plug.
    """

    kinds: tuple[str, ...] = ()
    version: str = "1.6"
    spared: bool = False
    token: str = "at_once"
    cable_first: bool = False
    names_session: bool = True
    meters_between: bool = False
    loses_answers: float = 0.0
    unknown_tokens: bool = False
    odd_fields: tuple[str, ...] = ()
    odd_text: str = ""
    odd_share: float = 1.0
    tries: int = 0
    skips_boot: bool = False
    boots_if_asked: bool = True
    loses_sessions: bool = False
    stamps: str = ""
    ends_early: bool = False
    short: bool = False
    shows: str = ""
    connector_zero: bool = False
    lends_holds: bool = False
    restarts_warm: bool = False
    old_ids: bool = False
    one_breath: float = 0.0
    begins_refused: float = 0.0
    begins_twice: float = 0.0

    @property
    def is_field(self) -> bool:
        """Whether anything of this is on."""
        return bool(self.kinds)


AS_EVER = FieldTemper()

_Draw = Callable[[FieldTemper, Chance], FieldTemper]


def field_temper_of(chance: Chance, version: str, *, calm: bool) -> FieldTemper:
    """The station of a seed. A calm one only follows every letter: its tokens come late."""
    if not chance.happens(FIELD_SHARE):
        return AS_EVER
    kinds = _CALM if calm else _KINDS
    can = [name for name in kinds if version in _VERSIONS.get(name, _ALL_VERSIONS)]
    if not can:
        return AS_EVER
    chosen = sorted({chance.pick(can) for _ in range(chance.pick((1, 1, 1, 2, 3)))})
    tries = 0 if calm else chance.pick((3, 3, 5, 0))
    spared = chance.happens(SPARED_SHARE)
    temper = FieldTemper(tuple(chosen), version, spared, tries=tries)
    for name in chosen:
        temper = _KINDS[name](temper, chance)
    return temper


def _late_tokens(temper: FieldTemper, chance: Chance) -> FieldTemper:
    return replace(
        temper,
        token=chance.weighed(late=5, never=1),
        cable_first=chance.happens(0.7),
        names_session=chance.happens(0.8),
        meters_between=chance.happens(0.4),
    )


def _lost_answers(temper: FieldTemper, chance: Chance) -> FieldTemper:
    return replace(temper, loses_answers=chance.pick((0.3, 0.7)), unknown_tokens=True)


def _odd_reports(temper: FieldTemper, chance: Chance) -> FieldTemper:
    names = [one for one in sorted(ODD_FIELDS) if temper.version in ODD_FIELDS[one].versions]
    odd = {chance.pick(names) for _ in range(chance.number(1, 3))}
    return replace(temper, odd_fields=tuple(sorted(odd)), odd_share=chance.pick((0.5, 1.0)))


def _odd_texts(temper: FieldTemper, chance: Chance) -> FieldTemper:
    return replace(
        temper, odd_text=chance.pick(sorted(ODD_TEXTS)), odd_share=chance.pick((0.3, 1.0))
    )


def _no_boot(temper: FieldTemper, chance: Chance) -> FieldTemper:
    return replace(temper, skips_boot=True, boots_if_asked=chance.happens(0.6))


def _power_cuts(temper: FieldTemper, chance: Chance) -> FieldTemper:
    del chance
    return replace(temper, loses_sessions=True)


def _clocks(temper: FieldTemper, chance: Chance) -> FieldTemper:
    return replace(temper, stamps=chance.pick(("lower", "local", "constant")))


def _early_ends(temper: FieldTemper, chance: Chance) -> FieldTemper:
    return replace(temper, ends_early=True, short=chance.happens(0.7))


def _wrong_names(temper: FieldTemper, chance: Chance) -> FieldTemper:
    if chance.happens(0.4):
        return replace(temper, connector_zero=True)
    return replace(temper, shows=chance.pick(("empty", "stranger", "case")))


def _lent_holds(temper: FieldTemper, chance: Chance) -> FieldTemper:
    del chance
    return replace(temper, lends_holds=True)


def _warm_restarts(temper: FieldTemper, chance: Chance) -> FieldTemper:
    del chance
    return replace(temper, restarts_warm=True)


def _old_ids(temper: FieldTemper, chance: Chance) -> FieldTemper:
    return replace(temper, old_ids=True, one_breath=chance.pick((0.0, 0.3, 0.6)))


def _refused_starts(temper: FieldTemper, chance: Chance) -> FieldTemper:
    return replace(temper, begins_refused=chance.pick((0.3, 0.7)))


def _double_sessions(temper: FieldTemper, chance: Chance) -> FieldTemper:
    return replace(temper, begins_twice=chance.pick((0.3, 0.7)))


_KINDS: dict[str, _Draw] = {
    "late-tokens": _late_tokens,
    "lost-answers": _lost_answers,
    "odd-reports": _odd_reports,
    "odd-texts": _odd_texts,
    "no-boot": _no_boot,
    "power-cuts": _power_cuts,
    "clocks": _clocks,
    "early-ends": _early_ends,
    "wrong-names": _wrong_names,
    "lent-holds": _lent_holds,
    "warm-restarts": _warm_restarts,
    "old-ids": _old_ids,
    "refused-starts": _refused_starts,
    "double-sessions": _double_sessions,
}
KINDS = tuple(_KINDS)
"""The names of all kinds, as they stand in `FieldTemper.kinds`."""

_CALM = ("late-tokens",)
_ALL_VERSIONS = ("1.6", "2.0.1", "2.1")
_NEWER = ("2.0.1", "2.1")
_VERSIONS = {
    "late-tokens": _NEWER,
    "wrong-names": ("1.6",),
}
