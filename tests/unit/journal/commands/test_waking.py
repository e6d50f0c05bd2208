"""Whom a message of a station wakes, as far as no database is needed for it."""

from dataclasses import replace
from typing import cast

import pytest

from fleet.engine.statements import Tx
from journal.commands import waking
from journal.commands.waking import StationEvent
from tests.unit.journal.explain.test_explanation import frame

NO_DATABASE = cast("Tx", None)
OTHERS = StationEvent("CP1", "transaction", remote_start_id=99)

pytestmark = pytest.mark.asyncio


async def test_a_message_that_names_another_request_wakes_nobody() -> None:
    assert not await waking._concerns(NO_DATABASE, OTHERS, frame())
    ours = replace(OTHERS, remote_start_id=frame().id)
    assert await waking._concerns(NO_DATABASE, ours, frame())


async def test_a_frame_of_a_newer_version_is_woken_in_doubt() -> None:
    assert await waking._concerns(NO_DATABASE, OTHERS, frame(kind="TRIGGER_MESSAGE"))
