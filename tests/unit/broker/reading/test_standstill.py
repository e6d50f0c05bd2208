"""How long watches have not been told what is committed."""

from broker.reading.standstill import TOLD_AFTER_S, Standstill
from fleet.log.order import Cursor

OLD, NEW = Cursor(7, 0), Cursor(8, 0)


def test_a_horizon_that_hides_nothing_never_stands_still() -> None:
    standstill = Standstill()
    ages = [standstill.seen(OLD, is_hiding=False, now_s=now) for now in (5.0, 500.0)]
    assert ages == [0.0, 0.0]


def test_a_standstill_begins_when_a_change_is_hidden_and_ends_when_the_horizon_moves() -> None:
    standstill = Standstill()
    looks = [(OLD, False, 0), (OLD, True, 5), (OLD, True, 25), (NEW, True, 30), (NEW, True, 31)]
    ages = [standstill.seen(end, is_hiding=hiding, now_s=now) for end, hiding, now in looks]
    assert ages == [0, 0, 20, 0, 1]
    assert standstill.seen(NEW, is_hiding=False, now_s=99) == 0
    assert standstill.seen(NEW, is_hiding=True, now_s=100) == 0


def test_a_standstill_is_told_once() -> None:
    standstill = Standstill()
    standstill.seen(OLD, is_hiding=True, now_s=0)
    assert [standstill.tell(age) for age in (1, TOLD_AFTER_S, TOLD_AFTER_S + 5)] == [
        *(False, True, False)
    ]
    standstill.seen(NEW, is_hiding=True, now_s=50)
    assert standstill.tell(TOLD_AFTER_S)
