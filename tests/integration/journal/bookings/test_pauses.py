"""A booking keeps the pause after it, whatever a later revision of its policy says."""

from datetime import timedelta

import pytest

from fleet import bookings
from fleet.bookings import PolicyRow
from fleet.database import Database
from tests.integration.journal.bookings.pools import HOUR, MINUTE, NOON, TENANT, Hub


@pytest.mark.parametrize(("later", "is_taken"), [(9, False), (10, True)])
async def test_a_pause_that_became_shorter_stays_for_who_booked_before(
    db: Database, later: int, is_taken: bool
) -> None:
    hub = await Hub(db, policy={"buffer": "10m"}).open()
    before = await hub.book("anna")
    assert before
    assert (await hub.booking(before.name)).pause == timedelta(minutes=10)
    async with db.write() as tx:
        await bookings.add_policy(tx, PolicyRow(TENANT, "plain", 2, {}, hub.now))
    made = await hub.book("bo", NOON + HOUR + later * MINUTE)
    assert (made is not None) is is_taken
    if made:
        assert await hub.book("cleo", made.end_time) is not None  # the pause of now: none
