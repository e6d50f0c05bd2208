"""`evcommand policy check`: says what a booking policy means, and tries it on its examples."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from domain.bookings.policies.examples import PolicyFile, Tried, policy_file_of, tried
from domain.bookings.policies.reading import PolicyError
from domain.bookings.policies.sentences import sentences
from domain.bookings.policies.time_zones import zone_named
from entrypoints.errors import CannotStart

MOST_BYTES = 256 * 1024
"""How large a policy file may be."""


def check(path: Path) -> bool:
    """Prints what the file means, and whether each example is as its author expects.

    Returns whether all of them are. Raises: CannotStart when the file cannot be read.
    """
    file = read(path)
    results = tried(file)
    for line in shown(file, results):
        click.echo(line)
    return not any(each.surprise for each in results)


def read(path: Path) -> PolicyFile:
    """The policy file. Raises: CannotStart, which names the place and what may stand there."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise CannotStart(f"{path}: larger than {MOST_BYTES // 1024} KiB.")
        values = tomllib.loads(path.read_text(encoding="utf-8"))
        return policy_file_of(values, _zone(values.get("time_zone")))
    except (OSError, UnicodeDecodeError) as error:
        raise CannotStart(f"{path}: cannot be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise CannotStart(f"{path}: not TOML: {error}") from error
    except PolicyError as error:
        raise CannotStart(f"{path}: {error}") from error


def shown(file: PolicyFile, results: tuple[Tried, ...]) -> Iterator[str]:
    """The sentences of the policy, then a line or more for each example."""
    yield from sentences(file.policy)
    if results:
        yield ""
    for each in results:
        yield f"{'!!' if each.surprise else 'ok'}  {each.example.title}: {_said(each)}"
        if each.surprise:
            yield f"    {each.surprise}"
        for verdict in each.verdicts:
            if not verdict.allowed:
                yield f"    {verdict.rule}: {verdict.sentence} {verdict.says}".rstrip()
            for charge in verdict.charges:
                yield f"    {verdict.rule}: charges {charge.quantity} × {charge.unit}"


def _said(one: Tried) -> str:
    return "allowed" if all(each.allowed for each in one.verdicts) else "refused"


def _zone(name: object) -> ZoneInfo:
    zone = zone_named(str(name))
    if zone is None:
        raise PolicyError('time_zone: expected an IANA name as "Europe/Berlin".')
    return zone
