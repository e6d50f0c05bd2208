"""The seed of a world: everything that happens by chance there comes from it."""

import random
import secrets
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar
from unittest import mock

T = TypeVar("T")


class Chance:
    """One stream of chance. Each part of the world has its own, so that parts stay comparable."""

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed)

    def happens(self, probability: float) -> bool:
        """Whether something of this probability happens now."""
        return self._random.random() < probability

    def between(self, low: float, high: float) -> float:
        """A number in between, all alike."""
        return self._random.uniform(low, high)

    def number(self, low: int, high: int) -> int:
        """A whole number from low to high."""
        return self._random.randint(low, high)

    def pick(self, among: Sequence[T]) -> T:
        """One of them."""
        return self._random.choice(among)

    def weighed(self, **weights: float) -> str:
        """One of the names, by its weight."""
        return self._random.choices(list(weights), list(weights.values()))[0]

    def latency(self, usual_s: float = 0.003) -> float:
        """How long something quick takes: nearly always about `usual_s`, now and then much more."""
        stretch = self._random.choices((1.0, 10.0, 100.0), (90, 8, 2))[0]
        return usual_s * stretch * self._random.uniform(0.3, 1.7)


@contextmanager
def fixed_identities(seed: str) -> Iterator[None]:
    """Random ids and names come from the seed while the block runs: a run can be repeated."""
    source, numbers = random.Random(seed), random.Random(f"{seed} numbers")
    before = random.getstate()
    random.seed(seed)
    with (
        mock.patch.object(uuid, "uuid4", lambda: uuid.UUID(int=source.getrandbits(128), version=4)),
        mock.patch.object(secrets, "randbelow", numbers.randrange),
        mock.patch.object(secrets, "token_hex", lambda n=16: source.randbytes(n).hex()),
    ):
        try:
            yield
        finally:
            random.setstate(before)
