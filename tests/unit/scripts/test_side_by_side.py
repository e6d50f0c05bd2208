"""How `make test` shares the tests out: each share once, the cores with work while others wait."""

from itertools import chain

from hypothesis import given
from hypothesis import strategies as st

from tests.support.side_by_side import SHARED_SERVERS, in_turn, share_of

FOLDERS = ("e2e", "e2e/field", "e2e/telemetry", "integration/fleet", "simulation", "unit/domain")
TESTS = st.builds(
    "tests/{}/test_{}.py::test_{}".format,
    st.sampled_from(FOLDERS),
    st.integers(0, 9),
    st.integers(0, 3),
)


@given(st.lists(TESTS, unique=True))
def test_every_share_is_taken_once(tests: list[str]) -> None:
    shares = in_turn(tests)
    assert sorted(shares) == sorted({share_of(test) for test in tests})


def test_tests_of_one_server_are_one_share() -> None:
    for folder in SHARED_SERVERS:
        assert share_of(f"{folder}/test_a.py::test_b") == share_of(f"{folder}/test_c.py::test_d")


def test_the_simulation_is_spread_among_those_that_wait_and_unit_tests_come_last() -> None:
    waiting = [f"tests/e2e/test_{each}.py" for each in range(7)]
    computing = [f"tests/simulation/test_{each}.py" for each in range(3)]
    small = ["tests/unit/test_small.py"]
    tests = [f"{file}::test" for file in chain(small, computing, waiting)]
    assert in_turn(tests) == [
        *waiting[:3],
        computing[0],
        *waiting[3:6],
        computing[1],
        waiting[6],
        computing[2],
        *small,
    ]
