"""How `make test` shares the tests out: each share once, the cores with work while others wait."""

from itertools import chain

from hypothesis import given
from hypothesis import strategies as st

from tests.support.side_by_side import SHARED_SERVERS, folder_left, in_turn, share_of

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


def test_the_servers_of_a_folder_end_after_its_last_test() -> None:
    inside, outside = "tests/e2e/field/test_a.py::test_a", "tests/e2e/test_a.py::test_a"
    assert folder_left(inside, outside) == "tests/e2e/field"
    assert folder_left(inside, "tests/e2e/field/commands/test_b.py::test_b") is None
    assert folder_left(outside, inside) is None


def test_each_block_of_worlds_is_a_share() -> None:
    block = "tests/simulation/test_no_lies.py::test_no_command_lies_whatever_happens[seeds-{}]"
    assert share_of(block.format("1-to-25")) != share_of(block.format("26-to-50"))


def test_what_computes_is_spread_among_what_waits_and_half_of_the_unit_tests_come_last() -> None:
    long = [f"tests/e2e/test_{each}.py" for each in range(4)]
    simulated = [f"tests/simulation/test_{each}.py" for each in range(2)]
    waiting = [f"tests/integration/test_{each}.py" for each in range(2)]
    small = [f"tests/unit/test_{each}.py" for each in range(2)]
    tests = [f"{file}::test" for file in chain(small, simulated, waiting, long)]
    assert in_turn(tests) == [
        *(long[0], simulated[0], *long[1:3], simulated[1], long[3]),
        *(waiting[0], small[0], waiting[1]),
        small[1],
    ]


def test_without_tests_that_wait_all_is_taken_in_its_order() -> None:
    small = [f"tests/unit/test_{each}.py" for each in range(4)]
    assert in_turn(f"{file}::test" for file in small) == small
